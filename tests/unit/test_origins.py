"""Origins and hosts of the settings: one spelling, or a refusal at the start."""

import pytest

from app.config import ConfigError, Settings
from app.origins import normal_host, normal_origin


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://a.example", "https://a.example"),
        ("https://a.example/", "https://a.example"),
        ("HTTPS://A.Example:443", "https://a.example"),
        ("http://a.example:80/", "http://a.example"),
        ("http://a.example:8080", "http://a.example:8080"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_an_origin_has_one_spelling(given: str, origin: str) -> None:
    assert normal_origin(given) == origin


@pytest.mark.parametrize(
    "given",
    ["*", "a.example", "//a.example", "https://", "https://a.example/path", "https://a.example?x", "https://u:p@a.example",
     "ftp://a.example", "javascript:alert(1)", "null", "https://a.example:99999", "https://a b", "https://[::1", ""],
)  # fmt: skip
def test_what_no_browser_sends_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match=r"^TIDEWIRE_ALLOWED_ORIGINS must be origins such as"):
        Settings(allowed_origins=(given,))


@pytest.mark.parametrize(
    ("given", "host"),
    [("A.Example.", "a.example"), ("192.0.2.1", "192.0.2.1"), ("[::1]", "::1"), ("*", "*"), ("hub_1", "hub_1")],
)
def test_a_host_has_one_spelling(given: str, host: str) -> None:
    assert normal_host(given) == host


@pytest.mark.parametrize(
    "given", ["https://a.example", "a.example:8000", "a.example/x", "*.a.example", "", "a b", "-a"]
)
def test_what_is_no_host_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match=r"^TIDEWIRE_ALLOWED_HOSTS must be host names such as"):
        Settings(allowed_hosts=(given,))
