"""Small pages are stored together, and nothing is lost or late by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exceptions_app.connectors.base import Page, RawRow, RowProblem, TransportError
from exceptions_app.connectors.rest.ahead import ahead
from exceptions_app.connectors.rest.together import together


def page(number: int, rows: int = 2, problems: int = 0) -> Page:
    return Page(
        [RawRow(f"{number}.{row}", {}) for row in range(rows)],
        [RowProblem(f"{number}!{row}", "bad", "") for row in range(problems)],
        f"m{number}",
    )


def breaking(pages: list[Page]) -> Iterator[Page]:
    yield from pages
    raise TransportError("broke off", permanent=False, where="here")


def test_pages_are_joined_up_to_so_many_rows_with_the_last_watermark() -> None:
    joined = list(together(iter([page(1), page(2, 1, 1), page(3), page(4, 9)]), 4))
    assert [row.position for row in joined[0].rows] == ["1.0", "1.1", "2.0"]
    assert [len(each.problems) for each in joined] == [1, 0]
    assert [each.watermark for each in joined] == ["m2", "m4"]


def test_an_empty_page_is_still_a_page_and_no_page_is_none() -> None:
    assert [len(each.rows) for each in together(iter([page(1, 0)]), 10)] == [0]
    assert list(together(iter([]), 10)) == []


def test_what_came_before_a_failure_is_given_first() -> None:
    got: list[Page] = []
    with pytest.raises(TransportError):
        for each in together(ahead(breaking([page(1), page(2)])), 100):
            got.append(each)
    assert [(len(each.rows), each.watermark) for each in got] == [(4, "m2")]


def test_a_slow_source_shows_its_progress() -> None:
    times = iter([0.0, 3.0, 6.0, 6.0, 7.0, 7.0])
    joined = list(together(iter([page(1), page(2), page(3)]), 100, lambda: next(times)))
    assert [each.watermark for each in joined] == ["m2", "m3"]


def test_whoever_stops_early_stops_the_fetching() -> None:
    asked: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            asked.append(len(asked))
            yield len(asked)

    items = ahead(endless())
    assert next(items) == 1
    items.close()  # type: ignore[attr-defined]
    assert len(asked) < 30
