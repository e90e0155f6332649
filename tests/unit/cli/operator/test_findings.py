"""What `doctor` finds in the settings alone."""

from pathlib import Path
from typing import Any

import pytest

from app.cli.operator.findings import configured, unsafe, without_password
from app.config import Settings

SECRET = "kX2-fN8_qTz5RbW0vYpL7mJc4HdGa9Se1UoI"


def settings(**given: Any) -> Settings:
    """Safe settings for production, except for those given."""
    right = {
        "env": "production",
        "secret_key": SECRET,
        "bind": "0.0.0.0:8000",
        "public_url": "https://updates.example.org",
        "trusted_proxies": 1,
    }
    return Settings(**{**right, **given})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+asyncpg://u:p@h:1/d", "postgresql+asyncpg://u:***@h:1/d"),
        ("postgresql+asyncpg://u:a/b@c@h/d", "postgresql+asyncpg://u:***@h/d"),
        ("redis://:p@h:6379/0", "redis://:***@h:6379/0"),
        ("redis://h/0?password=p&x=1", "redis://h/0?password=***&x=1"),
        ("sqlite+aiosqlite:///data/tidewire.db", "sqlite+aiosqlite:///data/tidewire.db"),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_the_secret_key_is_not_shown() -> None:
    given = settings(redis_url="redis://:hunter2@h/0", secret_key_fallbacks=("an earlier one",))
    lines = dict(configured(given))

    assert SECRET not in str(lines)
    assert "hunter2" not in str(lines) and "earlier" not in str(lines)
    assert lines["TIDEWIRE_SECRET_KEY"] == "set, 36 characters"


def test_a_safe_production_has_no_finding() -> None:
    assert list(unsafe(settings())) == []
    assert list(unsafe(settings(bind="127.0.0.1:8000"))) == []
    assert list(unsafe(Settings(secret_key=SECRET))) == []


@pytest.mark.parametrize(
    ("given", "subject"),
    [
        ({"rate_limits": False}, "rate limits"),
        ({"secret_key": "a" * 40}, "secret key"),
        ({"bind": "127.0.0.1:8000", "trusted_proxies": 0, "public_url": None}, "address public URL"),
        ({"env": "development"}, "address"),
        ({"public_url": None}, "public URL"),
        ({"public_url": "http://updates.example.org"}, "public URL"),
        ({"trusted_proxies": 0}, "proxies"),
        ({"redis_url": "redis://h", "database_url": f"sqlite+aiosqlite:///{Path('x.db')}"}, "database"),
    ],
)
def test_what_is_unsafe_is_named(given: dict[str, Any], subject: str) -> None:
    assert " ".join(finding.subject for finding in unsafe(settings(**given))) == subject
