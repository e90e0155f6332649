"""Where a client goes, with which token, and how long it waits."""

import click
import pytest

from app.cli.client.target import delay, retry_after, target


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment has no token unless a test gives one."""
    monkeypatch.delenv("TIDEWIRE_TOKEN", raising=False)


@pytest.mark.parametrize(
    ("url", "updates", "socket"),
    [
        (
            "http://127.0.0.1:8000",
            "http://127.0.0.1:8000/api/v1/channels/a%2Fb/updates",
            "ws://127.0.0.1:8000/api/v1/ws",
        ),
        ("https://x.org/hub/", "https://x.org/hub/api/v1/channels/a%2Fb/updates", "wss://x.org/hub/api/v1/ws"),
    ],
)
def test_the_addresses_of_a_hub(url: str, updates: str, socket: str) -> None:
    hub = target(url, False)

    assert (hub.updates_url("a/b"), hub.socket_url) == (updates, socket)


@pytest.mark.parametrize(
    "url",
    ["x.org", "ftp://x.org", "http://", "http://x.org:99999", "http://ana:pw@x.org", "http://x.org/?a=b", "http://["],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(click.UsageError, match="--url"):
        target(url, False)


def test_a_token_comes_from_the_environment_and_stays_out_of_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWIRE_TOKEN", " tw_abc\n")

    hub = target("http://x.org", False)

    assert hub.headers == {"Authorization": "Bearer tw_abc"}
    assert "tw_abc" not in repr(hub)


@pytest.mark.parametrize("token", ["tw_a b", "tw_a\r\nX: y", "tw_ä", "t" * 300])
def test_what_is_no_token_is_refused_and_not_repeated(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWIRE_TOKEN", token)

    with pytest.raises(click.UsageError) as refused:
        target("http://x.org", False)

    assert token not in refused.value.message


@pytest.mark.parametrize(
    ("url", "is_near"),
    [("http://localhost:1", True), ("http://[::1]:1", True), ("http://127.1.2.3", True), ("http://10.0.0.1", False)],
)
def test_no_proxy_leads_to_this_machine(url: str, is_near: bool) -> None:
    assert target(url, False).is_near is is_near


def test_delays_double_up_to_a_bound_and_are_spread() -> None:
    longest = [delay(tries, lambda: 1.0) for tries in range(1, 8)]

    assert longest == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    assert delay(10_000, lambda: 0.0) == 1.25


def test_retry_after_in_seconds_alone_is_heard() -> None:
    assert [retry_after(text) for text in ("3", None, "soon", "-1", "9" * 40, "²")] == [3.0, 0.0, 0.0, 0.0, 0.0, 0.0]
