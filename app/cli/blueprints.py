"""Click commands of the application's own blueprints (`blueprint.cli`, `app.cli`), run as `tidewire NAME`."""

import click

from app.environment import variable

_VARIABLE = "TIDEWIRE_BLUEPRINTS"


def own_command(ctx: click.Context, name: str) -> click.Command | None:
    """The blueprints' command with this name, or None. Raises ConfigError when the application can't be created."""
    if not _has_blueprints():
        return None  # A mistyped name must not create an application or a secret key.
    return _group(ctx).get_command(ctx, name)


def own_commands(ctx: click.Context) -> list[str]:
    """The names of the blueprints' commands."""
    return _group(ctx).list_commands(ctx) if _has_blueprints() else []


def _has_blueprints() -> bool:
    return bool(variable(_VARIABLE))


def _group(ctx: click.Context) -> click.Group:
    from quart.cli import ScriptInfo

    from app import create_app

    # `with_appcontext` finds the application here, as under the `quart` and `flask` commands.
    info = ctx.ensure_object(ScriptInfo)
    if info.create_app is None:
        info.create_app = create_app
        info.set_debug_flag = False
    group = info.load_app().cli
    assert isinstance(group, click.Group)
    return group
