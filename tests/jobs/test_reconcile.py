"""Comparing a flow: what a broken check stops, what a changed rule closes, what sweeping and upkeep do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from exceptions_app.models import AuditEvent, CheckRun, SyncRun
from exceptions_app.services import check_runs
from exceptions_app.services.audit_verify import verify
from jobs import comparing
from jobs.flows import can_run, flows_reading, record_types_of, standing

from .conftest import NOW, Hospital, order, receipt


def opened_one(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.source("receipts", [])
    hospital.tick()


def test_check_that_breaks_is_one_exception_and_closes_nothing(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_one(hospital)

    def broken(*args: Any, **some: Any) -> None:
        raise ArithmeticError("DECIMAL(18,4) overflow")

    with monkeypatch.context() as patch:
        patch.setattr(comparing, "begin_check", broken)
        hospital.source("orders", [])
        told = hospital.tick()["goods.received"]
        hospital.tick()
    assert told["status"] == "failed" and "overflow" in told["error"]
    [incident] = hospital.cases("check_failed")
    assert (incident.status, incident.queue) == ("open", "integration_operations")
    assert [case.status for case in hospital.cases("nothing_received")] == ["open"]
    assert hospital.all(CheckRun)[-1].status == "failed"

    hospital.tick()
    assert [case.status for case in hospital.cases("check_failed")] == ["resolved"]


def test_scope_with_an_open_exception_is_compared_when_its_last_record_is_gone(hospital: Hospital) -> None:
    opened_one(hospital)
    hospital.source("orders", [])
    hospital.tick()
    [case] = hospital.cases()
    assert (case.status, case.end_reason) == ("resolved", "left_window")


def test_check_without_a_feed_for_a_side_does_not_run(hospital: Hospital) -> None:
    catalog = hospital.runtime.catalog
    check = catalog.checks["goods.received"]
    assert can_run(catalog, check)
    assert record_types_of(check) == {"goods_order", "goods_receipt"}
    assert flows_reading(catalog, "goods_receipt") == ["goods"]
    assert flows_reading(catalog, "elsewhere") == []


def test_standing_of_a_check_is_that_of_its_worst_feed(hospital: Hospital) -> None:
    from exceptions_app.services.runs import FeedFacts

    catalog = hospital.runtime.catalog
    check = catalog.checks["goods.received"]
    earlier = NOW - timedelta(minutes=3)
    facts = {
        "orders": FeedFacts("orders", 1, "complete", NOW),
        "receipts": FeedFacts("receipts", 2, "complete", earlier),
    }
    good = standing(catalog, check, facts)
    assert (good.complete, good.earliest, good.proves_absence) == (True, earlier, True)
    for status in ("partial", "failed", "never"):
        bad = standing(catalog, check, facts | {"receipts": FeedFacts("receipts", 2, status, earlier)})
        assert (bad.complete, bad.earliest, bad.read_through["received"]) == (False, None, None)
        assert bad.read_through["ordered"] == NOW


def test_standing_of_a_look_up_is_whether_its_feeds_were_ever_read(hospital: Hospital) -> None:
    from exceptions_app.catalog.schema import Lookup
    from exceptions_app.services.runs import FeedFacts

    catalog = hospital.runtime.catalog
    check: Any = catalog.checks["goods.received"]
    lookup = Lookup(record="goods_receipt", on={"order_number": "order_number"}, columns=["quantity"])
    side = check.sides["ordered"].model_copy(update={"lookups": {"arrived": lookup}})
    asking = check.model_copy(update={"sides": {**check.sides, "ordered": side}})
    for status, read in (("complete", NOW), ("failed", NOW), ("never", None)):
        facts = {
            "orders": FeedFacts("orders", 1, "complete", NOW),
            "receipts": FeedFacts("receipts", 2, status, read),
        }
        assert standing(catalog, asking, facts).read_through["ordered.arrived"] == read


def test_check_has_changed_when_its_rules_are_not_those_of_its_last_run(hospital: Hospital) -> None:
    opened_one(hospital)
    catalog = hospital.runtime.catalog
    checks = catalog.checks_in("goods")
    with hospital.install.transaction() as session:
        assert check_runs.changed_since_last_run(session, catalog, checks) == set()
        looser = [checks[0].model_copy(update={"findings": checks[0].findings[:1]})]
        other = type(catalog)(**{**vars_of(catalog), "checks": {looser[0].code: looser[0]}})
        assert check_runs.changed_since_last_run(session, other, looser) == {("goods.received", "H01")}


def vars_of(catalog: Any) -> dict[str, Any]:
    return {name: getattr(catalog, name) for name in catalog.__dataclass_fields__}


def test_sweep_tells_due_soon_and_breached_once_each(hospital: Hospital) -> None:
    opened_one(hospital)
    for days in (1, 1, 2):
        hospital.clock.forward(days=days)
        hospital.request("sweep", "")
        hospital.runner("sweep").drain()
        hospital.request("sweep", "")
        hospital.runner("sweep").drain()
    tags = [
        event.tag for event in hospital.all(AuditEvent) if event.tag in {"case:due_soon", "case:breached"}
    ]
    assert tags.count("case:breached") == 1 and tags.count("case:due_soon") <= 1
    assert hospital.cases()[0].sla_stage == "breached"


def test_upkeep_folds_thins_and_seals_without_changing_what_is_seen(hospital: Hospital) -> None:
    opened_one(hospital)
    for _ in range(4):
        hospital.tick()
    hospital.clock.forward(days=3)
    before = len(hospital.all(CheckRun)), len(hospital.all(SyncRun))
    task_id = hospital.request("maintain", "")
    hospital.runner("maintain").drain()
    assert hospital.result(task_id)["sealed"]
    assert len(hospital.all(CheckRun)) < before[0] and len(hospital.all(SyncRun)) < before[1]
    assert hospital.runtime.store.count("goods_order") == 1
    with hospital.install.transaction() as session:
        assert verify(session) == []
    hospital.tick()
    assert [case.status for case in hospital.cases()] == ["open"]


def test_trail_stays_whole_through_the_whole_story(hospital: Hospital) -> None:
    opened_one(hospital)
    hospital.source("receipts", [receipt("PO-1")])
    hospital.tick()
    with hospital.install.transaction() as session:
        assert verify(session) == []
