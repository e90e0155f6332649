"""The addresses among the settings: completed where one meaning is possible, else refused with the right form."""

import pytest

from app.addresses import check_bind, check_redis_url, database_url, public_url
from app.environment import ConfigError


@pytest.mark.parametrize(
    ("given", "completed"),
    [
        ("postgres://u:p@h/d?sslmode=require", "postgresql+asyncpg://u:p@h/d?sslmode=require"),
        ("postgresql://h/d", "postgresql+asyncpg://h/d"),
        ("postgres+asyncpg://h/d", "postgresql+asyncpg://h/d"),
        ("sqlite:////srv/a.db", "sqlite+aiosqlite:////srv/a.db"),
        ("postgresql+asyncpg://h/d", "postgresql+asyncpg://h/d"),
    ],
)
def test_a_database_url_gets_its_driver(given: str, completed: str) -> None:
    assert database_url(given) == completed


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("postgresql+psycopg2://u:hunter2@h/d", r"write postgresql\+asyncpg://… instead of postgresql\+psycopg2://…"),
        ("sqlite+pysqlite:///a.db", r"write sqlite\+aiosqlite:///… instead"),
        ("sqlite://a.db", "must begin with"),
        ("mysql://u:hunter2@h/d", "must begin with"),
        ("data/tidewire.db", "must begin with"),
        ("sqlite:///", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite:////", "must name a file"),
    ],
)
def test_another_database_is_refused_without_its_password(given: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        database_url(given)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["redis://h", "redis://:p@h:6379/0", "rediss://u:p@h/3", "unix:///run/redis.sock?db=1"])
def test_a_redis_url_is_taken(url: str) -> None:
    check_redis_url(url)


@pytest.mark.parametrize(
    "url",
    ["redis://h:99999", "redis://h:0", "redis://h:port", "redis://:hunter2/x@h:6379", "redis://:hunter2#x@h", "http://h",
     "redis://h/zero", "redis://h/0/1", "h:6379"],
)  # fmt: skip
def test_a_redis_url_that_would_be_misread_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="TIDEWIRE_REDIS_URL must") as caught:
        check_redis_url(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://Updates.Example.org/", "https://updates.example.org"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
        ("https://example.org:443/team/updates/", "https://example.org/team/updates"),
        ("http://example.org:80", "http://example.org"),
        ("http://example.org:443", "http://example.org:443"),
    ],
)
def test_a_public_url_is_kept_without_a_final_slash(given: str, kept: str) -> None:
    assert public_url(given) == kept


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("updates.example.org", "such as https://updates.example.org"),
        ("updates.example.org:8443", "such as https://updates.example.org:8443"),
        ("javascript:alert(1)", "must be an http"),
        ("ftp://example.org", "must be an http"),
        ("//example.org", "must be an http"),
        ("https://", "must be an http"),
        ("https://user@example.org", "must be an http"),
        ("https://example.org:99999", "must be an http"),
        ("https://example.org:0", "must be an http"),
        ("https://example.org:", "must be an http"),
        ("https://exa mple.org", "must be an http"),
        ('https://x"><script>', "must be an http"),
        ("http://[", "must be an http"),
        ("https://a..b", "must be an http"),
        ("https://example.org/a//b", "must end after the host"),
        ("https://example.org/%61", "must end after the host"),
        ("https://example.org/..", "must end after the host"),
        ("https://example.org/x;y", "must end after the host"),
        ("https://example.org/?a=1", "must end after the host"),
        ("https://example.org/?", "must end after the host"),
        ("https://example.org/#x", "must end after the host"),
    ],
)
def test_a_public_url_that_pages_can_not_use_is_refused(given: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"TIDEWIRE_PUBLIC_URL {reason}|TIDEWIRE_PUBLIC_URL .*{reason}"):
        public_url(given)


@pytest.mark.parametrize(
    "bind",
    ["127.0.0.1:8000", "0.0.0.0:1", "localhost:65535", "[::1]:80", "[::]:80", "hub_1:80", "unix:/run/x", "fd://3"],
)
def test_an_address_to_listen_on_is_taken(bind: str) -> None:
    check_bind(bind)


@pytest.mark.parametrize(
    ("bind", "hint"),
    [
        (":18831", "Write 127.0.0.1:18831, or 0.0.0.0:18831"),
        ("localhost", "Write localhost:8000"),
        ("99999", ""),
        ("8000", "Write 127.0.0.1:8000"),
        ("::1:8000", r"Write \[::1\]:8000"),
        ("::1", r"Write"),
        ("127.0.0.1:99999", ""),
        ("127.0.0.1:0", ""),
        ("127.0.0.1:-1", ""),
        ("127.0.0.1:8000/", ""),
        ("http://127.0.0.1:8000", ""),
        ("256.1.1.1:80", ""),
        ("1.2.3:80", ""),
        ("[127.0.0.1]:80", ""),
        ("a b:80", ""),
        ("unix:", ""),
        ("fd://x", ""),
        ("127.0.0.1:٨٠", ""),
    ],
)
def test_an_address_that_can_not_be_listened_on_is_refused_with_the_right_form(bind: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=rf"TIDEWIRE_BIND \(--bind\) must be HOST:PORT.*{hint}"):
        check_bind(bind)
