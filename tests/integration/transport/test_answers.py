"""A whole answer in one write: the client reads what the server would have sent, and the connection stays open."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypercorn.protocol.http_stream import HTTPStream

from app.transport.wire import Wire
from tests.support.raw_socket import RawSocket
from tests.support.served import served

HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"5")]


class Answering:
    """Answers every request with `hello`, by a wire or by ASGI alone; `single` records for each if it was one write."""

    def __init__(self, by_wire: bool) -> None:
        self.by_wire = by_wire
        self.single: list[bool] = []
        self.failed: list[Exception] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for phase in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{phase}.complete"})
            return
        while (await receive()).get("more_body"):
            pass
        if self.by_wire:
            try:
                await Wire(receive, send, 5.0).answer(201, HEADERS, b"hello")
            except Exception as error:
                self.failed.append(error)
                raise
            stream = send.__self__
            self.single.append(isinstance(stream, HTTPStream) and not hasattr(stream, "response"))
        else:
            await send({"type": "http.response.start", "status": 201, "headers": HEADERS})
            await send({"type": "http.response.body", "body": b"hello"})


def request(version: str = "1.1", more: str = "") -> bytes:
    return f"POST / HTTP/{version}\r\nHost: x\r\nContent-Length: 2\r\n{more}\r\nhi".encode()


LAST = "Connection: close\r\n"
EXCHANGES = [
    request() + request() + request(more=LAST),
    request("1.0"),
    request(more="Expect: 100-continue\r\n" + LAST),
    request() + b"nonsense\r\n\r\n",
]


async def exchange(by_wire: bool, sent: bytes, **changes: Any) -> tuple[bytes, list[bool]]:
    answering = Answering(by_wire)
    async with served(answering, **changes) as url, RawSocket(urlsplit(url).port or 0) as raw:
        await raw.send(sent)
        answer = await raw.rest()
    return re.sub(rb"date: [^\r]*", b"date: now", answer), answering.single


@pytest.mark.parametrize("sent", EXCHANGES)
async def test_an_answer_in_one_write_equals_the_servers_own(sent: bytes) -> None:
    answer, single = await exchange(True, sent)
    own, _ = await exchange(False, sent)

    assert answer == own
    assert single == [True] * answer.count(b"hello")


@pytest.mark.parametrize("changes", [{"accesslog": "-"}, {"keep_alive_max_requests": 0}])
async def test_an_answer_is_left_to_a_server_that_logs_or_counts_requests(changes: dict[str, Any]) -> None:
    answer, single = await exchange(True, request(more=LAST), **changes)
    own, _ = await exchange(False, request(more=LAST), **changes)

    assert (answer, single) == (own, [False])


async def test_a_client_that_disconnects_before_its_answers_causes_no_failure() -> None:
    answering = Answering(by_wire=True)
    async with served(answering, graceful_timeout=1) as url:
        for _ in range(20):
            async with RawSocket(urlsplit(url).port or 0) as raw:
                await raw.send(request() * 200)
                await raw.until(b"hello")
                raw.reset()
        async with RawSocket(urlsplit(url).port or 0) as raw:
            await raw.send(request(more=LAST))

            assert b"hello" in await raw.rest()
    assert answering.failed == []
