"""From JSON to values: what can't be read, or has not the asked shape, is refused in words that name the field."""

from typing import Any

import msgspec

from app.errors import InvalidRequest


def parse_json(body: bytes | str) -> Any:
    """Any JSON value. Raises InvalidRequest for what is none (RFC 8259), or is nested too deep to be read."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body must be JSON: {error}.") from None
    except RecursionError:
        raise InvalidRequest("The body is nested too deep.") from None


def shaped[T](value: object, kind: type[T], whole: str = "The body") -> T:
    """The decoded value as `kind`. Raises InvalidRequest, naming the field, or `whole` when it is not about one."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).partition(" - at `$")
        field = path.strip("`").lstrip(".") or None
        if "unknown field `" in sentence or "required field `" in sentence:
            field = sentence.rpartition("field `")[2].strip("`")
        raise InvalidRequest(f"{field or whole}: {sentence}.", field=field) from None
