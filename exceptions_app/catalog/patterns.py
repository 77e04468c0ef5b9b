"""Patterns that configuration may use to read technical texts: regular expressions that take time linear in the text.

What would make an engine go back and forth (a look around, a group named again) is refused, and what the engine that
runs it cannot read or reads in another way than its groups were counted.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

import duckdb

from exceptions_app.duck import closing_session

LONGEST = 300
_LOOKS = re.compile(r"\(\?(?:[=!>(]|<[=!]|P=)|\\[1-9]|[*+?}]\+")
_OTHERWISE = re.compile(r"\{,\d*\}")
"""Up to so many here, five plain characters there."""


@lru_cache(1_000)
def groups_of(pattern: str) -> dict[str, int]:
    """The named groups of a pattern and their numbers. Raises `ValueError` saying what is wrong with it."""
    if len(pattern) > LONGEST:
        raise ValueError(f"a pattern of {len(pattern)} characters, expected at most {LONGEST}")
    found = _LOOKS.search(pattern)
    if found:
        raise ValueError(
            f"'{found[0]}' in a pattern, expected no look around, no possessive and no group that is named again"
        )
    if found := _OTHERWISE.search(pattern):
        raise ValueError(f"'{found[0]}' in a pattern, expected {{0{found[0][1:]}")
    try:
        with warnings.catch_warnings(action="error", category=FutureWarning):
            groups = dict(re.compile(pattern).groupindex)
        with closing_session() as con:
            con.execute("SELECT regexp_matches('', $1)", ["(?is)" + pattern]).fetchall()
    except FutureWarning as error:
        raise ValueError(f"{error}, expected characters in square brackets without others inside") from None
    except re.error as error:
        raise ValueError(f"{error}, expected a regular expression") from None
    except duckdb.Error as error:
        said = str(error).split("Error: ")[-1].splitlines()[0]
        raise ValueError(f"{said}, expected a regular expression as RE2 reads it") from None
    return groups
