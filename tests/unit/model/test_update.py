"""The encoded entry: the server adds the envelope and leaves the fields as they were given."""

import json
import uuid

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.model.update import bare, encode_entry, new_update_id, one_line, rfc3339

AT = 1_795_253_400_123  # 2026-11-21T09:30:00.123Z


def test_the_envelope_precedes_the_fields() -> None:
    entry = encode_entry("ci", "k3v9", 58, new_update_id(AT), AT, 'a "b"', b'{"body":"hi"}')

    assert json.loads(entry.json) == {
        "type": "update",
        "channel": "ci",
        "epoch": "k3v9",
        "seq": 58,
        "id": entry.update_id,
        "at": "2026-11-21T09:30:00.123Z",
        "author": 'a "b"',
        "body": "hi",
    }


def test_bare_is_the_update_without_its_message_type() -> None:
    entry = encode_entry("ci", "k3v9", 58, new_update_id(AT), AT, None, b'{"body":"hi"}')

    assert set(json.loads(entry.json)) - set(json.loads(bare(entry))) == {"type"}


def test_ids_are_uuids_of_version_seven_that_sort_by_time() -> None:
    first, second = new_update_id(AT), new_update_id(AT + 1)
    parsed = uuid.UUID(first)

    assert (parsed.version, parsed.variant, parsed.int >> 80, first < second) == (7, uuid.RFC_4122, AT, True)


def test_times_have_milliseconds_and_are_utc() -> None:
    assert [rfc3339(AT), rfc3339(0)] == ["2026-11-21T09:30:00.123Z", "1970-01-01T00:00:00.000Z"]


def test_an_entry_is_one_line_for_every_reader() -> None:
    """Also one that was stored before this was so."""
    fields = '{"body":"a\u2028b\u2029c\x85d"}'.encode()
    entry = encode_entry("ci", "k3v9", 58, new_update_id(AT), AT, "x\u2028y", fields)

    assert len(entry.json.decode().splitlines()) == 1
    assert json.loads(entry.json)["body"] == "a\u2028b\u2029c\x85d"
    assert json.loads(entry.json)["author"] == "x\u2028y"


@given(text=st.text() | st.text(alphabet='a"\\\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029\u2027é'))
def test_json_is_one_line_and_means_the_same(text: str) -> None:
    given = {text: [text, 1]}
    encoded = one_line(msgspec.json.encode(given))

    assert len(encoded.decode().splitlines()) == 1
    assert json.loads(encoded) == given


def test_what_needs_no_escape_is_not_copied() -> None:
    for text in ("plain", "Größe ✓ “quoted” …"):
        encoded = msgspec.json.encode(text)

        assert one_line(encoded) is encoded
