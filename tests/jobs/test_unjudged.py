"""A row that could not be read blames nobody: on its key nothing opens, changes or closes until it is mended."""

from __future__ import annotations

import os
from typing import Any

import pytest
from sqlalchemy import update

from exceptions_app.catalog.schema import Category, DuplicateCheck
from exceptions_app.models import CheckRun, ExceptionCase, Reject, Task

from .conftest import Hospital, order, receipt
from .test_file_feeds import HEADER, Folder, folder

__all__ = ["folder"]

TWICE = {
    "code": "goods.twice", "title": "No receipt is entered twice", "kind": "duplicate", "flow": "goods",
    "record": "goods_receipt", "key": ["receipt_number"], "category": "twice", "reference": "{receipt_number}",
    "columns": {"order_number": "MIN(order_number)", "at": "MIN(received_at)"},
    "rules": [{"title": "order", "same": ["order_number"]}], "order_by": "at",
}  # fmt: skip


def held(hospital: Hospital, check: str = "goods.received") -> int:
    """Keys held back in the newest run of a check, over all scopes."""
    runs = hospital.all(CheckRun, CheckRun.check_code == check)
    newest = {run.scope: run.unjudged for run in runs}
    return sum(newest.values())


def references(hospital: Hospital, status: str = "open") -> list[str]:
    found = [*hospital.cases("nothing_received", status), *hospital.cases("quantity_differs", status)]
    return sorted(case.reference for case in found)


