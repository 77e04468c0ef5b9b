"""Feeds of files: what becomes of a bad delivery, and how far an empty folder has been read."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from exceptions_app.catalog.schema import Contract, System
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import SyncRun

from .conftest import Hospital, order, receipt

HEADER = ("entity", "receipt", "order", "quantity", "received_at")


class Folder:
    """The folder into which the warehouse of a test drops its receipts."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, name: str, *orders: str, counted: int | None = None) -> None:
        """A file of changes delivered a minute ago; its trailer counts `counted` rows."""
        rows = [",".join(receipt(number, name=f"R{number}")[field] for field in HEADER) for number in orders]
        trailer = f"TRL,{len(rows) if counted is None else counted},,,"
        path = self.root / name
        path.write_text("\n".join([",".join(HEADER), *rows, trailer, ""]))
        at = (utc_now() - timedelta(minutes=1)).timestamp()
        os.utime(path, (at, at))

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*.csv"))


@pytest.fixture
def folder(hospital: Hospital, tmp_path: Path) -> Folder:
    """The warehouse sends files of changes."""
    root = tmp_path / "drop"
    root.mkdir()
    catalog = hospital.runtime.catalog
    catalog.systems["WMS"] = System(
        code="WMS", name="The warehouse", kind="wms", connector="files", connection={"root": str(root)}
    )
    read = {"pattern": "*.csv", "trailer": {"first_field": "TRL", "count_field": 2}}
    catalog.feeds["receipts"] = catalog.feeds["receipts"].model_copy(update={"mode": "changes", "read": read})
    return Folder(root)


def test_bad_file_goes_to_the_errors_and_the_good_one_to_the_archive(
    hospital: Hospital, folder: Folder
) -> None:
    folder.put("r1.csv", "PO-1")
    folder.put("r2.csv", "PO-2", counted=9)
    told = hospital.poll("receipts")["receipts"]
    assert (told["status"], told["stored"], told["rejected"]) == ("partial", 1, 1)
    assert folder.names() == ["archive/r1.csv", "errors/r2.csv"]
    assert [case.status for case in hospital.cases("feed_failed")] == ["open"]


def test_feed_that_only_got_a_bad_file_says_so_until_a_later_whole_one(
    hospital: Hospital, folder: Folder
) -> None:
    folder.put("r1.csv", "PO-1", counted=9)
    hospital.poll("receipts")
    hospital.clock.forward(minutes=5)
    told = hospital.poll("receipts")["receipts"]
    assert told["status"] == "failed" and "errors/r1.csv" in told["error"]
    folder.put("r2.csv", "PO-2")
    assert hospital.poll("receipts")["receipts"]["status"] == "complete"
    assert folder.names() == ["archive/r2.csv", "errors/r1.csv"]
    assert [case.status for case in hospital.cases("feed_failed")] == ["resolved"]
    [lost] = hospital.cases("rejected_rows")
    assert lost.status == "open" and "r1.csv" in lost.sentence


def test_snapshot_of_files_moves_nothing_while_one_of_them_is_bad(hospital: Hospital, folder: Folder) -> None:
    feed = hospital.runtime.catalog.feeds["receipts"]
    hospital.runtime.catalog.feeds["receipts"] = feed.model_copy(update={"mode": "snapshot"})
    folder.put("r1.csv", "PO-1")
    folder.put("r2.csv", "PO-2", counted=9)
    assert hospital.poll("receipts")["receipts"]["status"] == "partial"
    assert folder.names() == ["r1.csv", "r2.csv"]
    hospital.clock.forward(minutes=5)
    folder.put("r2.csv", "PO-2")
    assert hospital.poll("receipts")["receipts"]["status"] == "complete"
    assert folder.names() == ["archive/r1.csv", "archive/r2.csv"]


def test_empty_folder_makes_nothing_missing(hospital: Hospital, folder: Folder) -> None:
    hospital.source("orders", [order("PO-1", ordered=utc_now())])
    hospital.tick()
    assert hospital.state("receipts").read_through is None
    folder.put("r1.csv")
    delivered = utc_now() - timedelta(minutes=1)
    for _ in range(3):
        hospital.tick()
    assert hospital.state("receipts").read_through == delivered
    hospital.source("orders", [order("PO-1", ordered=utc_now())])
    hospital.tick()
    assert [case.reference for case in hospital.cases("nothing_received", "open")] == []
    hospital.clock.forward(minutes=10)
    folder.put("r2.csv")
    hospital.tick()
    assert [case.reference for case in hospital.cases("nothing_received", "open")] == ["PO-1"]


