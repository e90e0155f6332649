"""Frames: each form of the wire carries every entry of a batch once, in order, and can be taken apart again."""

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.live.frame import Batch, split
from app.model.update import Entry

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
    assert bodies_of(Batch("e1", entries(bodies)).text.split("\n")) == bodies


@given(BODIES)
def test_ndjson_ends_every_object_with_a_newline(bodies: list[str]) -> None:
    lines = Batch("e1", entries(bodies)).lines

    assert lines.endswith(b"\n")
    assert bodies_of(lines.decode().removesuffix("\n").split("\n")) == bodies


@given(BODIES, st.integers(1, 10**9))
def test_an_event_is_three_lines_and_a_blank_one_and_its_id_is_the_position(bodies: list[str], first: int) -> None:
    events = Batch("e1", entries(bodies, first)).sse.decode().removesuffix("\n\n").split("\n\n")
    fields = [event.split("\n") for event in events]

    assert [each[0] for each in fields] == ["event: update"] * len(bodies)
    assert [each[1] for each in fields] == [f"id: e1.{seq}" for seq in range(first, first + len(bodies))]
    assert bodies_of([each[2].removeprefix("data: ") for each in fields]) == bodies
    assert {len(each) for each in fields} == {3}


def test_a_form_is_made_once_for_all_who_send_it() -> None:
    batch = Batch("e1", entries(["a", "b"]))

    assert (batch.text is batch.text, batch.lines is batch.lines, batch.sse is batch.sse) == (True, True, True)
    assert batch.last == 2


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 120))
def test_a_split_loses_nothing_and_keeps_to_the_bound(sizes: list[int], most: int) -> None:
    given = [Entry(seq, b"x" * size) for seq, size in enumerate(sizes, 1)]
    batches = split("e1", given, most)

    assert [entry for batch in batches for entry in batch.entries] == given
    for batch in batches:
        assert len(batch.entries) == 1 or sum(len(entry.json) for entry in batch.entries) <= most


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 120))
def test_a_split_makes_no_more_batches_than_it_must(sizes: list[int], most: int) -> None:
    batches = split("e1", [Entry(seq, b"x" * size) for seq, size in enumerate(sizes, 1)], most)

    for batch, following in pairwise(batches):
        assert sum(len(entry.json) for entry in batch.entries) + len(following.entries[0].json) > most
