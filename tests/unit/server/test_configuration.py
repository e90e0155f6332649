"""hypercorn's values: the file and the built-in ones are the same set."""

import re
import tomllib
from pathlib import Path

import pytest

from app.config import ConfigError, Settings
from app.server.configuration import FILE, VALUES, server_config
from tests.support import ROOT


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
    assert config.websocket_max_message_size == VALUES["websocket_max_message_size"]  # The file does not say.


def test_the_server_gives_a_shutdown_at_least_the_time_that_the_hub_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert server_config(Settings(shutdown_timeout=25.0)).graceful_timeout == 25.0
    assert server_config(Settings()).graceful_timeout >= Settings().shutdown_timeout


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('backlog = "many"', "backlog must be a whole number from 1 to 2147483647; got 'many'"),
        ("backlog = -1", "backlog must be"),
        ("backlog = 0", "backlog must be a whole number from 1"),
        ("backlog = 99999999999", "backlog must be"),
        ("ssl_handshake_timeout = 0", "ssl_handshake_timeout must be"),
        ("shutdown_timeout = 0", "shutdown_timeout must be"),
        ("max_requests = 2", "max_requests is not for a hub: a hub's connections last."),
        ('root_path = "/x"', "root_path is not for a hub: give TIDEWIRE_PUBLIC_URL a path."),
        ('quic_bind = "127.0.0.1:1"', "quic_bind is not for a hub"),
        ("read_timeout = 3", "read_timeout is not for a hub"),
        ('accesslog = "-"', "accesslog is not for a hub: set TIDEWIRE_ACCESS_LOG."),
        (
            'certfile = "hypercorn.toml"\nkeyfile = "hypercorn.toml"\n# ENCRYPTED PRIVATE KEY',
            "hypercorn.toml is encrypted; keyfile_password is missing",
        ),
        ('certfile = "hypercorn.toml"', "TLS needs both certfile"),
        ('insecure_bind = "127.0.0.1:1"', "insecure_bind is the address without TLS"),
        ('loglevel = "LOUD"', "loglevel must be a level such as INFO; got 'LOUD'"),
        ('errorlog = "nowhere/log"', "errorlog nowhere/log can't be written: No such file or directory"),
        ("backlog = true", "backlog must be"),
        ("backlog = 1.5", "backlog must be"),
        ('keep_alive_timeout = "75s"', "keep_alive_timeout must be a number of seconds"),
        ("keep_alive_timeout = inf", "keep_alive_timeout must be"),
        ('include_server_header = "no"', "include_server_header must be true or false"),
        ("certfile = 7", "certfile must be a text"),
        ('certfile = "gone.pem"', "certfile names no file: gone.pem"),
        ('certfile = "hypercorn.toml"\nkeyfile = "hypercorn.toml"', "can't be used for TLS"),
        ('alpn_protocols = ["h2", "http/1.1"]', 'alpn_protocols must be ["http/1.1"]'),
        ("alpn_protocols = [1]", "alpn_protocols must be a list of texts"),
        ("[bind]\na = 1", "bind must be a text or a list of texts"),
        ("create_sockets = 1", "no setting 'create_sockets'"),
        ("log = 1", "no setting 'log'"),
        ("_bind = 1", "no setting '_bind'"),
    ],
)
def test_a_value_that_hypercorn_can_not_use_is_refused_by_its_name(
    text: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    FILE.write_text(text)

    with pytest.raises(ConfigError, match=re.escape(reason)):
        server_config(Settings())


def test_every_type_that_hypercorn_takes_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FILE.write_text('keep_alive_timeout = 7\numask = 0\nerrorlog = "log"\nbind = ["x:1"]\nverify_mode = 0\n')
    config = server_config(Settings())

    assert (config.keep_alive_timeout, config.umask, config.errorlog) == (7, 0, "log")


@pytest.mark.parametrize("text", ["backlog =", "backlogg = 7", 'worker_class = "trio"'])
def test_a_broken_file_is_named(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FILE.write_text(text)

    with pytest.raises(ConfigError, match=r"hypercorn\.toml"):
        server_config(Settings())
