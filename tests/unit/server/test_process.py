"""A process of the hub: what ends it with one line, and what is unchanged where the caller owns the process."""

import gc
import logging

import pytest
from hypercorn.config import Config

from app import create_app
from app.cli import run
from app.config import ConfigError, Settings
from app.server.process import StartRefused, welcome


@pytest.mark.parametrize(
    ("bind", "public_url", "url"),
    [
        ("0.0.0.0:80", "", "http://127.0.0.1:80/lobby"),
        ("[::]:80", "", "http://[::1]:80/lobby"),
        ("[::1]:80", "", "http://[::1]:80/lobby"),
        ("127.0.0.1:80", "https://x.org", "https://x.org/lobby"),
        ("127.0.0.1:80", "https://x.org/", "https://x.org/lobby"),
    ],
)
def test_the_welcome_names_an_address_that_answers(bind: str, public_url: str, url: str) -> None:
    config = Config()
    config.bind = [bind]

    assert f'curl -d "hello" {url}' in welcome(Settings(public_url=public_url), config)


def test_the_welcome_names_a_socket_by_its_path() -> None:
    config = Config()
    config.bind = ["unix:/run/tidewire.sock"]

    assert 'curl --unix-socket /run/tidewire.sock -d "hello" http://localhost/lobby' in welcome(Settings(), config)


def test_a_refused_start_is_a_config_error_that_ends_a_process_with_its_message() -> None:
    refused = StartRefused("TIDEWIRE_X is wrong.")

    assert isinstance(refused, ConfigError)
    assert (str(refused), refused.code) == ("TIDEWIRE_X is wrong.", "Error: TIDEWIRE_X is wrong.")


def test_invalid_settings_of_the_environment_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWIRE_WORKERS", "none")

    with pytest.raises(ConfigError, match="TIDEWIRE_WORKERS"):
        create_app()


def test_a_command_reports_a_refused_start_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIDEWIRE_BLUEPRINTS", "nothing.here:blueprint")

    assert run(["greet"]) == 1
    assert capsys.readouterr().err.startswith("Error: TIDEWIRE_BLUEPRINTS")


@pytest.mark.parametrize("is_embedded", [True, False])
def test_no_global_state_is_changed_before_the_lifespan(
    is_embedded: bool, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    before = _global_state()

    create_app(Settings(secret_key="x" * 40) if is_embedded else None)

    assert _global_state() == before


def _global_state() -> object:
    loggers = [logging.getLogger(name) for name in (None, "tidewire", "tidewire.server", "app")]
    return [(list(each.handlers), each.level, each.propagate) for each in loggers], gc.get_threshold()
