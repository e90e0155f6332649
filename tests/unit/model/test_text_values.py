"""Values as people write them in a shell: each has one meaning, or is refused."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model.text_values import json_of, level_of, number_of, progress_of, switch_of


def is_refused(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return True
    return False


@given(number=st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_exactly(number: float) -> None:
    read = number_of(f" {number!r}")

    assert (read, type(read)) == (number, type(number))


@pytest.mark.parametrize(("text", "number"), [("+7", 7), ("007", 7), (".5", 0.5), ("5.", 5.0), ("-1E3", -1000.0)])
def test_a_number_needs_no_digit_that_json_wants(text: str, number: float) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize(
    "text",
    ["", ".", "e1", "1_000", "0x10", "inf", "nan", "1e999", "٣", "１", "1,5", "1 000", "--1", "9" * 5000, "5 GiB"],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    assert is_refused(number_of, text)


@given(tenths=st.integers(0, 1000))
def test_a_percentage_is_the_nearest_share(tenths: int) -> None:
    text = f"{tenths // 10}.{tenths % 10}"

    assert progress_of(f"{text}%") == progress_of(f"{text} %") == tenths / 1000


@pytest.mark.parametrize("text", ["%", "%5", "5%%", "1e999%", "half", "7/10", "0,7", "inf%"])
def test_what_is_no_progress_is_refused(text: str) -> None:
    assert is_refused(progress_of, text)


@pytest.mark.parametrize(
    ("text", "level"),
    [("INFO", "info"), ("Warn", "warning"), ("WARNING", "warning"), ("err", "error"), ("loud", "loud")],
)
def test_a_level_has_any_case_and_its_short_forms(text: str, level: str) -> None:
    assert level_of(text) == level


def test_a_switch_is_yes_or_no_and_nothing_between() -> None:
    assert [switch_of(text) for text in ("yes", "TRUE", "On ", "1")] == [True] * 4
    assert [switch_of(text) for text in ("No", "false", "off", "0")] == [False] * 4
    assert all(is_refused(switch_of, text) for text in ("", "maybe", "y", "2", "yes please"))


@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_json_is_read_as_json(value: object) -> None:
    assert json_of(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "NaN", "yes", "1 2", "[" * 100_000])
def test_what_is_not_json_is_refused(text: str) -> None:
    assert is_refused(json_of, text)
