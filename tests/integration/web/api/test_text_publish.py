"""Text publish: a request's body becomes an update, its headers the fields, and mistakes are named."""

import asyncio
import json

import pytest
from yarl import URL

from tests.support.hub import ServedHub

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_the_body_is_the_updates_body(hub: ServedHub, method: str) -> None:
    answer = await hub.call(method, "/lobby", data=b"hello & good=bye %41", headers={"Content-Type": FORM})
    history = await hub.call("GET", "/api/v1/channels/lobby/updates")

    assert (answer.status, answer.json["seq"], answer.json["body"]) == (201, 1, "hello & good=bye %41")
    assert set(answer.json) == {"channel", "epoch", "seq", "id", "at", "author", "body"}
    assert history.json["updates"] == [answer.json]


@pytest.mark.parametrize("media", [FORM, "text/plain; charset=latin-1", "application/json", "x/multipart", "x"])
async def test_the_body_is_text_whatever_its_content_type(hub_sqlite: ServedHub, media: str) -> None:
    answer = await hub_sqlite.call("POST", "/lobby", data='{"ä": 1}'.encode(), headers={"Content-Type": media})

    assert (answer.status, answer.json["body"]) == (201, '{"ä": 1}')


FIELDS = {
    "Title": "Größe ✓", "Level": "warning", "Tags": " db, ops team ,,", "Key": "disk", "Value": "42.5", "Unit": "GiB",
    "Progress": "0.25", "Status": "running", "Link": "https://example.org/a?b=c", "Markdown": "yes",
    "Data": '{"ä": [null, 1]}', "Gone": "yes",
}  # fmt: skip
AS_STORED = {
    "title": "Größe ✓", "level": "warning", "tags": ["db", "ops team"], "key": "disk", "value": 42.5, "unit": "GiB",
    "progress": 0.25, "status": "running", "link": "https://example.org/a?b=c", "format": "markdown", "body": "*x*",
    "data": {"ä": [None, 1]}, "gone": True,
}  # fmt: skip


async def test_headers_or_query_fill_the_fields(hub: ServedHub) -> None:
    by_header = await hub.call("POST", "/lobby", data=b"*x*", headers=FIELDS)
    by_query = await hub.call("POST", "/lobby", data=b"*x*", params={name.lower(): v for name, v in FIELDS.items()})

    for answer in (by_header, by_query):
        assert answer.status == 201
        assert AS_STORED.items() <= answer.json.items()


async def test_a_header_takes_precedence_over_the_query(hub_sqlite: ServedHub) -> None:
    answer = await hub_sqlite.call("POST", "/lobby?title=query&key=k", data=b"x", headers={"Title": "header"})

    assert (answer.json["title"], answer.json["key"]) == ("header", "k")


async def test_without_a_body_the_fields_are_the_update(hub_sqlite: ServedHub) -> None:
    answer = await hub_sqlite.call("PUT", "/lobby?value=7")
    nothing = await hub_sqlite.call("POST", "/lobby")

    assert (answer.status, answer.json["value"], "body" in answer.json) == (201, 7, False)
    assert (nothing.status, nothing.code) == (422, "invalid_update")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-7", -7),
        ("+7", 7),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1234567890123456789", 1234567890123456789),
        ("-9223372036854775809", -9223372036854775809),
        ("9" * 30, int("9" * 30)),
        ("1e300", 1e300),
    ],
)
async def test_a_number_is_read_as_json_would(hub_sqlite: ServedHub, text: str, value: float) -> None:
    answer = await hub_sqlite.call("POST", "/lobby", headers={"Value": text})

    assert (answer.status, answer.json["value"]) == (201, value)


