"""The pages: readable without JavaScript, safe whatever an update says, and telling an outsider nothing."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.support.hub import Answered, ServedHub

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
VOID = {"meta", "link", "input", "br", "hr", "img", "source"}


class Page(HTMLParser):
    """A page taken apart: its elements with their attributes, its text, and each link's address."""

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
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"

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
    answer = await hub.call("GET", path, headers=HTML, **given)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8"), answer
    assert_safe(answer)
    return Page(answer)


def assert_safe(answer: Answered) -> None:
    """Nothing inline, nothing from elsewhere, and a policy that would stop both."""
    policy = dict(rule.strip().partition(" ")[::2] for rule in answer.headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["connect-src"]) == ("'self'", "'self' ws: wss:")
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


HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'\" onmouseover='alert(1)", "</li></ol></main>",
    "{{ 7 * 7 }}{% raw %}", "<!-- x", "]]>", "&lt;b&gt;&amp;", "\u202egnp.exe", "</title></textarea><svg onload=x>",
]  # fmt: skip


async def test_hostile_text_is_shown_as_text_wherever_it_stands(hub: ServedHub) -> None:
    for n, text in enumerate(HOSTILE):
        await hub.channel(f"c{n}", title=text, description=text)
        await hub.publish(
            f"c{n}", title=text, body=text, tags=[text[:40]], key=text, status=text[:40], value=1, unit=text[:16],
            data={text: text}, link=f"https://example.org/?{text.replace(' ', '')}", progress=0.5,
            token=await hub.token("ana", name=text),
        )  # fmt: skip
        found = await page(hub, f"/c{n}")

        assert found.text.count(text) >= 6, text
        assert found.seqs == [1]
    listed = await page(hub, "/")

    assert all(listed.text.count(text) >= 2 for text in HOSTILE)


async def test_a_hostile_search_is_shown_as_text(hub_sqlite: ServedHub) -> None:
    for text in HOSTILE:
        found = await page(hub_sqlite, "/", params={"q": text})

        assert f"No channel matches “{text}”" in found.text
        assert text in [field.get("value") for field in found.all("input")]


async def test_a_link_leads_out_without_telling_from_where(hub_sqlite: ServedHub) -> None:
    link = 'https://example.org/a?b=c&d="><b>#e'
    await hub_sqlite.publish("lobby", body="x", link=link)
    found = await page(hub_sqlite, "/lobby")

    outside = [a for a in found.all("a") if (a["href"] or "").startswith("https://")]
    assert [(a["href"], a["rel"]) for a in outside] == [(link, "noopener noreferrer")]


MARKDOWN = """# Head

**bold** *leaning* `code <b>` [safe](https://example.org "t") <https://auto.example>

- one
- two

> said

<script>alert(1)</script> <b onclick="x()">raw</b>

[bad](javascript:alert(1)) [data](data:text/html;base64,PHNjcmlwdD4=) [vb](vbscript:x) [enc](&#106;avascript:alert(1))
![picture](https://elsewhere.example/track.png)

```html
<style>body { display: none }</style>
```
"""


async def test_markdown_is_rendered_and_made_safe(hub: ServedHub) -> None:
    await hub.publish("lobby", body=MARKDOWN, format="markdown")
    found = await page(hub, "/lobby")
    tags = [tag for tag, _ in found.elements]
    links = [a for a in found.all("a") if "example" in (a["href"] or "")]

    assert {"h1", "strong", "em", "code", "blockquote", "ul", "li", "pre"} <= set(tags)
    assert {a["href"] for a in links} == {
        "https://example.org",
        "https://auto.example",
        "https://elsewhere.example/track.png",
    }
    assert {a["rel"] for a in links} == {"noopener noreferrer"}
    assert "b" not in tags and '<b onclick="x()">raw</b>' in found.text
    assert "<style>body { display: none }</style>" in found.text


