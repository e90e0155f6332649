"""A page of the hub, parsed, and the checks that every page must pass."""

import re
from html.parser import HTMLParser
from typing import Any

from tests.support.hub import Answered, ServedHub

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
VOID = {"meta", "link", "input", "br", "hr", "img", "source"}
HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'\" onmouseover='alert(1)", "</li></ol></main>",
    "{{ 7 * 7 }}{% raw %}", "<!-- x", "]]>", "&lt;b&gt;&amp;", "\u202egnp.exe", "</title></textarea><svg onload=x>",
]  # fmt: skip


class Page(HTMLParser):
    """A parsed page: its elements with their attributes, and its text."""

    def __init__(self, answer: Answered) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(answer.body.decode())
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.elements if found == tag]

    @property
    def seqs(self) -> list[int]:
        return [int(found["data-seq"] or 0) for found in self.all("li") if "data-seq" in found]


async def page(hub: ServedHub, path: str, status: int = 200, **given: Any) -> Page:
    """Fetch the page at the path, check that it is safe, and return it parsed."""
    answer = await hub.call("GET", path, headers=HTML, **given)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8"), answer
    assert_safe(answer)
    return Page(answer)


def assert_safe(answer: Answered) -> None:
    """Fail if the page has inline code or loads from another origin, or if its policy would allow either."""
    policy = dict(rule.strip().partition(" ")[::2] for rule in answer.headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["connect-src"]) == ("'self'", "'self'")
    assert (policy["object-src"], policy["base-uri"], policy["frame-ancestors"]) == ("'none'", "'none'", "'none'")
    assert not any("unsafe" in rule or "http" in rule for rule in policy.values())
    found = Page(answer)
    for script in found.all("script"):
        assert (script.get("src") or "").startswith("/static/"), script
    assert not found.all("style") and not found.all("iframe") and not found.all("base") and not found.all("img")
    for tag, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
        href = attributes.get("href") or ""
        assert not href or re.match(r"/(?!/)|\?|#|https?://|mailto:", href), (tag, href)
        if tag == "link":
            assert href.startswith("/static/")
