"""What is submitted to the log, and what became of it."""

from msgspec import Struct

from app.errors import Refusal
from app.model.access import Principal
from app.model.channel import Channel
from app.model.draft import Submission
from app.model.update import Entry


class Submitted(Struct, frozen=True):
    """What one caller submits to one channel: all of it is appended or none, in order."""

    slug: str
    who: Principal
    submission: Submission
    idempotency_key: str | None = None


class Stored(Struct, frozen=True):
    """What the log holds for it; `replayed` when an earlier publish stored it. The channel is as it was locked."""

    channel: Channel
    entries: tuple[Entry, ...]
    replayed: bool = False


type Outcome = Stored | Refusal
