"""Reads a channel's log: history with filters, and the board."""

from dataclasses import dataclass

from app.actions.find import readable_in
from app.errors import InvalidRequest
from app.model.access import Principal
from app.model.channel import Channel
from app.model.filter import Filter
from app.model.update import Entry
from app.store.engine.database import Database
from app.store.log import read as history

MAX_KEYS_PER_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of the log to read: after a seq (oldest first), else before one (newest first); at most
    `limit` entries, and `max_bytes` of them but for one that is larger alone."""

    after: int | None
    before: int | None
    limit: int
    max_bytes: int


async def read_history(
    db: Database, who: Principal, slug: str, wanted: Filter, part: Slice
) -> tuple[Channel, list[Entry], int | None]:
    """The channel, the entries that match, and the seq after or before which the next page begins, None on the last
    one. Raises NotFound, Unauthenticated or Forbidden."""
    if part.after is not None and part.before is not None:
        raise InvalidRequest("Give after or before, not both.", field="before")
    async with db.reading() as tx:
        channel, _ = await readable_in(tx, who, slug)
        found, has_more = await history.read(
            tx,
            channel,
            wanted,
            after=part.after,
            before=part.before,
            limit=part.limit,
            max_bytes=part.max_bytes,
        )
    return channel, found, found[-1].seq if has_more else None


async def read_board(
    db: Database, who: Principal, slug: str, at: int | None, above: str, limit: int, max_bytes: int
) -> tuple[Channel, list[tuple[str, Entry]], str | None]:
    """The channel, for each key its newest update up to `at`, and the cursor of the next page if there is one."""
    async with db.reading() as tx:
        channel, _ = await readable_in(tx, who, slug)
        if at is not None and not channel.first_seq - 1 <= at <= channel.last_seq:
            raise InvalidRequest(
                f"at must be from {channel.first_seq - 1} to {channel.last_seq}, which the log holds.",
                field="at",
            )
        last = channel.last_seq if at is None else at
        found, next_cursor = await history.board(tx, channel, last, above, limit, max_bytes)
    return channel, found, next_cursor
