"""Slugs: which texts name a channel, and which are reserved."""

import msgspec
import pytest

from app.errors import InvalidRequest
from app.model.channel import RESERVED, ChannelDraft, check_slug, with_default_retention


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


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, None),
        ({"publishing": "members"}, None),
        ({"publishing": "everyone"}, 100_000),
        ({"publishing": "everyone", "retention_updates": 7}, 7),
        ({"publishing": "everyone", "retention_days": 7}, None),
    ],
)
def test_an_open_channel_has_a_default_retention(given: dict[str, object], kept: int | None) -> None:
    draft = with_default_retention(msgspec.convert({"slug": "ci", **given}, ChannelDraft))

    assert draft.retention_updates == kept
