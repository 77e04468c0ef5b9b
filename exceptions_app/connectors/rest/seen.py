"""The pages of one list that were read already: a source that goes in circles, or gives nothing for ever, is told."""

from __future__ import annotations

import marshal
from hashlib import sha256
from typing import Any

from ..base import FeedContentError

MOST_EMPTY = 50
"""So many pages without a row, one after the other, are no list that comes to an end."""


class Seen:
    """The pages that were read, by what they held: one that comes again shows a source that goes in circles."""

    def __init__(self) -> None:
        self._pages: dict[bytes, int] = {}
        self._empty = 0

    def look_at(self, rows: list[Any], number: int, where: str, why: str) -> None:
        if not rows:
            self._empty += 1
            if self._empty > MOST_EMPTY:
                raise FeedContentError(f"{MOST_EMPTY} pages without a row, and no end", where, "an end")
            return
        self._empty = 0
        before = self._pages.setdefault(sha256(_told(rows)).digest(), number)
        if before != number:
            message = f"page {number} is page {before} again, already read{why}"
            raise FeedContentError(message, where, "the page asked for")


def _told(rows: list[Any]) -> bytes:
    """The same bytes for the same rows. Marshal's version 2 writes each value as it is, and is quick."""
    try:
        return marshal.dumps(rows, 2)
    except ValueError:  # a Decimal, say
        return repr(rows).encode("utf-8", "replace")
