"""A watcher's position in one channel: the subscription to send, and how each message of the hub changes it. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.cli.client.failures import FINAL_CODES

type Message = Mapping[str, Any]

REF = 1
_FINAL_CLOSES = {
    1008: "The hub closed the connection: it breaks the hub's policy",
    4401: "The token is no longer valid: it was revoked or has expired, or its user was disabled",
}


class Stopped(Exception):
    """The follower ends: the channel, or the right to read it, is gone. The message is for the terminal."""


class Lost(Exception):
    """The connection is unusable; the next one resumes from the position, after at least `after` seconds."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class WasReset:
    """The hub could not serve the position; the updates from `first` on follow."""

    reason: str
    first: int
    last: int

    def __str__(self) -> str:
        why = {
            "expired": "the channel no longer keeps every missed update",
            "epoch": "the channel was emptied or restored from a backup",
            "ahead": "the position is beyond the end of the channel",
        }.get(self.reason, self.reason)
        rest = "nothing is left" if self.first > self.last else f"continuing at #{self.first}"
        return f"reset: {why}; {rest}"


class Follower:
    """Follows one channel over any number of connections: returns each update once, in order."""

    def __init__(self, slug: str, *, after: int | None = None, last: int | None = None) -> None:
        """Begins after the seq `after`, or with the newest `last` updates, or with the next update."""
        self._slug = slug
        self._last = last
        self._seq = after
        self._epoch: str | None = None
        self._gap_after: int | None = None
        self.is_subscribed = False

    def subscription(self) -> dict[str, object]:
        """The message to send first on a new connection."""
        self.is_subscribed = False
        message: dict[str, object] = {"type": "subscribe", "ref": REF, "channel": self._slug}
        if self._seq is not None:
            message["after"] = self._seq
            if self._epoch is not None:
                message["epoch"] = self._epoch
        elif self._last is not None:
            message["last"] = self._last
        return message

    def receive(self, message: Message) -> Message | WasReset | None:
        """The update or the reset to show; None for any other message. Raises Stopped or Lost."""
        match message.get("type"):
            case "update":
                return self._update(message)
            case "subscribed":
                self._subscribed(message)
            case "reset":
                self._epoch, self._seq = message["epoch"], message["first"] - 1
                return WasReset(message["reason"], message["first"], message["last"])
            case "unsubscribed" if message.get("reason") == "revoked":
                raise Stopped(f"The right to read {self._slug!r} was revoked.")
            case "unsubscribed" if message.get("reason") == "deleted":
                raise Stopped(f"The channel {self._slug!r} was deleted.")
            case "unsubscribed":
                raise Lost("the hub ended the subscription")
            case "error":
                refuse(str(message.get("code")), str(message.get("message")))
        return None

    def _subscribed(self, message: Message) -> None:
        self.is_subscribed = True
        if self._seq is None:
            # The connection may break before any of the newest `last` was received: the position is before them.
            self._seq = max(0, message["seq"] - (self._last or 0))
            self._epoch = message["epoch"]
        elif message["resumed"]:
            self._epoch = message["epoch"]

    def _update(self, update: Message) -> Message | None:
        seq, epoch = update["seq"], update["epoch"]
        if epoch == self._epoch and self._seq is not None:
            if seq <= self._seq:
                return None
            if seq > self._seq + 1 and self._last is None and self._gap_after != self._seq:
                # Request the missing updates once: a log that really lacks them must not stop the watcher.
                self._gap_after = self._seq
                raise Lost(f"#{self._seq + 1} to #{seq - 1} were missing")
        self._seq, self._epoch, self._last = seq, epoch, None
        return update


def refuse(code: str, message: str) -> None:
    """Raises Stopped for a permanent refusal, Lost for a temporary one."""
    if code in FINAL_CODES:
        raise Stopped(message)
    raise Lost(message)


def closed(code: int | None, reason: str) -> Lost | Stopped:
    """The error that a close code stands for; None means that the connection broke without one."""
    if code in _FINAL_CLOSES:
        return Stopped(f"{_FINAL_CLOSES[code]}.")
    return Lost(reason or "the connection broke")
