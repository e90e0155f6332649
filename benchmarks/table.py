"""The report of one measure: a table of figures and a table of targets, for a terminal and for a Markdown page."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

type Figures = dict[str, float]  # A column's heading -> its number.


@dataclass(frozen=True, slots=True)
class RelativeTarget:
    """One figure may be at most so many times a reference figure of the same run."""

    subject: str
    value: float
    reference: float | None  # None when the reference was not measured in this run.
    at_most: float
    reference_name: str

    @property
    def ratio(self) -> float | None:
        """The figure divided by the reference; None without a reference."""
        return None if not self.reference else self.value / self.reference

    @property
    def met(self) -> bool | None:
        """True if the target is met; None without a reference."""
        return None if self.ratio is None else self.ratio <= self.at_most

    @property
    def required(self) -> str:
        """The target in words."""
        return f"at most {self.at_most:g} × {self.reference_name}"

    @property
    def measured(self) -> str:
        """The ratio; empty without a reference."""
        return "" if self.ratio is None else f"{number(self.ratio)} ×"


@dataclass(frozen=True, slots=True)
class AbsoluteTarget:
    """One figure has an upper or a lower limit in its own unit."""

    subject: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool:
        """True if the figure is within its limits."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    @property
    def required(self) -> str:
        """The target in words."""
        limit = f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"
        return f"{limit} {self.unit}"

    @property
    def measured(self) -> str:
        """The figure."""
        return number(self.value)


type Target = RelativeTarget | AbsoluteTarget


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one measure, and the targets they are compared with."""

    name: str
    title: str
    explanation: str
    rows: Mapping[str, Figures]
    targets: Sequence[Target] = ()
    notes: Sequence[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """The rows and the targets for programs."""
        return {
            "rows": {row: dict(figures) for row, figures in self.rows.items()},
            "targets": [
                {**asdict(each), "required": each.required, "measured": each.measured, "met": each.met}
                for each in self.targets
            ],
            "notes": list(self.notes),
        }


def render(report: Report) -> str:
    """Render the title, the explanation, the table of figures, the table of targets and the notes as Markdown."""
    columns = list(dict.fromkeys(heading for figures in report.rows.values() for heading in figures))
    figures = [
        [case, *(number(row[each]) if each in row else "" for each in columns)] for case, row in report.rows.items()
    ]
    parts = [f"### {report.title}", report.explanation, _table(["", *columns], figures, "<" + ">" * len(columns))]
    if report.targets:
        verdicts = [[each.subject, each.required, each.measured, verdict(each.met)] for each in report.targets]
        parts.append(_table(["target", "required", "measured", "result"], verdicts, "<<><"))
    if report.notes:
        parts.append("\n".join(f"- {each}" for each in report.notes))
    return "\n\n".join(parts)


def verdict(met: bool | None) -> str:
    """The word for a target's result."""
    return "not measured" if met is None else "met" if met else "not met"


def number(value: float) -> str:
    """Format with three significant digits, and without decimals from 100 on."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.995 else f"{value:.3f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], alignment: str) -> str:
    """A Markdown table; `alignment` has `<` or `>` for each column."""
    widths = [max(len(row[index]) for row in (head, *rows)) for index in range(len(head))]
    rule = [
        "-" * width if side == "<" else "-" * (width - 1) + ":" for width, side in zip(widths, alignment, strict=True)
    ]
    return "\n".join(
        "| "
        + " | ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, alignment, widths, strict=True))
        + " |"
        for row in (head, rule, *rows)
    )
