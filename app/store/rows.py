"""Between rows and values: times, and the channel that every other file of this folder returns."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    RowMapping,
    Select,
    Subquery,
    Text,
    bindparam,
    cast,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from app.model.channel import Channel, Publishing, Visibility
from app.store.tables import CHANNELS

CHANNEL_COLUMNS = CHANNELS.c


def among(tx: AsyncConnection, numbers: Collection[int]) -> Select[tuple[int]]:
    """These numbers as a query, for `in_`: one parameter however many they are, and no statement of a length of its own
    to be compiled each time."""
    if tx.dialect.name == "postgresql":
        return select(func.unnest(bindparam(None, list(numbers), ARRAY(BigInteger))).column_valued("number"))
    return select(func.json_each(msgspec.json.encode(list(numbers)).decode()).table_valued("value").c.value)


def grouped(tx: AsyncConnection, groups: Mapping[int, Collection[int]] | Mapping[str, Collection[int]]) -> Subquery:
    """These numbers as rows of `label`, a text, and `number`: one parameter of JSON, which a PostgreSQL connection
    encodes thirty times as fast as arrays."""
    encoded = msgspec.json.encode(groups).decode()
    if tx.dialect.name == "postgresql":
        group = func.json_each(cast(literal(encoded, Text), JSON)).table_valued("key", "value")
        number = func.json_array_elements_text(group.c.value).table_valued("value")
    else:
        group = func.json_each(encoded).table_valued("key", "value")
        number = func.json_each(group.c.value).table_valued("value")
    columns = group.c.key.label("label"), cast(number.c.value, BigInteger).label("number")
    return select(*columns).select_from(group.join(number, true())).subquery("known")


def to_time(at: int | None) -> datetime | None:
    """Milliseconds since 1970 as an aware time."""
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC)


def to_channel(row: Mapping[str, Any] | RowMapping) -> Channel:
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
