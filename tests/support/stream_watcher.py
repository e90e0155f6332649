"""Watchers of the HTTP stream that always reconnect: server-sent events as in a browser, and JSON lines."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from tests.support.watcher import HANDSHAKE_WITHIN, SILENCE_WITHIN, Watcher


class _StreamWatcher(Watcher):
    """A watcher over plain HTTP; an incomplete event or line of a broken stream is dropped."""

    media = ""

    async def _watch_once(self, session: aiohttp.ClientSession, url: str) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=HANDSHAKE_WITHIN, sock_read=SILENCE_WITHIN)
        headers = {"Accept": self.media, **self._resume_headers()}
        address = f"{url}/api/v1/channels/{self.channel}/stream"
        async with session.get(address, params=self._query(), headers=headers, timeout=timeout) as response:
            response.raise_for_status()
            assert response.content_type == self.media, response.content_type
            self.connections += 1
            self.subscribed.append({"type": "subscribed", "status": response.status})
            await self._notify_change()
            try:
                await self._read(_lines(response.content))
            finally:
                self.closes.append(None)

    def _query(self) -> Mapping[str, str]:
        raise NotImplementedError

    def _resume_headers(self) -> Mapping[str, str]:
        return {}

    async def _read(self, lines: AsyncIterator[bytes]) -> None:
        raise NotImplementedError


class SseWatcher(_StreamWatcher):
    """Follows as an EventSource does: always the first URL, and after a loss the last event's id in the header."""

    media = "text/event-stream"

    def __init__(self, *urls: str, **options: Any) -> None:
        """The arguments are those of a Watcher."""
        super().__init__(*urls, **options)
        self.event_id = ""
        self.keep_alives = 0
        self._first_query = {} if self.after is None else {"after": str(self.after)}

    def _query(self) -> Mapping[str, str]:
        return self._first_query

    def _resume_headers(self) -> Mapping[str, str]:
        return {"Last-Event-ID": self.event_id} if self.event_id else {}

    async def _read(self, lines: AsyncIterator[bytes]) -> None:
        """WHATWG HTML, 9.2.6: fields are collected until a blank line; an event without its blank line is dropped."""
        kind, data, event_id = "message", list[str](), self.event_id
        async for raw in lines:
            field, _, value = raw.decode().partition(":")
            value = value.removeprefix(" ")
            match field:
                case "event":
                    kind = value
                case "data":
                    data.append(value)
                case "id":
                    event_id = value
                case "" if raw:
                    self.keep_alives += 1
                case "":
                    self.event_id = event_id
                    if data:
                        self._dispatch(kind, json.loads("\n".join(data)), event_id)
                        await self._notify_change()
                    kind, data = "message", []

    def _dispatch(self, kind: str, message: dict[str, object], event_id: str) -> None:
        assert message["type"] == kind, f"event {kind} carries {message}"
        if kind == "update":
            assert event_id == f"{message['epoch']}.{message['seq']}", f"id {event_id} on {message}"
        self._take(message)


class LineWatcher(_StreamWatcher):
    """Follows the stream of JSON lines, and after a loss resumes after the last complete one."""

    media = "application/x-ndjson"

    def _query(self) -> Mapping[str, str]:
        query = {} if self.after is None else {"after": str(self.after)}
        return query if self.epoch is None else {**query, "epoch": self.epoch}

    async def _read(self, lines: AsyncIterator[bytes]) -> None:
        async for line in lines:
            if line:
                self._take(json.loads(line))
                await self._notify_change()


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Every complete line, without its end."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
