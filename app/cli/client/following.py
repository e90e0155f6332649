"""A reader's position in one channel: what to ask a hub for, and what each of its messages means for it. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

type Message = Mapping[str, Any]

REF = 1
# These say that trying again would be refused again; the others (rate_limited, unavailable, internal) may pass.
_FINAL_CODES = {
    "invalid_request",
    "unauthenticated",
    "forbidden",
    "not_found",
    "conflict",
    "too_large",
}
_FINAL_STATUSES = {400, 401, 403, 404}
_FINAL_CLOSES = {
    1008: "The hub ended the connection for its policy",
    4401: "The token no longer counts: it was revoked, or has expired, or its user was disabled",
}


class Stopped(Exception):
    """There is nothing to wait for: the channel or the right to it is gone. The message is for a person."""


class Lost(Exception):
    """This connection is of no use; the next one resumes from the position. `after` is in seconds."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class WasReset:
    """The log could not go on from the position; what it still has follows from `first` on."""

    reason: str
    first: int
    last: int

    def __str__(self) -> str:
        why = {
            "expired": "the channel no longer keeps all that was missed",
            "epoch": "the channel was emptied or restored from a backup",
            "ahead": "the channel does not reach so far",
        }.get(self.reason, self.reason)
        rest = "nothing is left" if self.first > self.last else f"going on at #{self.first}"
        return f"reset: {why}; {rest}"


class Follower:
    """Follows one channel over any number of connections: each update comes out once, in order."""

    def __init__(self, slug: str, *, after: int | None = None, last: int | None = None) -> None:
        """From `after`, or with the newest `last`, or from now on."""
        self._slug = slug
        self._last = last
        self._seq = after
        self._epoch: str | None = None
        self._hole_at: int | None = None
        self.is_subscribed = False

    def subscription(self) -> dict[str, object]:
        """What to send first on a new connection."""
        self.is_subscribed = False
        message: dict[str, object] = {"type": "subscribe", "ref": REF, "channel": self._slug}
        if self._seq is not None:
            message["after"] = self._seq
            if self._epoch is not None:
                message["epoch"] = self._epoch
        elif self._last is not None:
            message["last"] = self._last
        return message

    def take(self, message: Message) -> Message | WasReset | None:
        """The update to show, or the reset to tell of; None when it is neither. Raises Stopped or Lost."""
        match message.get("type"):
            case "update":
                return self._update(message)
            case "subscribed":
                self._subscribed(message)
            case "reset":
                self._epoch, self._seq = message["epoch"], message["first"] - 1
                return WasReset(message["reason"], message["first"], message["last"])
            case "unsubscribed" if message.get("reason") == "revoked":
                raise Stopped(f"The right to read {self._slug!r} was taken away.")
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
            # Of the newest `last` none may have come when the connection breaks: they count from here all the same.
            self._seq = max(0, message["seq"] - (self._last or 0))
            self._epoch = message["epoch"]
        elif message["resumed"]:
            self._epoch = message["epoch"]

    def _update(self, update: Message) -> Message | None:
        seq, epoch = update["seq"], update["epoch"]
        if epoch == self._epoch and self._seq is not None:
            if seq <= self._seq:
                return None
            if seq > self._seq + 1 and self._last is None and self._hole_at != self._seq:
                self._hole_at = self._seq  # Asked for again, once: a log that has a hole must not hold us for ever.
                raise Lost(f"#{self._seq + 1} to #{seq - 1} were passed over")
        self._seq, self._epoch, self._last = seq, epoch, None
        return update


def refuse(code: str, message: str) -> None:
    """Raises Stopped for a refusal that stays, Lost for one that may pass."""
    if code in _FINAL_CODES:
        raise Stopped(message)
    raise Lost(message)


def refuse_handshake(status: int, message: str, after: float) -> None:
    """The same for a handshake that was answered with this HTTP status; `after` is its Retry-After in seconds."""
    if status in _FINAL_STATUSES:
        raise Stopped(message)
    raise Lost(message, after)


def closed(code: int | None, reason: str) -> Lost | Stopped:
    """What the end of a connection means; None is one that broke without a goodbye."""
    if code in _FINAL_CLOSES:
        return Stopped(f"{_FINAL_CLOSES[code]}.")
    return Lost(reason or "the connection broke")
