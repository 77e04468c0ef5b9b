"""One exception a line, also when what it is about cannot be judged: nothing less specific is raised there."""

from __future__ import annotations

from typing import Any

import pytest

from exceptions_app.catalog.schema import Category, MatchCheck
from jobs import comparing

from .conftest import Hospital, order, receipt

LARGE = {
    "code": "goods.large",
    "title": "Large orders are looked at",
    "flow": "goods",
    "key": ["order_number"],
    "reference": "{order_number}",
    "sides": {
        "ordered": {"record": "goods_order", "columns": {"quantity": "quantity", "ordered_at": "ordered_at"}}
    },
    "findings": [
        {
            "category": "large_order",
            "present": ["ordered"],
            "when": "ordered.quantity > 100",
            "since": "ordered.ordered_at",
            "facts": {"order": "order_number"},
        }
    ],
}


@pytest.fixture
def two_causes(hospital: Hospital) -> Hospital:
    """A line with two causes: nothing was received, and, less specific, the order is large."""
    catalog = hospital.runtime.catalog
    catalog.categories["large_order"] = Category(
        code="large_order", title="Large order", rank=300, sentence="{order} is large.", cause="Big.",
        guidance=["Look."], owner="supply chain", queue="goods_desk", target="2 business days",
    )  # fmt: skip
    catalog.checks["goods.large"] = MatchCheck.model_validate(LARGE)
    hospital.source("orders", [order("PO-1", "500")])
    hospital.source("receipts", [receipt("PO-7")])
    hospital.tick()
    assert [case.category for case in hospital.cases()] == ["nothing_received"]
    return hospital


def of_the_line(hospital: Hospital) -> list[tuple[str, str]]:
    return [(case.category, case.status) for case in hospital.cases() if case.reference == "PO-1"]


def test_failed_feed_raises_no_second_exception_on_a_line(two_causes: Hospital) -> None:
    two_causes.source("receipts", fail_after=0)
    two_causes.tick()
    assert two_causes.runs("receipts")[-1].status == "failed"
    assert of_the_line(two_causes) == [("nothing_received", "open")]


def test_broken_check_raises_no_second_exception_on_a_line(
    two_causes: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = comparing.begin_check

    def broken(con: Any, check: Any, *rest: Any, **some: Any) -> Any:
        if check.code == "goods.received":
            raise ArithmeticError("DECIMAL(18,4) overflow")
        return whole(con, check, *rest, **some)

    monkeypatch.setattr(comparing, "begin_check", broken)
    told = two_causes.tick(full=True)
    assert (told["goods.received"]["status"], told["goods.large"]["status"]) == ("failed", "complete")
    assert of_the_line(two_causes) == [("nothing_received", "open")]


def test_other_lines_are_still_raised_while_a_feed_fails(two_causes: Hospital) -> None:
    two_causes.source("receipts", fail_after=0)
    two_causes.source("orders", [order("PO-1", "500"), order("PO-2", "600")])
    two_causes.tick()
    assert {(case.reference, case.category) for case in two_causes.cases() if case.queue == "goods_desk"} == {
        ("PO-1", "nothing_received"),
        ("PO-2", "large_order"),
    }


def test_what_remains_is_raised_once_all_sides_can_be_judged_again(two_causes: Hospital) -> None:
    two_causes.source("receipts", fail_after=0)
    two_causes.tick()
    two_causes.source("receipts", [receipt("PO-1", "500")])
    two_causes.tick()
    assert of_the_line(two_causes) == [("nothing_received", "resolved"), ("large_order", "open")]
