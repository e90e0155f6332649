"""RFC 6455, section 4: which handshakes open a websocket, and how others are rejected."""

import base64
import hashlib
import os

import pytest

from tests.support.peer import Peer
from tests.support.process import HubProcess
from tests.support.watcher import WS_PATH

KEY = base64.b64encode(bytes(range(16))).decode()
FIELDS = {
    "Host": "127.0.0.1",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


def handshake(line: str = f"GET {WS_PATH} HTTP/1.1", **changes: str | None) -> bytes:
    """The client's handshake, with fields changed, added, or left out where they are None; `_` stands for `-`."""
    fields = FIELDS | {name.replace("_", "-"): value for name, value in changes.items()}
    return "\r\n".join(
        [line, *(f"{name}: {value}" for name, value in fields.items() if value is not None), "\r\n"]
    ).encode()


async def test_the_key_is_answered_and_nothing_is_negotiated_that_was_not_offered(hub: HubProcess) -> None:
    """4.2.2. The key of the specification's example, one of counting bytes, and a random one."""
    for key in ("dGhlIHNhbXBsZSBub25jZQ==", KEY, base64.b64encode(os.urandom(16)).decode()):
        expected = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        async with Peer(hub.port) as peer:
            status, fields = await peer.request(handshake(Sec_WebSocket_Key=key))

            assert status == 101
            assert fields["upgrade"].lower() == "websocket" and fields["connection"].lower() == "upgrade"
            assert fields["sec-websocket-accept"] == base64.b64encode(expected).decode()
            assert not fields.keys() & {"sec-websocket-protocol", "sec-websocket-extensions"}


@pytest.mark.parametrize(
    "changes",
    [
        {"Upgrade": "WebSocket"},
        {"Connection": "keep-alive, Upgrade"},
        {"Connection": "UPGRADE"},
        {"Sec_WebSocket_Extensions": "x-webkit-deflate-frame, bbf-usp-protocol; eid=1"},
        {"Sec_WebSocket_Extensions": "permessage-deflate; client_max_window_bits"},
        {"Sec_WebSocket_Extensions": "permessage-deflate; server_no_context_takeover; server_max_window_bits=10"},
        {"Sec_WebSocket_Protocol": "mqtt"},
    ],
    ids=str,
)
async def test_other_valid_handshakes_are_accepted(hub: HubProcess, changes: dict[str, str]) -> None:
    """4.2.1, 9.1 and RFC 7692, 5: names in any case, several tokens, and offers that the hub declines."""
    async with Peer(hub.port) as peer:
        status, fields = await peer.request(handshake(**changes))

        assert status == 101
        assert not fields.keys() & {"sec-websocket-protocol", "sec-websocket-extensions"}
        await peer.still_answers()


async def test_of_several_subprotocols_the_hub_s_is_chosen(hub: HubProcess) -> None:
    """4.2.2, 5."""
    async with Peer(hub.port) as peer:
        status, fields = await peer.request(handshake(Sec_WebSocket_Protocol="mqtt, tidewire.v1, wamp"))

        assert (status, fields["sec-websocket-protocol"]) == (101, "tidewire.v1")


REJECTED = {
    "no version": handshake(Sec_WebSocket_Version=None),
    "an old version": handshake(Sec_WebSocket_Version="8"),
    "a future version": handshake(Sec_WebSocket_Version="14"),
    "a version that is no number": handshake(Sec_WebSocket_Version="thirteen"),
    "no key": handshake(Sec_WebSocket_Key=None),
    "no Upgrade": handshake(Upgrade=None),
    "an Upgrade to something else": handshake(Upgrade="smtp"),
    "no Connection": handshake(Connection=None),
    "a Connection without the token": handshake(Connection="keep-alive"),
    "no Host": handshake(Host=None),
    "HTTP/1.0": handshake(f"GET {WS_PATH} HTTP/1.0"),
    "POST": handshake(f"POST {WS_PATH} HTTP/1.1", Content_Length="0"),
    "HEAD": handshake(f"HEAD {WS_PATH} HTTP/1.1"),
    "no such websocket": handshake("GET /api/v1/wss HTTP/1.1"),
}


@pytest.mark.parametrize("sent", REJECTED.values(), ids=REJECTED)
async def test_an_invalid_handshake_is_rejected_by_http(hub: HubProcess, sent: bytes) -> None:
    """4.2.1, 4.2.2."""
    async with Peer(hub.port) as peer:
        status, fields = await peer.request(sent)

        assert 400 <= status < 500
        assert "sec-websocket-accept" not in fields
