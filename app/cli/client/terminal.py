"""Updates as text for a terminal, without any character that the terminal would take as a command."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from typing import Any

import click

# Escape sequences begin with C0 and C1 controls (ECMA-48); bidirectional controls make a text read as another
# (CVE-2021-42574), and the two separators begin a line for some terminals.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LEVELS = {
    "debug": ("·", "bright_black"),
    "info": ("•", "blue"),
    "success": ("✓", "green"),
    "warning": ("!", "yellow"),
    "error": ("✗", "red"),
    "critical": ("‼", "bright_red"),
}
_BAR_CELLS = 20
_MAX_DATA_CHARACTERS = 400
_INDENT = "    "


def plain(text: object) -> str:
    """The text as one line, with every control character replaced."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", " ".join(str(text).splitlines()).replace("\t", " "))


def json_line(value: object) -> str:
    """The value as one line of JSON, with every control character escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def render(update: Mapping[str, Any], *, color: bool, today: date, zone: tzinfo | None = None) -> str:
    """Time, seq, level and the other fields on one line; the body indented below, or on that line if it is short and
    there is no title. `today` and `zone` are the reader's; without a zone, the machine's own.
    """
    level = update.get("level", "info")
    mark, hue = _LEVELS.get(level, ("?", "white"))

    def style(text: str, **how: Any) -> str:
        return click.style(text, **how) if color and text else text

    body = _body(update.get("body"))
    head = plain(update["title"]) if "title" in update else ""
    if not head and len(body) == 1:
        head = body.pop()
    words = [
        style(_time(update["at"], zone, today), dim=True),
        style(f"#{update['seq']}", dim=True),
        style(f"{mark} {plain(level):<8}", fg=hue),
        style(f"[{plain(update['key'])}]", fg="cyan") if "key" in update else "",
        style(head, bold="title" in update),
        style(_value(update), bold=True),
        bar(update["progress"]) if "progress" in update else "",
        style(plain(update["status"]), fg="magenta") if "status" in update else "",
        style("off the board", dim=True) if update.get("gone") else "",
        *(style(f"#{plain(tag)}", dim=True) for tag in update.get("tags", ())),
        style(f"— {plain(update['author'])}", dim=True) if update.get("author") else "",
    ]
    lines = [" ".join(word for word in words if word)]
    lines += [_INDENT + line for line in body]
    if "data" in update:
        lines.append(_INDENT + style(_cut(plain(_compact(update["data"]))), dim=True))
    if "link" in update:
        lines.append(_INDENT + style(plain(update["link"]), underline=True))
    return "\n".join(line.rstrip() for line in lines)


def bar(progress: float) -> str:
    """A progress from 0 to 1 as a bar and a percentage; full and 100 % only at 1."""
    share = min(1.0, max(0.0, float(progress)))
    full = int(share * _BAR_CELLS)
    return f"{'█' * full}{'░' * (_BAR_CELLS - full)} {int(share * 100)}%"


def _body(body: object) -> list[str]:
    return [plain(line) for line in body.splitlines()] if isinstance(body, str) and body.strip() else []


def _value(update: Mapping[str, Any]) -> str:
    if "value" not in update:
        return ""
    number = update["value"]
    shown = f"{number:.10g}" if isinstance(number, float) else str(number)
    return f"{shown} {plain(update['unit'])}" if update.get("unit") else shown


def _time(at: str, zone: tzinfo | None, today: date) -> str:
    """The time of day, with the date unless it is today's for the reader."""
    try:
        moment = datetime.fromisoformat(at).astimezone(zone)
    except ValueError:
        return plain(at)
    return f"{moment:%H:%M:%S}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M:%S}"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_DATA_CHARACTERS else text[: _MAX_DATA_CHARACTERS - 1] + "…"
