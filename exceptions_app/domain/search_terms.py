"""Words and references out of text that people type, paste or read: what search keeps and what it is asked for.

Both databases search by exactly these words, so that neither's own idea of a word matters, and nothing that is typed
can be an operator of theirs. Knows no database.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from . import public_id

REFERENCE_LIMIT = 500
"""The most references that one filter takes: a mail with 200 orders, twice over."""
_LONGEST_REFERENCE = 200
_LONGEST_PASTED = 100_000

_BETWEEN = re.compile(r"[^\w\-/.#_:&+@=~*%$]+|[\x00-\x20\x7f]+")
_AROUND = ".:#-*&+=~%$"


def references(text: str) -> tuple[str, ...]:
    """The references in a pasted text, in order, each once, whatever stands between them.

    What cannot be one (no letter and no digit, or too long) is left out, like all beyond `REFERENCE_LIMIT`.
    """
    found: dict[str, None] = {}
    for piece in _BETWEEN.split(text):
        reference = piece.strip(_AROUND)
        if any(c.isalnum() for c in reference) and len(reference) <= _LONGEST_REFERENCE:
            found[reference] = None
    return tuple(found)[:REFERENCE_LIMIT]


_CELLS = re.compile(r"[\r\n\t;|,]+")
_JOINED = re.compile(r"\S+(?:\s+[@/]\s+\S+)+")


@dataclass(frozen=True, slots=True)
class Pasted:
    """A line of a pasted text, or a cell of one. `whole`: what may be one reference with blanks in it, as some are
    shown (`IT-4103 @ H01`). `words`: the pieces that are rather words of the mail.
    """

    text: str

    @property
    def whole(self) -> list[str]:
        line = " ".join(self.text.split())
        lines = [line] if " " in line and len(compact(line)) < _LONGEST_REFERENCE else []
        joined = (each.strip(_AROUND) for each in _JOINED.findall(line))
        return list(dict.fromkeys([*lines, *joined]))

    @property
    def pieces(self) -> tuple[str, ...]:
        return references(self.text)

    @property
    def words(self) -> list[str]:
        return [
            each
            for each in self.pieces
            if not any(c.isdigit() for c in each) and public_id.decode(each) is None
        ]

    def less(self, whole: Iterable[str]) -> tuple[str, ...]:
        """The pieces beside some of the whole ones."""
        rest = " ".join(self.text.split())
        for each in sorted(whole, key=len, reverse=True):
            rest = rest.replace(each, " ")
        return references(rest)


def pasted(text: str) -> list[Pasted]:
    """The lines and cells of a pasted text that have any reference or word, in order."""
    return [Pasted(cell) for cell in _CELLS.split(text[:_LONGEST_PASTED]) if any(c.isalnum() for c in cell)]


def spellings(given: Iterable[str]) -> list[str]:
    """References as pasted and in capitals, which is how systems write what mails write small."""
    return list(dict.fromkeys(spelling for each in given for spelling in (each, each.upper())))


# -- references as search keeps them

SIGN = "·"
"""Begins a kept reference: what is typed into a search has no such sign, and so never finds one by chance."""
_KEPT = str.maketrans(
    {chr(n): chr(0xE000 + n) for n in range(128) if not chr(n).isalnum()} | {SIGN: chr(0xE000 + ord(SIGN))}
)
"""Signs of references as letters for private use: for both databases a reference is one word."""


def compact(reference: str) -> str:
    """A reference without its blanks, as it is looked for and fits between others."""
    return "".join(reference.split())


def kept(reference: str) -> str:
    """The word by which an exception is found that is called so, or is about a document called so: whatever the blanks
    and capitals, and nothing that only begins like it. Empty for no reference.
    """
    found = compact(reference).casefold()[: _LONGEST_REFERENCE - 1].translate(_KEPT)
    return SIGN + found if found else ""


def kept_of(reference: str) -> list[str]:
    """The words of an exception's own reference: the whole, and what stands before each slash (`PO-7` of `PO-7/1`)."""
    parts = reference.split("/")
    return [word for end in range(1, len(parts) + 1) if (word := kept("/".join(parts[:end])))]


# -- words

_WORD = re.compile(r"[^\W_]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_LONGEST_WORD = 64
_MOST_WORDS = 5_000
_PADDED = re.compile(r"0+[1-9][0-9]*")
"""A number with leading zeros, which some systems write and others leave out."""

Phrase = tuple[str, ...]
"""Words that follow each other; the last one may go on (`PO-45` finds `PO-4500012`)."""


def words(text: str) -> list[str]:
    """The letters and digits of a text between whatever else there is: small, without accents, in order."""
    if text.isascii():
        found = _ASCII_WORD.findall(text.lower())
    else:
        folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        found = _WORD.findall("".join(c for c in folded if not unicodedata.combining(c)))
    return [word[:_LONGEST_WORD] for word in found]


def document(*texts: str | None) -> list[list[str]]:
    """What one exception is found by: runs of words, within which phrases are found.

    Identifiers with leading zeros are found with them and without: `INV/000123` is a run of its own as `inv 123`.
    """
    runs = [words(text) for text in texts if text]
    unpadded = [
        [word.lstrip("0") if _PADDED.fullmatch(word) else word for word in words(piece)]
        for text in texts
        if text and "0" in text
        for piece in text.split()
        if any(len(word) > 3 and _PADDED.fullmatch(word) for word in words(piece))
    ]
    return [run[:_MOST_WORDS] for run in (*runs, *unpadded) if run]


def phrases(typed: str) -> tuple[Phrase, ...]:
    """What is looked for: one phrase for each piece between blanks, all of which must be there.

    Nothing that is typed is an operator; a piece without a letter or digit asks for nothing.
    """
    return tuple(phrase for piece in typed.split() if (phrase := tuple(words(piece))))
