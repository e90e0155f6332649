"""Markdown bodies as HTML that is safe to show: no raw HTML in, and a sanitiser behind."""

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

# Raw HTML is shown as text, and images are not fetched: a page loads nothing from elsewhere.
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True}).disable("image")
_TAGS = frozenset("a blockquote br code em h1 h2 h3 h4 h5 h6 hr li ol p pre strong ul".split())


def to_html(text: str) -> Markup:
    """The text as HTML of a few harmless tags; links open http, https and mailto alone, and pass nothing on."""
    html = nh3.clean(
        _markdown.render(text),
        tags=set(_TAGS),
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )
    return Markup(html)
