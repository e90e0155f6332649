"""A client's target: the hub's address, the token, and the delay before a retry."""

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
        (
            "http://bücher.example",
            "http://bücher.example/api/v1/channels/a%2Fb/updates",
            "ws://bücher.example/api/v1/ws",
        ),
        ("https://x.org/hub/", "https://x.org/hub/api/v1/channels/a%2Fb/updates", "wss://x.org/hub/api/v1/ws"),
    ],
)
def test_the_api_and_websocket_addresses_follow_from_the_url(url: str, updates: str, socket: str) -> None:
    hub = target(url, False)

    assert (hub.updates_url("a/b"), hub.socket_url) == (updates, socket)


@pytest.mark.parametrize(
    "url",
    [
        "x.org",
        "ftp://x.org",
        "http://",
        "http://x.org:99999",
        "http://ana:pw@x.org",
        "http://x.org/?a=b",
        "http://[",
        "http://exa mple",
        "http://x.org/a b",
        "http://x.org:",
        "http://a..b",
    ],
)
def test_a_malformed_address_is_refused(url: str) -> None:
    with pytest.raises(click.UsageError, match="--url"):
        target(url, False)


def test_a_token_is_read_from_the_environment_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWIRE_TOKEN", " tw_abc\n")

    hub = target("http://x.org", False)

    assert hub.headers == {"Authorization": "Bearer tw_abc"}
    assert "tw_abc" not in repr(hub)


@pytest.mark.parametrize("token", ["tw_a b", "tw_a\r\nX: y", "tw_ä", "t" * 300])
def test_a_malformed_token_is_refused_and_not_repeated(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWIRE_TOKEN", token)

    with pytest.raises(click.UsageError) as refused:
        target("http://x.org", False)

    assert token not in refused.value.message


@pytest.mark.parametrize(
    ("url", "is_local"),
    [("http://localhost:1", True), ("http://[::1]:1", True), ("http://127.1.2.3", True), ("http://10.0.0.1", False)],
)
def test_only_an_address_of_this_machine_is_local(url: str, is_local: bool) -> None:
    assert target(url, False).is_local is is_local


def test_delays_double_up_to_a_bound_and_are_randomised() -> None:
    longest = [delay(tries, lambda: 1.0) for tries in range(1, 8)]

    assert longest == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    assert delay(10_000, lambda: 0.0) == 1.25


def test_retry_after_is_read_in_seconds_only() -> None:
    assert [retry_after(text) for text in ("3", None, "soon", "-1", "9" * 40, "²")] == [3.0, 0.0, 0.0, 0.0, 0.0, 0.0]
