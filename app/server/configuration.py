"""How `tidewire serve` configures hypercorn: hypercorn.toml, or the values here, and the settings."""

import tomllib
from importlib.util import find_spec
from logging import getLevelNamesMapping
from pathlib import Path
from typing import Any

from app.config import ConfigError, Settings
from app.server.listening import HubConfig
from app.server.option_types import REPLACED, broken_rule, option_types
from app.server.process import join_logs

FILE = Path("hypercorn.toml")
APPLICATION = "app:create_app()"

# Used for what hypercorn.toml does not say. The file in the repository has the same values, with reasons; a test
# compares the two.
VALUES: dict[str, Any] = {
    "backlog": 2048,
    "keep_alive_max_requests": 1_000_000_000,
    "keep_alive_timeout": 75,
    "websocket_max_message_size": 98_304,
    "h11_max_incomplete_size": 32_768,
    "h2_max_header_list_size": 32_768,
    "graceful_timeout": 10,
    "shutdown_timeout": 15,
    "startup_timeout": 120,
    "ssl_handshake_timeout": 10,
    "alpn_protocols": ["http/1.1"],
    "include_server_header": False,
    "errorlog": "-",
    "loglevel": "INFO",
}


def server_config(settings: Settings) -> HubConfig:
    """hypercorn's configuration: VALUES, and over them hypercorn.toml in the working directory. The settings give the
    address, the number of workers, and the minimum time for a shutdown.

    Raises ConfigError for a file that can't be read, an option that is not for a hub, a value of the wrong type, an
    event loop that is not installed, a log that can't be written, HTTP/2, and a certificate that can't be loaded.
    """
    config, types = HubConfig(), option_types()
    for name, value in _values().items():
        if name not in types:
            raise ConfigError(f"{FILE}: hypercorn has no setting {name!r}.")
        if name in REPLACED:
            raise ConfigError(f"{FILE}: {name} is not for a hub: {REPLACED[name]}.")
        if (rule := broken_rule(name, types[name], value)) is not None:
            raise ConfigError(f"{FILE}: {name} must be {rule}; got {value!r}.")
        setattr(config, name, value)
    _check_loop(config.worker_class)
    if config.alpn_protocols != VALUES["alpn_protocols"]:
        raise ConfigError(f'{FILE}: alpn_protocols must be ["http/1.1"]: HTTP/2 belongs to the proxy in front.')
    _check_log(config)
    _check_certificate(config)
    config.bind = [settings.bind]
    # One worker runs in this process: then a signal, or kill -9, reaches the hub itself.
    config.workers = settings.workers if settings.workers > 1 else 0
    # By then the hub has ended or cut every connection; on uvloop hypercorn would cancel them instead.
    config.graceful_timeout = max(config.graceful_timeout, settings.shutdown_timeout)
    config.application_path = APPLICATION
    join_logs(config)
    return config


def _values() -> dict[str, Any]:
    try:
        return VALUES | (tomllib.loads(FILE.read_text("utf-8")) if FILE.exists() else {})
    except (OSError, ValueError) as error:
        raise ConfigError(f"{FILE} can't be read: {error}.") from None


def _check_certificate(config: HubConfig) -> None:
    """Raise ConfigError where hypercorn would end with a traceback, with an error that names no file, or serve without
    TLS."""
    for name in ("certfile", "keyfile", "ca_certs"):
        path = getattr(config, name)
        if path is not None and not Path(path).is_file():
            raise ConfigError(f"{FILE}: {name} names no file: {path}.")
    if (config.certfile is None) != (config.keyfile is None):
        raise ConfigError(f"{FILE}: TLS needs both certfile, the certificate's chain, and keyfile, its key.")
    if config.keyfile is None and config.insecure_bind:
        raise ConfigError(f"{FILE}: insecure_bind is the address without TLS, beside one with certfile and keyfile.")
    try:
        if config.keyfile is not None and not config.keyfile_password and b"ENCRYPTED" in _start_of(config.keyfile):
            raise ConfigError(f"{FILE}: {config.keyfile} is encrypted; keyfile_password is missing.")
        config.create_ssl_context()
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise ConfigError(
            f"{FILE}: {config.certfile} and {config.keyfile} can't be used for TLS ({reason}): they must be the "
            "certificate's chain and its key, in PEM, and ca_certs, ciphers and verify_mode must be OpenSSL's."
        ) from None


def _start_of(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(4096)


def _check_log(config: HubConfig) -> None:
    """Raise ConfigError where hypercorn would end with a traceback."""
    if config.loglevel.upper() not in getLevelNamesMapping():
        raise ConfigError(f"{FILE}: loglevel must be a level such as INFO; got {config.loglevel!r}.")
    if isinstance(config.errorlog, str) and config.errorlog != "-":
        try:
            with Path(config.errorlog).open("a"):
                pass
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(f"{FILE}: errorlog {config.errorlog} can't be written: {reason}.") from None


def _check_loop(name: str) -> None:
    """Raise ConfigError where hypercorn would end with a traceback."""
    if name not in ("asyncio", "uvloop"):
        raise ConfigError(f'{FILE}: worker_class must be "asyncio" or "uvloop"; got {name!r}.')
    if name == "uvloop" and find_spec("uvloop") is None:
        raise ConfigError(f'{FILE}: worker_class is "uvloop", which is not installed: pip install tidewire[uvloop].')
