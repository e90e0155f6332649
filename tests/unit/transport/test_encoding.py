"""Frames: each encoding carries every entry of a batch once, in order, and can be decoded."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from app.model.batch import Batch, split
from app.model.update import Entry
from app.transport.encoding import CHUNKED, chunk, frame, ndjson, sse, text, text_frame

BODIES = st.lists(st.text(st.characters(codec="utf-8"), max_size=60), min_size=1, max_size=12)


def entries(bodies: list[str], first: int = 1) -> list[Entry]:
    return [
        Entry(seq, json.dumps({"type": "update", "seq": seq, "body": body}, ensure_ascii=False).encode())
        for seq, body in enumerate(bodies, first)
    ]


def bodies_of(lines: list[str]) -> list[str]:
    return [json.loads(line)["body"] for line in lines]


@given(BODIES)
def test_a_text_frame_is_one_object_a_line(bodies: list[str]) -> None:
    assert bodies_of(Batch("e1", entries(bodies)).encoded(text).decode().split("\n")) == bodies


@given(BODIES)
def test_ndjson_ends_every_object_with_a_newline(bodies: list[str]) -> None:
    lines = Batch("e1", entries(bodies)).encoded(ndjson)

    assert lines.endswith(b"\n")
    assert bodies_of(lines.decode().removesuffix("\n").split("\n")) == bodies


@given(BODIES, st.integers(1, 10**9))
def test_an_event_is_three_lines_and_a_blank_one_and_its_id_is_the_position(bodies: list[str], first: int) -> None:
    events = Batch("e1", entries(bodies, first)).encoded(sse).decode().removesuffix("\n\n").split("\n\n")
    fields = [event.split("\n") for event in events]

    assert [each[0] for each in fields] == ["event: update"] * len(bodies)
    assert [each[1] for each in fields] == [f"id: e1.{seq}" for seq in range(first, first + len(bodies))]
    assert bodies_of([each[2].removeprefix("data: ") for each in fields]) == bodies
    assert {len(each) for each in fields} == {3}


def test_each_encoding_is_made_once_and_shared() -> None:
    batch = Batch("e1", entries(["a", "b"]))

    assert all(batch.encoded(each) is batch.encoded(each) for each in (text, frame, ndjson, sse, *CHUNKED.values()))
    assert batch.last == 2


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 120))
def test_a_split_loses_nothing_and_keeps_to_the_bound(sizes: list[int], most: int) -> None:
    given = [Entry(seq, b"x" * size) for seq, size in enumerate(sizes, 1)]
    batches = split("e1", given, most)

    assert [entry for batch in batches for entry in batch.entries] == given
    for batch in batches:
        assert len(batch.entries) == 1 or sum(len(entry.json) for entry in batch.entries) <= most


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 120))
def test_a_split_makes_no_more_batches_than_needed(sizes: list[int], most: int) -> None:
    batches = split("e1", [Entry(seq, b"x" * size) for seq, size in enumerate(sizes, 1)], most)

    for batch, following in pairwise(batches):
        assert sum(len(entry.json) for entry in batch.entries) + len(following.entries[0].json) > most


@pytest.mark.parametrize("size", [1, 125, 126, 65_535, 65_536, 200_000])
def test_another_implementation_reads_a_frame(size: int) -> None:
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(text_frame(b"x" * size))
    events = [event for event in client.events() if isinstance(event, TextMessage)]

    assert "".join(event.data for event in events) == "x" * size
    assert events[-1].message_finished


@pytest.mark.parametrize("size", [1, 15, 16, 70_000])
def test_a_chunk_is_its_length_in_hex_and_its_bytes(size: int) -> None:
    length, _, rest = chunk(b"x" * size).partition(b"\r\n")

    assert (int(length, 16), rest) == (size, b"x" * size + b"\r\n")
