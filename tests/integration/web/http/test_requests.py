"""Requests as the RFCs have them: what is sent twice, what is not read, and what is asked in the wrong way."""

import asyncio
import sys
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from app.config import Settings
from tests.support.hub import ServedHub, serving
from tests.support.raw_socket import RawSocket
from tests.support.talker import talking

UPDATES = "/api/v1/channels/lobby/updates"


def connection(hub: ServedHub) -> RawSocket:
    return RawSocket(urlsplit(hub.url).port or 0)


@pytest.mark.parametrize("path", ["/lobby", UPDATES, UPDATES + "?by=quart"])
async def test_two_authorizations_are_refused_and_lists_are_joined(hub_sqlite: ServedHub, path: str) -> None:
    token = await hub_sqlite.token("ana")
    twice = [("Authorization", f"Bearer {token}"), ("Authorization", "Bearer tw_other")]
    as_json = [("Content-Type", "application/json")]
    async with hub_sqlite.http.post(hub_sqlite.url + path, data=b'{"body":"x"}', headers=[*twice, *as_json]) as refused:
        error = (await refused.json())["error"]
    tags = [("Tags", "a, b"), ("Tags", "c")]
    async with hub_sqlite.http.post(hub_sqlite.url + "/lobby", data=b"x", headers=tags) as stored:
        update = await stored.json()

    assert (refused.status, error["field"]) == (400, "Authorization")
    assert update["tags"] == ["a", "b", "c"]


@pytest.mark.parametrize("path", ["/lobby", "/api/v1/channels/lobby/updates", "/api/v1/channels"])
async def test_a_compressed_body_is_refused(hub_sqlite: ServedHub, path: str) -> None:
    token = await hub_sqlite.token(admin=True)
    for encoding, status in (("gzip", 415), ("Identity", 201 if path != "/api/v1/channels" else 400)):
        headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
        answer = await hub_sqlite.call("POST", path, token=token, data=b'{"body":"x"}', headers=headers)
        assert answer.status == status, answer
        assert status != 415 or answer.json["error"]["field"] == "Content-Encoding"


@pytest.mark.parametrize("path", ["/lobby", "/api/v1/channels/lobby/updates"])
async def test_two_idempotency_keys_are_refused(hub_sqlite: ServedHub, path: str) -> None:
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), ("Content-Type", "application/json")]
    async with hub_sqlite.http.post(hub_sqlite.url + path, data=b'{"body":"x"}', headers=twice) as refused:
        error = (await refused.json())["error"]

    assert (refused.status, error["field"]) == (400, "Idempotency-Key")


async def test_an_idempotency_key_is_one_by_http_and_by_websocket(hub_sqlite: ServedHub) -> None:
    message = {
        "type": "publish",
        "ref": 1,
        "channel": "lobby",
        "idempotency_key": "schlüssel-✓",
        "update": {"body": "x"},
    }
    async with talking(hub_sqlite.url) as talker:
        first = await talker.ask(message)
    for path in (UPDATES, UPDATES + "?by=quart"):
        answer = await hub_sqlite.call("POST", path, json={"body": "x"}, headers={"Idempotency-Key": "schlüssel-✓"})

        assert (answer.status, answer.json["seq"]) == (200, first["seq"])


@pytest.mark.parametrize(
    ("method", "path", "length", "status"),
    [
        ("POST", "/api/v1/nothing", 40_000, b"404"),
        ("DELETE", "/healthz", 40_000, b"405"),
        ("POST", "/api/v1/channels", 40_000, b"401"),
        ("POST", "/lobby", 40_000, b"422"),
        ("POST", UPDATES, 9 * 2**20, b"413"),
    ],
)
async def test_an_answer_before_the_body_closes_the_connection_and_arrives(
    hub_sqlite: ServedHub, method: str, path: str, length: int, status: bytes
) -> None:
    await assert_answered_and_closed(hub_sqlite, method, path, length, status)