WRONG = [
    ({"Value": "much"}, "value"), ({"Value": "nan"}, "value"), ({"Value": "inf"}, "value"),
    ({"Value": "1_000"}, "value"), ({"Value": "0x10"}, "value"), ({"Value": "٣"}, "value"),
    ({"Value": "9" * 400}, "value"), ({"Value": "+-1"}, "value"),
    ({"Value": "5_0"}, "value"), ({"Value": "5%"}, "value"), ({"Value": "1e999"}, "value"),
    ({"Progress": "150%"}, "progress"), ({"Progress": "-1%"}, "progress"), ({"Progress": "%"}, "progress"),
    ({"Progress": "half"}, "progress"), ({"Level": "warned"}, "level"),
    ({"Markdown": "maybe"}, "markdown"), ({"Markdown": ""}, "markdown"), ({"Gone": "perhaps", "Key": "k"}, "gone"),
    ({"Gone": "yes"}, "gone"), ({"Data": "{"}, "data"), ({"Data": "{'a': 1}"}, "data"), ({"Data": "NaN"}, "data"),
    ({"Progress": "2"}, "progress"), ({"Level": "loud"}, "level"),
    ({"Link": "javascript:x"}, "link"), ({"Title": "t" * 201}, "title"), ({"Key": "k" * 81}, "key"),
    ({"Unit": "u" * 17}, "unit"), ({"Status": "s" * 41}, "status"), ({"Tags": ",".join("abcdefghijk")}, "tags"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "field"), [("title=caf%E9", "title"), ("tags=%ff,b", "tags"), ("%ff=b", None)])
async def test_a_query_must_be_utf_8(hub_sqlite: ServedHub, query: str, field: str | None) -> None:
    url = URL(f"{hub_sqlite.url}/lobby?{query}", encoded=True)
    async with hub_sqlite.http.post(url, data=b"x") as answer:
        error = (await answer.json())["error"]

    assert (answer.status, error["field"], "UTF-8" in error["message"]) == (400, field, True)


async def test_a_wrong_field_is_refused_by_name(hub_sqlite: ServedHub) -> None:
    for headers, field in WRONG:
        answer = await hub_sqlite.call("POST", "/lobby", data=b"x", headers=headers)

        assert (answer.status, answer.code, answer.json["error"]["field"]) == (422, "invalid_update", field), headers


@pytest.mark.parametrize(
    ("body", "status"), [(b"\xff\xfe", 422), (b"a\0b", 422), (b"x" * 32769, 422), (b"x" * 32768, 201)]
)
async def test_a_body_is_stored_only_within_its_rule(hub_sqlite: ServedHub, body: bytes, status: int) -> None:
    answer = await hub_sqlite.call("POST", "/lobby", data=body)

    assert answer.status == status
    assert status == 201 or answer.json["error"]["field"] == "body"


async def test_an_idempotency_key_applies_here_too(hub: ServedHub) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await hub.call("POST", "/lobby", data=b"x", headers=headers)
    again = await hub.call("PUT", "/lobby", data=b"x", headers=headers)
    other = await hub.call("POST", "/lobby", data=b"y", headers=headers)

    assert (first.status, again.status, again.headers["Idempotent-Replayed"]) == (201, 200, "true")
    assert (again.json, other.status, other.code) == (first.json, 409, "conflict")


async def test_the_same_rights_apply_here_as_in_the_api(hub: ServedHub) -> None:
    await hub.channel("ci", publishing="publishers", owner="ana")
    statuses = [
        (await hub.call("POST", "/ci", token=token, data=b"x")).status
        for token in (None, await hub.token("cyd"), await hub.token("ana", scopes=["read"]), await hub.token("ana"))
    ]

    assert statuses == [401, 403, 403, 201]


async def test_an_error_is_json_in_the_form_of_the_api(hub_sqlite: ServedHub) -> None:
    answers = [
        await hub_sqlite.call("POST", path, data=b"x", headers={"Accept": "*/*"}) for path in ("/absent", "/api")
    ]

    assert {(answer.status, answer.code) for answer in answers} == {(404, "not_found")}
    assert all(answer.json["error"]["request_id"] == answer.headers["X-Request-ID"] for answer in answers)


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
async def test_other_methods_are_answered_with_the_allowed_ones(hub_sqlite: ServedHub, method: str) -> None:
    answer = await hub_sqlite.call(method, "/lobby")

    assert (answer.status, answer.code) == (405, "invalid_request")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST", "PUT"}


