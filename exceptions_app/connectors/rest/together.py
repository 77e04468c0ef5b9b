"""Small pages as larger ones: what is stored at once costs little more for five thousand rows than for fifty."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ..base import Page

LONGEST = 5.0
"""Seconds after which what has come is given on, however little: a slow source shows its progress."""


def together(pages: Iterator[Page], rows: int, clock: Callable[[], float] = time.monotonic) -> Iterator[Page]:
    """The same rows and problems in the same order, about `rows` at once, each page with the watermark of the last in
    it. Where the source breaks off, what came before is given first.
    """
    held: list[Page] = []
    began, broken = clock(), None
    while True:
        try:
            page = next(pages, None)
        except Exception as error:
            page, broken = None, error
        if page is not None:
            held.append(page)
        enough = sum(len(each.rows) + len(each.problems) for each in held) >= rows
        if held and (page is None or enough or clock() - began > LONGEST):
            yield _one(held)
            held, began = [], clock()
        if page is None:
            break
    if broken is not None:
        raise broken


def _one(pages: list[Page]) -> Page:
    if len(pages) == 1:
        return pages[0]
    rows = [row for page in pages for row in page.rows]
    return Page(rows, [problem for page in pages for problem in page.problems], pages[-1].watermark)
