"""Between rows and values: times, and the channel that every other file of this folder returns."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import RowMapping

from app.model.channel import Channel, Publishing, Visibility
from app.store.tables import CHANNELS

_PARAMETERS = 10_000
CHANNEL_COLUMNS = CHANNELS.c


def chunks[T](values: Iterable[T]) -> Iterator[list[T]]:
    """The values, so many at a time as a query may have parameters: asyncpg and SQLite stop at 32,767."""
    waiting = iter(values)
    while chunk := list(islice(waiting, _PARAMETERS)):
        yield chunk


def to_time(at: int | None) -> datetime | None:
    """Milliseconds since 1970 as an aware time."""
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC)


def to_channel(row: RowMapping | dict[str, Any]) -> Channel:
    """A whole row of `channels` as its value."""
    created = to_time(row["created_at"])
    assert created is not None
    return Channel(
        id=row["id"],
        slug=row["slug"],
        title=row["title"],
        description=row["description"],
        visibility=Visibility(row["visibility"]),
        publishing=Publishing(row["publishing"]),
        epoch=row["epoch"],
        first_seq=row["first_seq"],
        last_seq=row["last_seq"],
        last_at=to_time(row["last_at"]),
        retention_days=row["retention_days"],
        retention_updates=row["retention_updates"],
        created_at=created,
    )
