"""The encoded entry: the server adds the envelope and leaves the fields as they were given."""

import json
import uuid

from app.model.update import bare, encode_entry, new_update_id, rfc3339

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
