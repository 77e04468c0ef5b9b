"""The null twin breaks where it is told to, so that callers can be tested for it."""

from __future__ import annotations

import pytest

from exceptions_app.connectors.base import FeedContentError, RowProblem, TransportError, cut
from exceptions_app.connectors.rows import RowsConnector, RowsRead

ROWS = [{"id": str(number), "v": 0.5} for number in range(5)]


def test_it_gives_its_rows_and_the_problems_that_came_with_them() -> None:
    problem = RowProblem("row 9", "unreadable", "x")
    source = RowsConnector(RowsRead(rows=ROWS, page_size=2), [problem])
    pages = list(source.read(None))
    assert [len(page.rows) for page in pages] == [2, 2, 1]
    assert [page.problems for page in pages] == [[problem], [], []]
    assert pages[0].rows[0].values == {"id": "0", "v": "0.5"}


@pytest.mark.parametrize(
    ("option", "error"), [("fail_after", TransportError), ("garbage_after", FeedContentError)]
)
@pytest.mark.parametrize("after", [0, 1, 3])
def test_it_breaks_off_after_the_pages_it_was_told(option: str, error: type[Exception], after: int) -> None:
    source = RowsConnector(RowsRead.model_validate({"rows": ROWS, "page_size": 2, option: after}))
    got = 0
    with pytest.raises(error, match=f"page {after + 1}"):
        for _ in source.read(None):
            got += 1
    assert got == after


def test_it_lists_its_keys_and_remembers_how_it_was_left() -> None:
    source = RowsConnector(RowsRead(rows=ROWS, keys=["id"]))
    keys = source.all_keys()
    assert keys is not None
    assert [dict(row.values) for row in keys][:2] == [{"id": "0"}, {"id": "1"}]
    source.acknowledge()
    source.close()
    assert (source.acknowledged, source.closed) == (1, True)


def test_long_texts_are_cut_and_say_so() -> None:
    assert cut("x" * 600).endswith("… (600 characters)")
    assert cut("short") == "short"
