"""Order, receipt and invoice per line: what raises each category, and what looks alike and stays silent."""

from __future__ import annotations

from .books import Books


def test_what_agrees_is_compared_matched_and_silent(agreed: Books) -> None:
    result = agreed.run()
    assert (result.discrepancies, result.compared, result.matched) == ([], 1, 1)
