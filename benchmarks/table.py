"""What a measure found: a table that a terminal and a Markdown page show alike, and what is due, held or not."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

type Figures = dict[str, float]  # A column's heading -> its number.


@dataclass(frozen=True, slots=True)
class Bound:
    """What is due: that one figure is at most so many times another. Without the other it can't be judged."""

    what: str
    ours: float
    theirs: float | None
    most: float
    against: str

    @property
    def ratio(self) -> float | None:
        """Ours in theirs; None when the other was not measured."""
        return None if not self.theirs else self.ours / self.theirs

    @property
    def held(self) -> bool | None:
        """Whether it is so; None when it can't be judged."""
        return None if self.ratio is None else self.ratio <= self.most

    def __str__(self) -> str:
        due = f"{self.what}: at most {self.most:g} × {self.against}"
        if self.ratio is None:
            return f"not judged, for want of the other: {due}"
        return f"{'held' if self.held else 'NOT HELD'}: {due}; it is {number(self.ratio)} ×"


@dataclass(frozen=True, slots=True)
class Limit:
    """What is due in itself: at most, or at least, so much of a unit."""

    what: str
    value: float
    unit: str
    most: float | None = None
    least: float | None = None

    @property
    def held(self) -> bool:
        """Whether it is so."""
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    def __str__(self) -> str:
        due = f"at most {self.most:g}" if self.most is not None else f"at least {self.least:g}"
        return f"{'held' if self.held else 'NOT HELD'}: {self.what}: {due} {self.unit}; it is {number(self.value)}"


@dataclass(frozen=True, slots=True)
class Found:
    """One measure: its rows, and what they say about what is due."""

    name: str
    title: str
    reading: str
    rows: Mapping[str, Figures]
    due: Sequence[Bound | Limit] = ()
    notes: Sequence[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """For programs: the rows, and each bound with its words."""
        return {
            "rows": {row: dict(figures) for row, figures in self.rows.items()},
            "due": [{**asdict(each), "held": each.held, "says": str(each)} for each in self.due],
            "notes": list(self.notes),
        }


def render(found: Found) -> str:
    """The title, the line that says how to read it, the rows, what was due, and notes."""
    columns = list(dict.fromkeys(heading for figures in found.rows.values() for heading in figures))
    rows = [["", *columns]]
    for case, figures in found.rows.items():
        rows.append([case, *(number(figures[each]) if each in figures else "" for each in columns)])
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    rule = ["-" * widths[0], *["-" * (width - 1) + ":" for width in widths[1:]]]
    lines = [_line(row, widths) for row in (rows[0], rule, *rows[1:])]
    remarks = [f"- {each}" for each in (*found.due, *found.notes)]
    return "\n".join([f"### {found.title}", "", found.reading, "", *lines, *([""] if remarks else []), *remarks])


def number(value: float) -> str:
    """Three digits that count, more for what is large."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.995 else f"{value:.3f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if index == 0 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join((first, *others))} |"
