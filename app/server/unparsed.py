"""What hypercorn answers before the hub is asked: a request that it can't parse, and a handshake that is none.

hypercorn's own answers have no body and no id, and after some of them it holds the connection until the client leaves.
"""

import binascii
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import h11
from hypercorn.events import Closed
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.http_stream import ASGIHTTPState, HTTPStream
from hypercorn.protocol.ws_stream import WSStream

from app.config import Settings
from app.web.http.call import begin_call
from app.web.http.errors import unparsed
from app.web.http.headers import answer_headers

type _CreateStream = Callable[[h11.Request], Awaitable[None]]
type _Refuse = Callable[[int], Awaitable[None]]

_KEY_BYTES = 16  # RFC 6455, 4.1.
_FIELD_BYTES = 4  # The colon, the space and the end of a line.


def answer_unparsed(http: H11Protocol, settings: Settings, peer: Any) -> None:
    """Have this connection's refusals answered in the hub's form. `peer` is the client's address and port."""
    refuse = partial(_refuse, http, settings, peer)
    http._send_error_response = refuse  # type: ignore[method-assign]
    http._create_stream = partial(_create_stream, http, http._create_stream, refuse)  # type: ignore[method-assign]


def is_unanswered(http: object, *, whole: bool) -> bool:
    """Has a request come whose answer is not begun? With `whole`, a request whose body has come too."""
    if not isinstance(http, H11Protocol) or (whole and http.connection.their_state is not h11.DONE):
        return False
    return isinstance(http.stream, HTTPStream) and http.stream.state is ASGIHTTPState.REQUEST


def is_websocket(http: object) -> bool:
    """Has the connection become a websocket?"""
    return isinstance(http, H11Protocol) and isinstance(http.stream, WSStream)


def has_unread_body(http: object) -> bool:
    """Is its client still sending the body of a request?"""
    return isinstance(http, H11Protocol) and http.connection.their_state is h11.SEND_BODY


async def _refuse(http: H11Protocol, settings: Settings, peer: Any, status_code: int) -> None:
    call = begin_call({"path": "/", "headers": (), "client": peer})
    reply = unparsed(status_code, call)
    headers = [*reply.all_headers, *answer_headers(settings, call), ("Connection", "close")]
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    response = h11.Response(status_code=status_code, headers=[*encoded, *http.config.response_headers("h11")])
    for event in (response, h11.Data(data=reply.body), h11.EndOfMessage()):
        await http._send_h11_event(event)


async def _create_stream(http: H11Protocol, create: _CreateStream, refuse: _Refuse, request: h11.Request) -> None:
    """A handshake that is none is a request like any other, and the websocket's address answers it with 426 (RFC 6455,
    4.4), which names the version. h11 measures a head only while it is incomplete."""
    fields = request.headers.raw_items()
    size = len(request.target) + sum([len(name) + len(value) + _FIELD_BYTES for name, value in fields])
    if size > http.config.h11_max_incomplete_size:
        await refuse(431)
        await http.send(Closed())
        return
    if b"upgrade" in [name.lower() for name, _ in fields] and not _is_handshake(request):
        headers = [(name, value) for name, value in fields if name.lower() != b"upgrade"]
        request = h11.Request(
            method=request.method, headers=headers, target=request.target, http_version=request.http_version
        )
    await create(request)
    stream = http.stream
    if isinstance(stream, WSStream):
        stream._send_error_response = partial(_refuse_handshake, http, stream, refuse)  # type: ignore[method-assign]


async def _refuse_handshake(http: H11Protocol, stream: WSStream, refuse: _Refuse, status_code: int) -> None:
    """Of a client that sends before its handshake is answered, or again after it was refused."""
    stream.closed = True  # Before anything is awaited: the hub may be about to accept.
    with suppress(h11.LocalProtocolError):  # It has an answer.
        await refuse(status_code)
    await http.send(Closed())


def _is_handshake(request: h11.Request) -> bool:
    """False for what hypercorn and wsproto would refuse by themselves, or fail at."""
    fields = dict(request.headers)
    names = (b"connection", b"sec-websocket-protocol", b"sec-websocket-extensions")
    try:
        key = binascii.a2b_base64(fields.get(b"sec-websocket-key", b""), strict_mode=True)
    except binascii.Error:
        return False
    return (
        request.http_version == b"1.1"
        and fields.get(b"sec-websocket-version") == b"13"
        and len(key) == _KEY_BYTES
        and all(fields.get(name, b"").isascii() for name in names)
    )
