"""The words of a text: whole in every script, and the same however a character was composed."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model.update import words_of


@given(text=st.text(alphabet=[chr(code) for code in range(128)]))
def test_the_words_of_ascii_are_its_runs_of_letters_and_digits_in_lower_case(text: str) -> None:
    assert words_of(text) == re.findall(r"[a-z0-9]+", text.lower())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
        ("বাংলা ভাষা", ["বাংলা", "ভাষা"]),
        ("مُحَمَّد", ["مُحَمَّد"]),
        ("שָׁלוֹם", ["שָׁלוֹם"]),
        ("ภาษาไทย", ["ภาษาไทย"]),
        ("မြန်မာ", ["မြန်မာ"]),
        ("ខ្មែរ", ["ខ្មែរ"]),
        ("བོད་ཡིག", ["བོད", "ཡིག"]),
        ("മലയാളം ಕನ್ನಡ తెలుగు", ["മലയാളം", "ಕನ್ನಡ", "తెలుగు"]),
        ("𑄌𑄋𑄴𑄟𑄳𑄦", ["𑄌𑄋𑄴𑄟𑄳𑄦"]),  # Chakma: beyond the first 65,536 characters.
        ("Über “den” Wolken — 3…4", ["über", "den", "wolken", "3", "4"]),
        ("日本語、テスト", ["日本語", "テスト"]),
    ],
)
def test_a_combining_mark_is_a_part_of_its_word(text: str, words: list[str]) -> None:
    assert words_of(text) == [unicodedata.normalize("NFC", word) for word in words]


@given(text=st.text() | st.text(alphabet="aÄ=<≠≮\u0338\u0308\u0301\u200dΣ क़ि가"))
def test_composed_and_decomposed_texts_have_the_same_words(text: str) -> None:
    assert words_of(unicodedata.normalize("NFD", text)) == words_of(unicodedata.normalize("NFC", text))


@given(text=st.text() | st.text(alphabet="aÄ_.=é\u0301\u0338ि\u200d\u200b\ufe0f\u00ad 1"))
def test_every_word_begins_with_a_letter_or_digit_and_is_found_by_itself(text: str) -> None:
    found = words_of(text)

    assert all(word[0].isalnum() and " " not in word and words_of(word) == [word] for word in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Wörter\u00adbuch", ["wörterbuch"]),  # A soft hyphen.
        ("می\u200cخواهم", ["میخواهم"]),  # Without the joiner it is the same word, as on most keyboards.
        ("क्\u200dष", ["क्ष"]),
        ("葛\U000e0100城", ["葛城"]),  # A variant of a glyph.
        ("ab\u2060cd\ufeffé", ["abcdé"]),
        ("ខ្ញុំ\u200bទៅ", ["ខ្ញុំ", "ទៅ"]),  # A space without a width is a space.
    ],
)
def test_what_only_changes_how_a_word_looks_is_not_in_it(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("STRASSE Straße STRAẞE", ["strasse"] * 3),
        ("İSTANBUL İstanbul ISTANBUL istanbul i\u0307stanbul", ["istanbul"] * 5),
        ("ΟΔΟΣ οδος οδοσ", ["οδοσ"] * 3),
        ("Ｕpper_ＵＰＰＥＲ upper", ["upper"] * 3),
        ("ﬁle ﬁLE FILE", ["file"] * 3),
        ("ｶﾞｲﾄﾞ ガイド", ["ガイド"] * 2),
        ("Ⅷ ⅷ viii", ["viii"] * 3),
        ("ﻣﺮﺣﺒﺎ مرحبا", ["مرحبا"] * 2),  # The forms of letters within a word.
        ("ⓌⒾⒻⒾ wifi", ["wifi"] * 2),
        ("ǅ ǆ ꝫ", ["dž", "dž", "ꝫ"]),
    ],
)
def test_words_that_differ_in_case_width_or_form_are_the_same(text: str, same: list[str]) -> None:
    assert words_of(text) == same


def test_a_sign_is_no_word_whatever_marks_it_has() -> None:
    assert words_of("❤️ \u0301 ⚠️ 👩🏽\u200d💻 →\u0338 1️⃣ §") == ["1"]


def test_a_word_has_200_characters_at_most() -> None:
    """PostgreSQL's index takes no longer ones, and a dump or a key is one word."""
    words = words_of("ab" * 1500 + " x " + "ä" * 201 + " " + "ß" * 150)

    assert [len(word) for word in words] == [200, 1, 200, 200]
    assert [len(word) for word in words_of("ab" * 1500 + " x")] == [200, 1]
