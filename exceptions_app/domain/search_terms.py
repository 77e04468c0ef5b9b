"""Words and references out of text that people type, paste or read: what search keeps and what it is asked for.

Both databases search by exactly these words, so that neither's own idea of a word matters, and nothing that is typed
can be an operator of theirs. Knows no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

REFERENCE_LIMIT = 500
"""The most references that one filter takes: a mail with 200 orders, twice over."""
_LONGEST_REFERENCE = 200

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


def spellings(given: Iterable[str]) -> list[str]:
    """References as pasted and in capitals, which is how systems write what mails write small."""
    return list(dict.fromkeys(spelling for each in given for spelling in (each, each.upper())))
