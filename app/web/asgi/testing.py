"""For Quart's test client: an error that nobody handled ends the call of the test, as it does in Flask."""

from typing import Any

from quart.asgi import ASGIHTTPConnection

from app.web.http.errors import FAILURE


class RequestConnection(ASGIHTTPConnection):
    """Quart's connection; Quart itself would answer the test client with a page that shows the trace."""

    async def __call__(self, receive: Any, send: Any) -> None:
        await super().__call__(receive, send)
        raise_failure(self.scope)


def raise_failure(scope: Any) -> None:
    """Raise the error that `errors` has noted for the test, if there is one."""
    failure = scope.get(FAILURE)
    if failure is not None:
        raise failure