def test_rejected_receipt_is_no_missing_receipt_and_other_orders_are_judged(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1"), order("PO-2"), order("PO-3", entity="H02")])
    hospital.source("receipts", [receipt("PO-1", "ten"), receipt("PO-7", name="R7")])
    told = hospital.tick()["goods.received"]
    assert references(hospital) == ["PO-2", "PO-3"]
    assert (held(hospital), told["unjudged"]) == (1, 1)


@pytest.mark.parametrize(("mended", "found"), [("10", []), ("4", ["PO-1"])])
def test_mended_receipt_lets_the_check_judge_again(hospital: Hospital, mended: str, found: list[str]) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.source("receipts", [receipt("PO-1", "ten")])
    hospital.tick()
    assert references(hospital) == []
    hospital.source("receipts", [receipt("PO-1", mended)])
    hospital.tick()
    assert (references(hospital), held(hospital)) == (found, 0)
    assert [reject.ended_at is None for reject in hospital.rejects()] == [False]


def test_row_that_left_the_snapshot_is_missing(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.source("receipts", [receipt("PO-1", "ten"), receipt("PO-7", name="R7")])
    hospital.tick()
    hospital.source("receipts", [receipt("PO-7", name="R7")])
    hospital.tick()
    assert references(hospital) == ["PO-1"]


def test_part_of_a_sum_that_was_rejected_makes_no_difference(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.source("receipts", [receipt("PO-1", "4"), receipt("PO-1", "six", name="R2")])
    hospital.tick()
    assert (references(hospital), held(hospital)) == ([], 1)


def test_open_exception_stays_as_it_is_while_a_row_of_its_key_is_rejected(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1"), order("PO-2")])
    hospital.source("receipts", [receipt("PO-1", "4"), receipt("PO-2", "4", name="R2")])
    hospital.tick()
    before = {case.reference: case.version for case in hospital.cases("quantity_differs", "open")}
    hospital.source("orders", [order("PO-1"), order("PO-2")])
    hospital.source(
        "receipts", [receipt("PO-1", "10"), receipt("PO-1", "x", name="R9"), receipt("PO-2", "5", name="R2")]
    )
    hospital.tick()
    after = {case.reference: case.version for case in hospital.cases("quantity_differs", "open")}
    assert before == {"PO-1": 1, "PO-2": 1}
    assert after == {"PO-1": 1, "PO-2": 2}
    assert held(hospital) == 1
    hospital.source("receipts", [receipt("PO-1", "10"), receipt("PO-2", "5", name="R2")])
    hospital.tick()
    assert references(hospital) == ["PO-2"]


def test_claim_is_neither_confirmed_nor_refused_while_a_row_is_rejected(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.source("receipts", [receipt("PO-7", name="R7")])
    hospital.tick()
    with hospital.install.transaction() as session:
        session.execute(
            update(ExceptionCase).values(status="awaiting_confirmation", resolved_at=hospital.clock_now())
        )
    hospital.source("receipts", [receipt("PO-1", "ten"), receipt("PO-7", name="R7")])
    hospital.tick()
    assert references(hospital, "awaiting_confirmation") == ["PO-1"]


def test_order_without_readable_entity_holds_its_number_everywhere(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1"), order("PO-1", entity="H02"), order("PO-2")])
    hospital.source("receipts", [receipt("PO-1", entity="H99"), receipt("PO-7", name="R7")])
    hospital.tick()
    assert (references(hospital), held(hospital)) == (["PO-2"], 2)


def test_row_without_a_readable_key_holds_nothing_back_and_its_exception_says_so(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.source("receipts", [receipt("", "ten"), receipt("PO-7", name="R7")])
    hospital.tick()
    assert (references(hospital), held(hospital)) == (["PO-1"], 0)
    [incident] = hospital.cases("rejected_rows")
    assert "No key could be read of 1 row: what is there may look missing" in incident.sentence


def test_rejected_order_leaves_its_receipts_alone(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1", "4")])
    hospital.source("receipts", [receipt("PO-1", "10")])
    hospital.tick()
    [case] = hospital.cases("quantity_differs", "open")
    hospital.source("orders", [order("PO-1", "ten")])
    hospital.source("receipts", [receipt("PO-1", "11")])
    hospital.tick()
    assert [(c.status, c.version) for c in hospital.cases("quantity_differs")] == [("open", case.version)]


# ---- feeds of changes


def put(folder: Folder, name: str, *lines: dict[str, Any]) -> None:
    """A delivery of changes with these rows as they are."""
    folder.put(name)
    rows = [",".join(line[field] for field in HEADER) for line in lines]
    head, trailer = (folder.root / name).read_text().splitlines()
    trailer = trailer.replace("TRL,0", f"TRL,{len(rows)}")
    stat = (folder.root / name).stat()
    (folder.root / name).write_text("\n".join([head, *rows, trailer, ""]))
    os.utime(folder.root / name, (stat.st_atime, stat.st_mtime))


def test_bad_row_of_a_csv_blames_nobody_until_its_mended_delivery(hospital: Hospital, folder: Folder) -> None:
    hospital.source("orders", [order("PO-1"), order("PO-2")])
    put(folder, "r1.csv", receipt("PO-1", "ten"), receipt("PO-7", name="R7"))
    hospital.clock.forward(minutes=30)
    put(folder, "r2.csv", receipt("PO-8", name="R8"))
    hospital.tick()
    assert (references(hospital), held(hospital)) == (["PO-2"], 1)
    put(folder, "r3.csv", receipt("PO-9", name="R9"))
    hospital.tick()
    assert (references(hospital), held(hospital)) == (["PO-2"], 1)
    put(folder, "r4.csv", receipt("PO-1", "4"))
    hospital.tick()
    assert (references(hospital), held(hospital)) == (["PO-1", "PO-2"], 0)
    assert [reject.ended_at is None for reject in hospital.rejects()] == [False]


def test_word_of_a_person_that_was_confirmed_settles_what_never_came_again(
    hospital: Hospital, folder: Folder
) -> None:
    hospital.source("orders", [order("PO-1")])
    put(folder, "r1.csv", receipt("PO-1", "ten"))
    hospital.tick()
    with hospital.install.transaction() as session:
        claimed = update(ExceptionCase).where(ExceptionCase.category == "rejected_rows")
        session.execute(claimed.values(status="awaiting_confirmation", resolved_at=hospital.clock_now()))
    hospital.clock.forward(minutes=30)
    put(folder, "r2.csv", receipt("PO-8", name="R8"))
    hospital.tick()
    assert [case.status for case in hospital.cases("rejected_rows")] == ["resolved"]
    assert references(hospital) == ["PO-1"]


def test_run_that_only_settled_a_reject_asks_for_a_comparison(hospital: Hospital, folder: Folder) -> None:
    put(folder, "r1.csv", receipt("PO-1", "ten"))
    hospital.poll("receipts")
    waiting = (Task.kind == "reconcile", Task.status == "queued")
    assert hospital.all(Task, *waiting) == []
    with hospital.install.transaction() as session:
        claimed = update(ExceptionCase).where(ExceptionCase.category == "rejected_rows")
        session.execute(claimed.values(status="awaiting_confirmation", resolved_at=hospital.clock_now()))
    hospital.clock.forward(minutes=5)
    hospital.poll("receipts")
    assert hospital.all(Reject, Reject.ended_at.is_(None)) == []
    assert [task.scope for task in hospital.all(Task, *waiting)] == ["reconcile:goods"]


# ---- other checks


@pytest.fixture
def twice(hospital: Hospital) -> Hospital:
    """Receipts of one order under two numbers are suspected to be one."""
    catalog = hospital.runtime.catalog
    catalog.categories["twice"] = Category(
        code="twice", title="Twice", rank=50, sentence="{a} and {b}.", cause="Twice.", guidance=["Look."],
        owner="supply chain", queue="goods_desk", target="2 business days",
    )  # fmt: skip
    catalog.checks["goods.twice"] = DuplicateCheck.model_validate(TWICE)
    return hospital


def test_duplicates_are_found_unless_a_row_of_a_member_was_rejected(twice: Hospital) -> None:
    pairs = [receipt(f"PO-{n}", "5", name=f"R{n}{side}") for n in (1, 2) for side in "ab"]
    twice.source("orders", [order("PO-1"), order("PO-2")])
    twice.source("receipts", [*pairs, {**receipt("PO-1", "x", name="R1b"), "order": "PO-9"}])
    twice.tick()
    assert [case.reference for case in twice.cases("twice")] == ["R2a"]
    assert held(twice, "goods.twice") == 1


def test_open_duplicate_stays_while_a_row_of_a_member_is_rejected(twice: Hospital) -> None:
    twice.source("orders", [order("PO-1")])
    twice.source("receipts", [receipt("PO-1", "5", name="Ra"), receipt("PO-1", "5", name="Rb")])
    twice.tick()
    assert [case.status for case in twice.cases("twice")] == ["open"]
    twice.source("receipts", [receipt("PO-1", "10", name="Ra"), receipt("PO-4", "x", name="Rb")])
    twice.tick()
    assert [case.status for case in twice.cases("twice")] == ["open"]
    twice.source("receipts", [receipt("PO-1", "10", name="Ra"), receipt("PO-4", "1", name="Rb")])
    twice.tick()
    assert [case.status for case in twice.cases("twice")] == ["resolved"]
