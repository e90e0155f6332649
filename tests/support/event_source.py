"""An EventSource as in a browser: it connects again after a loss, and ends for good at an answer that is no stream."""

import http.client
import socket
import ssl
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_PAUSE_S = 0.1
_SILENCE_S = 60


class EventSource:
    """Follows one address in a thread of its own, as `with EventSource(...)`, until it is left."""

    def __init__(self, url: str, path: str, trust: ssl.SSLContext) -> None:
        self.ids: list[str] = []
        self.connections = 0
        self.failure: str | None = None
        self._url, self._path, self._trust = urlsplit(url), path, trust
        self._last_id, self._closed = "", False
        self._connection: http.client.HTTPConnection | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        if self._connection is not None and self._connection.sock is not None:
            with suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)

    @property
    def seqs(self) -> list[int]:
        """The seqs of its updates, in the order in which they were received."""
        return [int(each.rpartition(".")[2]) for each in self.ids]

    def _run(self) -> None:
        while not self._closed and self.failure is None:
            with suppress(OSError, http.client.HTTPException):
                self._follow()
            time.sleep(_PAUSE_S)

    def _follow(self) -> None:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=_SILENCE_S, context=self._trust
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=_SILENCE_S)
        self._connection = connection
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self._last_id} if self._last_id else {})
        try:
            connection.request("GET", self._path, headers=headers)
            with connection.getresponse() as answer:
                if answer.status != 200 or answer.headers.get_content_type() != "text/event-stream":
                    self.failure = f"{answer.status} {answer.headers.get_content_type()}"
                    return
                self.connections += 1
                self._read(answer)
        finally:
            connection.close()

    def _read(self, answer: http.client.HTTPResponse) -> None:
        event_id, is_update = self._last_id, False
        while line := answer.readline():
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "id":
                event_id = value
            elif field == "event":
                is_update = value == "update"
            elif not field:
                self._last_id = event_id
                if is_update:
                    self.ids.append(event_id)
                is_update = False
