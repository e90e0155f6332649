"""Settings: where each comes from, and that every wrong or unsafe one is refused by its name."""

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

from app.config import PREFIX, ConfigError, Settings, described, tree

LONG = "k" * 32
BOUNDED = [each for each in fields(Settings) if each.metadata["least"] is not None]
REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env`, no data folder, and none of the developer's own variables."""
    monkeypatch.chdir(tmp_path)
    for each in fields(Settings):
        monkeypatch.delenv(PREFIX + each.name.upper(), raising=False)


def made(**given: Any) -> Settings:
    return Settings(**({"secret_key": LONG} | given))


@pytest.mark.parametrize("name", [each.name for each in BOUNDED])
def test_a_number_under_its_bound_is_refused_by_name(name: str) -> None:
    least = next(each.metadata["least"] for each in BOUNDED if each.name == name)

    with pytest.raises(ConfigError, match=f"{PREFIX}{name.upper()} must be .*{least}"):
        made(**{name: least - 1})
    assert getattr(made(**{name: least}), name) == least


@pytest.mark.parametrize("name", [each.name for each in BOUNDED if each.metadata["most"] is not None])
def test_a_number_over_its_bound_is_refused_by_name(name: str) -> None:
    most = next(each.metadata["most"] for each in BOUNDED if each.name == name)

    with pytest.raises(ConfigError, match=f"{PREFIX}{name.upper()} must be between .* and {most}"):
        made(**{name: most + 1, "redis_url": REDIS})
    assert getattr(made(**{name: most, "redis_url": REDIS}), name) == most


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("name", ["POLL_INTERVAL", "ANONYMOUS_RATE"])
def test_a_number_is_finite(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(PREFIX + name, text)

    with pytest.raises(ConfigError, match=f"{PREFIX}{name} must be"):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("WORKERS", "two", "a whole number"),
        ("WORKERS", "1.5", "a whole number"),
        ("WORKERS", "1_0", "a whole number"),
        ("WORKERS", "１", "a whole number"),
        ("PUBLISH_RATE", "1_0", "a number"),
        ("PUBLISH_RATE", "٣", "a number"),
        ("HEARTBEAT", "soon", "a number"),
        ("RATE_LIMITS", "perhaps", "on or off"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, rule: str
) -> None:
    monkeypatch.setenv(PREFIX + name, text)

    with pytest.raises(ConfigError, match=f"{PREFIX}{name} must be {rule}; got '{text}'"):
        Settings.load()


def test_each_type_is_read_from_its_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {
        "WORKERS": "3",
        "REDIS_URL": REDIS,
        "HEARTBEAT": "2.5",
        "RATE_LIMITS": "OFF",
        "DATA_DIR": "elsewhere",
        "ALLOWED_ORIGINS": " https://a.example , https://b.example,",
        "PUBLIC_URL": "",
    }
    for name, text in given.items():
        monkeypatch.setenv(PREFIX + name, text)
    found = Settings.load()

    assert (found.workers, found.heartbeat, found.rate_limits) == (3, 2.5, False)
    assert (found.redis_url, found.public_url) == (REDIS, None)
    assert found.allowed_origins == ("https://a.example", "https://b.example")
    assert (tmp_path / found.data_dir / "secret_key").is_file()


@pytest.mark.parametrize(("text", "on"), [("on", True), ("True", True), ("1", True), ("off", False), ("0", False)])
def test_a_switch_is_on_or_off(monkeypatch: pytest.MonkeyPatch, text: str, on: bool) -> None:
    monkeypatch.setenv("TIDEWIRE_RATE_LIMITS", text)

    assert Settings.load().rate_limits is on


def test_an_argument_overrides_the_environment_which_overrides_the_env_file_and_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        "TIDEWIRE_BIND=file:1\nTIDEWIRE_PUBLIC_URL=http://file\nTIDEWIRE_LOG_LEVEL='debug'\n"
    )
    monkeypatch.setenv("TIDEWIRE_BIND", "environment:2")
    monkeypatch.setenv("TIDEWIRE_PUBLIC_URL", "http://environment")
    found = Settings.load(bind="argument:3")

    assert (found.bind, found.public_url, found.log_level) == ("argument:3", "http://environment", "debug")
    assert found.env == "development"


def test_a_wrong_variable_that_an_argument_replaces_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWIRE_WORKERS", "many")

    assert Settings.load(workers=1).workers == 1


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"env": "staging"}, "TIDEWIRE_ENV"),
        ({"database_url": "mysql://h/d"}, "TIDEWIRE_DATABASE_URL"),
        ({"database_url": "sqlite+aiosqlite:///"}, "TIDEWIRE_DATABASE_URL"),
        ({"database_url": "sqlite+aiosqlite:///:memory:"}, "TIDEWIRE_DATABASE_URL"),
        ({"database_url": "sqlite:///x%00.db"}, "TIDEWIRE_DATABASE_URL"),
        ({"database_url": "sqlite:///~/x.db"}, "TIDEWIRE_DATABASE_URL .*whole path"),
        ({"data_dir": Path("~/d")}, "TIDEWIRE_DATA_DIR .*whole path"),
        ({"page_bytes": 10**21}, "TIDEWIRE_PAGE_BYTES"),
        ({"redis_url": "127.0.0.1:6379"}, "TIDEWIRE_REDIS_URL"),
        ({"redis_url": "unix://"}, "TIDEWIRE_REDIS_URL"),
        ({"bind": ":18831"}, "TIDEWIRE_BIND"),
        ({"public_url": "updates.example.org"}, "TIDEWIRE_PUBLIC_URL"),
        ({"workers": 2}, "TIDEWIRE_WORKERS"),
        ({"log_level": "loud"}, "TIDEWIRE_LOG_LEVEL"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(wrong: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        made(**wrong)


@pytest.mark.parametrize("key", ["", "k" * 31])
def test_production_refuses_an_unsafe_secret_key_and_does_not_repeat_it(key: str) -> None:
    with pytest.raises(ConfigError, match="TIDEWIRE_SECRET_KEY must be at least 32") as caught:
        Settings.load(env="production", secret_key=key)

    assert not key or key not in str(caught.value)
    assert not Path("data").exists()


def test_production_starts_with_a_long_secret_key() -> None:
    assert Settings.load(env="production", secret_key=LONG).secret_key == LONG


@pytest.mark.parametrize("env", ["development", "testing"])
def test_outside_production_the_secret_key_is_made_once_and_only_its_owner_may_read_it(
    env: str, tmp_path: Path
) -> None:
    first, second = Settings.load(env=env), Settings.load(env=env)
    path = tmp_path / "data" / "secret_key"

    assert len(first.secret_key) >= 32
    assert first.secret_key == second.secret_key == path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["secret_key"]


def test_processes_that_start_at_once_share_one_secret_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        for round_ in range(25):
            data_dir = tmp_path / str(round_)
            found = {
                each.secret_key for each in threads.map(lambda _, path=data_dir: Settings.load(data_dir=path), range(8))
            }

            assert len(found) == 1 and len(found.pop()) >= 32


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        made().workers = 2  # type: ignore[misc]


def test_sqlite_has_a_file_and_postgresql_has_none() -> None:
    assert made(database_url="sqlite+aiosqlite:////srv/a.db?timeout=3").sqlite_path == Path("/srv/a.db")
    assert made(database_url="sqlite+aiosqlite:///data/a.db").sqlite_path == Path("data/a.db")
    assert made(database_url="postgresql+asyncpg://h/d").sqlite_path is None


def test_every_setting_has_its_variable_and_its_sentence() -> None:
    lines = described()

    assert [name for name, _, _ in lines] == [PREFIX + each.name.upper() for each in fields(Settings)]
    assert [name for name, _, sentence in lines if not sentence.endswith((".", "…"))] == []
    assert ("TIDEWIRE_BIND", "127.0.0.1:8000", "HOST:PORT that `tidewire serve` listens on.") in lines


def test_templates_and_migrations_are_found_wherever_the_hub_is_installed() -> None:
    assert (tree("frontend") / "templates" / "layout.html").is_file()
    assert (tree("migrations") / "env.py").is_file()


def test_a_setting_that_was_renamed_is_refused_with_its_new_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWIRE_EARLY_WAIT", "0.1")

    with pytest.raises(ConfigError, match="TIDEWIRE_EARLY_WAIT is now called TIDEWIRE_GAP_TIMEOUT"):
        Settings.load(secret_key="x" * 32)
