"""Patterns that configuration may use to read technical texts: regular expressions that take time linear in the text.

What would make an engine go back and forth (a look around, a group named again) is refused, so that every engine
reads a pattern alike and no message can stop one.
"""

from __future__ import annotations

import re

LONGEST = 300
_LOOKS = re.compile(r"\(\?(?:[=!>(]|<[=!]|P=)|\\[1-9]|[*+?}]\+")


def groups_of(pattern: str) -> dict[str, int]:
    """The named groups of a pattern and their numbers. Raises `ValueError` saying what is wrong with it."""
    if len(pattern) > LONGEST:
        raise ValueError(f"a pattern of {len(pattern)} characters, expected at most {LONGEST}")
    found = _LOOKS.search(pattern)
    if found:
        raise ValueError(
            f"'{found[0]}' in a pattern, expected no look around, no possessive and no group that is named again"
        )
    try:
        return dict(re.compile(pattern).groupindex)
    except re.error as error:
        raise ValueError(f"{error}, expected a regular expression") from None
