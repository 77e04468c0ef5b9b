"""What an incremental run does to exceptions where no record has changed: claims, waivers, what people reopened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from exceptions_app.access import Role, Viewer, viewer_for
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import CheckRun, ExceptionCase
from exceptions_app.queries import check_lines
from exceptions_app.services import actions, people
from exceptions_app.services.context import ActionContext, Actor

from .conftest import Hospital, order, receipt


@pytest.fixture
def opened(hospital: Hospital) -> Hospital:
    """PO-1 was not received; PO-2 was. Compared in full."""
    hospital.source("orders", [order("PO-1"), order("PO-2")])
    hospital.source("receipts", [receipt("PO-2")])
    hospital.tick()
    assert last(hospital).mode == "full"
    return hospital


def manager(hospital: Hospital) -> Viewer:
    with hospital.install.transaction() as session:
        person = people.create_user(
            session, email="pat@example.org", name="Pat", password="a quiet horse 7", role=Role.MANAGER,
            queues="*", entities="*", by="system:test", now=utc_now(), cheap=True,
        )  # fmt: skip
        return viewer_for(person, hospital.runtime.catalog)


def act(hospital: Hospital, by: Viewer, action: Any, **given: Any) -> None:
    """What a person does to the only exception."""
    snapshot = last(hospital).config_snapshot_id
    with hospital.install.transaction() as session:
        context = ActionContext(
            hospital.runtime.catalog, utc_now(), Actor("user", by.name, by.user_id), snapshot, "corr-1"
        )
        case = session.scalars(select(ExceptionCase)).one()
        action(session, context, by, case, expected_version=case.version, **given)


def last(hospital: Hospital) -> CheckRun:
    found = hospital.all(CheckRun)[-1]
    assert isinstance(found, CheckRun)
    return found


def only(hospital: Hospital) -> ExceptionCase:
    [case] = hospital.cases()
    return case


def test_a_run_says_how_it_went_about_its_scope_and_why(opened: Hospital) -> None:
    assert last(opened).why == "the first run"
    told = opened.tick()["goods.received"]
    assert (told["incremental"], last(opened).mode, last(opened).why, last(opened).probed) == (
        1,
        "incremental",
        None,
        0,
    )
    opened.source("receipts", [receipt("PO-2", "9")])
    opened.tick()
    run = last(opened)
    assert (run.mode, run.probed, run.compared, run.found, run.opened) == ("incremental", 1, 1, 1, 1)
    opened.tick(full=True)
    assert (last(opened).mode, last(opened).why) == ("full", "asked for")


def test_the_page_of_checks_counts_what_the_last_full_sweep_compared(opened: Hospital) -> None:
    viewer = manager(opened)
    opened.source("receipts", [receipt("PO-2", "9")])
    opened.tick()
    with opened.install.transaction() as session:
        [line] = [
            line
            for line in check_lines.checks(session, viewer, opened.runtime.catalog)
            if line.code == "goods.received"
        ]
    assert (line.compared, line.found, line.opened, line.incremental, line.probed) == (1, 1, 1, 1, 1)


def test_a_claim_is_judged_by_the_next_run_although_nothing_changed(opened: Hospital) -> None:
    act(opened, manager(opened), actions.resolve, reason="fixed_at_source")
    assert only(opened).status == "awaiting_confirmation"
    opened.clock.forward(minutes=5)
    opened.tick()
    assert (last(opened).mode, only(opened).status) == ("incremental", "open")


def test_a_claim_is_confirmed_by_the_run_that_no_longer_finds_it(opened: Hospital) -> None:
    act(opened, manager(opened), actions.resolve, reason="fixed_at_source")
    opened.source("receipts", [receipt("PO-2"), receipt("PO-1", name="R2")])
    opened.poll()
    opened.compare()  # read too early to confirm anything
    assert only(opened).status == "awaiting_confirmation"
    opened.clock.forward(minutes=5)
    opened.tick()
    case = only(opened)
    assert (last(opened).mode, case.status, case.confirmed_at is not None) == (
        "incremental",
        "resolved",
        True,
    )


def test_a_claim_that_is_taken_back_is_closed_where_the_data_agree(opened: Hospital) -> None:
    by = manager(opened)
    act(opened, by, actions.resolve, reason="fixed_at_source")
    opened.source("receipts", [receipt("PO-2"), receipt("PO-1", name="R2")])
    opened.poll()
    opened.compare()
    act(opened, by, actions.reopen, reason="not yet")
    opened.tick()
    assert (last(opened).mode, only(opened).status) == ("incremental", "resolved")


def test_a_waiver_ends_on_time_although_nothing_changed(opened: Hospital) -> None:
    act(opened, manager(opened), actions.waive, reason="known", expires_at=utc_now() + timedelta(hours=1))
    opened.tick()
    assert only(opened).status == "waived"
    opened.clock.forward(hours=1)
    opened.tick()
    assert (last(opened).mode, only(opened).status) == ("incremental", "open")


def test_an_exception_that_was_not_looked_at_stays_as_it_is(opened: Hospital) -> None:
    opened.source("orders", [order("PO-1"), order("PO-2"), order("PO-3")])
    opened.tick()
    assert [(case.reference, case.status, case.version) for case in opened.cases()] == [
        ("PO-1", "open", opened.cases()[0].version),
        ("PO-3", "open", 1),
    ]
    assert (last(opened).mode, last(opened).probed, last(opened).seen) == ("incremental", 1, 0)


def test_everything_is_compared_once_a_day(opened: Hospital) -> None:
    opened.tick()
    opened.clock.forward(hours=24)
    opened.tick()
    assert (last(opened).mode, last(opened).why) == ("full", "the time for a full sweep has come")
