"""The fast path for whole texts reads what wsproto reads, however the bytes are cut."""

from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.connection import SERVER
from wsproto.events import CloseConnection, TextMessage
from wsproto.frame_protocol import FrameProtocol

from app.transport.hypercorn import BoundedConnection

MOST = 70_000
TEXTS = st.text(max_size=200) | st.integers(0, MOST).map(lambda size: "x" * size)
FRAGMENTED = st.tuples(st.text(max_size=40), st.text(max_size=40))
PINGS = st.binary(max_size=20)


def frames(messages: list[str | bytes | tuple[str, str]]) -> bytes:
    """As a client sends them: a text whole, a text in two fragments, or a ping."""
    client = FrameProtocol(client=True, extensions=[])
    out = b""
    for each in messages:
        if isinstance(each, bytes):
            out += client.ping(each)
        elif isinstance(each, str):
            out += client.send_data(each, fin=True)
        else:
            out += client.send_data(each[0], fin=False) + client.send_data(each[1], fin=True)
    return out


def received(parts: list[bytes]) -> tuple[list[str], int]:
    """The texts, in order, and how many of them took the fast path."""
    connection, texts, fast = BoundedConnection(SERVER), [""], 0
    for part in parts:
        found, rest = connection.take_texts(part, MOST)
        assert texts[-1] == "" or not found, "a message overtook the one before it"
        texts[-1:] = [*found, texts[-1]]
        fast += len(found)
        if rest:
            connection.receive_data(rest)
        for event in connection.events():
            assert not isinstance(event, CloseConnection), event
            if isinstance(event, TextMessage):
                texts[-1] += event.data
                if event.message_finished:
                    texts.append("")
    return texts[:-1], fast


@settings(deadline=None)
@given(
    messages=st.lists(
        TEXTS | st.binary(max_size=20) | st.tuples(st.text(max_size=40), st.text(max_size=40)), max_size=8
    ),
    cuts=st.lists(st.integers(1, 5000), max_size=30),
)
def test_messages_are_received_whole_and_in_order_however_they_are_cut(
    messages: list[str | bytes | tuple[str, str]], cuts: list[int]
) -> None:
    stream, parts = frames(messages), []
    for cut in cuts:
        parts.append(stream[:cut])
        stream = stream[cut:]
    texts, _ = received([part for part in [*parts, stream] if part])

    assert texts == [
        each if isinstance(each, str) else "".join(each) for each in messages if not isinstance(each, bytes)
    ]


def test_a_stream_of_small_messages_bypasses_wsproto() -> None:
    """Each is cut in the middle: if a release of wsproto hides a message that it has begun, this test fails."""
    given = [f"message {number}" for number in range(100)]
    stream = frames(list(given))
    texts, fast = received([stream[at : at + 7] for at in range(0, len(stream), 7)])

    assert (texts, fast) == (given, 100)


def test_malformed_frames_are_left_to_wsproto() -> None:
    broken = [
        b"\x81\x02hi",  # Not masked.
        b"\xc1\x81\0\0\0\0x",  # A reserved bit.
        b"\x81\xfe\x00\x05\0\0\0\0hello",  # A length that needs no second byte.
        b"\x81\x81\0\0\0\0\xff",  # Not UTF-8.
        b"\x80\x81\0\0\0\0x",  # A continuation of nothing.
        b"\x81\xff" + (5).to_bytes(8) + b"\0\0\0\0hello",  # Eight bytes for a length of two.
    ]
    for data in broken:
        connection = BoundedConnection(SERVER)
        found, rest = connection.take_texts(data, MOST)
        connection.receive_data(rest)
        events = list(connection.events())

        assert (found, rest) == ([], data)
        assert isinstance(events[-1], CloseConnection)


def test_a_long_incomplete_message_is_passed_on_at_once() -> None:
    data = frames(["x" * 5000])
    connection = BoundedConnection(SERVER)

    assert connection.take_texts(data[:4000], MOST) == ([], data[:4000])
