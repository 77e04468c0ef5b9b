"""A source that changes shape is one exception of its feed, until that is agreed or gone; its rows are taken."""

from __future__ import annotations

from typing import Any

from exceptions_app.catalog.schema import Contract
from exceptions_app.models import FeedFields

from .conftest import Hospital, order

CATEGORY = "source_drift"


def agree(hospital: Hospital, **contract: Any) -> None:
    feed = hospital.runtime.catalog.feeds["orders"]
    object.__setattr__(feed, "contract", Contract.model_validate(contract))


def told(hospital: Hospital) -> list[tuple[str, str]]:
    return [(case.status, case.sentence) for case in hospital.cases(CATEGORY)]


def test_first_read_learns_and_new_and_retyped_fields_are_one_exception(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.poll("orders")
    assert told(hospital) == []
    hospital.source("orders", [{**order("PO-1"), "plant": "P1"}, order("PO-2")])
    assert hospital.poll("orders")["orders"]["stored"] == 1
    [(status, sentence)] = told(hospital)
    assert status == "open"
    assert "field 'plant' is new (text)" in sentence


def test_retyped_field_is_told_and_closes_when_it_is_as_before(hospital: Hospital) -> None:
    hospital.source("orders", [{**order("PO-1"), "quantity": 10}])
    hospital.poll("orders")
    hospital.source("orders", [{**order("PO-1"), "quantity": "10"}])
    hospital.poll("orders")
    [(_, sentence)] = told(hospital)
    assert "was number and is text now" in sentence
    hospital.source("orders", [{**order("PO-1"), "quantity": 11}])
    hospital.poll("orders")
    assert [status for status, _ in told(hospital)] == ["resolved"]


def test_new_version_of_the_contract_agrees_and_is_the_new_measure(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.poll("orders")
    hospital.source("orders", [{**order("PO-1"), "plant": "P1"}])
    hospital.poll("orders")
    agree(hospital, version="2")
    hospital.poll("orders")
    assert [status for status, _ in told(hospital)] == ["resolved"]
    hospital.source("orders", [{**order("PO-1"), "plant": "P1", "bin": "B"}])
    hospital.poll("orders")
    [(status, sentence)] = told(hospital)
    assert (status, "plant" in sentence, "'bin'" in sentence) == ("open", False, True)


def test_agreed_names_are_quiet_and_what_was_told_of_them_closes(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.poll("orders")
    hospital.source("orders", [{**order("PO-1"), "plant_code": "P1"}])
    hospital.poll("orders")
    agree(hospital, accept_fields=["plant_*"])
    hospital.poll("orders")
    assert [status for status, _ in told(hospital)] == ["resolved"]


def test_run_that_reads_nothing_or_fails_forgets_nothing(hospital: Hospital) -> None:
    hospital.source("orders", [order("PO-1")])
    hospital.poll("orders")
    hospital.source("orders", [{**order("PO-1"), "plant": "P1"}])
    hospital.poll("orders")
    [before] = hospital.all(FeedFields)
    hospital.source("orders", fail_after=0)
    hospital.poll("orders")
    [after] = hospital.all(FeedFields)
    assert (before.drift, before.changed_at) == (after.drift, after.changed_at)
    assert [status for status, _ in told(hospital)] == ["open"]
