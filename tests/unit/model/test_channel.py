"""Slugs: which texts name a channel, and which are reserved."""

import pytest

from app.errors import InvalidRequest
from app.model.channel import RESERVED, check_slug


@pytest.mark.parametrize("slug", ["ci", "a", "0", "a-b-", "x" * 63])
def test_a_slug_is_letters_digits_and_dashes(slug: str) -> None:
    assert check_slug(slug) == slug


@pytest.mark.parametrize("slug", ["", "-a", "A", "a_b", "a.b", "a/b", "x" * 64, "é", "a\n", " a"])
def test_any_other_slug_is_refused_by_its_field(slug: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_slug(slug)

    assert caught.value.field == "slug"


@pytest.mark.parametrize("slug", sorted(RESERVED))
def test_reserved_slugs_are_refused(slug: str) -> None:
    with pytest.raises(InvalidRequest, match="keeps for itself"):
        check_slug(slug)
