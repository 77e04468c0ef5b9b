"""Reading one exception's record again: one record where the source can be asked for it, else the whole feed."""

from __future__ import annotations

import pytest

from exceptions_app.models import Task
from exceptions_app.services import runs

from .conftest import Hospital, order, receipt


def reread(hospital: Hospital, number: int = 0) -> dict[str, object]:
    [*cases] = hospital.cases("nothing_received")
    case = cases[number]
    task_id = hospital.request("reread", str(case.id), case=case.id)
    hospital.runner("reread").run_one()
    return hospital.result(task_id)


@pytest.fixture
def waiting(hospital: Hospital) -> Hospital:
    """Two orders, nothing received; then the first one is received."""
    hospital.source("orders", [order("PO-1"), order("PO-2")], one={"order_number": "order"})
    hospital.source("receipts", [], one={"order_number": "order"})
    hospital.tick()
    assert [case.status for case in hospital.cases("nothing_received")] == ["open", "open"]
    hospital.source("receipts", [receipt("PO-1"), receipt("PO-2", name="R2")], one={"order_number": "order"})
    return hospital


def test_only_that_record_is_read_and_compared(waiting: Hospital) -> None:
    first = waiting.cases("nothing_received")[0]
    told = reread(waiting)
    assert told["feeds"] == {"orders": "one record", "receipts": "one record"}
    assert (told["compared"], told["before"], told["status"]) == ("done", "open", "resolved")
    statuses = {case.reference: case.status for case in waiting.cases("nothing_received")}
    assert statuses.pop(first.reference) == "resolved"
    assert list(statuses.values()) == ["open"], "the other record was not read"
    assert [run.rows_read for run in waiting.runs("receipts")] == [0, 1]


def test_feed_stands_where_it_stood(waiting: Hospital) -> None:
    before = waiting.state("receipts")
    waiting.clock.forward(minutes=1)
    reread(waiting)
    after = waiting.state("receipts")
    assert (after.read_through, after.watermark, after.last_run_id) == (
        before.read_through, before.watermark, before.last_run_id,
    )  # fmt: skip
    waiting.tick()
    assert {case.status for case in waiting.cases("nothing_received")} == {"resolved"}


def test_source_that_cannot_be_asked_for_one_record_is_read_as_always(waiting: Hospital) -> None:
    waiting.source("receipts", [receipt("PO-1"), receipt("PO-2", name="R2")])
    told = reread(waiting)
    assert told["feeds"] == {"orders": "one record", "receipts": "whole feed"}
    assert {case.status for case in waiting.cases("nothing_received")} == {"resolved"}
    assert len(waiting.runs("receipts")) == 2, "asking in vain leaves no run behind"


def test_source_that_is_away_is_told_and_changes_nothing(waiting: Hospital) -> None:
    waiting.source("receipts", fail_after=0, one={"order_number": "order"})
    told = reread(waiting)
    assert "broke off" in str(told["feeds"])
    assert (told["before"], told["status"]) == ("open", "open")
    assert waiting.state("receipts").consecutive_failures == 0


def test_a_feed_is_never_read_twice_at_once(waiting: Hospital) -> None:
    reread(waiting)
    pulls = waiting.all(Task, Task.kind == "pull")
    assert sorted(task.scope for task in pulls) == ["poll:orders", "poll:receipts"]


def test_run_of_one_record_that_was_killed_leaves_nothing_to_be_seen(waiting: Hospital) -> None:
    with waiting.install.transaction() as session:
        runs.begin(session, "receipts", now=waiting.clock_now(), snapshot_id=1, correlation_id="c")
    told = reread(waiting)
    assert told["status"] == "resolved"
    assert [run.status for run in waiting.runs("receipts")] == ["complete", "failed", "complete"]
