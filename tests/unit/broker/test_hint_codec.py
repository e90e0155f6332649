"""The hint codec: another process decodes each encoded hint unchanged, and no other bytes are a hint."""

import json

from hypothesis import given
from hypothesis import strategies as st

from app.broker.hint_codec import channel_of, decode, encode, topic
from app.broker.protocol import Hint
from app.model.update import Entry

NODES = st.from_regex(r"[0-9a-f]{12}", fullmatch=True)
HINTS = st.builds(
    lambda channel_id, epoch, first, texts: Hint(
        channel_id,
        epoch,
        [Entry(first + n, json.dumps({"body": text}, ensure_ascii=False).encode()) for n, text in enumerate(texts)],
    ),
    st.integers(1, 2**63),
    st.from_regex(r"[0-9a-z]{1,32}", fullmatch=True),
    st.integers(1, 10**17),
    st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5),
)


@given(NODES, NODES, HINTS)
def test_another_node_decodes_a_hint_unchanged(here: str, there: str, hint: Hint) -> None:
    data = encode(here, hint)

    assert decode(there, topic(hint.channel_id), data) == (hint if here != there else None)


@given(HINTS)
def test_a_node_ignores_its_own_hint(hint: Hint) -> None:
    assert decode("cafe01", topic(hint.channel_id), encode("cafe01", hint)) is None


@given(st.integers(0, 2**63))
def test_a_topic_names_its_channel(channel_id: int) -> None:
    assert channel_of(topic(channel_id)) == channel_id


def test_another_topic_names_no_channel() -> None:
    others = [b"", b"tidewire:control", b"tidewire:channel:", b"tidewire:channel:-1", b"tidewire:channel:1x", b"7"]

    assert [channel_of(other) for other in others] == [None] * len(others)


@given(st.binary(), st.binary())
def test_arbitrary_bytes_are_no_hint(name: bytes, data: bytes) -> None:
    assert decode("cafe01", name, data) is None


@given(st.binary(min_size=1, max_size=40), st.binary())
def test_a_malformed_head_decodes_to_no_hint_or_a_complete_one(epoch: bytes, rest: bytes) -> None:
    found = decode("cafe01", topic(7), b"beef02 " + epoch + b" 5\n" + rest)

    assert found is None or (found.channel_id, found.epoch.encode()) == (7, epoch)


def test_a_head_without_an_entry_is_no_hint() -> None:
    assert decode("cafe01", topic(7), b"beef02 e1 5") is None
