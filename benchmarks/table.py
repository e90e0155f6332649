"""What a measure found, as a table that a terminal and a Markdown page show alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

type Figures = dict[str, float]  # A column's heading -> its number.
type Cases = dict[str, Figures]  # A row's heading -> its columns.


@dataclass(frozen=True, slots=True)
class Found:
    """One measure on every database it ran on."""

    name: str
    title: str
    reading: str
    databases: Mapping[str, Cases]


def render(found: Found) -> str:
    """The title, the line that says how to read it, and the rows; every database has its own columns."""
    columns = [
        (database, heading) for database, cases in found.databases.items() for heading in next(iter(cases.values()), {})
    ]
    rows = [["", *[f"{database}: {heading}" for database, heading in columns]]]
    for case in next(iter(found.databases.values())):
        rows.append([case, *[_number(found.databases[database][case][heading]) for database, heading in columns]])
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    rule = ["-" * widths[0], *["-" * (width - 1) + ":" for width in widths[1:]]]
    lines = [_line(row, widths) for row in (rows[0], rule, *rows[1:])]
    return "\n".join([f"**{found.title}**", "", found.reading, "", *lines])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if index == 0 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join((first, *others))} |"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
