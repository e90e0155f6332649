"""The session of your views: a cookie with a name and a signature of the hub's own, apart from those of an application
beside it. An answer varies by it only if something was read of the session, or written."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from quart import Quart
from quart.sessions import SecureCookieSession, SecureCookieSessionInterface

COOKIE = "tidewire_session"


def _reading(name: str) -> Callable[..., Any]:
    """The method of that name, which counts as a reading of the session."""
    method = getattr(SecureCookieSession, name)

    @wraps(method)
    def read(session: "Session", *args: Any, **given: Any) -> Any:
        session.was_read = True
        return method(session, *args, **given)

    return read


class Session(SecureCookieSession):
    """A session that knows whether it was read. Quart itself takes every request's session to save it, and gives it to
    every template, and would say `Vary: Cookie` of all answers."""

    was_read = False
    __getitem__ = _reading("__getitem__")
    __contains__ = _reading("__contains__")
    __iter__ = _reading("__iter__")
    __len__ = _reading("__len__")
    __eq__ = _reading("__eq__")
    __or__ = _reading("__or__")
    get = _reading("get")
    keys = _reading("keys")
    items = _reading("items")
    values = _reading("values")
    copy = _reading("copy")

    @property
    def accessed(self) -> bool:
        """True once something was read; writing has a flag of its own, `modified`."""
        return self.was_read

    @accessed.setter
    def accessed(self, _: bool) -> None:
        """Quart's own: it sets this whenever the session is taken, by itself too."""


class Sessions(SecureCookieSessionInterface):
    """Signed cookies as Flask's, which a Flask application with the same key neither accepts nor makes, with sessions
    that know whether they were read."""

    salt = "tidewire-session"
    session_class = Session


def install(app: Quart) -> None:
    """Give the application its session's cookie. Change the name with `app.config["SESSION_COOKIE_NAME"]`."""
    app.config["SESSION_COOKIE_NAME"] = COOKIE
    app.session_interface = Sessions()
