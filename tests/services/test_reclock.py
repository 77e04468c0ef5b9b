"""A changed configuration reaches open exceptions, each from its own log, and the trail says so."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.models import AuditEvent, AuditPayload, ExceptionCase, Task
from exceptions_app.services import configuration, reclock, tasks
from exceptions_app.services.audit_verify import verify
from exceptions_app.services.clock_state import NAMES
from exceptions_app.services.sweep import SweepCounts, sweep
from tests.services.clocks import (
    with_calendar,
    with_category,
    with_critical_finding,
    with_cutoff,
    with_holiday,
    with_policy,
)
from tests.services.story import Story, discrepancy

THURSDAY = date(2026, 11, 26)


def change(story: Story, catalog: Catalog) -> tuple[int, int]:
    """The site puts another configuration in force; what the job does then: rows written, deadlines moved."""
    story.catalog = catalog
    story.snapshot_id = configuration.accept(story.session, catalog, "system:test", story.now)
    story.session.commit()
    written = moved = after = 0
    while (portion := reclock.look(story.session, catalog, story.now, after, limit=2)) is not None:
        after = portion.last_id
        done = reclock.write(story.session, story.ctx, portion.changed)
        assert done[2] == []
        written, moved = written + done[0], moved + done[1]
        story.session.commit()
    return written, moved


def clock_of(case: ExceptionCase) -> dict[str, object]:
    return {name: getattr(case, name) for name in NAMES}


def payload(session: Session, case: ExceptionCase) -> dict[str, Any]:
    """What the newest event of an exception says."""
    newest = (
        select(AuditPayload.payload)
        .join(AuditEvent, AuditEvent.id == AuditPayload.event_id)
        .where(AuditEvent.case_id == case.id)
        .order_by(AuditEvent.id.desc())
    )
    found: dict[str, Any] = json.loads(session.scalars(newest).first() or "{}")
    return found


@pytest.fixture
def opened(story: Story) -> Story:
    """Five exceptions, opened on a Tuesday at nine in Chicago, due on Friday at nine."""
    story.run([discrepancy(number) for number in range(1, 6)])
    return story


def test_a_new_holiday_moves_what_it_lies_before_and_the_trail_says_so(opened: Story) -> None:
    before = opened.case(1).due_at
    assert change(opened, with_holiday(opened.catalog, THURSDAY)) == (5, 5)
    case = opened.case(1)
    assert case.due_at == datetime(2026, 11, 30, 15, tzinfo=UTC)
    assert opened.tags(1)[-1] == "case:reclocked"
    assert before is not None
    assert payload(opened.session, case) == {
        "before": {"due_at": "2026-11-27T15:00:00Z"}, "after": {"due_at": "2026-11-30T15:00:00Z"},
        "why": "the configuration has changed",
    }  # fmt: skip
    assert case.config_snapshot_id == opened.snapshot_id
    assert verify(opened.session) == []


def test_doing_it_again_writes_nothing(opened: Story) -> None:
    changed = with_holiday(opened.catalog, THURSDAY)
    assert change(opened, changed) == (5, 5)
    opened.later(minutes=5)
    assert change(opened, changed) == (0, 0)


def test_a_configuration_that_concerns_no_clock_writes_nothing(opened: Story) -> None:
    assert change(opened, with_holiday(opened.catalog, date(2027, 11, 26))) == (0, 0)


def test_what_was_paused_stays_paused_under_the_new_calendar(opened: Story) -> None:
    """A hold over Thursday: nine hours of it are no office hours any more, and none is counted twice."""
    opened.later(days=1)
    opened.hold(1)
    opened.later(days=2)
    opened.resume(1)
    assert (opened.case(1).paused_seconds, opened.case(1).due_at) == (
        18 * 3600, datetime(2026, 12, 1, 15, tzinfo=UTC),
    )  # fmt: skip
    change(opened, with_holiday(opened.catalog, THURSDAY))
    case = opened.case(1)
    # two of three days were left when it was resumed on Friday at nine, and still are
    assert (case.paused_seconds, case.due_at) == (9 * 3600, datetime(2026, 12, 1, 15, tzinfo=UTC))


def test_a_new_policy_changes_target_and_response_and_says_both(opened: Story) -> None:
    changed = with_policy(
        opened.catalog, category=["test_price"], target="1 business day", first_response="2 business hours"
    )
    opened.later(minutes=30)
    change(opened, changed)
    case = opened.case(1)
    assert (case.sla_target, case.response_target) == ("1 business day", "2 business hours")
    assert case.due_at == datetime(2026, 11, 25, 15, tzinfo=UTC)
    assert case.response_due_at == datetime(2026, 11, 24, 17, tzinfo=UTC)
    after = payload(opened.session, case)["after"]
    assert isinstance(after, dict)
    assert after["sla_target"] == "1 business day"


def test_a_first_response_that_nobody_could_have_met_is_not_told(opened: Story) -> None:
    opened.later(hours=5)
    change(
        opened,
        with_policy(opened.catalog, target="3 business days", first_response="1 business hour"),
    )
    assert sweep(opened.session, opened.ctx) == SweepCounts()


def test_a_breach_that_was_none_is_taken_back_and_can_come_again(opened: Story) -> None:
    opened.now = datetime(2026, 11, 27, 15, 1, tzinfo=UTC)
    assert sweep(opened.session, opened.ctx).breached == 5
    change(opened, with_holiday(opened.catalog, THURSDAY))
    case = opened.case(1)
    assert (case.breached_at, case.sla_stage) == (None, "on_track")  # two of its three days are used
    assert case.due_at == datetime(2026, 11, 30, 15, tzinfo=UTC)
    assert sweep(opened.session, opened.ctx) == SweepCounts(half=5)
    opened.now = datetime(2026, 11, 30, 15, tzinfo=UTC)
    assert sweep(opened.session, opened.ctx).breached == 5


def test_one_on_hold_keeps_its_hold(opened: Story) -> None:
    opened.hold(1, until=opened.now + timedelta(days=1))
    change(opened, with_holiday(opened.catalog, THURSDAY))
    case = opened.case(1)
    assert (case.sla_stage, case.on_hold, case.next_sla_at) == ("paused", True, case.hold_until)


def test_what_has_ended_keeps_the_deadline_it_had(opened: Story) -> None:
    opened.run([discrepancy(number) for number in range(2, 6)], fetched=True)
    before = clock_of(opened.case(1))
    assert change(opened, with_holiday(opened.catalog, THURSDAY)) == (4, 4)
    assert clock_of(opened.case(1)) == before


def test_a_claim_is_recomputed_too_and_its_clock_stays_stopped(opened: Story) -> None:
    opened.resolve(1)
    change(opened, with_holiday(opened.catalog, THURSDAY))
    case = opened.case(1)
    assert (case.sla_stage, case.next_sla_at) == ("stopped", None)
    assert case.due_at == datetime(2026, 11, 30, 15, tzinfo=UTC)


def test_a_new_cutoff_binds_what_is_open(opened: Story) -> None:
    change(opened, with_cutoff(opened.catalog, dates=["2026-11-25T17:00"]))
    case = opened.case(1)
    assert (case.due_at, case.cutoff) == (datetime(2026, 11, 25, 23, tzinfo=UTC), "close")


def test_shifts_and_breaks_reach_what_is_open(opened: Story) -> None:
    change(opened, with_calendar(opened.catalog, shifts={THURSDAY: []}, breaks=["12:00-13:00"]))
    assert opened.case(1).due_at == datetime(2026, 11, 30, 18, tzinfo=UTC)


def test_a_row_that_somebody_touched_meanwhile_is_left_and_then_done_under_its_lock(opened: Story) -> None:
    changed = with_holiday(opened.catalog, THURSDAY)
    portion = reclock.look(opened.session, changed, opened.now, 0)
    assert portion is not None
    opened.session.commit()
    opened.claim(2)
    opened.catalog = changed
    touched = reclock.write(opened.session, opened.ctx, portion.changed)
    assert touched == (4, 4, [opened.case(2).id])
    assert reclock.anew(opened.session, opened.ctx, touched[2]) == (1, 1)
    opened.session.commit()
    case = opened.case(2)
    assert (case.owner_id, case.due_at) == (opened.person.id, datetime(2026, 11, 30, 15, tzinfo=UTC))
    assert verify(opened.session) == []


def test_it_is_asked_for_where_clocks_stand_under_another_configuration(opened: Story) -> None:
    asked = reclock.ask_if_changed(opened.session, opened.catalog, opened.now)
    assert asked is not None  # nobody knows under which they were computed
    done = json.dumps({"clocks": reclock.digest(opened.catalog)})
    opened.session.execute(update(Task).where(Task.id == asked.id).values(status="done", result=done))
    assert reclock.ask_if_changed(opened.session, opened.catalog, opened.now) is None
    changed = with_holiday(opened.catalog, THURSDAY)
    again = reclock.ask_if_changed(opened.session, changed, opened.now)
    assert again is not None
    assert reclock.ask_if_changed(opened.session, changed, opened.now) == again
    assert json.loads(again.payload) == {"clocks": reclock.digest(changed)}


def test_it_is_not_asked_for_where_there_is_nothing_to_compute(story: Story) -> None:
    assert reclock.ask_if_changed(story.session, story.catalog, story.now) is None
    assert tasks.claim(story.session, "nobody", story.now) is None


def test_a_new_severity_and_queue_reach_what_nobody_has_yet(opened: Story) -> None:
    opened.claim(2)
    before = opened.case(1)
    was = (before.queue, before.severity)
    elsewhere = next(code for code in opened.catalog.queues if code != before.queue)
    assert change(opened, with_category(opened.catalog, "test_price", severity="low", queue=elsewhere)) == (
        5,
        5,
    )
    assert [(opened.case(n).queue, opened.case(n).severity) for n in (1, 2)] == [
        (elsewhere, "low"),
        (was[0], "low"),
    ]
    said = payload(opened.session, opened.case(1))
    assert {"queue": was[0], "severity": was[1]}.items() <= said["before"].items()
    assert {"queue": elsewhere, "severity": "low"}.items() <= said["after"].items()
    assert opened.tags(1)[-1] == "case:reclocked"
    opened.later(minutes=5)
    assert change(opened, opened.catalog) == (0, 0)
    assert verify(opened.session) == []


def test_what_a_finding_made_critical_by_its_figures_stays_critical(story: Story) -> None:
    story.run([discrepancy(1, critical=True), discrepancy(2)])
    changed = with_critical_finding(with_category(story.catalog, "test_price", severity="low"), "test_price")
    assert change(story, changed) == (1, 1)
    assert [story.case(n).severity for n in (1, 2)] == ["critical", "low"]


def test_a_new_cutoff_binds_only_whom_it_concerns(opened: Story) -> None:
    [number] = [json.loads(discrepancy(2).business_key)["order_number"]]
    asked = {"key.order_number": [number]}
    assert change(opened, with_cutoff(opened.catalog, dates=["2026-11-25T17:00"], fact=asked)) == (1, 1)
    assert [opened.case(each).cutoff for each in (1, 2, 3)] == [None, "close", None]
    assert change(opened, opened.catalog) == (0, 0)


@pytest.mark.parametrize("part", ["holiday", "policy", "cutoff", "severity"])
def test_the_digest_is_of_what_clocks_depend_on(catalog: Catalog, part: str) -> None:
    changed = {
        "holiday": with_holiday(catalog, THURSDAY),
        "policy": with_policy(catalog, target="1 hour"),
        "severity": with_category(catalog, "test_price", severity="low"),
        "cutoff": with_cutoff(catalog, monthly={"business_day": -1}),
    }[part]
    assert reclock.digest(changed) != reclock.digest(catalog)
