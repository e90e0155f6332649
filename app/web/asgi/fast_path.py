"""When a request may go past Quart: while only the hub itself has a hook, a handler, a signal or a route for it."""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

from blinker import Signal
from quart import Quart, signals
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

_receivers = attrgetter("receivers")
_APP_SIGNALS = (signals.appcontext_pushed, signals.appcontext_popped, signals.appcontext_tearing_down)
_HTTP_HOOKS = ("before_request_funcs", "after_request_funcs", "teardown_request_funcs", "url_value_preprocessors")
_HTTP_SIGNALS = (
    signals.request_started,
    signals.request_finished,
    signals.got_request_exception,
    signals.request_tearing_down,
    *_APP_SIGNALS,
)
_WEBSOCKET_HOOKS = (
    "before_websocket_funcs",
    "after_websocket_funcs",
    "teardown_websocket_funcs",
    "url_value_preprocessors",
)
_WEBSOCKET_SIGNALS = (
    signals.websocket_started,
    signals.websocket_finished,
    signals.websocket_tearing_down,
    signals.websocket_received,
    signals.websocket_sent,
    signals.got_websocket_exception,
    *_APP_SIGNALS,
)


class FastPath:
    """Whether some of the hub's own views may be called without Quart. Made after the hub's hooks, before any other."""

    def __init__(self, app: Quart, views: Mapping[str, Callable[..., Any]], *, websocket: bool = False) -> None:
        self._app = app
        self._views = dict(views)
        self._hooks = _WEBSOCKET_HOOKS if websocket else _HTTP_HOOKS
        self._signals: tuple[Signal, ...] = _WEBSOCKET_SIGNALS if websocket else _HTTP_SIGNALS
        self._own = _installed(app, self._hooks, self._views)
        self._only_own: bool | None = None

    def is_open(self) -> bool:
        """True while a request for the views meets nothing but the hub's own code."""
        if any(map(_receivers, self._signals)):
            return False
        if self._only_own is None:  # At the first request: hooks and routes belong before it, as in Flask.
            self._only_own = self._has_only_own()
        return self._only_own

    def route(self, method: str, path: str) -> tuple[str, str] | None:
        """The endpoint among the views, and the slug, by Quart's own router: a route of yours stays yours."""
        routes: Map = self._app.url_map
        try:
            endpoint, values = routes.bind("").match(path, method)
        except HTTPException:
            return None
        return (endpoint, values["slug"]) if endpoint in self._views else None

    def _has_only_own(self) -> bool:
        app = self._app
        views = {endpoint: app.view_functions.get(endpoint) for endpoint in self._views}
        by_host = app.url_map.host_matching or app.subdomain_matching
        return views == self._views and not by_host and _installed(app, self._hooks, self._views) == self._own


def _installed(app: Quart, hooks: Iterable[str], endpoints: Iterable[str]) -> object:
    """All that Quart would call around a request for one of these endpoints, by the blueprints that they belong to."""
    names = (None, *(endpoint.partition(".")[0] for endpoint in endpoints))
    calls = {(kind, name): list(getattr(app, kind).get(name, ())) for kind in hooks for name in names}
    handlers = {
        (name, code): dict(by_class)
        for name in names
        for code, by_class in app.error_handler_spec.get(name, {}).items()
    }
    return calls, handlers, list(app.teardown_appcontext_funcs)
