"""What a page of an answer is to those who store it: rows with their places, problems, the watermark.

Must not know how it was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

from ..base import FeedContentError, Page, RawRow, RowProblem, cut
from ..exact_json import dump, flat, repeated_key
from .asking import Part
from .bodies import Unreadable
from .paging import Batch


class Known:
    """What the last answer was known by: its ETag or its time, kept with the watermark for the very same request."""

    def __init__(self, watermark: str | None, part: Part) -> None:
        asked = dump([part.path, dict(part.params), dict(part.fields), dict(part.headers)])
        self._asked = sha256(asked.encode()).hexdigest()[:16]
        kept = json.loads(watermark) if watermark else {}
        same = kept.get("asked") == self._asked
        names = {"etag": "If-None-Match", "modified": "If-Modified-Since"}
        self.headers = {names[name]: kept[name] for name in names if same and kept.get(name)}

    def remembered(self, mark: str | None, headers: Mapping[str, str]) -> str | None:
        """The watermark with what this answer is known by."""
        told = {"etag": headers.get("etag"), "modified": headers.get("last-modified")}
        kept = {name: text for name, text in told.items() if text}
        if not kept:
            return mark
        return json.dumps({**(json.loads(mark) if mark else {}), **kept, "asked": self._asked})


def page_of(batch: Batch, watermark: str | None) -> Page:
    """Rows with their places, and what cannot be read."""
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    for number, row in enumerate(batch.rows, 1):
        position = f"{batch.where} row {number}"
        twice = repeated_key(row) if batch.repeats else None
        if twice is not None:
            problems.append(RowProblem(position, f"says {twice!r} twice; which one holds?", cut(dump(row))))
        elif isinstance(row, dict):
            rows.append(RawRow(position, flat(row)))
        elif isinstance(row, Unreadable):
            problems.append(RowProblem(position, row.reason, row.raw))
        else:
            problems.append(
                RowProblem(position, f"expected an object, got {type(row).__name__}", cut(dump(row)))
            )
    return Page(rows, problems, watermark)


def whole(page: Page, expected: str) -> list[RawRow]:
    """Its rows, each readable: a list of keys with a hole would delete what it does not name."""
    if page.problems:
        problem = page.problems[0]
        raise FeedContentError(problem.reason, problem.position, expected)
    return list(page.rows)
