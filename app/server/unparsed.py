"""What hypercorn answers before the hub is asked: a request that it can't parse, and a handshake that is none.

hypercorn's own answers have no body and no id.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import h11
from hypercorn.protocol.h11 import H11Protocol

from app.config import Settings
from app.web.http.call import begin_call
from app.web.http.errors import unparsed
from app.web.http.headers import answer_headers

type _CreateStream = Callable[[h11.Request], Awaitable[None]]


def answer_unparsed(http: H11Protocol, settings: Settings, peer: Any) -> None:
    """Have this connection's refusals answered in the hub's form. `peer` is the client's address and port."""
    http._send_error_response = partial(_refuse, http, settings, peer)  # type: ignore[method-assign]
    http._create_stream = partial(_create_stream, http._create_stream)  # type: ignore[method-assign]


async def _refuse(http: H11Protocol, settings: Settings, peer: Any, status_code: int) -> None:
    call = begin_call({"path": "/", "headers": (), "client": peer})
    reply = unparsed(status_code, call)
    headers = [*reply.all_headers, *answer_headers(settings, call), ("Connection", "close")]
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    response = h11.Response(status_code=status_code, headers=[*encoded, *http.config.response_headers("h11")])
    for event in (response, h11.Data(data=reply.body), h11.EndOfMessage()):
        await http._send_h11_event(event)


async def _create_stream(create: _CreateStream, request: h11.Request) -> None:
    """A handshake that is none is a request like any other, and the websocket's address answers it with 426 (RFC 6455,
    4.4), which names the version."""
    names = dict(request.headers)
    if b"upgrade" in names and (names.get(b"sec-websocket-version") != b"13" or b"sec-websocket-key" not in names):
        headers = [(name, value) for name, value in request.headers.raw_items() if name.lower() != b"upgrade"]
        request = h11.Request(
            method=request.method, headers=headers, target=request.target, http_version=request.http_version
        )
    await create(request)
