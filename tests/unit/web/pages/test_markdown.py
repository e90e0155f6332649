"""Which Markdown a page renders: the same as its script does (tests/js/markdown.test.js)."""

import pytest

from app.web.pages.markdown import is_rendered


@pytest.mark.parametrize("text", ["", "x" * 8192, "*a*" * 500, "a\n" * 399])
def test_within_the_bounds(text: str) -> None:
    assert is_rendered(text)


@pytest.mark.parametrize("text", ["x" * 8193, "🌊" * 4097, "[*" * 501, "a\n" * 400])
def test_what_takes_too_long_is_not_rendered(text: str) -> None:
    assert not is_rendered(text)
