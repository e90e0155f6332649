"""An update on a terminal: how it is shown, and that its text cannot control the terminal."""

import json
from datetime import UTC, date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.client.terminal import bar, json_line, plain, render

TODAY = date(2026, 11, 21)
UPDATE: dict[str, Any] = {"channel": "ci", "epoch": "k3", "seq": 58, "id": "0199", "at": "2026-11-21T09:30:00.123Z"}
TEXT = st.text(max_size=60)


def shown(*, color: bool = False, **fields: Any) -> str:
    """The update with these fields, rendered on that day in UTC."""
    return render({**UPDATE, **fields}, color=color, today=TODAY, zone=UTC)


def controls_in(text: str) -> list[str]:
    """The control characters of the text, but for line ends."""
    return [c for c in text if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160 or 0x202A <= ord(c) <= 0x202E)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"body": "hi"}, "09:30:00 #58 • info     hi"),
        ({"body": "a\nb"}, "09:30:00 #58 • info\n    a\n    b"),
        (
            {"title": "Backup", "body": "done", "level": "success", "key": "db", "author": "bot"},
            "09:30:00 #58 ✓ success  [db] Backup — bot\n    done",
        ),
        ({"value": 42.1, "unit": "GiB"}, "09:30:00 #58 • info     42.1 GiB"),
        ({"value": 3}, "09:30:00 #58 • info     3"),
        ({"progress": 0.5, "status": "running"}, "09:30:00 #58 • info     ██████████░░░░░░░░░░ 50% running"),
        ({"status": "up", "tags": ["a", "b"]}, "09:30:00 #58 • info     up #a #b"),
        ({"key": "db", "gone": True}, "09:30:00 #58 • info     [db] off the board"),
        ({"data": {"any": "jsön"}}, '09:30:00 #58 • info\n    {"any": "jsön"}'),
        ({"body": "x", "link": "https://example.org/"}, "09:30:00 #58 • info     x\n    https://example.org/"),
        ({"body": "x", "level": "loud"}, "09:30:00 #58 ? loud     x"),
        ({"body": "x", "at": "2026-11-20T09:30:00Z"}, "2026-11-20 09:30:00 #58 • info     x"),
        ({"body": "x", "at": "soon"}, "soon #58 • info     x"),
    ],
)
def test_an_update_is_rendered_as_one_entry(fields: dict[str, Any], expected: str) -> None:
    assert shown(**fields) == expected


def test_color_leaves_the_text_as_it_is() -> None:
    colored = shown(color=True, title="T", level="error", key="k", progress=1)

    assert "\x1b[31m✗ error" in colored
    assert "\x1b" not in shown(title="T", level="error", key="k", progress=1)


@pytest.mark.parametrize(
    ("progress", "cells", "per_cent"),
    [(0, 0, "0%"), (0.999, 19, "99%"), (1, 20, "100%"), (7, 20, "100%"), (-1, 0, "0%")],
)
def test_a_bar_is_full_only_at_the_end(progress: float, cells: int, per_cent: str) -> None:
    assert bar(progress) == "█" * cells + "░" * (20 - cells) + " " + per_cent


def test_an_escape_sequence_is_shown_as_text() -> None:
    attack = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egpj.exe"

    line = shown(title=attack, body=f"{attack}\r\nx", key=attack, status=attack, tags=[attack], unit=attack, value=1)

    assert controls_in(line) == []
    assert "\ufffd]0;owned" in line


@given(
    title=TEXT, body=TEXT, key=TEXT, author=TEXT, level=TEXT, link=TEXT, data=st.dictionaries(TEXT, TEXT, max_size=3)
)
def test_no_field_controls_the_terminal(**fields: Any) -> None:
    assert controls_in(shown(**fields)) == []
    assert controls_in(json_line(fields)) == []


@given(st.dictionaries(TEXT, TEXT | st.integers() | st.none(), max_size=5))
def test_a_json_line_is_one_line_with_the_same_value(value: dict[str, Any]) -> None:
    line = json_line(value)

    assert json.loads(line) == value
    assert line.splitlines() == [line]


def test_plain_is_one_line() -> None:
    assert plain("a\r\nb\tc\x1bd\u2028e") == "a b c\ufffdd e"
