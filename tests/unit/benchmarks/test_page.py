"""A run replaces its own section of a page and leaves the rest unchanged."""

from pathlib import Path

import pytest

from benchmarks.failure import Failure
from benchmarks.page import write

BEGIN, END = "<!-- figures: written by `python -m benchmarks` -->", "<!-- figures: end -->"


def test_the_section_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{BEGIN}\n\nold\n\n{END}\n\nrest\n")

    write(page, "figures", "A machine.", ["one", "two"])
    once = page.read_text()
    write(page, "figures", "A machine.", ["one", "two"])

    assert once == f"# Title\n\n{BEGIN}\n\nA machine.\n\none\n\ntwo\n\n{END}\n\nrest\n"
    assert page.read_text() == once


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_page_without_the_section_is_not_changed(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)

    with pytest.raises(Failure, match="no section"):
        write(page, "figures", "A machine.", ["one"])
    assert page.read_text() == text
