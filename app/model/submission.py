"""Submissions to the log, and their outcomes."""

from msgspec import Struct

from app.errors import Refusal
from app.model.access import Principal
from app.model.channel import Publishing, Visibility
from app.model.draft import Submission
from app.model.update import Entry


class ChannelHead(Struct, frozen=True):
    """The part of a channel's locked row that a publish needs: who may publish, and the seq at which the log ends."""

    id: int
    slug: str
    visibility: Visibility
    publishing: Publishing
    epoch: str
    last_seq: int


class Submitted(Struct, frozen=True):
    """What one caller submits to one channel: all of it is appended, in order, or none."""

    slug: str
    who: Principal
    submission: Submission
    idempotency_key: str | None = None


class Stored(Struct, frozen=True):
    """What the log holds for a submission, and the locked channel; `replayed` if an earlier publish stored it."""

    channel: ChannelHead
    entries: tuple[Entry, ...]
    replayed: bool = False


type Outcome = Stored | Refusal
