"""The websocket's messages: parses those of the client, builds those of the server."""

from typing import Any

from msgspec import Struct

from app.broker.protocol import PresenceSnapshot
from app.errors import INTERNAL_CODE, InvalidRequest, Refusal, TooLarge
from app.live.events import Reset
from app.model.access import Principal
from app.model.parsing import parse_json, shaped
from app.model.position import After, Last, Now, Start
from app.model.update import MAX_UPDATE_BYTES

type Ref = str | int | None
SUBPROTOCOL = "tidewire.v1"
SERVER = "tidewire/0.1"
MAX_MESSAGES_PER_FRAME = 1000
_MAX_LAST = 1000
_MAX_SEQ = 2**62


class Subscribe(Struct, frozen=True, tag="subscribe"):
    """Follow a channel: from now, after a position, or with the newest `last`."""

    channel: str
    ref: Ref = None
    after: int | None = None
    epoch: str | None = None
    last: int | None = None

    def start(self) -> Start:
        """The requested start. Raises InvalidRequest."""
        if self.after is not None and self.last is not None:
            raise InvalidRequest("Give after or last, not both.", field="last")
        if self.after is not None:
            if not 0 <= self.after <= _MAX_SEQ:
                raise InvalidRequest("after must be a seq, 0 or more.", field="after")
            return After(self.after, self.epoch)
        if self.last is not None:
            if not 0 <= self.last <= _MAX_LAST:
                raise InvalidRequest(f"last must be from 0 to {_MAX_LAST}.", field="last")
            return Last(self.last)
        return Now()


class Unsubscribe(Struct, frozen=True, tag="unsubscribe"):
    """Stop following a channel."""

    channel: str
    ref: Ref = None


class Publish(Struct, frozen=True, tag="publish"):
    """Publish one update."""

    channel: str
    update: Any
    ref: Ref = None
    idempotency_key: str | None = None


class AskPresence(Struct, frozen=True, tag="presence"):
    """Receive a channel's presence; with `on` false, stop receiving it."""

    channel: str
    on: bool = True
    ref: Ref = None


class Ping(Struct, frozen=True, tag="ping"):
    """Check the connection."""

    ref: Ref = None


type Message = Subscribe | Unsubscribe | Publish | AskPresence | Ping
_KINDS: dict[str, type[Message]] = {
    "subscribe": Subscribe,
    "unsubscribe": Unsubscribe,
    "publish": Publish,
    "presence": AskPresence,
    "ping": Ping,
}


def read_frame(message: str | bytes) -> list[str] | Refusal:
    """The lines of a frame, one object each; or the refusal of the frame."""
    if not isinstance(message, str):
        return InvalidRequest("Send text frames; this one was binary.")
    lines = split_frame(message)
    if len(lines) > MAX_MESSAGES_PER_FRAME:
        return TooLarge(f"A frame holds at most {MAX_MESSAGES_PER_FRAME} messages.")
    return lines


def split_frame(text: str) -> list[str]:
    """The objects of a frame, one per line. A frame that is one object over several lines counts as one."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < 2 or all(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in lines):
        return lines
    try:
        parse_json(text)
    except InvalidRequest:
        return lines  # A line that can't be parsed does not affect the others.
    return [text]


def parse_message(text: str) -> tuple[Message | InvalidRequest, Ref]:
    """The message or its refusal, and its ref if that can be read."""
    try:
        value = parse_json(text, "A message")
    except InvalidRequest as refusal:
        return refusal, None
    if not isinstance(value, dict):
        return InvalidRequest("A message must be a JSON object with a type."), None
    ref = value.get("ref")
    if isinstance(ref, bool) or not (ref is None or isinstance(ref, int | str)):
        return InvalidRequest("ref must be a string or an integer.", field="ref"), None
    given = value.get("type")
    kind = _KINDS.get(given) if isinstance(given, str) else None
    if kind is None:
        return InvalidRequest(f"type must be one of {', '.join(_KINDS)}.", field="type"), ref
    try:
        return shaped(value, kind), ref
    except InvalidRequest as refusal:
        return refusal, ref


def welcome_message(who: Principal) -> dict[str, object]:
    """The first message of a connection."""
    return {"type": "welcome", "server": SERVER, "user": who.user, "max_update_bytes": MAX_UPDATE_BYTES}


def subscribed_message(ref: Ref, slug: str, epoch: str, seq: int, resumed: bool) -> dict[str, object]:
    """The subscription has begun. `seq` is the channel's last; the requested updates up to it follow."""
    return _answer("subscribed", ref, channel=slug, epoch=epoch, seq=seq, resumed=resumed)


def unsubscribed_message(ref: Ref, slug: str, reason: str) -> dict[str, object]:
    """The subscription has ended, with the reason asked, revoked or deleted."""
    return _answer("unsubscribed", ref, channel=slug, reason=reason)


def reset_message(slug: str, reset: Reset) -> dict[str, object]:
    """The position could not be served; the updates from `first` on follow."""
    return _answer(
        "reset",
        None,
        channel=slug,
        reason=reset.reason,
        epoch=reset.epoch,
        first=reset.first,
        last=reset.last,
    )


def published_message(ref: Ref, slug: str, epoch: str, seq: int, update_id: str) -> dict[str, object]:
    """The update was committed."""
    return _answer("published", ref, channel=slug, epoch=epoch, seq=seq, id=update_id)


def presence_message(ref: Ref, slug: str, snapshot: PresenceSnapshot) -> dict[str, object]:
    """Who watches now."""
    return _answer("presence", ref, channel=slug, watching=snapshot.watching, users=snapshot.users)


def error_message(ref: Ref, code: str, message: str, field: str | None) -> dict[str, object]:
    """A message was refused or failed."""
    return _answer("error", ref, code=code, message=message, field=field)


def refusal_message(ref: Ref, refusal: Refusal) -> dict[str, object]:
    """A message was refused, with the refusal's code, message and field."""
    return error_message(ref, refusal.code or INTERNAL_CODE, refusal.message, refusal.field)


def pong_message(ref: Ref) -> dict[str, object]:
    """The answer to a ping."""
    return _answer("pong", ref)


def _answer(kind: str, ref: Ref, **values: object) -> dict[str, object]:
    return {"type": kind, **({"ref": ref} if ref is not None else {}), **values}
