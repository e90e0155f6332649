"""Extensions found by their import path: blueprints inside the hub, WSGI applications beside it."""

import importlib
import os
import re
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from quart import Blueprint, Quart

from app.config import ConfigError, Settings
from app.model.channel import RESERVED
from app.web.asgi.wsgi import Bounds, WsgiBridge

type Asgi = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]

_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
OWN_PREFIX = "tidewire_"  # Of the names of the hub's blueprints.
_PACKAGE = "app"
_FORM = "must be /path=module:name, such as /shop=shop:app"


def load_all[T](paths: Sequence[str], kind: type[T]) -> list[T]:
    """What TIDEWIRE_BLUEPRINTS names, as module:name. Raises ConfigError when one is missing or is no `kind`."""
    found = []
    for path in paths:
        each = _load("TIDEWIRE_BLUEPRINTS", path)
        if not isinstance(each, kind):
            given, wanted = type(each), f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
            raise ConfigError(
                f"TIDEWIRE_BLUEPRINTS: {path} is a {given.__module__}.{given.__name__} and must be a {wanted}."
            )
        found.append(each)
    return found


def register(app: Quart, blueprint: Blueprint) -> None:
    """Add a blueprint of yours. Raises ConfigError when its name is another's, or begins as the hub's own do."""
    if blueprint.name.startswith(OWN_PREFIX):
        raise ConfigError(f"The blueprint {blueprint.name!r} must have another name: {OWN_PREFIX}… are the hub's own.")
    if blueprint.name in app.blueprints:
        raise ConfigError(f"Two blueprints are named {blueprint.name!r}: name one of them differently, or only once.")
    app.register_blueprint(blueprint)


def beside(hub: Asgi, settings: Settings) -> Asgi:
    """`hub`, with the WSGI applications of TIDEWIRE_MOUNT at their paths. Raises ConfigError.

    A mounted path hides the channel of that name; the names that the site keeps for itself can't be mounted.
    """
    if not settings.mount:
        return hub
    bounds = Bounds(settings.max_request_bytes, settings.send_timeout)
    return _Mounts(hub, {path: WsgiBridge(app, bounds) for path, app in _mounts(settings.mount).items()})


class _Mounts:
    def __init__(self, hub: Asgi, mounts: dict[str, WsgiBridge]) -> None:
        self._hub = hub
        self._mounts = sorted(mounts.items(), key=lambda mount: -len(mount[0]))  # /shop/old before /shop

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            root = scope.get("root_path", "")
            path = scope["path"].removeprefix(root)
            for mount, bridge in self._mounts:
                if path == mount or path.startswith(mount + "/"):
                    await bridge({**scope, "root_path": root + mount}, receive, send)
                    return
        await self._hub(scope, receive, send)


def _mounts(entries: Sequence[str]) -> dict[str, Any]:
    mounts: dict[str, Any] = {}
    for entry in entries:
        path, equals, name = entry.partition("=")
        path = path.strip()
        if not equals or not _PATH.fullmatch(path):
            raise ConfigError(f"TIDEWIRE_MOUNT: {entry!r} {_FORM}; the path is not '/' and does not end with one.")
        first = path.split("/")[1]
        if first.partition(".")[0].lower() in RESERVED:
            raise ConfigError(f"TIDEWIRE_MOUNT: {path} would hide the hub's own /{first}; choose another path.")
        if path in mounts:
            raise ConfigError(f"TIDEWIRE_MOUNT: {path} is named twice.")
        mounts[path] = _load("TIDEWIRE_MOUNT", name.strip())
        if not callable(mounts[path]):
            raise ConfigError(f"TIDEWIRE_MOUNT: {name.strip()} must be a WSGI application, and it can't be called.")
    return mounts


def _load(variable: str, path: str) -> object:
    module, _, name = path.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise ConfigError(f"{variable}: {path!r} must be module:name.")
    # As `flask run` does: what stands in the working directory can be imported, whoever started us.
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)
    try:
        found: object = importlib.import_module(module)
    except ImportError as error:
        # Only a module that is not there is a mistake in the setting. What fails inside one keeps its trace.
        if not isinstance(error, ModuleNotFoundError) or not _is_of(error.name, module):
            if hint := _hint(error.name or ""):
                error.add_note(hint.strip())
            raise
        raise ConfigError(f"{variable}: {path} can't be imported: {error}.{_hint(module)}") from error
    try:
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        # A module that creates a hub while the hub imports it took Tidewire's `create_app` for its own.
        within = _PACKAGE if "partially initialized" in str(error) else module
        raise ConfigError(f"{variable}: {path} is not there: {error}.{_hint(within)}") from error
    return found


def _is_of(missing: str | None, module: str) -> bool:
    """True if `missing` is `module` or a package that contains it."""
    return missing is not None and f"{module}.".startswith(f"{missing}.")


def _hint(module: str) -> str:
    """What to do about a module that is looked for in Tidewire's own package."""
    if module.partition(".")[0] != _PACKAGE:
        return ""
    return " `app` is Tidewire's own package: give your module or package another name."
