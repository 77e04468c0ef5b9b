"""Polling: what lands, what is refused, what a source that breaks off may and may not cause."""

from __future__ import annotations

from typing import Any

import pytest

from exceptions_app.models import Task
from exceptions_app.services import feed_states, runs
from jobs import poll
from jobs.feed_run import FeedRun

from .conftest import Hospital, order, receipt


def prepared(hospital: Hospital) -> None:
    """Two orders, one of them received: one exception is open."""
    hospital.source("orders", [order("PO-1"), order("PO-2")])
    hospital.source("receipts", [receipt("PO-1")])
    hospital.tick()
    assert [case.reference for case in hospital.cases(status="open")] == ["PO-2"]


def test_partial_run_lands_what_was_read_but_closes_nothing(hospital: Hospital) -> None:
    prepared(hospital)
    hospital.source("receipts", [receipt("PO-2"), receipt("PO-1", name="R9")], page_size=1, fail_after=1)
    told = hospital.tick()["goods.received"]
    assert hospital.runs("receipts")[-1].status == "partial"
    assert (told["status"], told["closed"]) == ("partial", 0)
    assert [case.reference for case in hospital.cases("nothing_received", "open")] == ["PO-2"]


def test_partial_run_raises_no_missing(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.source("receipts", [receipt("PO-7"), receipt("PO-1")], page_size=1, fail_after=1)
    hospital.tick()
    assert hospital.cases("nothing_received") == []


def test_outage_is_one_exception_for_integration_operations_and_recovery_closes_it(
    hospital: Hospital,
) -> None:
    prepared(hospital)
    hospital.source("receipts", fail_after=0)
    hospital.tick()
    hospital.tick()
    [incident] = hospital.cases("system_out")
    assert hospital.cases("feed_failed") == []
    assert (incident.status, incident.queue) == ("open", "integration_operations")
    assert "Receipts of the warehouse" in incident.sentence and "broke off" in incident.sentence
    assert [case.reference for case in hospital.cases("nothing_received", "open")] == ["PO-2"]
    assert hospital.state("receipts").consecutive_failures == 2

    hospital.source("receipts", [receipt("PO-1"), receipt("PO-2")])
    hospital.tick()
    assert [case.status for case in hospital.cases("system_out")] == ["resolved"]
    assert hospital.cases("nothing_received", "open") == []


def of_one_system(hospital: Hospital) -> None:
    """Both feeds are read from the ERP."""
    feeds = hospital.runtime.catalog.feeds
    feeds["receipts"] = feeds["receipts"].model_copy(update={"system": "ERP"})


def test_system_that_is_out_is_one_exception_that_names_its_feeds_until_all_of_them_deliver(
    hospital: Hospital,
) -> None:
    of_one_system(hospital)
    prepared(hospital)
    hospital.source("receipts", fail_after=0)
    hospital.source("orders", fail_after=0)
    hospital.tick()
    first = hospital.clock_now()
    hospital.tick()
    [out] = hospital.cases("system_out")
    assert [case.id for case in hospital.cases(status="open") if case.queue == "integration_operations"] == [
        out.id
    ]
    assert out.reference == "ERP" and out.opened_at == first
    for told in (
        "The ERP",
        "all 2 of its feeds",
        "Orders of the ERP",
        "Receipts of the warehouse",
        "broke off",
    ):
        assert told in out.sentence

    hospital.source("orders", [order("PO-1"), order("PO-2")])
    hospital.tick()
    [out] = hospital.cases("system_out")
    assert (out.status, out.cycle) == ("open", 1)
    assert "for Receipts of the warehouse since" in out.sentence and "broke off" in out.sentence

    hospital.source("receipts", [receipt("PO-1")])
    hospital.tick()
    [out] = hospital.cases("system_out")
    assert (out.status, out.end_reason) == ("resolved", "agrees_now")
    assert [hospital.state(feed).out_since for feed in ("orders", "receipts")] == [None, None]


def test_what_is_wrong_with_one_feed_is_its_own_exception_while_its_system_is_out(hospital: Hospital) -> None:
    of_one_system(hospital)
    prepared(hospital)
    hospital.source("receipts", garbage_after=0)
    hospital.source("orders", fail_after=0)
    hospital.tick()
    assert [case.reference for case in hospital.cases("feed_failed", "open")] == ["receipts"]
    [out] = hospital.cases("system_out", "open")
    assert "for Orders of the ERP since" in out.sentence

    hospital.source("receipts", fail_after=0)
    hospital.tick()
    assert [case.reference for case in hospital.cases("feed_failed", "open")] == ["receipts"], "nobody knows"
    hospital.source("receipts", [receipt("PO-1")])
    hospital.source("orders", [order("PO-1"), order("PO-2")])
    hospital.tick()
    assert [case.status for case in hospital.cases("feed_failed")] == ["resolved"]
    assert [case.status for case in hospital.cases("system_out")] == ["resolved"]


def test_nonsense_from_a_source_is_named_in_the_run(hospital: Hospital) -> None:
    hospital.source("receipts", [receipt("PO-1")], garbage_after=0)
    hospital.poll("receipts")
    [run] = hospital.runs("receipts")
    assert (run.status, run.rows_stored) == ("failed", 0)
    assert "nonsense" in (run.error or "")


def test_malformed_rows_are_kept_as_rejects_and_the_rest_is_stored(hospital: Hospital) -> None:
    hospital.source(
        "receipts", [receipt("PO-1"), receipt("PO-2", "ten", name="R2"), receipt("PO-3", name="R3")]
    )
    told = hospital.poll("receipts")["receipts"]
    assert (told["status"], told["stored"], told["rejected"]) == ("complete", 2, 1)
    [reject] = hospital.rejects()
    assert (reject.position, reject.column_name) == ("row 2", "quantity")
    assert "ten" in reject.reason
    [incident] = hospital.cases("rejected_rows")
    assert incident.queue == "integration_operations" and "row" in incident.sentence


def test_rejects_of_a_snapshot_are_closed_by_a_clean_one(hospital: Hospital) -> None:
    hospital.source("receipts", [receipt("PO-1", "ten")])
    hospital.poll("receipts")
    hospital.clock.forward(minutes=5)
    hospital.source("receipts", [receipt("PO-1", "10")])
    hospital.poll("receipts")
    assert [case.status for case in hospital.cases("rejected_rows")] == ["resolved"]


def test_contradicting_rows_of_one_key_are_rejected_naming_the_first(hospital: Hospital) -> None:
    hospital.source("receipts", [receipt("PO-1", "10"), receipt("PO-1", "11"), receipt("PO-1", "10")])
    hospital.poll("receipts")
    assert [(reject.position, "row 1" in reject.reason) for reject in hospital.rejects()] == [("row 2", True)]
    assert hospital.runtime.store.count("goods_receipt") == 1


def test_record_that_left_a_snapshot_is_gone(hospital: Hospital) -> None:
    hospital.source("receipts", [receipt("PO-1"), receipt("PO-2", name="R2")])
    hospital.poll("receipts")
    hospital.clock.forward(minutes=5)
    hospital.source("receipts", [receipt("PO-1")])
    assert hospital.poll("receipts")["receipts"]["deleted"] == 1
    with hospital.install.transaction() as session:
        assert hospital.runtime.store.count("goods_receipt", runs.unfinished(session)) == 1


def test_rejected_row_does_not_delete_what_is_known_of_its_key(hospital: Hospital) -> None:
    hospital.source("receipts", [receipt("PO-1"), receipt("PO-2", name="R2")])
    hospital.poll("receipts")
    hospital.clock.forward(minutes=5)
    hospital.source("receipts", [receipt("PO-1"), receipt("PO-2", "ten", name="R2")])
    assert hospital.poll("receipts")["receipts"]["deleted"] == 0


def test_column_that_left_the_source_fails_the_run_by_name(hospital: Hospital) -> None:
    rows = [{name: value for name, value in receipt("PO-1").items() if name != "quantity"}]
    hospital.source("receipts", rows)
    assert "quantity" in hospital.poll("receipts")["receipts"]["error"]
    assert hospital.runs("receipts")[0].status == "failed"


def test_rows_of_a_run_that_is_not_finished_are_not_seen(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.source("receipts", [])
    hospital.poll("orders", "receipts")
    with hospital.install.transaction() as session:
        snapshot = hospital.runtime.snapshot_id(session, "test", hospital.runs("orders")[0].started_at)
        run = runs.begin(
            session,
            "receipts",
            now=hospital.runs("orders")[0].started_at,
            snapshot_id=snapshot,
            correlation_id="c",
        )
    hospital.clock.forward(minutes=5)
    assert hospital.compare()["goods.received"]["opened"] == 1
    with hospital.install.transaction() as session:
        assert run.id in runs.unfinished(session)


def test_poll_that_changed_something_asks_for_one_comparison(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.source("receipts", [receipt("PO-1")])
    hospital.poll()
    waiting = hospital.all(Task, Task.kind == "reconcile", Task.status == "queued")
    assert [task.scope for task in waiting] == ["reconcile:goods"]


def test_feed_that_left_the_configuration_is_nothing_to_do(hospital: Hospital) -> None:
    task_id = hospital.request("poll", "gone", feed="gone")
    hospital.runner("poll").drain()
    assert hospital.result(task_id)["status"] == "not configured"


def test_changes_are_read_from_the_watermark_on(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")], watermark="ordered_at")
    hospital.poll("orders")
    assert hospital.state("orders").watermark is not None
    hospital.clock.forward(minutes=5)
    assert hospital.poll("orders")["orders"]["read"] == 0


def test_kill_after_the_run_was_finished_loses_no_exception(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.source("receipts", [receipt("PO-1", "ten")])
    hospital.request("poll", "receipts", feed="receipts")
    with monkeypatch.context() as patch:
        patch.setattr(FeedRun, "acknowledge", killed)
        with pytest.raises(KeyboardInterrupt):
            hospital.runner("poll").drain()
    assert hospital.runs("receipts")[-1].status == "complete"
    assert [case.status for case in hospital.cases("rejected_rows")] == ["open"]


def test_kill_before_the_exception_was_written_leaves_the_run_unfinished(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.source("receipts", [receipt("PO-1", "ten")])
    hospital.request("poll", "receipts", feed="receipts")
    with monkeypatch.context() as patch:
        patch.setattr(poll.incidents, "after_poll", killed)
        with pytest.raises(KeyboardInterrupt):
            hospital.runner("poll").drain()
    assert hospital.runs("receipts")[-1].status == "running" and hospital.cases() == []
    hospital.clock.forward(minutes=5)
    hospital.runner("poll").drain()
    assert [case.status for case in hospital.cases("rejected_rows")] == ["open"]


def test_a_run_that_cannot_be_written_down_is_told_and_read_again(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.source("receipts", [receipt("PO-1")])
    whole, asked = poll._settle, list[object]()

    def broken(*given: Any) -> int:
        asked.append(given)
        if len(asked) == 1:
            raise ValueError("a text with \x00 in it")
        return whole(*given)

    hospital.request("poll", "receipts", feed="receipts")
    with monkeypatch.context() as patch:
        patch.setattr(poll, "_settle", broken)
        hospital.runner("poll").drain()
    run = hospital.runs("receipts")[-1]
    assert (run.status, run.watermark_after) == ("partial", run.watermark_before)
    assert "ValueError: a text with" in (run.error or "")
    assert [case.status for case in hospital.cases("feed_failed")] == ["open"]
    hospital.poll("receipts")
    assert hospital.runs("receipts")[-1].status == "complete"
    assert [case.status for case in hospital.cases("feed_failed")] == ["resolved"]


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_error_that_words_itself_anew_is_told_once(hospital: Hospital) -> None:
    hospital.source("receipts", [receipt(f"PO-{n}") for n in range(3)], page_size=1, fail_after=1)
    hospital.tick()
    [before] = hospital.cases("system_out")
    hospital.source("receipts", page_size=1, fail_after=2)
    hospital.tick()
    [after] = hospital.cases("system_out")
    assert (after.version, after.evidence_version) == (before.version, 1)
    assert "page 3" in (hospital.state("receipts").last_error or "")


def test_what_a_run_leaves_at_its_source_is_there_for_the_next_until_one_is_whole(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.poll("orders")
    with hospital.install.transaction() as session:
        feed_states.note_job(session, "orders", '{"job": "J1"}')
        assert feed_states.job_left(session, "orders") == '{"job": "J1"}'
    hospital.source("orders", [order("PO-1")], fail_after=0)
    hospital.poll("orders")
    assert hospital.state("orders").source_job == '{"job": "J1"}'
    hospital.source("orders", [order("PO-1")])
    hospital.poll("orders")
    assert hospital.state("orders").source_job is None
