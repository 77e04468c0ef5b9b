"""What was read before is read again: a range of dates, a run, a file. And feeds that somebody has paused."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.catalog.schema import System
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import AuditEvent, SyncRun, Task
from exceptions_app.services import again, feed_states, runs, tasks
from exceptions_app.services.again import AgainRefusedError, Wish
from jobs.feed_run import FeedRun

from .conftest import NOW, Hospital, order
from .test_file_feeds import Folder, folder

__all__ = ["folder"]


def ask(hospital: Hospital, feed: str, wish: Wish) -> dict[str, Any]:
    with hospital.install.transaction() as session:
        task = again.ask(
            session, hospital.runtime.catalog, feed, wish, by="person:1", person=None, now=utc_now()
        )
    hospital.runner("again").drain()
    return hospital.result(task.id)


def quantities(hospital: Hospital) -> dict[str, str]:
    """Order -> what is held of it."""
    from exceptions_app.duck import closing_session

    store = hospital.runtime.store
    with hospital.install.transaction() as session:
        hidden = runs.unfinished(session)
    with closing_session() as con:
        store.open_views(con, ["goods_order"], None, hidden)
        found = con.execute("SELECT order_number, quantity::INT::TEXT FROM rec_goods_order").fetchall()
    return dict(found)


def days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture
def changes(hospital: Hospital) -> Hospital:
    """Orders of three days, read as changes."""
    catalog = hospital.runtime.catalog
    catalog.feeds["orders"] = catalog.feeds["orders"].model_copy(update={"mode": "changes"})
    rows = [order(f"PO-{n}", ordered=days_ago(n)) for n in (3, 2, 1)]
    hospital.source("orders", rows, watermark="ordered_at")
    hospital.poll("orders")
    return hospital


def test_a_backfill_stores_what_the_range_holds_now_and_moves_nothing(changes: Hospital) -> None:
    before = changes.state("orders")
    rows = [order(f"PO-{n}", "77", ordered=days_ago(n)) for n in (3, 2, 1)]
    changes.source("orders", rows, watermark="ordered_at")
    changes.clock.forward(minutes=1)
    told = ask(changes, "orders", Wish(since=days_ago(2), until=days_ago(1)))
    assert (told["status"], told["read"], told["stored"]) == ("complete", 1, 1)
    assert quantities(changes) == {"PO-3": "10", "PO-2": "77", "PO-1": "10"}
    after = changes.state("orders")
    assert (after.watermark, after.read_through, after.last_run_id) == (
        before.watermark, before.read_through, before.last_run_id,
    )  # fmt: skip
    run = changes.runs("orders")[-1]
    assert (run.kind, run.asked_for) == ("backfill", "from 2026-11-22 15:00 to 2026-11-23 15:00 UTC")
    assert (run.rows_mapped, run.watermark_after) == (1, run.watermark_before)
    [event] = [each for each in changes.all(AuditEvent) if each.tag == "feed:read_again"]
    assert event.actor == "person:1"
    assert [task.scope for task in changes.all(Task, Task.kind == "reconcile")] == ["reconcile:goods"] * 1


def test_a_backfill_proves_nothing_absent(changes: Hospital) -> None:
    changes.source("orders", [], watermark="ordered_at")
    told = ask(changes, "orders", Wish(since=days_ago(10)))
    assert (told["status"], told["read"], told["deleted"]) == ("complete", 0, 0)
    assert set(quantities(changes)) == {"PO-1", "PO-2", "PO-3"}


def test_a_run_is_read_again_from_its_own_watermark_to_its_own(changes: Hospital) -> None:
    first = changes.runs("orders")[-1].id
    rows = [order(f"PO-{n}", "5", ordered=days_ago(n)) for n in (3, 2, 1)] + [order("PO-9", ordered=NOW)]
    changes.source("orders", rows, watermark="ordered_at")
    told = ask(changes, "orders", Wish(run=first))
    assert (told["read"], told["status"]) == (3, "complete")
    assert quantities(changes) == {"PO-1": "5", "PO-2": "5", "PO-3": "5"}
    assert changes.poll("orders")["orders"]["read"] == 1, "what came since is read as ever"


def test_a_file_is_read_again_and_those_after_it(hospital: Hospital, folder: Folder, tmp_path: Path) -> None:
    for number, name in enumerate(("a.csv", "b.csv", "c.csv")):
        folder.put(name, f"PO-{number}")
        hospital.clock.forward(minutes=5)
        hospital.poll("receipts")
    mark = hospital.state("receipts").watermark
    told = ask(hospital, "receipts", Wish(file="b.csv"))
    assert (told["read"], told["status"]) == (2, "complete")
    assert hospital.runs("receipts")[-1].kind == "replay"
    assert (hospital.runs("receipts")[-1].bytes_read or 0) > 100
    second = hospital.runs("receipts")[1]
    assert second.rows_stored == 1
    assert ask(hospital, "receipts", Wish(run=second.id))["read"] == 2
    assert ask(hospital, "receipts", Wish(since=utc_now() - timedelta(hours=1)))["read"] == 3
    assert folder.names() == ["archive/a.csv", "archive/b.csv", "archive/c.csv"]
    assert hospital.state("receipts").watermark == mark
    gone = ask(hospital, "receipts", Wish(file="z.csv"))
    assert gone["status"] == "failed" and "no file 'z.csv'" in gone["error"] and "c.csv" in gone["error"]


def test_what_makes_no_sense_is_refused_before_anything_is_asked(changes: Hospital) -> None:
    catalog, state = changes.runtime.catalog, changes.state("orders")

    def refused(feed: str, wish: Wish) -> str:
        with changes.install.transaction() as session, pytest.raises(AgainRefusedError) as told:
            again.ask(session, catalog, feed, wish, by="person:1", person=None, now=utc_now())
        return str(told.value)

    assert "read it now instead" in refused("receipts", Wish(since=days_ago(1)))
    assert "empty" in refused("orders", Wish(since=days_ago(1), until=days_ago(2)))
    assert "empty" in refused("orders", Wish(since=NOW + timedelta(days=1)))
    assert "no finished read" in refused("orders", Wish(run=4711))
    assert state.last_run_id is not None
    catalog.systems["ERP"] = System(code="ERP", name="Sends", kind="erp", connector="events")
    catalog.feeds["orders"] = catalog.feeds["orders"].model_copy(update={"read": {"keep": "0s"}})
    assert "sent again" in refused("orders", Wish(since=days_ago(1)))
    catalog.feeds["orders"] = catalog.feeds["orders"].model_copy(update={"read": {}})
    assert "in no files" in refused("orders", Wish(file="a.csv"))
    assert "Events are kept for 7 d" in refused("orders", Wish(since=days_ago(8)))


def test_a_paused_feed_is_not_read_until_it_is_resumed(changes: Hospital) -> None:
    with changes.install.transaction() as session:
        assert feed_states.pause(session, "orders", "the ERP is upgraded", by="person:1", now=utc_now())
        assert not feed_states.pause(session, "orders", "again", by="person:2", now=utc_now())
    count = len(changes.all(SyncRun))
    assert changes.poll("orders")["orders"]["status"] == "paused"
    assert len(changes.all(SyncRun)) == count
    with changes.install.transaction() as session, pytest.raises(AgainRefusedError, match="paused"):
        wish = Wish(since=days_ago(2))
        again.ask(session, changes.runtime.catalog, "orders", wish, by="p", person=None, now=utc_now())
    with changes.install.transaction() as session:
        assert feed_states.resume(session, "orders", by="person:2", now=utc_now())
        assert not feed_states.resume(session, "orders", by="person:2", now=utc_now())
    assert changes.poll("orders")["orders"]["status"] == "complete"
    told = [(each.tag, each.actor) for each in changes.all(AuditEvent) if each.subject == "feed:orders"]
    assert told == [("feed:paused", "person:1"), ("feed:resumed", "person:2")]


def test_what_nobody_expected_ends_the_run_and_fails_the_task(
    changes: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes.source("orders", watermark="ordered_at", one={"order_number": "order"})

    def broken(*_: object) -> None:
        raise ValueError("nobody expected this")

    monkeypatch.setattr(FeedRun, "_take", broken)
    wish = {"kind": "backfill", "since": days_ago(2).isoformat(), "until": None, "file": None, "run": None}
    asked = {"pull": {"keys": [{"order_number": "PO-1"}]}, "again": wish | {"words": "from two days ago"}}
    for kind, payload in asked.items():
        with changes.install.transaction() as session:
            task = tasks.request(session, kind, "poll:orders", {"feed": "orders"} | payload, None, utc_now())
        changes.runner(kind).drain()
        run, ended = changes.runs("orders")[-1], changes.task(task.id)
        assert (run.kind, run.status) == ("pull" if kind == "pull" else "backfill", "failed")
        assert "ValueError: nobody expected this" in (run.error or "")
        assert ended.status == "failed" and "nobody expected this" in (ended.error or "")
