"""A table says what was found, and of what is due whether it is so."""

from benchmarks.table import Bound, Found, Limit, render


def test_a_bound_is_held_up_to_its_ratio_and_not_beyond() -> None:
    held = Bound("ours, busy", ours=1.0, theirs=10.0, most=0.1, against="nchan")
    broken = Bound("ours, busy", ours=1.1, theirs=10.0, most=0.1, against="nchan")

    assert (held.held, broken.held) == (True, False)
    assert str(held) == "held: ours, busy: at most 0.1 × nchan; it is 0.100 ×"
    assert str(broken) == "NOT HELD: ours, busy: at most 0.1 × nchan; it is 0.110 ×"


def test_a_bound_without_the_other_is_neither_held_nor_not() -> None:
    bound = Bound("ours", ours=1.0, theirs=None, most=0.1, against="nchan")

    assert bound.held is None
    assert str(bound).startswith("not judged")


def test_a_limit_has_its_unit_and_its_side() -> None:
    assert str(Limit("memory", 25.04, "kB", most=24)) == "NOT HELD: memory: at most 24 kB; it is 25.0"
    assert str(Limit("groups", 30.0, "× one", least=25)) == "held: groups: at least 25 × one; it is 30.0"


def test_a_table_lines_up_and_leaves_what_was_not_measured_empty() -> None:
    found = Found("n", "Title", "How to read it.", {"ours": {"a": 1234.5, "b": 0.25}, "theirs": {"a": 9.0}})

    *_, head, rule, ours, theirs = render(found).splitlines()
    assert head == "|        |     a |     b |"
    assert rule == "| ------ | ----: | ----: |"
    assert ours == "| ours   | 1,234 | 0.250 |"
    assert theirs == "| theirs |  9.00 |       |"
