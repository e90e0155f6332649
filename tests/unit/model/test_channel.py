"""Slugs: what names a channel, and what the site keeps for itself."""

import pytest

from app.errors import InvalidRequest
from app.model.channel import RESERVED, check_slug


@pytest.mark.parametrize("slug", ["ci", "a", "0", "a-b-", "x" * 63])
def test_a_slug_is_letters_digits_and_dashes(slug: str) -> None:
    assert check_slug(slug) == slug


@pytest.mark.parametrize("slug", ["", "-a", "A", "a_b", "a.b", "a/b", "x" * 64, "é", "a\n", " a"])
def test_anything_else_is_refused_by_name(slug: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_slug(slug)

    assert caught.value.field == "slug"


@pytest.mark.parametrize("slug", sorted(RESERVED))
def test_names_of_the_site_are_refused(slug: str) -> None:
    with pytest.raises(InvalidRequest, match="keeps for itself"):
        check_slug(slug)