async def test_text_is_no_markdown_unless_it_says_so(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.publish("lobby", body="**not bold** [no](https://example.org)")
    found = await page(hub_sqlite, "/lobby")

    assert "**not bold** [no](https://example.org)" in found.text


async def test_a_page_shows_every_field_of_an_update(hub: ServedHub) -> None:
    await hub.publish(
        "lobby", title="Nightly", body="42 GiB", level="error", tags=["db", "night"], key="backup", value=1234567.5,
        unit="GiB", progress=0.7, status="running", data={"n": [1, None]}, token=await hub.token("ana"),
    )  # fmt: skip
    found = await page(hub, "/lobby")

    for word in ("Nightly", "42 GiB", "error", "db", "night", "backup", "1,234,567.5", "70 %", "running", "ana", '"n"'):
        assert word in found.text, word
    assert [bar["value"] for bar in found.all("progress")] == ["0.7"]
    assert [item["data-level"] for item in found.all("li") if "data-seq" in item] == ["error"]


async def test_older_pages_lead_back_to_the_first_update_and_each_is_shown_once(hub: ServedHub) -> None:
    await hub.call("POST", "/api/v1/channels/lobby/updates", json={"updates": [{"value": n} for n in range(1, 121)]})
    path, seen = "/lobby", list[int]()
    while path:
        found = await page(hub, path)
        seen += found.seqs
        older = [a["href"] for a in found.all("a") if re.fullmatch(r"\?before=\d+", a["href"] or "")]
        path = f"/lobby{older[0]}" if older else ""

    assert seen == list(range(120, 0, -1))


async def test_the_newest_page_says_from_where_it_goes_on_live_and_an_older_one_does_not(hub: ServedHub) -> None:
    stored = [await hub.publish("lobby", body=str(n)) for n in range(3)][-1]
    newest, older = await page(hub, "/lobby"), await page(hub, "/lobby?before=3")

    feed = newest.all("update-feed")[0]
    assert (feed["data-channel"], feed["data-epoch"], feed["data-seq"]) == ("lobby", stored["epoch"], "3")
    assert (older.all("update-feed"), older.seqs) == ([], [2, 1])


@pytest.mark.parametrize("before", ["x", "-1", "", "1.5", "9" * 40])
async def test_a_wrong_position_is_an_error_page(hub_sqlite: ServedHub, before: str) -> None:
    found = await page(hub_sqlite, f"/lobby?before={before}", 400)

    assert "before must be a whole number" in found.text


async def test_a_private_channel_is_a_page_for_its_members_and_missing_for_others(hub: ServedHub) -> None:
    await hub.private("secret")
    await hub.publish("secret", body="the words", token=await hub.token("ana"))
    inside = await page(hub, "/secret", token=await hub.token("ben"))
    for token in (None, await hub.token("cyd")):
        outside = await page(hub, "/secret", 404, token=token)
        absent = await page(hub, "/absent", 404, token=token)

        assert "Nothing here" in outside.text and "the words" not in outside.text
        assert outside.elements == absent.elements

    assert "the words" in inside.text
    assert "secret" not in (await page(hub, "/")).text


async def test_an_error_page_names_its_request_and_leads_home(hub_sqlite: ServedHub) -> None:
    answer = await hub_sqlite.call("GET", "/no/such/page", headers=HTML)
    found = Page(answer)

    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert answer.headers["X-Request-ID"] in found.text
    assert "/" in [a["href"] for a in found.all("a")]
    assert_safe(answer)


async def test_who_may_publish_is_shown_the_short_way_and_others_that_it_takes_a_token(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.channel("ci", publishing="publishers")
    open_one, closed_one = await page(hub_sqlite, "/lobby"), await page(hub_sqlite, "/ci")

    assert f'curl -d "hello" {hub_sqlite.url}/lobby' in open_one.text
    assert "Authorization: Bearer $TOKEN" in closed_one.text and "Posting here takes a token" in closed_one.text


async def test_data_that_is_nested_deep_does_not_blow_up_the_page(hub_sqlite: ServedHub) -> None:
    """Indented, these 18 KB were 162 MB."""
    deep = b'{"data":' + b"[" * 9000 + b"]" * 9000 + b"}"
    stored = await hub_sqlite.call(
        "POST", "/api/v1/channels/lobby/updates", data=deep, headers={"Content-Type": "application/json"}
    )
    answer = await hub_sqlite.call("GET", "/lobby", headers=HTML)

    assert (stored.status, answer.status) == (201, 200)
    assert len(answer.body) < 100_000


async def test_a_page_asked_for_by_head_has_its_headers_and_no_body(hub_sqlite: ServedHub) -> None:
    answer = await hub_sqlite.call("HEAD", "/lobby", headers=HTML)

    assert (answer.status, answer.body, "Content-Security-Policy" in answer.headers) == (200, b"", True)
