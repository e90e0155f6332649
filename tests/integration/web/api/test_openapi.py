"""The API's document describes what the hub does: every call is in it, and real answers match it."""

import re
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import validate

from app.errors import INTERNAL_CODE, REFUSALS
from app.model.update import MAX_BATCH
from app.web.http.describe import operation_of
from tests.support.hub import Answered, ServedHub

PLACES = ("header", "query")
METHODS = ("get", "post", "put", "patch", "delete")


class Described:
    """A hub and its document: `call` makes a request and checks the answer against the document."""

    def __init__(self, hub: ServedHub, document: dict[str, Any]) -> None:
        self.hub, self.document = hub, document

    def operations(self) -> dict[str, tuple[str, str, dict[str, Any]]]:
        """Path, method and operation by operationId."""
        return {
            operation["operationId"]: (path, method, operation)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
            if method in METHODS
        }

    async def call(self, name: str, status: int, path: str, **given: Any) -> Answered:
        """Make the call `name` at `path`: the answer has this status, and the headers and body described for it."""
        template, method, operation = self.operations()[name]
        assert re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path.partition("?")[0])

        answer = await self.hub.call(method.upper(), path, **given)

        assert answer.status == status, answer
        described = self._resolved(operation["responses"][str(status)])
        own = set(described["headers"]) - {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
        assert [header for header in own if header not in answer.headers] == []
        if "content" in described:
            schema = described["content"][answer.headers["Content-Type"]]["schema"]
            self._validator(schema).validate(answer.json)
        else:
            assert answer.body == b""
        return answer

    def accepts(self, name: str, body: Any) -> bool:
        """True if the schema of this call's request body accepts this."""
        content = self.operations()[name][2]["requestBody"]["content"]
        return bool(self._validator(content["application/json"]["schema"]).is_valid(body))

    def _validator(self, schema: dict[str, Any]) -> OAS31Validator:
        whole = {**schema, "components": self.document["components"]}
        return OAS31Validator(whole, format_checker=oas31_format_checker)

    def _resolved(self, given: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in given:
            return given
        found: dict[str, Any] = self.document["components"]["responses"][given["$ref"].rpartition("/")[2]]
        return found


@pytest.fixture
async def described(hub: ServedHub) -> Described:
    answer = await hub.call("GET", "/api/openapi.json")
    return Described(hub, answer.json)


@pytest.fixture
async def document(hub_sqlite: ServedHub) -> Described:
    return Described(hub_sqlite, (await hub_sqlite.call("GET", "/api/openapi.json")).json)


async def test_the_document_is_valid_openapi_3_1(document: Described) -> None:
    validate(document.document)

    assert document.document["openapi"].startswith("3.1")


async def test_every_call_under_api_v1_is_in_the_document(document: Described) -> None:
    app = document.hub.app
    routes = {
        (re.sub(r"<(\w+:)?(\w+)>", r"{\2}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if (rule.rule.startswith("/api/v1/") and not rule.websocket) or operation_of(app.view_functions[rule.endpoint])
    }
    found = {(path, method) for path, method, _ in document.operations().values()}

    assert ("/api/v1/channels/{slug}/updates", "post") in routes and ("/{slug}", "put") in routes
    assert found == routes


async def test_a_path_has_the_methods_that_the_document_names_and_no_other(document: Described) -> None:
    named: dict[str, set[str]] = {}
    for path, method, _ in document.operations().values():
        named.setdefault(path.replace("{slug}", "lobby"), set()).add(method.upper())
    allowed = {path: (await document.hub.call("BREW", path)).headers["Allow"] for path in named}

    assert {path: set(methods.split(", ")) - {"HEAD", "OPTIONS"} for path, methods in allowed.items()} == named


async def test_every_refusal_that_a_call_names_is_on_the_list_with_its_code(document: Described) -> None:
    codes = {kind.__name__: (str(kind.status), kind.code) for kind in REFUSALS} | {"Internal": ("500", INTERNAL_CODE)}
    named = set()
    for name, (_, _, operation) in document.operations().items():
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                kind = answer["$ref"].rpartition("/")[2]
                assert codes[kind][0] == status, name
                named.add(kind)
    examples = {
        name: response["content"]["application/json"]["example"]["error"]["code"]
        for name, response in document.document["components"]["responses"].items()
    }

    assert named == set(codes)
    assert examples == {name: code for name, (_, code) in codes.items()}


async def test_answers_about_channels_keep_to_the_document(described: Described) -> None:
    hub = described.hub
    ana, cyd = await hub.token("ana"), await hub.token("cyd")
    draft = {"slug": "ci", "title": "Builds", "visibility": "private", "retention_days": 30}

    await described.call("create_channel", 201, "/api/v1/channels", token=ana, json=draft)
    await described.call("create_channel", 409, "/api/v1/channels", token=ana, json=draft)
    await described.call("create_channel", 400, "/api/v1/channels", token=ana, json={"slug": "A"})
    await described.call("create_channel", 401, "/api/v1/channels", json=draft)
    listed = await described.call("list_channels", 200, "/api/v1/channels", token=ana)
    await described.call("get_channel", 200, "/api/v1/channels/ci", token=ana)
    await described.call("get_channel", 404, "/api/v1/channels/ci", token=cyd)
    await described.call("change_channel", 200, "/api/v1/channels/ci", token=ana, json={"title": None})
    await described.call("delete_channel", 204, "/api/v1/channels/ci", token=ana)

    assert [channel["slug"] for channel in listed.json["channels"]] == ["ci", "lobby"]


async def test_answers_about_updates_keep_to_the_document(described: Described) -> None:
    hub = described.hub
    await hub.channel("ci")
    path = "/api/v1/channels/ci"
    whole = {
        "title": "t", "body": "b", "format": "markdown", "level": "warning", "tags": ["x"], "link": "https://example.org",
        "key": "k", "value": 4.5, "unit": "s", "progress": 1, "status": "up", "data": {"deep": [None, 1]},
    }  # fmt: skip
    again = {"Idempotency-Key": "one"}

    await described.call("publish", 201, f"{path}/updates", json=whole, headers=again)
    await described.call("publish", 200, f"{path}/updates", json=whole, headers=again)
    await described.call("publish", 409, f"{path}/updates", json={"body": "else"}, headers=again)
    await described.call("publish", 201, f"{path}/updates", json={"updates": [{"body": "1"}, {"value": 2}]})
    await described.call("publish", 422, f"{path}/updates", json={"progress": 2})
    await described.call("publish", 400, f"{path}/updates", data=b"{", headers={"Content-Type": "application/json"})
    await described.call("publish", 413, f"{path}/updates", json={"updates": [{"body": "1"}] * (MAX_BATCH + 1)})
    await described.call("publish", 415, f"{path}/updates", data=b"<a/>", headers={"Content-Type": "text/xml"})
    await described.call("publish_text", 201, "/ci", data=b"hello", headers={"Progress": "0.5"})
    await described.call("publish_text_put", 201, "/ci", data=b"hello")
    await described.call("publish_text", 422, "/ci", data=b"hello", headers={"Progress": "half"})
    history = await described.call("history", 200, f"{path}/updates")
    await described.call("history", 400, f"{path}/updates?limit=0")
    board = await described.call("board", 200, f"{path}/board")
    await described.call("presence", 200, f"{path}/presence")

    assert [update["seq"] for update in history.json["updates"]] == [5, 4, 3, 2, 1]
    assert set(board.json["board"]) == {"k"}


async def test_what_a_text_publish_takes_is_what_the_document_says(described: Described) -> None:
    _, _, operation = described.operations()["publish_text"]
    names = {place: {each["name"] for each in operation["parameters"] if each["in"] == place} for place in PLACES}
    page = await described.hub.call("GET", "/lobby", headers={"Accept": "text/html"})

    assert {name.title() for name in names["query"]} == names["header"] - {"Idempotency-Key"} >= {"Data", "Gone"}
    assert operation["requestBody"]["required"] is False
    await described.call("publish_text", 201, "/lobby?level=WARN&progress=50%25&data=[1]")
    await described.call("publish_text", 400, "/lobby?levle=info", data=b"x")
    await described.call("publish_text", 415, "/lobby", data=b"x", headers={"Content-Type": "multipart/form-data"})
    assert page.headers["Content-Type"] in described.operations()["show_channel"][2]["responses"]["200"]["content"]


async def test_tickets_and_unknown_tokens_are_answered_as_described(described: Described) -> None:
    token = await described.hub.token("ana")

    await described.call("create_ticket", 201, "/api/v1/tickets", token=token)
    await described.call("create_ticket", 401, "/api/v1/tickets")
    await described.call("history", 401, "/api/v1/channels/lobby/updates", token="tw_unknown")
    await described.call("stream", 404, "/api/v1/channels/none/stream")


@pytest.mark.parametrize(
    ("update", "status"),
    [
        ({"title": "x" * 200}, 201),
        ({"title": "x" * 201}, 422),
        ({"title": ""}, 422),
        ({"body": "b", "tags": ["x"] * 11}, 422),
        ({"body": "b", "tags": ["x" * 41]}, 422),
        ({"body": "b", "link": "https://a/" + "x" * 2039}, 422),
        ({"body": "b", "key": "x" * 81}, 422),
        ({"body": "b", "level": "loud"}, 422),
        ({"progress": 1.01}, 422),
        ({"body": "b", "seq": 1}, 422),
        ({"updates": [{"body": "b"}]}, 201),
        ({"updates": []}, 400),
        ({"updates": [{"body": "b"}], "title": "x"}, 400),
        ({"updates": [{"body": "b", "bodi": "x"}]}, 422),
        ({"body": "b", "tags": None, "level": None, "gone": None}, 201),
    ],
)
async def test_the_schema_accepts_what_the_hub_accepts(
    document: Described, update: dict[str, Any], status: int
) -> None:
    answer = await document.hub.call("POST", "/api/v1/channels/lobby/updates", json=update)

    assert (answer.status, document.accepts("publish", update)) == (status, status == 201)


async def test_the_page_shows_every_call_and_loads_nothing_from_elsewhere(document: Described) -> None:
    answer = await document.hub.call("GET", "/api/docs", headers={"Accept": "text/html"})
    page = answer.body.decode()
    loaded = re.findall(r'<(?:link|script|img|iframe)\b[^>]*\b(?:href|src)="([^"]*)"', page)

    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/html")
    assert [name for name, (_, _, operation) in document.operations().items() if operation["summary"] not in page] == []
    assert loaded and all(re.match(r"/(?!/)", address) for address in loaded)
    assert not re.search(r"<style|\bstyle=|<script(?![^>]*\bsrc=)|@import", page)
    for address in loaded:
        assert (await document.hub.call("GET", address)).status == 200, address
