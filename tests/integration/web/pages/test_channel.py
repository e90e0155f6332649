"""A channel's page: readable without JavaScript, safe whatever an update holds, and hidden from outsiders."""

import re

import pytest

from tests.support.hub import ServedHub
from tests.support.page import HOSTILE, HTML, page


async def test_hostile_text_is_shown_as_text_in_every_field(hub: ServedHub) -> None:
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


async def test_a_link_sends_no_referrer(hub_sqlite: ServedHub) -> None:
    link = 'https://example.org/a?b=c&d="><b>#e'
    await hub_sqlite.publish("lobby", body="x", link=link)
    found = await page(hub_sqlite, "/lobby")

    outside = [a for a in found.all("a") if (a["href"] or "").startswith("https://")]
    assert [(a["href"], a["rel"]) for a in outside] == [(link, "noopener noreferrer")]


MARKDOWN = """# Head

**bold** *leaning* `code <b>` [safe](https://example.org "t") <https://auto.example>

- one
- two

> quoted

<script>alert(1)</script> <b onclick="x()">raw</b>

[bad](javascript:alert(1)) [data](data:text/html;base64,PHNjcmlwdD4=) [vb](vbscript:x) [enc](&#106;avascript:alert(1))
![picture](https://elsewhere.example/track.png)

```html
<style>body { display: none }</style>
```
"""


async def test_markdown_is_rendered_and_sanitised(hub: ServedHub) -> None:
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


async def test_text_is_not_rendered_as_markdown(hub_sqlite: ServedHub) -> None:
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
        older = [a["href"] for a in found.all("a") if re.fullmatch(r"/lobby\?before=\d+", a["href"] or "")]
        path = older[0] or "" if older else ""

    assert seen == list(range(120, 0, -1))


async def test_every_command_of_a_page_names_this_hub(hub_sqlite: ServedHub) -> None:
    response = await hub_sqlite.call("GET", "/lobby", headers={"Accept": "text/html"})

    assert f"tidewire watch lobby --url {hub_sqlite.url}</code>" in response.body.decode()
    assert f"curl -N {hub_sqlite.url}/lobby/sse" in response.body.decode()


async def test_only_the_newest_page_holds_the_live_list_with_its_position(hub: ServedHub) -> None:
    stored = [await hub.publish("lobby", body=str(n)) for n in range(3)][-1]
    newest, older = await page(hub, "/lobby"), await page(hub, "/lobby?before=3")

    feed = newest.all("update-feed")[0]
    assert (feed["data-channel"], feed["data-epoch"], feed["data-seq"]) == ("lobby", stored["epoch"], "3")
    assert (older.all("update-feed"), older.seqs) == ([], [2, 1])


@pytest.mark.parametrize("before", ["x", "-1", "", "1.5", "9" * 40])
async def test_a_wrong_position_is_an_error_page(hub_sqlite: ServedHub, before: str) -> None:
    found = await page(hub_sqlite, f"/lobby?before={before}", 400)

    assert "before must be a whole number" in found.text


async def test_a_private_channel_is_shown_to_its_members_and_not_found_for_others(hub: ServedHub) -> None:
    await hub.private("secret")
    await hub.publish("secret", body="the words", token=await hub.token("ana"))
    inside = await page(hub, "/secret", token=await hub.token("ben"))
    for token in (None, await hub.token("cyd")):
        outside = await page(hub, "/secret", 404, token=token)
        absent = await page(hub, "/absent", 404, token=token)

        assert "Nothing here" in outside.text and "the words" not in outside.text
        assert str(outside.elements).replace("/secret", "/absent") == str(absent.elements)

    assert "the words" in inside.text
    assert "secret" not in (await page(hub, "/")).text


async def test_a_caller_that_may_publish_is_shown_curl_and_others_that_a_token_is_needed(hub_sqlite: ServedHub) -> None:
    await hub_sqlite.channel("ci", publishing="publishers")
    open_one, closed_one = await page(hub_sqlite, "/lobby"), await page(hub_sqlite, "/ci")

    assert f'curl -d "hello" {hub_sqlite.url}/lobby' in open_one.text
    assert "Authorization: Bearer $TOKEN" in closed_one.text and "Posting here takes a token" in closed_one.text


async def test_deeply_nested_data_does_not_enlarge_the_page(hub_sqlite: ServedHub) -> None:
    """Indented, these 30 KB would take 2.5 MB."""
    deep = b'{"data":' + b"[" * 98 + b",".join([b"[[]]"] * 6000) + b"]" * 98 + b"}"
    stored = await hub_sqlite.call(
        "POST", "/api/v1/channels/lobby/updates", data=deep, headers={"Content-Type": "application/json"}
    )
    answer = await hub_sqlite.call("GET", "/lobby", headers=HTML)

    assert (stored.status, answer.status) == (201, 200)
    assert len(answer.body) < 100_000


async def test_head_returns_the_headers_and_no_body(hub_sqlite: ServedHub) -> None:
    answer = await hub_sqlite.call("HEAD", "/lobby", headers=HTML)

    assert (answer.status, answer.body, "Content-Security-Policy" in answer.headers) == (200, b"", True)
