"""Which passwords are refused, and that hashing has a bound."""

import asyncio

import pytest

from app.actions.passwords import check_password, hash_password, needs_rehash, verify_password
from app.errors import InvalidRequest, Unavailable


@pytest.mark.parametrize(
    "password", ["correct horse battery", "пароль из многих слов", "x7#" * 333, " spaces count too "]
)
def test_any_long_phrase_is_one(password: str) -> None:
    check_password(password, "ana", "ana@example.org")


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("elevenchars", "12 to 1000"),
        ("x" * 1001, "12 to 1000"),
        ("password1234", "most common"),
        ("PASSWORD1234", "most common"),
        ("anastasia-tidewire", "little more"),
        ("Anastasia@Example.org", "little more"),
    ],
)
def test_what_is_guessed_first_is_none(password: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as refused:
        check_password(password, "anastasia", "anastasia@example.org", field="new")
    assert refused.value.field == "new"


async def test_so_many_wait_for_a_hash_and_no_more() -> None:
    outcomes = await asyncio.gather(*(verify_password("x", None) for _ in range(40)), return_exceptions=True)

    assert outcomes.count(False) == 20
    assert sum(isinstance(each, Unavailable) for each in outcomes) == 20
    stored = await hash_password("correct horse battery")
    assert await verify_password("correct horse battery", stored) and not needs_rehash(stored)
