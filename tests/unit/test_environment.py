"""The variables: `.env` is read like the environment, or refused with its line."""

from pathlib import Path

import pytest

from app.environment import ConfigError, unknown, variable, variables


@pytest.fixture(autouse=True)
def _empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIDEWIRE_ENV", raising=False)


@pytest.mark.parametrize("empty", ["", " ", "\t"])
def test_an_empty_variable_is_absent_and_hides_nothing(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("TIDEWIRE_ENV=production\nTIDEWIRE_BIND=\n")
    monkeypatch.setenv("TIDEWIRE_ENV", empty)

    assert variable("TIDEWIRE_ENV") == "production"
    assert "TIDEWIRE_BIND" not in variables()


def test_a_byte_order_mark_and_windows_lines_are_read() -> None:
    Path(".env").write_bytes(b"\xef\xbb\xbfTIDEWIRE_ENV=testing\r\nTIDEWIRE_BIND='a:1'\r\n")

    assert (variable("TIDEWIRE_ENV"), variable("TIDEWIRE_BIND")) == ("testing", "a:1")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("TIDEWIRE_ENV=testing\n# Grüße\n".encode("latin-1"), r"line 2: not UTF-8"),
        ("TIDEWIRE_ENV=testing\n".encode("utf-16"), r"line 1: not UTF-8"),
        ("A=1\n".encode("utf-16-le"), r"line 1: a NUL character"),
        (b"A=1\n\nTIDEWIRE_ENV testing\n", r"line 3: must be NAME=VALUE"),
        (b"A=1\nTIDEWIRE_ENV='testing\nB=2\n", r"line 2: must be NAME=VALUE, with closed quotes"),
        (b'TIDEWIRE_ENV="testing" here\n', r"line 1: must be NAME=VALUE"),
        (b"TIDEWIRE_ENV\n", r"line 1: must be NAME=VALUE"),
        (b"#" * (2**20 + 1), r"is larger than 1024 KiB"),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_its_line(content: bytes, reason: str, tmp_path: Path) -> None:
    Path(".env").write_bytes(content)

    with pytest.raises(ConfigError, match=rf"{tmp_path}/\.env.*{reason}"):
        variables()


def test_a_name_alone_is_of_another_program() -> None:
    Path(".env").write_text("COMPOSE_THING\nTIDEWIRE_ENV=testing\n")

    assert variable("TIDEWIRE_ENV") == "testing"


def test_a_variable_that_nothing_reads_is_named_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("TIDEWIRE_NOPE=1\n")
    for name in ("TIDEWIRE_WORKRES", "TIDEWIRE_TOKEN", "TIDEWIRE_URL", "TIDEWIRE_BIND"):
        monkeypatch.setenv(name, "1")

    assert unknown(["BIND", "WORKERS"]) == [
        "TIDEWIRE_NOPE is no setting, and is ignored.",
        "TIDEWIRE_WORKRES is no setting, and is ignored (did you mean TIDEWIRE_WORKERS?).",
    ]
