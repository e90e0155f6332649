"""Values from JSON: a refusal names the field and states its rule in our words."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from app.errors import InvalidRequest
from app.model.channel import ChannelDraft, ChannelPatch
from app.model.parsing import parse_json, shaped
from app.model.rules import rules_of
from app.model.update import Draft
from app.web.socket.messages import Message, Subscribe

KINDS: list[type[Struct]] = [Draft, ChannelDraft, ChannelPatch, *get_args(Message.__value__)]


@pytest.mark.parametrize(
    ("value", "kind", "field", "message"),
    [
        ({}, ChannelDraft, "slug", "slug is missing; it must be 1 to 63 of a-z, 0-9 and '-', beginning with "),
        ({"slug": "A"}, ChannelDraft, "slug", "slug must be 1 to 63 of a-z"),
        ({"slug": "a", "title": 7}, ChannelDraft, "title", "title must be text, 1 to 200 characters."),
        ({"visibility": None}, ChannelPatch, "visibility", "visibility must be one of public, unlisted, private."),
        ({"retention_days": 1.5}, ChannelPatch, "retention_days", "retention_days must be a whole number from 1 to"),
        ({"epoch": "e"}, ChannelPatch, "epoch", "The body has no field 'epoch'; it may have title, description, "),
        ({"`$.title`": 1}, ChannelPatch, "`$.title`", "The body has no field '`$.title`'"),
        ({"x" * 99: 1}, ChannelPatch, "x" * 80, "The body has no field 'xxx"),
        ({"type": "subscribe", "channel": "ci", "after": "x"}, Subscribe, "after", "after must be a whole number."),
        ([], ChannelPatch, None, "The body must be a JSON object."),
        ({"type": "ping", "channel": "ci"}, Subscribe, None, "The body is not valid."),
    ],
    ids=range(11),
)
def test_a_refusal_names_the_field_and_states_its_rule(
    value: object, kind: type[Struct], field: str | None, message: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        shaped(value, kind)

    assert caught.value.field == field
    assert caught.value.message.startswith(message)


def test_a_refusal_spells_a_field_as_the_caller_does() -> None:
    with pytest.raises(InvalidRequest, match=r"^--retention-days must be a whole number") as caught:
        shaped({"retention_days": 0}, ChannelPatch, spelled=lambda name: f"--{name.replace('_', '-')}")

    assert caught.value.field == "retention_days"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_that_a_client_sends_has_its_rule_in_words(kind: type[Struct]) -> None:
    assert all(rules_of(kind).values())


NAMES = sorted({name for kind in KINDS for name in rules_of(kind)} | {"other"})
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["", "a", "x" * 999])
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=6), st.sampled_from(KINDS))
def test_every_refusal_names_a_field(value: dict[str, Any], kind: type[Struct]) -> None:
    try:
        expected = msgspec.convert(value, kind)
    except msgspec.ValidationError:
        with pytest.raises(InvalidRequest) as caught:
            shaped(value, kind)
        assert caught.value.field is not None and caught.value.field in caught.value.message
    else:
        assert shaped(value, kind) == expected


def test_the_refusal_of_malformed_json_names_the_message() -> None:
    for body in (b"{", b'"\xff"', b"[" * 100_000):
        with pytest.raises(InvalidRequest, match=r"^A message (must be JSON|is nested)"):
            parse_json(body, "A message")