@pytest.mark.parametrize(
    ("path", "media", "opening"), [("sse", "text/event-stream", b"retry: "), ("json", "application/x-ndjson", b"{")]
)
async def test_the_streams_two_forms_have_their_own_paths(
    hub: ServedHub, path: str, media: str, opening: bytes
) -> None:
    await hub.publish("lobby", body="x")
    async with hub.http.get(f"{hub.url}/lobby/{path}?after=0") as answer:
        first = await asyncio.wait_for(answer.content.readline(), 5)

        assert (answer.status, answer.content_type) == (200, media)
        assert first.startswith(opening)


@pytest.mark.parametrize(
    ("header", "text", "field", "stored"),
    [
        ("Level", "SUCCESS", "level", "success"), ("Level", "WARN", "level", "warning"),
        ("Level", "Err", "level", "error"), ("Level", "FATAL", "level", "critical"),
        ("Level", " Critical ", "level", "critical"), ("Progress", "50%", "progress", 0.5),
        ("Progress", "33.3 %", "progress", 0.333), ("Progress", "100%", "progress", 1),
        ("Progress", "0%", "progress", 0), ("Markdown", "TRUE", "format", "markdown"),
        ("Markdown", "no", "format", None), ("Gone", "On", "gone", True), ("Gone", "off", "gone", None),
        ("Data", "null", "data", None), ("Data", " [1, 2]", "data", [1, 2]), ("Data", '"x"', "data", "x"),
    ],
)  # fmt: skip
async def test_a_value_is_taken_as_a_shell_writes_it(
    hub_sqlite: ServedHub, header: str, text: str, field: str, stored: object
) -> None:
    by_header = await hub_sqlite.call("POST", "/lobby", data=b"x", headers={header: text, "Key": "k"})
    by_query = await hub_sqlite.call("POST", "/lobby", data=b"x", params={header.lower(): text, "key": "k"})

    assert (by_header.status, by_header.json.get(field)) == (201, stored)
    assert (by_query.status, by_query.json.get(field)) == (201, stored)


async def test_gone_takes_the_key_off_the_board(hub: ServedHub) -> None:
    await hub.call("POST", "/lobby", data=b"x", headers={"Key": "disk"})
    before = await hub.call("GET", "/api/v1/channels/lobby/board")
    gone = await hub.call("POST", "/lobby", headers={"Key": "disk", "Gone": "yes"})
    after = await hub.call("GET", "/api/v1/channels/lobby/board")

    assert (set(before.json["board"]), gone.status, after.json["board"]) == ({"disk"}, 201, {})


@pytest.mark.parametrize("query", ["levle=info", "Level=info", "body=x", "format=markdown", "hello", "=x", "a%00b=1"])
async def test_an_unknown_parameter_is_refused_by_name(hub_sqlite: ServedHub, query: str) -> None:
    answer = await hub_sqlite.call("POST", f"/lobby?{query}&title=t", data=b"x")

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.json["error"]["field"] == query.partition("=")[0].replace("%00", "\0")
    assert "title, level, tags" in answer.json["error"]["message"]


async def test_a_parameter_that_is_given_twice_is_refused_unless_it_is_a_list(hub_sqlite: ServedHub) -> None:
    twice = await hub_sqlite.call("POST", "/lobby?title=a&title=b", data=b"x")
    tags = await hub_sqlite.call("POST", "/lobby?tags=a,b&tags=c", data=b"x")

    assert (twice.status, twice.json["error"]["field"]) == (400, "title")
    assert (tags.status, tags.json["tags"]) == (201, ["a", "b", "c"])


