"""The bridge to WSGI follows PEP 3333 and its own bounds; each request is given as ASGI messages."""

import asyncio
import sys
from collections.abc import Callable, Iterable
from threading import Event
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.validate import validator

from app.web.asgi.wsgi import Bounds, WsgiBridge

BOUNDS = Bounds(body_bytes=1000, send_seconds=5)


class Client:
    """One request as ASGI messages: the bridge receives those given, and then waits."""

    def __init__(self, *messages: dict[str, Any], headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._messages = list(messages) or [{"type": "http.request", "body": b"", "more_body": False}]
        self.sent: list[dict[str, Any]] = []
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": "/shop/x",
            "raw_path": b"/shop/x",
            "root_path": "/shop",
            "query_string": b"",
            "http_version": "1.1",
            "headers": list(headers),
            "server": ("127.0.0.1", 80),
        }

    async def ask(self, bridge: WsgiBridge) -> tuple[int, bytes]:
        """Send the request and return the status and body of the answer, (0, b"") for none."""
        async with asyncio.timeout(10):
            await bridge(self.scope, self._receive, self._send)
        status = self.sent[0]["status"] if self.sent else 0
        return status, b"".join(message.get("body", b"") for message in self.sent)

    async def _receive(self) -> dict[str, Any]:
        if self._messages:
            return self._messages.pop(0)
        never: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        return await never

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def echoing(status: str = "200 OK") -> tuple[WSGIApplication, list[WSGIEnvironment]]:
    """An application that answers with the request's body, and records each environ."""
    calls: list[WSGIEnvironment] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        calls.append(environ)
        start_response(status, [("Content-Type", "text/plain")])
        return [environ["wsgi.input"].read()]

    return app, calls


async def test_the_bridge_passes_the_standard_librarys_checker() -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["wsgi.input"].readline(), environ["wsgi.input"].read(3)]

    answer = await Client(part(b"one\ntw"), part(b"o", more=False)).ask(WsgiBridge(validator(app), BOUNDS))

    assert answer == (200, b"one\ntwo")


async def test_headers_have_their_cgi_names() -> None:
    app, calls = echoing()
    headers = [
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"accept", b"x"),
        (b"accept", b"y"),
        (b"content-type", b"text/plain"),
        (b"proxy", b"evil"),
        (b"x_real", b"no"),
    ]

    await Client(headers=headers).ask(WsgiBridge(app, BOUNDS))

    prefixes = ("HTTP_", "CONTENT", "SCRIPT", "PATH")
    environ = {name: value for name, value in calls[0].items() if name.startswith(prefixes)}

    assert environ == {
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_ACCEPT": "x,y",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "0",
        "SCRIPT_NAME": "/shop",
        "PATH_INFO": "/x",
    }


async def test_a_client_that_disconnects_within_a_body_starts_no_application() -> None:
    app, calls = echoing()

    answer = await Client(part(b"half"), {"type": "http.disconnect"}).ask(WsgiBridge(app, BOUNDS))

    assert (answer, calls) == ((0, b""), [])


async def test_a_body_that_does_not_end_times_out() -> None:
    app, calls = echoing()
    slow = Bounds(body_bytes=1000, send_seconds=5, body_seconds=0.05)

    status, _ = await Client(part(b"half")).ask(WsgiBridge(app, slow))

    assert (status, calls) == (408, [])


async def test_a_body_over_the_bound_is_refused_before_its_end() -> None:
    app, calls = echoing()
    bridge = WsgiBridge(app, BOUNDS)

    named, _ = await Client(headers=[(b"content-length", b"1001")]).ask(bridge)
    counted, _ = await Client(part(b"x" * 600), part(b"x" * 401)).ask(bridge)
    at_it = await Client(part(b"x" * 600), part(b"x" * 400, more=False)).ask(bridge)

    assert (named, counted, at_it) == (413, 413, (200, b"x" * 1000))
    assert len(calls) == 1


async def test_more_requests_than_may_wait_are_refused_with_retry_after() -> None:
    entered, go_on = Event(), Event()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        entered.set()
        assert go_on.wait(10)
        start_response("200 OK", [])
        return []

    bridge = WsgiBridge(app, Bounds(body_bytes=1000, send_seconds=5, threads=1, requests=2))
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(Client().ask(bridge)) for _ in range(2)]
        assert await asyncio.to_thread(entered.wait, 10)
        refused = Client()
        status, _ = await refused.ask(bridge)
        go_on.set()

    assert status == 503 and (b"retry-after", b"1") in refused.sent[0]["headers"]
    assert [await each for each in waiting] == [(200, b""), (200, b"")]
    assert await Client().ask(bridge) == (200, b"")


async def test_headers_wait_for_the_first_byte_and_may_be_replaced_until_then() -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        yield b""
        try:
            raise ValueError("before the first byte")
        except ValueError:
            start_response("500 Sorry", [], sys.exc_info())
        yield b"sorry"

    assert await Client().ask(WsgiBridge(app, BOUNDS)) == (500, b"sorry")


async def test_the_write_callable_works_and_the_returned_iterable_is_closed() -> None:
    closed: list[bool] = []

    class Rest(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        write: Callable[[bytes], object] = start_response("200 OK", [])
        write(b"one ")
        return Rest([b"two"])

    answer = await Client().ask(WsgiBridge(app, BOUNDS))

    assert (answer, closed) == ((200, b"one two"), [True])


async def test_an_application_that_fails_or_does_not_respond_is_a_500_without_its_message() -> None:
    def fails(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        raise RuntimeError("the secret of the trace")

    def silent(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        return []

    answers = [await Client().ask(WsgiBridge(app, BOUNDS)) for app in (fails, silent)]

    assert [status for status, _ in answers] == [500, 500]
    assert b"secret" not in answers[0][1]
