"""Tidewire: a self-hosted hub for live updates. `create_app()` joins everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quart import Blueprint, Quart

    from app.config import Settings

__all__ = ["create_app"]


def create_app(settings: Settings | None = None, *, blueprints: Sequence[Blueprint] = ()) -> Quart:
    """A hub as a Quart application, on its own: several can live in one process.

    Without `settings` they are the environment's, and the process is the hub's own: when a server starts it, logs are
    configured and the garbage collector is tuned. With them the caller owns the process, and nothing global is touched.
    `blueprints` are yours, served beside the hub's, with sync or async views; the setting `blueprints` names more by
    import path. Raises ConfigError for settings that can't run; without `settings` one that is not caught ends the
    process with its sentence.
    """
    # Imported when called: `tidewire publish` in a cron job must not wait a second for a server that it does not start.
    from app.factory import create_app as create

    return create(settings, blueprints=blueprints)
