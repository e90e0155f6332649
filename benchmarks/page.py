"""Write a run's tables into a section of a Markdown page; the section stands between two comments."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.failure import Failure


def write(page: Path, section: str, machine: str, parts: Sequence[str]) -> None:
    """Replace the content of that section. Raises Failure for a page without it."""
    begin, end = f"<!-- {section}: written by `python -m benchmarks` -->", f"<!-- {section}: end -->"
    text = page.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise Failure(f"{page} has no section between {begin} and {end}.")
    before, after = text[: text.index(begin)], text[text.index(end) :]
    page.write_text("\n\n".join([before + begin, machine, *parts, after]), encoding="utf-8")
