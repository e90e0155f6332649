"""What a websocket needs of a parser, and what a parser finds in the bytes of a client."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

MESSAGE_TOO_BIG = 1009  # A close code (RFC 6455, 7.4.1).


@dataclass(frozen=True, slots=True)
class Text:
    """A part of a text message; the last one ends it."""

    data: str
    last: bool


@dataclass(frozen=True, slots=True)
class Binary:
    """A part of a binary message; the last one ends it."""

    data: bytes
    last: bool


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping, to be answered with its payload (5.5.3)."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The client closes, has answered our close, or has to be failed. `answer` is the close frame due, or empty."""

    answer: bytes


type Frame = Text | Binary | Ping | Close


class Parser(Protocol):
    """The protocol's state for one client (RFC 6455)."""

    @property
    def is_open(self) -> bool:
        """Has neither side sent a close frame?"""

    def take_texts(self, data: bytes, max_bytes: int) -> tuple[list[str], bytes]:
        """The whole texts of up to `max_bytes` bytes that the data begins with, and the rest, which is for `parse`."""

    def parse(self, data: bytes) -> Iterator[Frame]:
        """What the data brings, up to a Close, which is the last. After our own close nothing but a Close."""

    def pong(self, payload: bytes) -> bytes:
        """The frame that answers a ping; to be called while `is_open`."""

    def close(self, code: int, reason: str) -> bytes:
        """Our close frame; to be called while `is_open`."""
