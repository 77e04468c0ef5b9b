"""Words are the same however they are written; what is typed is never an operator."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exceptions_app.domain.search_terms import document, phrases, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PO-4500012", ["po", "4500012"]),
        ("INV/2026-77", ["inv", "2026", "77"]),
        ("0004711", ["0004711"]),
        ("Crème brûlée ĀŁ", ["creme", "brulee", "ał"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("a_b  'c'*", ["a", "b", "c"]),
        ("½ ℡", ["1", "2", "tel"]),
        (" -%*\"' ", []),
    ],
)
def test_words_are_letters_and_digits_small_and_without_accents(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(max_size=60))
def test_words_of_words_are_the_same_words(text: str) -> None:
    once = words(text)
    assert words(" ".join(once)) == once
    assert all(word.isalnum() for word in once)


def test_numbers_with_leading_zeros_are_runs_without_them_too() -> None:
    assert document("INV/000123", None, "Nothing at 007 and 0.") == [
        ["inv", "000123"],
        ["nothing", "at", "007", "and", "0"],
        ["inv", "123"],
    ]


def test_each_piece_between_blanks_is_a_phrase() -> None:
    assert phrases('PO-45  medline * "NEAR(a b)"') == (("po", "45"), ("medline",), ("near", "a"), ("b",))
    assert phrases("-- %") == ()
