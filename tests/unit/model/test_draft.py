"""Every rule of an update: a draft that breaks one is refused, and the refusal names the field."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidRequest, InvalidUpdate, Refusal, TooLarge
from app.model.draft import RULES, parse_submission
from app.model.update import Draft


def nested(levels: int) -> object:
    """Lists and objects in turn, one in the other."""
    value: object = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


BROKEN = [
    ({"title": ""}, "title"),
    ({"title": "x" * 201}, "title"),
    ({"title": 7}, "title"),
    ({"body": "x" * (32 * 1024 + 1)}, "body"),
    ({"body": "é" * (16 * 1024 + 1)}, "body"),
    ({"body": "x", "format": "html"}, "format"),
    ({"body": "x", "level": "loud"}, "level"),
    ({"body": "x", "tags": ["t"] * 11}, "tags"),
    ({"body": "x", "tags": ["t" * 41]}, "tags"),
    ({"body": "x", "tags": [""]}, "tags"),
    ({"body": "x", "tags": "db"}, "tags"),
    ({"body": "x", "link": "javascript:alert(1)"}, "link"),
    ({"body": "x", "link": "http://"}, "link"),
    ({"body": "x", "link": "http://[::1"}, "link"),
    ({"body": "x", "link": "https://a b"}, "link"),
    ({"body": "x", "key": ""}, "key"),
    ({"body": "x", "key": "k" * 81}, "key"),
    ({"value": "42"}, "value"),
    ({"value": True}, "value"),
    ({"value": 10**309}, "value"),
    ({"value": -(10**400)}, "value"),
    ({"body": "x", "tags": [None]}, "tags"),
    ({"value": 1, "unit": "u" * 17}, "unit"),
    ({"progress": 1.01}, "progress"),
    ({"progress": -0.01}, "progress"),
    ({"status": ""}, "status"),
    ({"status": "s" * 41}, "status"),
    ({"data": "x" * (32 * 1024)}, "data"),
    ({"data": nested(101)}, "data"),
    ({"data": [{"a": nested(99)}, {}]}, "data"),
    ({"data": nested(900)}, "data"),
    ({"body": "x", "gone": True}, "gone"),
    ({"body": "x", "key": "k", "gone": False}, "gone"),
    ({"body": "a\0b"}, "body"),
    ({"body": "x", "tags": ["a\0"]}, "tags"),
    ({"body": "x", "bodi": "y"}, "bodi"),
    ({"body": "x", "seq": 9}, "seq"),
    ({"body": "x", "author": "me"}, "author"),
]


def parse(value: object) -> Draft:
    submission, _ = parse_submission(json.dumps(value).encode())
    return submission.drafts[0]


@pytest.mark.parametrize(("update", "field"), BROKEN, ids=[f"{field}-{n}" for n, (_, field) in enumerate(BROKEN)])
def test_the_refusal_of_a_broken_rule_names_the_field(update: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidUpdate) as caught:
        parse(update)

    assert caught.value.field == field
    assert field in caught.value.message


def test_a_refusal_states_the_rule_of_its_field_wherever_that_is_checked() -> None:
    """The types check the first two rules, and further checks the others."""
    found = {}
    for update in ({"title": ""}, {"level": "loud"}, {"body": "é" * 16_385}, {"body": "x", "link": "ftp://a"}):
        with pytest.raises(InvalidUpdate) as caught:
            parse(update)
        found[caught.value.field] = caught.value.message

    assert found == {
        "title": "title must be text, 1 to 200 characters.",
        "level": "level must be one of debug, info, success, warning, error, critical.",
        "body": "body must be text, up to 32 KiB as UTF-8.",
        "link": "link must be an http or https URL, up to 2048 characters.",
    }


@pytest.mark.parametrize("empty", [{}, {"level": "info"}, {"key": "k"}, {"body": ""}, {"title": None}])
def test_an_update_without_content_is_refused(empty: dict[str, object]) -> None:
    with pytest.raises(InvalidUpdate, match="at least one of"):
        parse(empty)


@pytest.mark.parametrize(
    "edge",
    [
        {"title": "x" * 200},
        {"body": "x" * (32 * 1024)},
        {"tags": ["t" * 40] * 10, "status": "s" * 40},
        {"progress": 0},
        {"progress": 1},
        {"value": 0},
        {"value": -1e308},
        {"value": 2**64 + 1},
        {"value": 10**308},
        {"data": None},
        {"data": {"a": [1, {"b": "\0"}]}},
        {"data": nested(100)},
        {"data": [[]] * 200},
        {"key": "k", "gone": True},
        {"body": "x", "link": "https://example.org/a?b=c#d"},
    ],
)
def test_the_limit_of_a_rule_is_allowed(edge: dict[str, object]) -> None:
    assert parse(edge)


@pytest.mark.parametrize("control", ["\u0001", "\u0085", "\u2028", "\u2029"])
def test_an_update_has_a_maximum_size_even_if_each_field_is_within_its_own(control: str) -> None:
    """As it is sent: such a character takes six bytes, and body alone would fit."""
    with pytest.raises(TooLarge):
        parse({"body": control * 10_900})


def test_a_null_counts_as_absent_except_in_data() -> None:
    names = [name for name in Draft.__struct_fields__ if name not in ("data", "body")]

    assert parse({"body": "x", **dict.fromkeys(names)}) == parse({"body": "x"})
    assert parse({"body": "x", "data": None}) != parse({"body": "x"})


@pytest.mark.parametrize(
    ("body", "refusal", "field"),
    [
        (b"", InvalidRequest, None),
        (b"hello", InvalidRequest, None),
        (b"[1]", InvalidRequest, None),
        (b'{"value": NaN}', InvalidRequest, None),
        (b'{"value": 1e999}', InvalidRequest, None),
        (b'{"body": "\xff"}', InvalidRequest, None),
        (b'{"body": "\\ud800"}', InvalidRequest, None),
        (b'{"data":' + b"[" * 100_000, InvalidRequest, None),
        (b'{"updates": []}', InvalidRequest, "updates"),
        (b'{"updates": {}}', InvalidRequest, "updates"),
        (b'{"updates": [{"body":"x"}], "title": "y"}', InvalidRequest, "title"),
        (b'{"updates": [{"body":"x"}, {"progress": 2}]}', InvalidUpdate, "updates[1].progress"),
        (b'{"updates": [{"body":"x"}, 7]}', InvalidUpdate, "updates[1]"),
        (b'{"updates": [' + b",".join([b'{"body":"x"}'] * 501) + b"]}", TooLarge, "updates"),
    ],
    ids=range(14),
)
def test_a_body_that_is_no_update_is_refused(body: bytes, refusal: type[Refusal], field: str | None) -> None:
    with pytest.raises(refusal) as caught:
        parse_submission(body)

    assert (type(caught.value), caught.value.field) == (refusal, field)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*RULES, "x"]), inner),
        max_leaves=12,
    )
)
def test_any_json_is_taken_or_refused_and_nothing_else(value: object) -> None:
    try:
        submission, _ = parse_submission(json.dumps(value).encode())
    except Refusal:
        return

    for fields in submission.fields:
        assert b"\n" not in fields
        assert msgspec.json.decode(fields)


def test_encoding_keeps_what_was_given_and_adds_nothing() -> None:
    given = {"title": "t", "tags": ["a"], "value": 42, "data": {"b": None}}

    submission, is_batch = parse_submission(json.dumps(given).encode())

    assert (json.loads(submission.fields[0]), is_batch) == (given, False)


def test_search_finds_words_of_every_text() -> None:
    draft = parse({"title": "Nightly Backup", "body": "42 GiB", "key": "db-1", "tags": ["Ops"], "status": "up"})

    assert draft.words == "nightly backup 42 gib db 1 up ops"
