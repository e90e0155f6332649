"""A hint as bytes: a head line, then one line per encoded entry, so that no process decodes JSON to forward it."""

import re

from app.broker.protocol import Hint
from app.model.update import Entry

_TOPIC = b"tidewire:channel:"
_HEAD = re.compile(rb"([0-9a-f]+) ([!-~]{1,32}) (\d{1,18})")


def topic(channel_id: int) -> bytes:
    """The topic of the channel's hints."""
    return _TOPIC + b"%d" % channel_id


def channel_of(topic: bytes) -> int | None:
    """The channel of a topic; None for a topic that is not a channel's."""
    number = topic.removeprefix(_TOPIC)
    return int(number) if number != topic and number.isdigit() else None


def encode(node: str, hint: Hint) -> bytes:
    """`NODE EPOCH FIRST_SEQ`, then the entries. Their seqs are consecutive, and JSON contains no raw newline."""
    head = f"{node} {hint.epoch} {hint.entries[0].seq}".encode()
    return b"\n".join((head, *[entry.json for entry in hint.entries]))


def decode(node: str, topic: bytes, data: bytes) -> Hint | None:
    """The hint; None for this process's own hint, and for a malformed one, because a hint may always be dropped."""
    lines = data.split(b"\n")
    head = _HEAD.fullmatch(lines[0])
    channel_id = channel_of(topic)
    if head is None or channel_id is None or len(lines) < 2 or head[1] == node.encode():
        return None
    first = int(head[3])
    return Hint(channel_id, head[2].decode(), [Entry(first + n, line) for n, line in enumerate(lines[1:])])
