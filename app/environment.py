"""The TIDEWIRE_… variables: of the environment, else of the file `.env` in the working directory."""

import os
from collections.abc import Collection
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

PREFIX = "TIDEWIRE_"
FILE = Path(".env")
MAX_FILE_BYTES = 2**20
# Read by other programs than the hub: the clients, compose.yaml, the test suite.
OTHERS = ("URL", "TOKEN", "PORT", "TEST_DATABASE_URL", "TEST_REDIS_URL", "TEST_CHROMIUM")


class ConfigError(Exception):
    """A setting is wrong or unsafe; the message names the variable and the rule. The hub refuses to start."""


def variables() -> dict[str, str]:
    """Every variable of the environment and of `.env` that is not empty; the environment takes precedence.

    Raises ConfigError for a file that can't be read, naming the line.
    """
    given = {**_from_file(), **{name: text for name, text in os.environ.items() if text.strip()}}
    return {name: text.strip() if name.startswith(PREFIX) else text for name, text in given.items()}


def variable(name: str) -> str:
    """One of them, or the empty text. Raises ConfigError."""
    return variables().get(name, "")


def unknown(known: Collection[str]) -> list[str]:
    """A sentence for each TIDEWIRE_… variable that nothing reads; `known` are the settings' names.

    Raises ConfigError.
    """
    names = [PREFIX + name for name in (*known, *OTHERS)]
    found = sorted(name for name in variables() if name.startswith(PREFIX) and name not in names)
    return [f"{name} is no setting, and is ignored{_suggestion(name, names)}." for name in found]


def _suggestion(name: str, names: list[str]) -> str:
    close = get_close_matches(name.removeprefix(PREFIX), [each.removeprefix(PREFIX) for each in names], n=1, cutoff=0.7)
    return f" (did you mean {PREFIX}{close[0]}?)" if close else ""


def _from_file() -> dict[str, str]:
    try:
        with FILE.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return {}
    except IsADirectoryError:
        return {}  # As python-dotenv and Flask see it.
    except OSError as error:
        raise ConfigError(f"{FILE.absolute()} can't be read: {error.strerror}.") from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"{FILE.absolute()} is larger than {MAX_FILE_BYTES // 1024} KiB.")
    text = _decoded(content)
    _check(text)
    values = dotenv_values(stream=StringIO(text))
    return {name: value for name, value in values.items() if value is not None and value.strip()}


def _decoded(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")  # Editors on Windows begin a file with a byte order mark.
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{FILE.absolute()}, line {line}: not UTF-8. Save the file as UTF-8.") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ConfigError(f"{FILE.absolute()}, line {line}: a NUL character. Save the file as UTF-8.")
    return text


def _check(text: str) -> None:
    """Raise ConfigError for the first line that is no assignment: skipped, it would leave a setting at its default."""
    for binding in parse_stream(StringIO(text)):
        is_bare = (binding.key or "").startswith(PREFIX) and binding.value is None
        if binding.error or is_bare:
            skipped = len(binding.original.string) - len(binding.original.string.lstrip("\r\n"))
            line = binding.original.line + binding.original.string.count("\n", 0, skipped)
            raise ConfigError(f"{FILE.absolute()}, line {line}: must be NAME=VALUE, with closed quotes.")
