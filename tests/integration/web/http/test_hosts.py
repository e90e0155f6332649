"""The hosts that a hub serves: another name is refused, in every spelling and on every path, before anything else."""

from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
import pytest

from app.config import Settings
from tests.support.hub import Answered, ServedHub, serving
from tests.support.raw_socket import RawSocket

PATHS = ("/", "/lobby", "/api/v1/channels", "/lobby/sse", "/static/css/site.css", "/metrics", "/nothing")


def development(settings: Settings) -> Settings:
    return replace(settings, env="development")


async def status_of(hub: ServedHub, host: str, path: str = "/api/v1/channels", **given: str) -> Answered:
    return await hub.call("GET", path, headers={"Host": host, **given})


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "LOCALHOST.", "app.localhost", "127.0.0.1:1", "127.9.9.9", "[::1]:8000"]
)
async def test_development_serves_loopback_names_and_addresses(settings_sqlite: Settings, host: str) -> None:
    async with serving(development(settings_sqlite)) as hub:
        assert (await status_of(hub, host)).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1",
     "[2001:db8::1]", "xn--localhost", "10.0.0.1:8000", "2130706433", "0x7f.1", "local_host"],
)  # fmt: skip
async def test_any_other_host_is_refused_on_every_path(settings_sqlite: Settings, host: str) -> None:
    async with serving(development(settings_sqlite)) as hub:
        answers = [await status_of(hub, host, path) for path in PATHS]
        publish = [
            await hub.call("POST", path, data=b"{}", headers={"Host": host, "Content-Type": "application/json"})
            for path in ("/lobby", "/api/v1/channels/lobby/updates")
        ]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await hub.http.ws_connect(hub.url + "/api/v1/ws", headers={"Host": host})
        probes = [await status_of(hub, host, path) for path in ("/healthz", "/readyz")]

    assert [(each.status, each.code) for each in [*answers, *publish]] == [(421, "invalid_request")] * 9
    assert "TIDEWIRE_ALLOWED_HOSTS" in answers[0].json["error"]["message"]
    assert (refused.value.status, [each.status for each in probes]) == (421, [200, 200])


async def test_the_configured_hosts_and_the_sockets_own_address_are_served(settings_sqlite: Settings) -> None:
    hosts = ("Other.Example.", "192.0.2.7")
    named = replace(settings_sqlite, public_url="https://Hub.example/", allowed_hosts=hosts)
    async with serving(named) as hub:
        served = [await status_of(hub, host) for host in ("hub.example", "other.example:9", "192.0.2.7", "127.0.0.1")]
        refused = [await status_of(hub, host) for host in ("localhost", "sub.hub.example", "192.0.2.8")]

    assert [each.status for each in served] == [200] * 4
    assert [each.status for each in refused] == [421] * 3


@pytest.mark.parametrize(
    "host",
    ["a..b", ".", "..", "a" * 64, "a." * 130, "-a.example", "a-.example", "a b", "a/b", "a@b", "[::1", "a:b",
     "a:999999", "%41.example", "ü.example"],
)  # fmt: skip
async def test_a_malformed_host_is_400_in_the_usual_form(settings_sqlite: Settings, host: str) -> None:
    async with serving(replace(settings_sqlite, trusted_proxies=1)) as hub:
        async with RawSocket(urlsplit(hub.url).port or 0) as raw:
            await raw.send(b"GET /lobby HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode())
            direct = await raw.until(b"}}", within=3)
        forwarded = await status_of(hub, "x", **{"X-Forwarded-Host": host, "X-Forwarded-For": "192.0.2.1"})

    assert direct.split()[1] == b"400" and b'"field":"Host"' in direct
    assert (forwarded.status, forwarded.code) == (400, "invalid_request")


@pytest.mark.parametrize("target", ["http://[", "http://", "//[", "ftp://a/", "http://a:b:c/", "nothing", "*"])
async def test_a_malformed_target_is_refused_in_the_usual_form(hub_sqlite: ServedHub, target: str) -> None:
    async with RawSocket(urlsplit(hub_sqlite.url).port or 0) as raw:
        await raw.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = await raw.until(b"}}", within=3)

    assert answer.split()[1] in (b"400", b"404") and b"request_id" in answer


async def test_the_host_of_an_absolute_target_goes_before_the_header(settings_sqlite: Settings) -> None:
    async with serving(development(settings_sqlite)) as hub, RawSocket(urlsplit(hub.url).port or 0) as raw:
        await raw.send(b"GET http://evil.example/lobby HTTP/1.1\r\nHost: localhost\r\n\r\n")

        assert (await raw.until(b"}}", within=3)).split()[1] == b"421"


@pytest.mark.parametrize(
    "path",
    ["//metrics", "/%6detrics", "/%6Detrics", "/lobby//sse", "/static//css/site.css", "/%2e%2e/x", "/a%2fb", "/%2Fx"],
)
async def test_a_path_has_one_spelling(hub_sqlite: ServedHub, path: str) -> None:
    async with RawSocket(urlsplit(hub_sqlite.url).port or 0) as raw:
        await raw.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = await raw.until(b"}}", within=3)

    assert answer.split()[1] == b"404" and b"location" not in answer.lower()


async def test_what_a_proxy_forwards_is_checked_as_well(settings_sqlite: Settings) -> None:
    async with serving(replace(development(settings_sqlite), trusted_proxies=1)) as hub:
        for name, value, field in (
            ("X-Forwarded-Proto", "javascript", "X-Forwarded-Proto"),
            ("X-Forwarded-Host", "127.0.0.1:99999", "Host"),
            ("X-Forwarded-Host", "a..b", "Host"),
        ):
            answer = await hub.call("GET", "/", headers={name: value})
            assert (answer.status, answer.json["error"]["field"]) == (400, field), value
        secure = await hub.call(
            "GET", "/", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "localhost:65535"}
        )

    assert secure.status == 200