def test_feed_that_delivers_nothing_for_longer_than_agreed_is_an_exception(
    hospital: Hospital, folder: Folder
) -> None:
    feed = hospital.runtime.catalog.feeds["receipts"]
    contract = Contract(latency=timedelta(minutes=30))
    hospital.runtime.catalog.feeds["receipts"] = feed.model_copy(update={"contract": contract})
    folder.put("r1.csv", "PO-1")
    hospital.tick()
    assert hospital.cases("feed_failed") == []
    hospital.clock.forward(minutes=40)
    hospital.tick()
    hospital.tick()
    [silent] = hospital.cases("feed_failed")
    assert (silent.status, silent.evidence_version) == ("open", 1)
    assert "delivered nothing" in silent.sentence and hospital.runs("receipts")[-1].status == "complete"
    folder.put("r2.csv")
    hospital.tick()
    assert [case.status for case in hospital.cases("feed_failed")] == ["resolved"]


def _delivered_hourly(hospital: Hospital, times: int) -> None:
    """The one run of the receipts was the last of so many, an hour apart."""
    (run,) = hospital.runs("receipts")
    said = {
        column.name: getattr(run, column.name) for column in SyncRun.__table__.columns if column.name != "id"
    }
    with Session(hospital.engine) as session:
        session.execute(delete(SyncRun).where(SyncRun.id == run.id))
        for ago in range(times, -1, -1):
            moved = {
                name: said[name] - timedelta(hours=ago)
                for name in ("started_at", "read_started_at", "finished_at")
            }
            session.add(SyncRun(**{**said, **moved}))
        session.commit()


@pytest.mark.parametrize("asked", [True, False], ids=["asked all the time", "paused in between"])
def test_a_feed_that_is_silent_by_its_own_rhythm_is_an_exception_until_it_brings_something(
    hospital: Hospital, folder: Folder, asked: bool
) -> None:
    feed = hospital.runtime.catalog.feeds["receipts"]
    contract = Contract.model_validate({"rhythm": {}})
    hospital.runtime.catalog.feeds["receipts"] = feed.model_copy(update={"contract": contract})
    folder.put("r1.csv", "PO-1")
    hospital.poll("receipts")
    _delivered_hourly(hospital, 24)
    for _ in range(3):
        hospital.clock.forward(minutes=40)
        if asked:
            hospital.poll("receipts")
    hospital.poll("receipts")
    if not asked:
        assert hospital.cases("feed_failed") == []
        return
    [silent] = hospital.cases("feed_failed")
    assert "brought nothing new for 2 h" in silent.sentence and "1 h at most, as a rule" in silent.sentence
    folder.put("r2.csv", "PO-2")
    hospital.poll("receipts")
    assert [case.status for case in hospital.cases("feed_failed")] == ["resolved"]


def test_delivery_that_has_not_come_by_the_agreed_time_is_an_exception_until_it_comes(
    hospital: Hospital, folder: Folder
) -> None:
    feed = hospital.runtime.catalog.feeds["receipts"]
    start = hospital.clock_now()
    due = start + timedelta(hours=1)
    contract = Contract.model_validate({"deliver_by": {"at": f"{due:%H:%M}"}})
    hospital.runtime.catalog.feeds["receipts"] = feed.model_copy(update={"contract": contract})
    folder.put("r1.csv", "PO-1")
    hospital.tick()
    hospital.clock.forward(hours=2)
    hospital.tick()
    assert hospital.cases("feed_failed") == []  # it came after yesterday's deadline
    hospital.clock.forward(hours=22)
    hospital.tick()
    assert hospital.cases("feed_failed", "open") == [], "the deadline of this day has not passed"
    hospital.clock.forward(hours=1)
    hospital.tick()
    [late] = hospital.cases("feed_failed", "open")
    assert f"nothing was delivered by {due:%H:%M} UTC" in late.sentence
    folder.put("r2.csv")
    hospital.tick()
    assert [case.status for case in hospital.cases("feed_failed")] == ["resolved"]
