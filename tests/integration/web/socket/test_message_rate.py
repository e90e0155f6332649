"""All that a client sends on a websocket counts as a call, also what is no message."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from app.config import Settings
from tests.support.hub import serving
from tests.support.peer import talking
from tests.support.raw_socket import BINARY, TEXT, frame

SENT = {
    "empty texts": frame(TEXT, b""),
    "blank lines": frame(TEXT, b"\n \n" * 100),
    "bytes": frame(BINARY, b"x"),
    "too many lines": frame(TEXT, b"{}\n" * 1001),
}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
async def test_what_is_no_message_counts_as_one(settings_sqlite: Settings, sent: bytes) -> None:
    settings = replace(settings_sqlite, anonymous_rate=1.0, anonymous_burst=10)
    async with serving(settings) as hub, talking(urlsplit(hub.url).port or 0) as peer:
        await peer.send(sent * 11)
        await peer.send_message({"type": "ping", "ref": 1})
        codes = [error["code"] for error in await peer.received("error", 1)]
        while "rate_limited" not in codes:
            codes += [error["code"] for error in await peer.received("error", 1)]

        assert codes.count("rate_limited") >= 1
