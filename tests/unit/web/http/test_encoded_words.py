"""Encoded words in a header: those of other programs are read, and nothing else is changed."""

from email.charset import BASE64, QP, Charset
from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.http.encoded_words import decoded


def charset(encoding: int) -> Charset:
    chosen = Charset("utf-8")
    chosen.header_encoding = encoding
    return chosen


@given(text=st.text(st.characters(categories=("L", "M", "N", "P", "S", "Zs")), min_size=1, max_size=120))
def test_what_the_standard_library_encodes_is_read(text: str) -> None:
    for encoding in (BASE64, QP):
        encoded = Header(text, charset(encoding), maxlinelen=60).encode(linesep="")

        assert decoded(encoded) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=?UTF-8?B?R3LDtsOfZQ==?=", "Größe"),
        ("=?utf-8?b?R3LDtsOfZQ?=", "Größe"),  # Without its padding.
        ("=?ISO-8859-1?Q?Gr=F6=DFe_1?= of x", "Größe 1 of x"),
        ("=?utf-8*de?Q?=C3=A4?=", "ä"),
        ("=?utf-8?Q?a b?=", "a b"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?=  b =?utf-8?q?c?=", "a  b c"),
        ("=?utf-8?b?ww==?= =?UTF-8?b?pA==?=", "ä"),  # One character in two words.
        ("=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "ä"),
        ("=?windows-1252?q?=93x=94?= =?utf-8?q?=E2=9C=93?=", "“x”✓"),
        ("=?gb2312?b?xOO6ww==?=", "你好"),
        ("=?windows-874?q?=A1?=", "ก"),
        ("=?ISO-8859-8-I?q?=F9?=", "ש"),
        ("=?x-sjis?b?k/qWew==?=", "日本"),
        ("=?utf-8?q??=", ""),
    ],
)
def test_an_encoded_word_is_decoded(value: str, text: str) -> None:
    assert decoded(value) == text


@pytest.mark.parametrize(
    "value",
    [
        "plain", "Größe", "a =? b ?= c", "=?utf-8?x?abc?=", "=?nothing?q?abc?=", "=?utf-8?b?!!!?=", "=?utf-8?q?=FF?=",
        "=?utf-8?b?w6=", "=?zip?b?eJw=?=", "=?rot13?q?abc?=", "=?utf-7?q?+2AA-?=",
        "=?unicode_escape?q?=5Cud800?=", "=?raw-unicode-escape?q?abc?=", "=?idna?q?abc?=", "1=?2",
        "=?punycode?q?" + "a" * 9000 + "?=",
    ],
)  # fmt: skip
def test_what_is_no_encoded_word_stays_as_it_is(value: str) -> None:
    assert decoded(value) == value


@given(value=st.text(alphabet="=?utf-8bqQ_ /+aé\n\t*"))
def test_any_value_is_read(value: str) -> None:
    assert isinstance(decoded(value), str)