async def test_a_refused_rate_before_the_body_closes_the_connection_and_arrives(settings_sqlite: Settings) -> None:
    async with serving(replace(settings_sqlite, anonymous_rate=0.1, anonymous_burst=1)) as hub:
        await hub.call("GET", "/api/v1/channels")
        await assert_answered_and_closed(hub, "POST", "/lobby", 30_000, b"429")


async def assert_answered_and_closed(hub: ServedHub, method: str, path: str, length: int, status: bytes) -> None:
    """The answer to a request whose body is only begun says that it is the connection's last, and is."""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
    async with connection(hub) as raw:
        await raw.send(head.encode() + b"x" * 20_000)
        answer = await raw.rest(within=7)

    fields = answer.partition(b"\r\n\r\n")[0].lower()
    assert (fields.split()[1], b"connection: close" in fields) == (status, True)
    assert b"request_id" in answer


async def test_a_whole_request_leaves_the_connection_open(hub_sqlite: ServedHub) -> None:
    async with connection(hub_sqlite) as raw:
        for path, status in (("/api/v1/nothing", b"404"), ("/lobby", b"201"), ("/api/v1/channels", b"401")):
            await raw.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi".encode())
            answer = await raw.until(b"}", within=3)

            assert (answer.split()[1], b"connection: close" in answer.lower()) == (status, False)
            if status != b"201":
                await raw.until(b"}", within=3)


async def test_a_websockets_bound_is_in_bytes(hub_sqlite: ServedHub) -> None:
    for text in ("🌊" * 25_000, "é" * 50_000, "x" * 98_305):
        async with talking(hub_sqlite.url) as talker:
            await talker.socket.send_str(text)

            assert await talker.closed() == 1009


async def test_head_does_not_use_a_ticket_up(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.private("secret")
    token = await hub_sqlite.token("ana")
    ticket = (await hub_sqlite.call("POST", "/api/v1/tickets", token=token)).json["ticket"]
    head = await hub_sqlite.call("HEAD", f"/secret/sse?ticket={ticket}")
    async with hub_sqlite.http.get(f"{hub_sqlite.url}/secret/sse?ticket={ticket}") as stream:
        status = stream.status

    assert (head.status, status) == (400, 200)


async def test_a_token_that_may_not_read_gets_no_channel_back(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.private("secret")
    token = await hub_sqlite.token("ana", scopes=["publish"])
    changed = await hub_sqlite.call("PATCH", "/api/v1/channels/secret", token=token, json={"title": "T"})

    assert (changed.status, changed.body) == (204, b"")


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/api/v1/ws", 426, "Upgrade: websocket"),
        ("DELETE", "/lobby", 405, "GET, HEAD, OPTIONS, POST, PUT"),
        ("GET", "/api", 404, "/api/docs"),
        ("GET", "/api/", 404, "/api/docs"),
        ("GET", "/lobby/", 404, "without its last slash"),
        ("PUT", "/lobby/notes.txt", 404, "published to a channel's own, without a slash after it"),
    ],
)
async def test_a_refusal_names_what_would_be_right(
    hub_sqlite: ServedHub, method: str, path: str, status: int, words: str
) -> None:
    answer = await hub_sqlite.call(method, path)

    assert (answer.status, words in answer.json["error"]["message"]) == (status, True), answer


async def test_times_have_one_form(hub_sqlite: ServedHub) -> None:
    update = await hub_sqlite.publish("lobby", body="x")
    channel = (await hub_sqlite.call("GET", "/api/v1/channels/lobby")).json

    assert channel["last_at"] == update["at"]
    assert len(channel["created_at"]) == len("2026-11-21T09:30:00.123Z")


SCRIPT = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], data=b"hello").status)
"""


async def test_a_script_with_nothing_but_its_standard_library_publishes(hub_sqlite: ServedHub) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, f"{hub_sqlite.url}/lobby", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 20)

    assert output == b"201\n"
