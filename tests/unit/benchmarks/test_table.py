"""A report renders its figures and, for every target, whether it is met."""

from pathlib import Path

from benchmarks.table import AbsoluteTarget, RelativeTarget, Report, Target, render, verdict

PAGE = Path(__file__).resolve().parents[3] / "docs" / "performance.md"


def test_a_relative_target_is_met_up_to_its_ratio_and_not_beyond() -> None:
    met = RelativeTarget("hub, busy", value=1.0, reference=10.0, at_most=0.1, reference_name="nchan")
    exceeded = RelativeTarget("hub, busy", value=1.1, reference=10.0, at_most=0.1, reference_name="nchan")

    assert (met.met, met.required, met.measured) == (True, "at most 0.1 × nchan", "0.100 ×")
    assert (exceeded.met, exceeded.measured) == (False, "0.110 ×")


def test_a_target_without_its_reference_is_neither_met_nor_not() -> None:
    target = RelativeTarget("hub", value=1.0, reference=None, at_most=0.1, reference_name="nchan")

    assert (target.met, target.measured, verdict(target.met)) == (None, "", "not measured")


def test_an_absolute_target_has_a_unit_and_a_lower_or_an_upper_limit() -> None:
    memory = AbsoluteTarget("memory", 25.04, "kB", at_most=24)
    groups = AbsoluteTarget("groups", 30.0, "× one", at_least=25)

    assert (memory.met, memory.required, memory.measured) == (False, "at most 24 kB", "25.0")
    assert (groups.met, groups.required, groups.measured) == (True, "at least 25 × one", "30.0")


def test_the_columns_of_figures_line_up_and_a_missing_figure_is_empty() -> None:
    report = Report("n", "Title", "How to read it.", {"hub": {"a": 1234.5, "b": 0.25}, "peer": {"a": 9.0}})

    *_, head, rule, hub, peer = render(report).splitlines()
    assert head == "|      |     a |     b |"
    assert rule == "| ---- | ----: | ----: |"
    assert hub == "| hub  | 1,234 | 0.250 |"
    assert peer == "| peer |  9.00 |       |"


def test_the_targets_are_a_table_with_a_column_for_the_result() -> None:
    targets: list[Target] = [
        RelativeTarget("busy", value=1.1, reference=10.0, at_most=0.1, reference_name="nchan"),
        AbsoluteTarget("memory", 20.0, "kB", at_most=24),
    ]

    *_, head, rule, busy, memory = render(Report("n", "Title", "Text.", {"hub": {"a": 1.0}}, targets)).splitlines()
    assert head == "| target | required            | measured | result  |"
    assert rule == "| ------ | ------------------- | -------: | ------- |"
    assert busy == "| busy   | at most 0.1 × nchan |  0.110 × | not met |"
    assert memory == "| memory | at most 24 kB       |     20.0 | met     |"


def test_every_target_on_the_page_has_a_result() -> None:
    rows = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if "| at most " in line or "| at least " in line
    ]
    results = {row.split("|")[-2].strip() for row in rows}

    assert len(rows) > 20
    assert results <= {verdict(met) for met in (True, False, None)}
