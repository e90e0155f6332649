"""Reading a request: its query, and its body as JSON or as bytes."""

import msgspec
from quart import request

from app.errors import InvalidRequest
from app.model.parsing import parse_json, shaped
from app.web.http.context import current_call

_MOST_SEQ = 2**62


def number_arg(name: str, *, least: int = 0, most: int = _MOST_SEQ) -> int | None:
    """A whole number in the query; None when it is not given. Raises InvalidRequest, naming it and its bounds."""
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or not least <= int(text) <= most:
        span = f"from {least} to {most}" if most < _MOST_SEQ else f"from {least}"
        raise InvalidRequest(f"{name} must be a whole number {span}.", field=name)
    return int(text)


def text_arg(name: str, most: int = 200) -> str | None:
    """A text in the query; None when it is not given or empty. Raises InvalidRequest when it is too long."""
    text = request.args.get(name)
    if text is not None and (len(text) > most or "\0" in text):
        raise InvalidRequest(f"{name} must be up to {most} characters, none of them U+0000.", field=name)
    return text or None


async def read_body[T: msgspec.Struct](kind: type[T]) -> T:
    """The request's JSON body as `kind`. Raises InvalidRequest naming the field, or UnsupportedMediaType."""
    current_call().check_json_type()
    return shaped(parse_json(await body_bytes()), kind)


async def body_bytes() -> bytes:
    """The request's body."""
    body = await request.get_data(as_text=False)
    assert isinstance(body, bytes)
    return body
