"""Large bodies: refused by their declared length where the answer is known, and bounded together."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from app.config import Settings
from tests.support.hub import ServedHub, serving
from tests.support.raw_socket import RawSocket

UPDATES = "/api/v1/channels/ci/updates"
MIB = 2**20


def head(path: str, length: int, *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {length}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def connection(hub: ServedHub) -> RawSocket:
    return RawSocket(urlsplit(hub.url).port or 0)


@pytest.mark.parametrize(
    ("path", "length", "status"),
    [
        (UPDATES, 9 * MIB, b"413"),
        (UPDATES.replace("ci", "absent"), 7 * MIB, b"404"),
        (UPDATES.replace("ci", "Not a name".replace(" ", "%20")), 7 * MIB, b"404"),
        (UPDATES.replace("ci", "secret"), 7 * MIB, b"404"),
        ("/ci", 33 * 1024, b"422"),
        ("/ci", 7 * MIB, b"422"),
    ],
)
async def test_what_will_be_refused_is_refused_before_its_body_arrives(
    hub_sqlite: ServedHub, path: str, length: int, status: bytes
) -> None:
    await hub_sqlite.channel("ci")
    await hub_sqlite.private("secret")
    async with connection(hub_sqlite) as raw:
        await raw.send(head(path, length))
        answer = await raw.until(b"}}", within=3)

    assert answer.split()[1] == status, answer


async def test_large_bodies_share_a_budget_and_small_ones_need_none(settings_sqlite: Settings) -> None:
    few = replace(settings_sqlite, pending_request_bytes=2 * MIB, trusted_proxies=1)
    async with serving(few) as hub, connection(hub) as one, connection(hub) as same, connection(hub) as other:
        await hub.channel("ci")
        await one.send(head(UPDATES, MIB, "X-Forwarded-For: 192.0.2.1") + b"{")
        await same.send(head(UPDATES, 100_000, "X-Forwarded-For: 192.0.2.1"))
        refused = await same.until(b"}}", within=3)
        small = await hub.call("POST", UPDATES, json={"body": "x"}, headers={"X-Forwarded-For": "192.0.2.1"})
        body = b'{"body":"%s"}' % (b"x" * 30_000) + b" " * 70_000
        await other.send(head(UPDATES, len(body), "X-Forwarded-For: 192.0.2.2") + body)
        stored = await other.until(b"\r\n\r\n", within=3)
        await one.send(b" " * (MIB - 1))
        broken = await one.until(b"}}", within=5)
        again = await hub.call("POST", UPDATES, data=body, headers={"Content-Type": "application/json"})

    assert (refused.split()[1], small.status, stored.split()[1]) == (b"503", 201, b"201")
    assert b"Retry-After" in refused.title() and b"onnection: close" in refused
    assert (broken.split()[1], again.status) == (b"400", 201)  # What was held is given back.


async def test_bytes_and_updates_are_counted_as_calls(settings_sqlite: Settings) -> None:
    few = replace(settings_sqlite, anonymous_rate=0.1, anonymous_burst=200)
    async with serving(few) as hub:
        await hub.channel("ci")
        left = []
        for updates in (
            [{"body": "x"}] * 9,
            [{"body": "x"}] * 500,
            [{"body": "x" * 32_000}] * 20,
            [{"body": "x"}] * 500,
        ):
            answer = await hub.call("POST", UPDATES, json={"updates": updates})
            left.append((answer.status, int(answer.headers["RateLimit-Remaining"])))
        refused = []
        for _ in range(2):
            async with connection(hub) as raw:
                await raw.send(head(UPDATES, 7 * MIB))
                refused.append((await raw.until(b"}}", within=3)).split()[1])
        search = await hub.call("GET", f"{UPDATES}?q=x")
        last_seq = (await hub.call("GET", "/api/v1/channels/ci")).json["last_seq"]

    # 1; 1 and 50; 1, 9 for the bytes and 2; 1 and 50.
    assert left == [(201, 199), (201, 148), (201, 136), (201, 85)]
    assert refused == [b"429", b"429"]
    assert int(search.headers["RateLimit-Remaining"]) == 85 - 2 - 5
    assert last_seq == 9 + 500 + 20 + 500
