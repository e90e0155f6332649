"""Markdown as safe HTML: raw HTML is not parsed, and a sanitiser cleans the result."""

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

MAX_RENDERED = 8192
_SAFE = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
# Raw HTML is shown as text, and images are not fetched: a page loads nothing from elsewhere.
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True}).disable("image")
_markdown.render("*once*")  # Compiles the rules, which is not safe on two threads at once.
_markdown.validateLink = lambda url: _SAFE.match(url) is not None  # type: ignore[method-assign]
_TAGS = frozenset("a blockquote br code em h1 h2 h3 h4 h5 h6 hr li ol p pre strong ul".split())


def is_rendered(text: str) -> bool:
    """True if the text is short enough to render. Longer Markdown is shown as plain text, because a hostile text takes
    quadratic time. The length is in UTF-16 units, as in the pages' script, which has the same bound."""
    return len(text) + sum(char > "\uffff" for char in text) <= MAX_RENDERED


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
