"""The factory on a system where no hub runs."""

import sys

import pytest

from app import create_app
from app.config import ConfigError, Settings
from tests.support import ROOT


def test_windows_is_refused_in_one_sentence(settings_sqlite: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    with pytest.raises(ConfigError, match=r"^A hub does not run on Windows; use WSL 2 or the container image\.$"):
        create_app(settings_sqlite)


def test_no_module_of_the_hub_imports_what_windows_lacks() -> None:
    """At its top, that is: an import there would end the program with a trace before the sentence."""
    absent = ("import fcntl", "import resource", "import pwd", "import grp", "import termios")
    lines = [line for path in (ROOT / "app").rglob("*.py") for line in path.read_text().splitlines()]

    assert [line for line in lines if line.startswith(absent)] == []
