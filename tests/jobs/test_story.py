"""The whole way: polled, compared, opened, repaired at the source, closed by the next run."""

from __future__ import annotations

from datetime import timedelta

from exceptions_app.models import CheckRun, ConfigSnapshot

from .conftest import NOW, Hospital, order, receipt


def test_exception_is_found_by_polling_and_closed_when_the_source_is_repaired(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1"), order("PO-2")])
    hospital.source("receipts", [receipt("PO-1")])
    told = hospital.tick()["goods.received"]
    assert (told["status"], told["opened"]) == ("complete", 1)
    [case] = hospital.cases()
    assert (case.reference, case.category, case.status, case.entity) == (
        "PO-2",
        "nothing_received",
        "open",
        "H01",
    )
    assert case.sentence == "10 ordered on PO-2; nothing received."
    assert (case.counterparty, case.queue) == ("Medline", "goods_desk")

    hospital.source("receipts", [receipt("PO-1"), receipt("PO-2", name="R2")])
    hospital.tick()
    [case] = hospital.cases()
    assert (case.status, case.end_reason) == ("resolved", "agrees_now")


def test_what_was_fixed_and_comes_back_is_reopened_as_recurring(hospital: Hospital) -> None:
    both = [receipt("PO-1")]
    hospital.source("orders", [order("PO-1")])
    for rows in ([], both, []):
        hospital.source("receipts", rows)
        hospital.tick()
    [case] = hospital.cases()
    assert (case.status, case.recurring, case.cycle) == ("open", True, 2)


def test_changed_evidence_keeps_the_exception_and_says_what_is_new(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1", "10")])
    hospital.source("receipts", [receipt("PO-1", "4")])
    hospital.tick()
    hospital.source("receipts", [receipt("PO-1", "6")])
    assert hospital.tick()["goods.received"]["changed"] == 1
    [case] = hospital.cases("quantity_differs")
    assert (case.evidence_version, case.sentence) == (2, "6 received of 10 on PO-1.")


def test_nothing_is_missing_before_the_other_side_was_read_later_plus_its_lag(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1", ordered=NOW + timedelta(minutes=4, seconds=30))])
    hospital.source("receipts", [])
    hospital.tick()
    assert hospital.cases() == []
    hospital.tick()
    assert [case.reference for case in hospital.cases()] == ["PO-1"]


def test_same_order_number_in_two_entities_is_two_transactions(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1"), order("PO-1", entity="H02")])
    hospital.source("receipts", [receipt("PO-1", entity="H02")])
    hospital.tick()
    assert [(case.entity, case.reference) for case in hospital.cases()] == [("H01", "PO-1")]


def test_check_runs_count_what_was_compared_under_which_configuration(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1"), order("PO-2")])
    hospital.source("receipts", [receipt("PO-1")])
    hospital.tick()
    [run] = hospital.all(CheckRun)
    assert (run.status, run.scope, run.found, run.opened) == ("complete", "H01", 1, 1)
    assert run.config_snapshot_id == hospital.all(ConfigSnapshot)[0].id
    assert '"orders"' in run.sides and '"receipts"' in run.sides


def test_same_findings_again_are_seen_and_nothing_is_written(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.source("receipts", [])
    hospital.tick()
    before = hospital.cases()[0].version
    told = hospital.tick(full=True)["goods.received"]
    assert (told["seen"], told["changed"], told["opened"]) == (1, 0, 0)
    assert hospital.cases()[0].version == before
