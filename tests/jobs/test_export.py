"""An export holds what its asker may see, as a workbook that says how it came about."""

from __future__ import annotations

from typing import Any

import openpyxl
import pytest

from exceptions_app.models import Role, Task
from exceptions_app.services import people, tasks

from .conftest import NOW, Hospital, order


@pytest.fixture
def three(hospital: Hospital) -> Hospital:
    """Three exceptions, two in H01 and one in H02."""
    orders = [order("0001"), order("=PO-2"), order("PO-3", entity="H02")]
    hospital.source("orders", orders)
    hospital.source("receipts", [])
    hospital.tick()
    assert len(hospital.cases()) == 3
    return hospital


def person(hospital: Hospital, role: Role = Role.SPECIALIST, **scope: Any) -> int:
    with hospital.install.transaction() as session:
        user = people.create_user(
            session, email="ana@example.org", name="Ana Ng", password="correct horse battery", role=role,
            queues=scope.get("queues", ("*",)), entities=scope.get("entities", ("*",)), by="system:test",
            now=NOW, time_zone="America/Chicago", cheap=True,
        )  # fmt: skip
        return user.id


def export(hospital: Hospital, user_id: int, **wanted: Any) -> Task:
    with hospital.install.transaction() as session:
        payload = {"filter": wanted, "user_id": user_id}
        asked = tasks.request(
            session, "export", "export:1", payload, user_id, hospital.clock_now(), always=True
        ).id
    hospital.runner("export").drain()
    return hospital.task(asked)


def workbook(hospital: Hospital, task: Task) -> openpyxl.Workbook:
    assert task.status == "done", task.error
    return openpyxl.load_workbook(hospital.runtime.exports / f"{task.id}.xlsx")


def references(book: openpyxl.Workbook) -> set[str]:
    rows = book["Exceptions"].iter_rows(min_row=2, values_only=True)
    return {row[1] for row in rows}


def test_export_holds_the_filter_in_real_values(three: Hospital) -> None:
    task = export(three, person(three), entity=["H01"])
    book = workbook(three, task)
    assert references(book) == {"0001", "=PO-2"}
    cell = next(cell for cell in book["Exceptions"]["B"] if cell.value == "=PO-2")
    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    assert (task.progress_done, task.progress_total) == (2, 2)


def test_cover_says_filter_time_and_asker(three: Hospital) -> None:
    book = workbook(three, export(three, person(three), entity=["H01"], q="0001"))
    about = {row[0]: row[1] for row in book["About"].iter_rows(min_row=3, values_only=True)}
    assert about["Filter"] == "Entity: First Hospital; Text: “0001”; Status: Open or unconfirmed"
    assert (about["Asked by"], about["Rows"]) == ("Ana Ng", 1)
    assert "As of (America/Chicago)" in about


def test_export_never_holds_what_its_asker_may_not_see(three: Hospital) -> None:
    book = workbook(three, export(three, person(three, entities=("H02",)), entity=["H01", "H02"]))
    assert references(book) == {"PO-3"}


def test_export_of_another_queue_is_empty(three: Hospital) -> None:
    book = workbook(three, export(three, person(three, queues=("integration_operations",))))
    assert references(book) == set()


def test_right_lost_after_asking_is_lost(three: Hospital) -> None:
    task = export(three, person(three, role=Role.ADMINISTRATOR))
    assert task.status == "failed" and "may not export" in (task.error or "")
    assert not list(three.runtime.exports.glob("*")) if three.runtime.exports.is_dir() else True


def test_old_exports_expire(three: Hospital) -> None:
    import os

    task = export(three, person(three))
    path = three.runtime.exports / f"{task.id}.xlsx"
    old = (NOW.timestamp()) - 8 * 86400
    os.utime(path, (old, old))
    three.request("maintain", "")
    three.runner("maintain").drain()
    assert not path.exists()
