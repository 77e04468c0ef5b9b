"""Whatever restricts a queue is said by the chips and on the cover of an export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime

import pytest

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.queries.filters import SORTS, QueueFilter
from exceptions_app.queries.restrictions import SORTED, restrictions

AT = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
CHOSEN = {
    "queue": ("ap",), "category": ("price_variance",), "entity": ("H01",), "owner": ("me",), "stage": ("breached",),
    "severity": ("high",), "ball": ("supplier",), "retry": ("failed",), "aging": ("10+",), "counterparty": ("Medline",),
    "refs": ("PO-1",), "listed": "a1", "cause": 7, "status": "resolved", "hold": True, "due": AT, "since": AT,
    "given": AT, "fact": ("item:312030",), "alone": True, "watched": True, "q": "gloves",
}  # fmt: skip


@pytest.mark.parametrize("name", [each.name for each in fields(QueueFilter) if each.name != "sort"])
def test_every_restriction_is_said(catalog: Catalog, viewer_of: Callable[..., Viewer], name: str) -> None:
    found = restrictions(catalog, QueueFilter(**{name: CHOSEN[name]}), [], viewer_of())  # type: ignore[arg-type]
    assert [each.name for each in found] == [name]
    assert found[0].label
    assert found[0].said


def test_times_are_in_the_zone_of_who_asks(catalog: Catalog, viewer_of: Callable[..., Viewer]) -> None:
    assert "09:30" in restrictions(catalog, QueueFilter(due=AT), [], viewer_of())[0].said


def test_every_order_has_its_words() -> None:
    assert SORTED.keys() == set(SORTS)
