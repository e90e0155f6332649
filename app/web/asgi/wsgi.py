"""A WSGI application (PEP 3333) as an ASGI one, with bounds: on bodies, threads, waiting requests and silent clients.

Our own, because what there is does not hold here. hypercorn's wrapper never starts an answer without a body (HEAD, 204,
304) and runs the application on half a body when the client left; a2wsgi gives a thread to every slow upload, and
never gets it back from an endless stream whose client has gone.
"""

import asyncio
import logging
import sys
from collections.abc import Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication

log = logging.getLogger("tidewire.web")

_IN_MEMORY = 256 * 1024  # Bytes of a body; the rest of it stands in a temporary file.


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one application may take: bytes of a body, seconds until one is whole, threads, requests at once."""

    body_bytes: int
    send_seconds: float
    body_seconds: float = 60.0
    threads: int = 16
    requests: int = 256


class WsgiBridge:
    """One WSGI application on threads of its own; requests beyond the bounds are refused, not queued for ever."""

    def __init__(self, app: WSGIApplication, bounds: Bounds) -> None:
        self._app = app
        self._bounds = bounds
        self._pool = ThreadPoolExecutor(bounds.threads, thread_name_prefix="wsgi")
        self._running = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """`scope["root_path"]` is where the application is mounted. A websocket is refused: WSGI has none."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        if self._running >= self._bounds.requests:
            await _refuse(send, 503, "Too many requests at once; try again.", (b"retry-after", b"1"))
            return
        self._running += 1
        try:
            with SpooledTemporaryFile[bytes](_IN_MEMORY) as body:
                if await self._read(scope, receive, send, body):
                    await self._run(scope, receive, send, body)
        finally:
            self._running -= 1

    async def _read(self, scope: Any, receive: Any, send: Any, body: SpooledTemporaryFile[bytes]) -> bool:
        """Take the whole body before a thread is taken; False when it was refused or the client left."""
        most = self._bounds.body_bytes
        length = dict(scope["headers"]).get(b"content-length", b"0")
        size = int(length) if length.isdigit() else 0
        try:
            async with asyncio.timeout(self._bounds.body_seconds):
                more = size <= most
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return False
                    size = max(size, body.tell() + len(message.get("body", b"")))
                    more = size <= most and message.get("more_body", False)
                    if size <= most:
                        body.write(message.get("body", b""))
        except TimeoutError:
            await _refuse(send, 408, "The body took too long to come.")
            return False
        if size > most:
            await _refuse(send, 413, f"The body is larger than {most} bytes.")
            return False
        return True

    async def _run(self, scope: Any, receive: Any, send: Any, body: SpooledTemporaryFile[bytes]) -> None:
        length = body.tell()
        body.seek(0)
        call = _Call(self._app, _environ(scope, body, length), send, self._bounds.send_seconds)
        loop = asyncio.get_running_loop()
        leaving = loop.create_task(_gone(receive))
        leaving.add_done_callback(lambda _: call.give_up())
        running = loop.run_in_executor(self._pool, call.run)
        try:
            # Shielded, because the thread reads the body until it is done and can only be asked to end.
            await asyncio.shield(running)
        except ClientGone:
            log.debug("The client of a mounted application has gone")
        except Exception:
            log.exception("The application at %s failed", scope["root_path"])
            if call.started:
                raise  # The server breaks the connection off, so that half an answer is not taken for a whole one.
            await _refuse(send, 500, "Something went wrong here; it was logged.")
        finally:
            call.give_up()
            leaving.cancel()


class ClientGone(Exception):
    """The client takes no more of the answer."""


class _Call:
    """One request of the application, on its thread; the answer goes out on the loop, as fast as it is taken."""

    def __init__(self, app: WSGIApplication, environ: dict[str, Any], send: Any, send_seconds: float) -> None:
        self._app = app
        self._environ = environ
        self._send = send
        self._send_seconds = send_seconds
        self._loop = asyncio.get_running_loop()
        self._head: dict[str, Any] | None = None
        self._sending: Future[None] | None = None
        self._over = False
        self.started = False

    def give_up(self) -> None:
        """End it at its next step; an endless stream ends so."""
        self._over = True
        if self._sending is not None:
            self._sending.cancel()

    def run(self) -> None:
        """The whole call. Raises what the application raises, or ClientGone."""
        if self._over:
            raise ClientGone
        chunks: Iterable[bytes] = self._app(self._environ, self._start_response)
        try:
            for chunk in chunks:
                if chunk:
                    self._write(chunk)
            self._begin()
            self._out({"type": "http.response.body", "body": b""})
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    def _start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        if exc_info is not None and self.started:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self._head is not None:
            raise RuntimeError("start_response was called twice")
        self._head = {
            "type": "http.response.start",
            "status": int(status[:3]),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        }
        return self._write

    def _write(self, chunk: bytes) -> None:
        self._begin()
        self._out({"type": "http.response.body", "body": chunk, "more_body": True})

    def _begin(self) -> None:
        """The headers, at the first byte of the body and not before: until then an error may replace them."""
        if self._head is None:
            raise RuntimeError("start_response was not called")
        if not self.started:
            self.started = True
            self._out(self._head)

    def _out(self, message: dict[str, Any]) -> None:
        if self._over:
            raise ClientGone
        try:
            self._sending = asyncio.run_coroutine_threadsafe(self._send(message), self._loop)
            self._sending.result(self._send_seconds * 2)  # The wire gives up first, after one.
        except (CancelledError, TimeoutError):
            raise ClientGone from None


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Any, status: int, sentence: str, *headers: tuple[bytes, bytes]) -> None:
    head = [(b"content-type", b"text/plain; charset=utf-8"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": sentence.encode() + b"\n"})


def _environ(scope: Any, body: IO[bytes] | SpooledTemporaryFile[bytes], length: int) -> dict[str, Any]:
    """The request in CGI's words: texts are bytes read as Latin-1 (PEP 3333)."""
    path = unquote_to_bytes(scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    script = scope["root_path"].encode().decode("latin-1")
    host, port = scope.get("server") or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": script,
        "PATH_INFO": path.removeprefix(script),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 0),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        # Counted here: a chunked body names no length, and an application would take it for empty.
        "CONTENT_LENGTH": str(length),
    }
    if scope.get("client"):
        environ["REMOTE_ADDR"] = scope["client"][0]
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        # `Proxy` would become HTTP_PROXY, which clients obey (CVE-2016-5385); X_Y would pass for X-Y.
        if name in ("content-length", "transfer-encoding", "proxy") or "_" in name:
            continue
        key = "CONTENT_TYPE" if name == "content-type" else "HTTP_" + name.upper().replace("-", "_")
        between = "; " if name == "cookie" else ","
        environ[key] = environ[key] + between + value if key in environ else value
    return environ
