"""The cookie of a session: quart-auth's, signed and dated, which carries the session's random secret and nothing else.

What it is worth stands in the database: see `store/sessions.py`.
"""

import hashlib
import hmac
from functools import lru_cache
from typing import Any

from itsdangerous import BadData
from quart import Quart, current_app, request
from quart_auth import Action, AuthUser, QuartAuth

from app.config import Settings
from app.model.session import REMEMBERED_MS
from app.web.http.call import Call

_SALT = "tidewire-auth"
_DURATION_S = REMEMBERED_MS // 1000
_MOST_CHARACTERS = 300


def cookie_name(settings: Settings) -> str:
    """With the prefix that binds it to this host where the hub's public address is https (RFC 6265bis, 4.1.3.2)."""
    return "__Host-tidewire" if settings.is_https else "tidewire"


def install(app: Quart, settings: Settings) -> None:
    """Give the application its cookie. Before the fast paths are made: what is added later closes them."""
    QuartAuth(
        app,
        cookie_name=cookie_name(settings),
        cookie_secure=settings.is_https,
        duration=_DURATION_S,
        salt=_SALT,
        singleton=False,  # Else it adds a sync context processor, which takes a thread for each template.
    )


def presented(settings: Settings, call: Call) -> str | None:
    """The secret in the cookie of this call; None without one that this hub has signed."""
    value = call.cookie(cookie_name(settings))
    if not value or len(value) > _MOST_CHARACTERS:
        return None
    try:
        secret = _serializer((*settings.secret_key_fallbacks, settings.secret_key)).loads(value, max_age=_DURATION_S)
    except BadData:
        return None
    return secret if isinstance(secret, str) else None


def start(secret: str, *, remembered: bool) -> None:
    """Send the cookie with the answer to the present request; without `remembered` it goes with the browser."""
    _auth().login_user(AuthUser(secret, Action.WRITE_PERMANENT if remembered else Action.WRITE))


def drop() -> None:
    """Have the answer to the present request remove the cookie, if there is one."""
    if _auth().cookie_name in request.cookies:
        _auth().logout_user()


def _auth() -> QuartAuth:
    auth: QuartAuth = current_app.extensions["QUART_AUTH"][0]
    return auth


def csrf_token(settings: Settings, secret: str) -> str:
    """What a page of this session sends with a change, and another site's page can't know: `secret` is the session's,
    or before a sign-in one of the browser's."""
    return hmac.digest(settings.secret_key.encode(), f"csrf {secret}".encode(), hashlib.sha256).hex()


@lru_cache(8)
def _serializer(secret_keys: tuple[str, ...]) -> Any:
    """`secret_keys` has the one that signs at its end."""
    return QuartAuth.serializer_class(secret_keys, _SALT)
