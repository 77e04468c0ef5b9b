"""What a format gives row by row or by the column, as pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..base import FeedContentError, Page, RawRow, RowProblem
from ..columnar import ColumnRows

PAGE_SIZE = 5000

Item = RawRow | RowProblem | ColumnRows


def gather(items: Iterable[Item]) -> Iterator[Page]:
    """Pages in the order of the file. Where it breaks off, what came before is given first."""
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    broken: FeedContentError | None = None
    source = iter(items)
    while True:
        try:
            item = next(source, None)
        except FeedContentError as error:
            broken, item = error, None
        if item is None or isinstance(item, ColumnRows) or len(rows) + len(problems) >= PAGE_SIZE:
            if rows or problems:
                yield Page(rows, problems)
            rows, problems = [], []
        if isinstance(item, ColumnRows):
            yield Page(item)
        elif isinstance(item, RawRow):
            rows.append(item)
        elif item is not None:
            problems.append(item)
        else:
            break
    if broken is not None:
        raise broken
