"""The session cookie: a call that brings none begins an empty session, and no signer is made to read it."""

from quart import Quart
from quart.sessions import SecureCookieSession, SecureCookieSessionInterface
from quart.wrappers.base import BaseRequestWebsocket


class Sessions(SecureCookieSessionInterface):
    """Quart's own, without a signer for each request and each websocket: few bring a cookie."""

    async def open_session(self, app: Quart, request: BaseRequestWebsocket) -> SecureCookieSession | None:
        if app.secret_key and not any(name == b"cookie" for name, _ in request.scope["headers"]):
            return self.session_class()
        return await super().open_session(app, request)
