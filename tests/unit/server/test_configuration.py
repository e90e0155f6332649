"""hypercorn's values: the file and the built-in ones are the same set."""

import tomllib
from pathlib import Path

import pytest

from app.config import ConfigError, Settings
from app.server.configuration import FILE, VALUES, server_config
from tests.support.process import ROOT


def test_the_file_and_the_built_in_values_are_equal() -> None:
    in_file = tomllib.loads((ROOT / FILE).read_text())

    assert in_file.pop("bind") == [Settings.__dataclass_fields__["bind"].default]
    assert in_file == VALUES


def test_the_settings_give_the_address_and_the_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    one = server_config(Settings(bind="127.0.0.1:1"))
    two = server_config(Settings(workers=2, redis_url="redis://h"))

    assert (one.bind, one.workers, one.websocket_max_message_size) == (["127.0.0.1:1"], 0, 98_304)
    assert two.workers == 2


def test_a_file_in_the_working_directory_takes_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FILE.write_text("backlog = 7\n")

    config = server_config(Settings())

    assert (config.backlog, config.websocket_ping_interval) == (7, None)


def test_the_server_gives_a_shutdown_at_least_the_time_that_the_hub_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert server_config(Settings(shutdown_timeout=25.0)).graceful_timeout == 25.0
    assert server_config(Settings()).graceful_timeout >= Settings().shutdown_timeout


@pytest.mark.parametrize("text", ["backlog =", "backlogg = 7", 'worker_class = "trio"'])
def test_a_broken_file_is_named(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FILE.write_text(text)

    with pytest.raises(ConfigError, match=r"hypercorn\.toml"):
        server_config(Settings())
