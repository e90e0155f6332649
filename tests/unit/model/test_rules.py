"""The text of a rule: written beside the type, or derived from the type."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, Struct, UnsetType

from app.model.channel import Visibility
from app.model.rules import one_of, rule, rule_of, rules_of, sentences_of, text, types_of, whole

type Name = str | int | None
Colour = Literal["red", "blue"]


class Paint(Struct):
    """A field of every kind."""

    colour: Annotated[Colour, one_of(Colour, "red where absent")] | None = None
    name: Annotated[str, text(1, 9)] | UnsetType | None = UNSET
    layers: Annotated[int, whole(1, 3, "coats to put on")] = 1
    batch: Name = None


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (str, "text"),
        (int | None, "a whole number"),
        (Name, "text or a whole number"),
        (int | float, "a whole number or a number"),
        (bool | UnsetType, "true or false"),
        (Any, "any JSON"),
        (list[int], "a list"),
        (tuple[str, ...], "a list"),
        (dict[str, int], "a JSON object"),
        (Paint, "a JSON object"),
        (Colour, "one of red, blue"),
        (Visibility, "one of public, unlisted, private"),
        (Annotated[str, Meta(description="Without a rule.")], "text"),
        (Annotated[str, rule("an http or https URL")] | None, "an http or https URL"),
        (Annotated[str, text(0, 16)], "text, up to 16 characters"),
    ],
    ids=str,
)
def test_every_type_has_a_rule_in_words(kind: object, words: str) -> None:
    assert rule_of(kind) == words


def test_a_type_without_a_rule_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="needs a rule"):
        rule_of(bytes)


def test_a_rule_gives_a_phrase_a_sentence_and_limits() -> None:
    schemas = {name: msgspec.json.schema(kind) for name, kind in types_of(Paint).items() if name != "batch"}

    assert rules_of(Paint) == {
        "colour": "one of red, blue",
        "name": "text, 1 to 9 characters",
        "layers": "a whole number from 1 to 3",
        "batch": "text or a whole number",
    }
    assert sentences_of(Paint) == {
        "colour": "One of red, blue; red where absent.",
        "name": "Text, 1 to 9 characters.",
        "layers": "A whole number from 1 to 3; coats to put on.",
    }
    assert {name: schema["description"] for name, schema in schemas.items()} == sentences_of(Paint)
    assert (schemas["name"]["minLength"], schemas["name"]["maxLength"], schemas["layers"]["maximum"]) == (1, 9, 3)
