"""An encoded entry is one line, whichever characters a reader takes for the end of one."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.model.json_lines import one_line


@given(text=st.text() | st.text(alphabet='a"\\\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029\u2027é'))
def test_json_is_one_line_and_means_the_same(text: str) -> None:
    given = {text: [text, 1]}
    encoded = one_line(msgspec.json.encode(given))

    assert len(encoded.decode().splitlines()) == 1
    assert json.loads(encoded) == given


def test_what_needs_no_escape_is_not_copied() -> None:
    for text in ("plain", "Größe ✓ “quoted” …"):
        encoded = msgspec.json.encode(text)

        assert one_line(encoded) is encoded
