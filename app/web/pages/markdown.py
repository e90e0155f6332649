"""Markdown bodies as HTML that is safe to show: no raw HTML in, and a sanitiser behind."""

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

MOST = 8192
_SAFE = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
# Raw HTML is shown as text, and images are not fetched: a page loads nothing from elsewhere.
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True}).disable("image")
_markdown.render("*once*")  # Compiles its rules, which two threads must not do at one time.
_markdown.validateLink = lambda url: _SAFE.match(url) is not None  # type: ignore[method-assign]
_TAGS = frozenset("a blockquote br code em h1 h2 h3 h4 h5 h6 hr li ol p pre strong ul".split())


def is_rendered(text: str) -> bool:
    """Is the text short enough? Longer Markdown is shown as it is: a hostile one costs its length squared. The page's
    own script has the same bound, in the units that it counts in."""
    return len(text) + sum(char > "\uffff" for char in text) <= MOST


@lru_cache(maxsize=512)  # A page shows the same updates again and again.
def to_html(text: str) -> Markup:
    """The text as HTML of a few harmless tags; links open http, https and mailto alone; any other stays text."""
    html = nh3.clean(
        _markdown.render(text),
        tags=set(_TAGS),
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )
    return Markup(html)
