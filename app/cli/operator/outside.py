"""The checks of the public URL from outside, through the proxy: as browsers and scripts reach the hub."""

import asyncio
import http.client
import json
import ssl
from contextlib import suppress
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from app.cli.client.connection import SUBPROTOCOL
from app.cli.client.failures import failed_connection
from app.cli.operator.findings import Finding, State
from app.config import Settings

_TIMEOUT_S = 10.0
_OPENING_TIMEOUT_S = 5.0  # A stream's first bytes are sent at once; a proxy that buffers keeps them.
_MAX_ANSWER_BYTES = 64 * 1024
_SUBJECT = "public URL"
_NGINX = "docs/operating.md, Behind a proxy"

type Answer = tuple[int, bytes]


async def outside(settings: Settings) -> list[Finding]:
    """Try health, a websocket, a stream and a body of the largest size through TIDEWIRE_PUBLIC_URL, each for 10 s at
    most. Publishes nothing. Empty without a public URL."""
    if settings.public_url is None:
        return []
    url = settings.public_url
    health = await asyncio.to_thread(_health, url)
    if health.state is not State.OK:
        return [health]  # The others would fail for the same reason.
    return [
        health,
        await _websocket(url),
        await asyncio.to_thread(_stream, url),
        await asyncio.to_thread(_body, url, settings.max_request_bytes),
    ]


def _health(url: str) -> Finding:
    try:
        with _Connection(url) as connection:
            status, body = connection.call("GET", "/healthz")
            location = connection.location
    except (OSError, http.client.HTTPException) as error:
        return _wrong(
            f"{url} can't be reached: {failed_connection(error, url).reason}. Is the hub running, and the proxy?"
        )
    if location is not None:
        return _wrong(f"{url} redirects to {location}: set TIDEWIRE_PUBLIC_URL to the address that answers.")
    if status == 421:
        return _wrong(
            f"the hub does not take the Host that the proxy sends it: pass the client's own on, as in {_NGINX}."
        )
    if (status, _parsed(body)) != (200, {"status": "ok"}):
        return _wrong(
            f"{url}/healthz answers {status}, and not as the hub does: the proxy must pass on every path under "
            f"{urlsplit(url).path}/."
        )
    return Finding(State.OK, _SUBJECT, f"{url} is the hub.")


async def _websocket(url: str) -> Finding:
    address = f"ws{url.removeprefix('http')}/api/v1/ws"
    origin = url.removesuffix(urlsplit(url).path)
    try:
        async with (
            asyncio.timeout(_TIMEOUT_S),
            connect(address, subprotocols=[SUBPROTOCOL], origin=origin, compression=None) as socket,  # type: ignore[arg-type]
        ):
            welcome = _parsed(await socket.recv())
            is_hub = isinstance(welcome, dict) and welcome.get("type") == "welcome"
    except InvalidStatus as error:
        status = error.response.status_code
        if status == 503:
            return _wrong(f"a websocket is refused for now ({status}): the hub is full, or stopping.")
        return _wrong(
            f"a websocket is answered {status}: the proxy must pass on Upgrade and Connection, as in {_NGINX}."
        )
    except (OSError, InvalidHandshake, WebSocketException, TimeoutError) as error:
        reason = failed_connection(error, url).reason
        return _wrong(f"a websocket does not open ({reason}): the proxy must pass on Upgrade, as in {_NGINX}.")
    if not is_hub:
        return _wrong("a websocket is answered, and not by the hub.")
    return Finding(State.OK, _SUBJECT, "a websocket opens, and the hub greets on it.")


def _stream(url: str) -> Finding:
    try:
        with _Connection(url) as connection:
            status, body = connection.call("GET", "/api/v1/channels?limit=1")
            found = _parsed(body)
            channels = found.get("channels") if status == 200 and isinstance(found, dict) else None
            if not channels:
                return Finding(State.OK, _SUBJECT, "a stream was not tried: there is no public channel.")
            slug = channels[0]["slug"]
    except (OSError, http.client.HTTPException) as error:
        return _wrong(f"the list of channels can't be read: {failed_connection(error, url).reason}.")
    try:
        with _Connection(url, _OPENING_TIMEOUT_S) as connection:
            status, opening = connection.call("GET", f"/api/v1/channels/{slug}/stream", most=1)
    except TimeoutError:
        return _wrong(
            f"a stream's first bytes do not arrive within {_OPENING_TIMEOUT_S:g} s: the proxy must not buffer, as in "
            f"{_NGINX}."
        )
    except (OSError, http.client.HTTPException) as error:
        return _wrong(f"a stream breaks: {failed_connection(error, url).reason}.")
    if status != 200 or not opening:
        return _wrong(f"a stream is answered {status} without its first bytes.")
    return Finding(State.OK, _SUBJECT, "a stream arrives unbuffered.")


def _body(url: str, size: int) -> Finding:
    """A body of the largest size, for a channel whose name no channel can have: the hub refuses it, stored or not."""
    largest = b'{"body":"' + b"x" * (size - 11) + b'"}'
    what = f"a body of {size} bytes (TIDEWIRE_MAX_REQUEST_BYTES)"
    try:
        with _Connection(url) as connection:
            status, body = connection.call("POST", "/api/v1/channels/-/updates", largest)
    except (OSError, http.client.HTTPException) as error:
        reason = failed_connection(error, url).reason
        return _wrong(f"{what} is not accepted ({reason}): raise the proxy's limit and timeouts, as in {_NGINX}.")
    answer = _parsed(body)
    if not (isinstance(answer, dict) and "error" in answer):
        return _wrong(f"{what} is answered {status} by the proxy: raise its limit, as in {_NGINX}.")
    return Finding(State.OK, _SUBJECT, f"bodies of {size} bytes reach the hub.")


class _Connection:
    """One connection of its own for one call; each step waits `timeout` seconds at most."""

    def __init__(self, url: str, timeout: float = _TIMEOUT_S) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._root = parts.path
        self._http: http.client.HTTPConnection = (
            http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout, context=ssl.create_default_context()
            )
            if parts.scheme == "https"
            else http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        )
        self.location: str | None = None

    def __enter__(self) -> "_Connection":
        return self

    def __exit__(self, *failure: object) -> None:
        self._http.close()

    def call(self, method: str, path: str, body: bytes | None = None, *, most: int = _MAX_ANSWER_BYTES) -> Answer:
        """The status, and the body's first `most` bytes. Raises OSError or HTTPException."""
        headers = {"User-Agent": "tidewire-doctor", "Accept": "text/event-stream" if most == 1 else "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        with suppress(BrokenPipeError, ConnectionResetError):  # Refused meanwhile: the answer says by whom.
            self._http.request(method, self._root + path, body, headers)
        answer = self._http.getresponse()
        self.location = answer.getheader("Location")
        return answer.status, answer.read(most)


def _parsed(body: str | bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _wrong(sentence: str) -> Finding:
    return Finding(State.WRONG, _SUBJECT, sentence)
