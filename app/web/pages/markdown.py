"""Markdown as safe HTML: raw HTML is not parsed, and a sanitiser cleans the result."""

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

# The worst that is rendered takes 15 to 40 ms; beyond these bounds a hostile text of 8 KiB takes 160. The pages' script
# has the same bounds.
MAX_CHARACTERS = 8192  # In UTF-16 units.
MAX_MARKS = 1000
MAX_LINES = 400
_MARKS = "*_[]<&`\\"
_SAFE = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
# Raw HTML is shown as text, and images are not fetched: a page loads nothing from elsewhere.
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True}).disable("image")
_markdown.render("*once*")  # Compiles the rules, which is not safe on two threads at once.
_markdown.validateLink = lambda url: _SAFE.match(url) is not None  # type: ignore[method-assign]
_TAGS = frozenset("a blockquote br code em h1 h2 h3 h4 h5 h6 hr li ol p pre strong ul".split())


def is_rendered(text: str) -> bool:
    """True if the text is within the bounds. Other Markdown is shown as plain text: a hostile text takes quadratic
    time."""
    # Counted by the encoder: character by character, a page of 50 of these texts took 20 ms to find that none is shown.
    if len(text) > MAX_CHARACTERS or len(text.encode("utf-16-le", "surrogatepass")) > 2 * MAX_CHARACTERS:
        return False
    return sum(map(text.count, _MARKS)) <= MAX_MARKS and text.count("\n") < MAX_LINES


@lru_cache(maxsize=512)  # Successive requests for a page render the same updates.
def to_html(text: str) -> Markup:
    """The text as HTML of a few harmless tags. Only http, https and mailto links become links; others stay text."""
    html = nh3.clean(
        _markdown.render(text),
        tags=set(_TAGS),
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )
    return Markup(html)