@pytest.mark.parametrize(
    ("headers", "status", "found"),
    [
        ([("Title", "a"), ("Title", "b")], 400, "title"),
        ([("Gone", "no"), ("Gone", "yes")], 400, "gone"),
        ([("Tags", "a, b"), ("Tags", "c")], 201, ["a", "b", "c"]),
    ],
)
async def test_a_header_that_is_sent_twice_is_refused_unless_it_is_a_list(
    hub_sqlite: ServedHub, headers: list[tuple[str, str]], status: int, found: object
) -> None:
    async with hub_sqlite.http.post(f"{hub_sqlite.url}/lobby", data=b"x", headers=headers) as answer:
        content = await answer.json()

    assert (answer.status, content["tags"] if status == 201 else content["error"]["field"]) == (status, found)


async def test_an_empty_header_sets_nothing(hub_sqlite: ServedHub) -> None:
    empty = dict.fromkeys(("Title", "Level", "Tags", "Key", "Value", "Unit", "Progress", "Status", "Link", "Data"), "")
    answer = await hub_sqlite.call("POST", "/lobby", data=b"x", headers=empty)

    assert (answer.status, set(answer.json) - {"channel", "epoch", "seq", "id", "at", "author"}) == (201, {"body"})


@pytest.mark.parametrize("media", ["multipart/form-data; boundary=x", "Multipart/Mixed", "multipart/form-data"])
async def test_a_form_with_parts_is_refused_with_the_right_way(hub_sqlite: ServedHub, media: str) -> None:
    for path in ("/lobby", "/lobby?title=t"):
        answer = await hub_sqlite.call("POST", path, data=b"--x\r\n", headers={"Content-Type": media})

        assert (answer.status, answer.code) == (415, "unsupported_media_type")
        assert "curl -d" in answer.json["error"]["message"] and "--data-binary" in answer.json["error"]["message"]


@pytest.mark.parametrize(("body", "stored"), [("\ufeffhello", "hello"), ("a\ufeffb", "a\ufeffb"), ("\ufeff", None)])
async def test_a_byte_order_mark_is_not_a_part_of_the_text(
    hub_sqlite: ServedHub, body: str, stored: str | None
) -> None:
    answer = await hub_sqlite.call("POST", "/lobby?title=t", data=body.encode())

    assert (answer.status, answer.json.get("body")) == (201, stored)


async def test_headers_are_read_as_encoded_words_as_utf_8_and_as_latin_1(hub_sqlite: ServedHub) -> None:
    host, port = hub_sqlite.url.removeprefix("http://").split(":")
    titles = [b"=?UTF-8?B?R3LDtsOfZQ==?=", b"=?iso-8859-1?q?Gr=F6=DFe?=", "Größe".encode(), "Größe".encode("latin-1")]
    stored = []
    for title in titles:
        reader, writer = await asyncio.open_connection(host, int(port))
        tags = b"Tags: =?utf-8?q?=C3=A4?=, b\r\n"
        writer.write(
            b"POST /lobby HTTP/1.1\r\nHost: " + f"{host}:{port}".encode() + b"\r\nConnection: close\r\n" + tags
        )
        writer.write(b"Content-Length: 1\r\nTitle: " + title + b"\r\n\r\nx")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        update = json.loads(answer.partition(b"\r\n\r\n")[2])
        stored.append((update["title"], update["tags"]))

    assert stored == [("Größe", ["ä", "b"])] * len(titles)


async def test_the_answer_ends_with_a_newline(hub_sqlite: ServedHub) -> None:
    key = {"Idempotency-Key": "k"}
    answers = [
        await hub_sqlite.call(method, path, data=body, headers=key)
        for method, path, body in (
            ("POST", "/lobby", b"x"), ("POST", "/lobby", b"x"), ("PUT", "/lobby?title=t", b"x"),
            ("POST", "/lobby", b"\xff"), ("POST", "/lobby?x=y", b"x"), ("POST", "/absent", b"x"),
            ("DELETE", "/lobby", b""),
        )
    ]  # fmt: skip

    assert [answer.status for answer in answers] == [201, 200, 409, 422, 400, 404, 405]
    assert [answer.body[-2:] for answer in answers] == [b"}\n"] * len(answers)
