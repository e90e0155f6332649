"""Marks: what many rows say, as one text a block of them. Where those are equal the rows are, and need not be read."""

from functools import reduce

from sqlalchemy import ColumnElement, Select, Text, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

type Marks = dict[int, str]

_BLOCKS = 256  # So many texts at most; a change has a 256th of the rows read.
_FIELD, _ROW = "\x1f", "\x1e"  # ASCII's separators; a name that has one hides no change, for names don't change.


def block_of(id: int) -> int:
    """The block of whatever has this id."""
    return id % _BLOCKS


def changed(before: Marks, after: Marks) -> set[int]:
    """The blocks that are not as they were."""
    return {block for block in before.keys() | after.keys() if before.get(block) != after.get(block)}


async def marks(tx: AsyncConnection, rows: Select[*tuple[object, ...]], *order: ColumnElement[object]) -> Marks:
    """The rows of the query by their first column's block, each block's in one order, whatever plan finds them."""
    block: ColumnElement[int] = rows.selected_columns[0] % _BLOCKS
    ordered = rows.add_columns(block.label("block")).order_by(block, *order).subquery()
    *fields, of_block = ordered.c
    line = reduce(lambda text, field: text + _FIELD + _text(field), fields[1:], _text(fields[0]))
    query = select(of_block, func.aggregate_strings(line, _ROW)).group_by(of_block)
    return {row[0]: row[1] for row in await tx.execute(query)}


def _text(column: ColumnElement[object]) -> ColumnElement[str]:
    """A column as text, also where it is NULL."""
    return func.coalesce(cast(column, Text), literal(""))
