"""At every address of a channel, whoever may not see it is answered as for a channel that does not exist."""

import re
from typing import Any

import pytest
from werkzeug.routing import Rule

from app.web.http.call import Call
from app.web.http.session_cookie import csrf_token, presented
from tests.support.browsing import Browsing, signed_in
from tests.support.hub import Answered, ServedHub

VALUES = {"name": "ben", "invitation_id": "1", "session_id": "1", "token_id": "1", "act": "disable"}
VOLATILE = {"date", "x-request-id", "ratelimit-remaining", "ratelimit-reset", "set-cookie", "content-length"}


def rules(hub: ServedHub) -> list[tuple[str, Rule]]:
    """Every method and address with a channel's slug, but the websocket's."""
    found = [
        (method, rule)
        for rule in hub.app.url_map.iter_rules()
        if "slug" in rule.arguments and not rule.websocket
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
    assert len(found) > 20
    return found


def path_of(rule: Rule, slug: str) -> str:
    """The rule's path for this channel."""
    values = {**VALUES, "slug": slug}
    path = re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", lambda found: values[found[1]], rule.rule)
    assert "<" not in path, rule
    return path


def without_its_name(answer: Answered, slug: str) -> tuple[int, list[tuple[str, str]], str]:
    headers = sorted((name, value) for name, value in answer.headers.items() if name.lower() not in VOLATILE)
    text = f"{answer.body.decode()} {headers}".replace(slug, "SLUG")
    return answer.status, [], re.sub(r"[0-9a-f]{16}|[0-9a-f]{64}", "ID", text)


@pytest.mark.parametrize("caller", ["visitor", "session", "token", "bound token"])
async def test_a_private_channel_can_not_be_told_from_none(hub_sqlite: ServedHub, caller: str) -> None:
    hub = hub_sqlite
    await hub.private("secret")
    await hub.user("cyd")
    browsing, token = Browsing(hub), None
    given: dict[str, Any] = {"headers": {}}
    if caller == "session":
        browsing = await signed_in(hub, "cyd")
        scope = {"path": "/", "headers": [(b"cookie", browsing.headers["Cookie"].encode())]}
        secret = presented(hub.services.settings, Call(scope))
        assert secret is not None
        form_token = csrf_token(hub.services.settings, secret)
        given["headers"] = {**browsing.headers, "X-CSRF-Token": form_token}
        given["data"] = {"csrf_token": form_token, "name": "ben", "role": "reader", "typed": "secret"}
    elif caller != "visitor":
        await hub.channel("elsewhere", owner="cyd")
        token = await hub.token("cyd", channel="elsewhere" if caller == "bound token" else None)
    for method, rule in rules(hub):
        more = {"json": {"role": "reader", "body": "x"}} if rule.rule.startswith("/api/") else given
        sent = {**more, "headers": {"Accept": "text/html", **given["headers"]}}
        secret_one, absent = [
            without_its_name(await hub.call(method, path_of(rule, slug), token=token, **sent), slug)
            for slug in ("secret", "absent")
        ]

        assert secret_one == absent, (method, rule.rule)
        assert secret_one[0] not in (200, 201, 204, 500), (method, rule.rule)


@pytest.mark.parametrize("area", ["/account", "/admin", "/new"])
async def test_every_page_of_an_area_is_for_those_who_are_signed_in(hub_sqlite: ServedHub, area: str) -> None:
    """And those of administrators for administrators."""
    visitor, ana = Browsing(hub_sqlite), await signed_in(hub_sqlite)
    found = [
        (method, path_of(rule, ""))
        for rule in hub_sqlite.app.url_map.iter_rules()
        if rule.rule.startswith(area)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]
    for method, path in found:
        answer = await (visitor.open(path) if method == "GET" else visitor.send("/signin", path))
        assert (answer.status, answer.headers["Location"].startswith("/signin?next=/")) == (303, True), path
        if area == "/admin":
            answer = await (ana.open(path) if method == "GET" else ana.send("/account", path))
            assert answer.status == 403, path
    assert found
