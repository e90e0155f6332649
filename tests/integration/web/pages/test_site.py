"""The site's first page, and the error pages: safe whatever a caller sends."""

from tests.support.hub import ServedHub
from tests.support.page import HOSTILE, HTML, Page, assert_safe, page


async def test_a_hostile_search_is_shown_as_text(hub_sqlite: ServedHub) -> None:
    for text in HOSTILE:
        found = await page(hub_sqlite, "/", params={"q": text})

        assert f"No channel matches “{text}”" in found.text
        assert text in [field.get("value") for field in found.all("input")]


async def test_a_page_after_the_last_channel_says_so(hub_sqlite: ServedHub) -> None:
    page = await hub_sqlite.call("GET", "/?cursor=zz", headers={"Accept": "text/html"})

    assert "No more channels" in page.body.decode() and "No channels yet" not in page.body.decode()


async def test_an_error_page_names_its_request_and_links_to_the_first_page(hub_sqlite: ServedHub) -> None:
    answer = await hub_sqlite.call("GET", "/no/such/page", headers=HTML)
    found = Page(answer)

    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert answer.headers["X-Request-ID"] in found.text
    assert "/" in [a["href"] for a in found.all("a")]
    assert_safe(answer)
