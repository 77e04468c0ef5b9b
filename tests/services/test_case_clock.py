"""The clock on a row and in its log: holds by party, first responses, cut-offs, severity, queue, cycles."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from exceptions_app.access import viewer_for
from exceptions_app.models import CasePause
from exceptions_app.services import actions
from exceptions_app.services.sweep import SweepCounts, sweep
from tests.services.clocks import with_cutoff, with_policy
from tests.services.story import Story, discrepancy

FRIDAY = datetime(2026, 11, 27, 15, tzinfo=UTC)


@pytest.fixture
def opened(story: Story) -> Story:
    """Opened on a Tuesday at nine in Chicago, due three business days later: on Friday at nine."""
    story.run([discrepancy(1)])
    return story


@pytest.fixture
def answering(story: Story) -> Story:
    """The same, with a first response within two business hours: by eleven."""
    story.catalog = with_policy(story.catalog, target="3 business days", first_response="2 business hours")
    story.run([discrepancy(1)])
    return story


def log(story: Story) -> list[tuple[str, str | None, datetime, datetime | None]]:
    rows = story.session.scalars(select(CasePause).order_by(CasePause.id))
    return [(row.kind, row.party, row.started_at, row.ended_at) for row in rows]


def swept(story: Story) -> SweepCounts:
    counts = sweep(story.session, story.ctx)
    story.session.commit()
    return counts


# -- the log


def test_a_hold_stands_in_the_log_with_whose_move_it_is(opened: Story) -> None:
    began = opened.now
    opened.hold(1)
    assert log(opened) == [("hold", "supplier", began, None)]
    opened.later(hours=2)
    opened.resume(1)
    assert log(opened) == [("hold", "supplier", began, opened.now)]


def test_a_waiver_that_is_taken_back_stands_in_the_log_as_a_stop(opened: Story) -> None:
    began = opened.now
    opened.hold(1)
    opened.later(hours=1)
    opened.waive(1, days=9)
    waived = opened.now
    opened.later(hours=30)
    opened.reopen(1)
    assert log(opened) == [("hold", "supplier", began, waived), ("stopped", None, waived, opened.now)]
    # nothing of its 27 hours is used on Wednesday at four: one, nine, nine, and eight on Monday
    assert opened.case(1).due_at == datetime(2026, 11, 30, 22, tzinfo=UTC)


def test_what_returns_without_having_been_cleared_goes_on_and_the_absence_is_a_stop(opened: Story) -> None:
    opened.later(hours=1)
    opened.run([], present=False)
    gone = opened.now
    opened.later(days=1)
    opened.run([discrepancy(1)])
    assert log(opened) == [("stopped", None, gone, opened.now)]
    assert (opened.case(1).cycle, opened.case(1).due_at) == (1, datetime(2026, 11, 30, 15, tzinfo=UTC))


def test_a_new_cycle_has_a_new_clock_and_nothing_of_the_old_log(opened: Story) -> None:
    opened.hold(1)
    opened.later(days=1)
    opened.resume(1)
    opened.run([], fetched=True)
    opened.later(days=5)  # Monday
    opened.run([discrepancy(1)])
    case = opened.case(1)
    assert (case.cycle, case.paused_seconds, case.responded_at, case.told) == (2, 0, None, 0)
    assert (case.opened_at, case.due_at) == (opened.now, opened.now + timedelta(days=3))


def test_a_claim_that_is_not_confirmed_leaves_no_stop_in_the_log(opened: Story) -> None:
    opened.resolve(1)
    opened.later(hours=5)
    opened.run([discrepancy(1)])
    assert (log(opened), opened.case(1).due_at) == ([], FRIDAY)


def test_a_hold_over_the_night_adds_nothing(opened: Story) -> None:
    opened.later(hours=8)  # five in the afternoon in Chicago
    opened.hold(1)
    opened.later(hours=15)
    opened.resume(1)
    assert (opened.case(1).paused_seconds, opened.case(1).due_at) == (0, FRIDAY)


def test_a_hold_after_the_deadline_takes_no_breach_back(opened: Story) -> None:
    opened.now = FRIDAY + timedelta(hours=1)
    opened.hold(1)
    opened.later(days=10)
    opened.resume(1)
    case = opened.case(1)
    assert (case.due_at, case.breached_at, case.sla_stage) == (FRIDAY, FRIDAY, "breached")


def test_a_claim_made_too_late_is_a_breach_though_no_sweep_came_by(opened: Story) -> None:
    opened.now = FRIDAY + timedelta(seconds=20)
    opened.resolve(1)
    assert opened.case(1).breached_at == FRIDAY


# -- first response


@pytest.mark.parametrize("act", ["claim", "hold", "comment", "resolve", "assign_to_self"])
def test_the_first_thing_that_a_person_does_is_the_response(answering: Story, act: str) -> None:
    answering.later(minutes=30)
    _act(answering, act)
    assert answering.case(1).responded_at == answering.now
    answering.later(hours=5)
    if act in {"claim", "comment", "assign_to_self"}:
        assert swept(answering).response_missed == 0


def _act(story: Story, act: str) -> None:
    case = story.case(1)
    if act == "comment":
        actions.comment(story.session, story.by_person, story.viewer, case, text="on it")
        story.session.commit()
    elif act == "assign_to_self":
        story._do(actions.assign, 1, owner_id=story.person.id)
    else:
        getattr(story, act)(1)


def test_giving_it_to_somebody_else_is_no_response(answering: Story, user: Callable[..., Any]) -> None:
    other = user("specialist")
    assert viewer_for(other, answering.catalog)
    answering._do(actions.assign, 1, owner_id=other.id)
    assert answering.case(1).responded_at is None


def test_only_the_first_of_them_counts(answering: Story) -> None:
    answering.claim(1)
    first = answering.now
    answering.later(hours=1)
    answering.hold(1)
    assert answering.case(1).responded_at == first


def test_a_missed_first_response_is_told_once_and_shown(answering: Story) -> None:
    assert answering.case(1).next_sla_at == answering.now + timedelta(hours=2)
    answering.later(hours=1, minutes=59)
    assert swept(answering) == SweepCounts()
    answering.later(minutes=1)
    assert swept(answering) == SweepCounts(response_missed=1)
    answering.later(minutes=5)
    assert swept(answering) == SweepCounts()
    assert answering.tags(1)[-1] == "case:response_missed"


# -- what is told


def test_half_due_soon_and_breached_come_one_after_the_other(opened: Story) -> None:
    for at in (opened.case(1).half_at, opened.case(1).due_soon_at, opened.case(1).due_at):
        assert at is not None
        opened.now = at
        for _ in range(2):
            swept(opened)
    assert opened.tags(1) == ["case:opened", "case:half", "case:due_soon", "case:breached"]


def test_a_resume_straight_into_due_soon_tells_it(opened: Story) -> None:
    soon = opened.case(1).due_soon_at
    assert soon is not None
    opened.now = soon - timedelta(minutes=1)
    assert swept(opened) == SweepCounts(half=1)
    opened.now = soon + timedelta(minutes=1)
    opened.hold(1)
    opened.later(hours=2)
    assert swept(opened) == SweepCounts()
    opened.resume(1)
    assert opened.case(1).sla_stage == "due_soon"
    assert [swept(opened), swept(opened)] == [SweepCounts(due_soon=1), SweepCounts()]


# -- severity, queue


def test_a_graver_severity_shortens_the_deadline_from_when_it_was_opened(opened: Story) -> None:
    """Four business hours for what is critical, of which one was used and one was paused."""
    opened.later(hours=1)
    opened.hold(1)
    opened.later(hours=1)
    opened.resume(1)
    opened.run([discrepancy(1, invoiced="11.00", critical=True)])
    case = opened.case(1)
    assert (case.severity, case.sla_target) == ("critical", "4 business hours")
    assert case.due_at == datetime(2026, 11, 24, 20, tzinfo=UTC)
    assert opened.tags(1)[-2:] == ["case:evidence_changed", "case:reclocked"]


def test_what_nobody_has_is_routed_again_and_what_somebody_has_stays(story: Story) -> None:
    story.run([discrepancy(1), discrepancy(2)])
    story.claim(2)
    story.run([discrepancy(n, invoiced="9000.00", amount="250000") for n in (1, 2)])
    assert (story.case(1).queue, story.case(2).queue) == ("test_big", "test_ap")


def test_new_evidence_of_the_same_kind_leaves_the_clock_alone(opened: Story) -> None:
    due = opened.case(1).due_at
    opened.run([discrepancy(1, invoiced="10.01")])
    assert (opened.case(1).due_at, opened.tags(1)[-1]) == (due, "case:evidence_changed")


# -- cut-offs

CLOSE = datetime(2026, 11, 25, 23, tzinfo=UTC)
"""Wednesday, five in the afternoon in Chicago."""
DAYS = {1: "2026-11-25", 2: "2026-11-26", 3: "10.00", 4: "2026-11-20"}
"""Exception -> the day that it says; the third says none, and the last one that had passed."""


@pytest.fixture
def closing(story: Story) -> Story:
    """Opened on Tuesday; the books close on Wednesday evening, and again a week later."""
    story.catalog = with_cutoff(story.catalog, dates=["2026-11-25T17:00", "2026-12-02T17:00"])
    story.run([discrepancy(1)])
    return story


def test_the_cutoff_that_comes_first_is_the_deadline(closing: Story) -> None:
    assert (closing.case(1).due_at, closing.case(1).cutoff) == (CLOSE, "close")


def test_each_has_the_cutoff_that_its_facts_name(story: Story) -> None:
    """Two pay groups of one entity do not share the earlier of their cut-offs, and a moved one follows its group."""
    early, late = "2026-11-25T17:00", "2026-11-26T17:00"
    story.catalog = with_cutoff(story.catalog, code="early", dates=[early], fact={"invoiced": ["10.00"]})
    story.catalog = with_cutoff(story.catalog, code="late", dates=[late], fact={"invoiced": ["11.00"]})
    story.run([discrepancy(1), discrepancy(2, invoiced="11.00"), discrepancy(3, invoiced="12.00")])
    assert [story.case(number).cutoff for number in (1, 2, 3)] == ["early", "late", None]
    assert [story.case(number).due_at for number in (1, 2)] == [CLOSE, CLOSE + timedelta(days=1)]
    story.run(
        [discrepancy(1, invoiced="11.00"), discrepancy(2, invoiced="12.00"), discrepancy(3, invoiced="12.00")]
    )
    assert [story.case(number).cutoff for number in (1, 2, 3)] == ["late", None, None]


def test_what_an_exception_says_may_be_the_cutoff_itself(story: Story) -> None:
    """Each has its own, one that says no day has none, and where it says another day that one holds."""
    story.catalog = with_cutoff(story.catalog, kind="payroll", by_fact="invoiced")
    story.run([discrepancy(number, invoiced=day) for number, day in DAYS.items()])
    assert [story.case(number).cutoff for number in DAYS] == ["close", "close", None, None]
    assert [story.case(number).due_at for number in (1, 2)] == [CLOSE, CLOSE + timedelta(days=1)]
    story.run(
        [discrepancy(number, invoiced=day) for number, day in {**DAYS, 1: "2026-11-26", 2: "-"}.items()]
    )
    assert [story.case(number).cutoff for number in DAYS] == ["close", None, None, None]
    assert story.case(1).due_at == CLOSE + timedelta(days=1)


def test_a_cutoff_may_ask_for_a_part_of_the_business_key(story: Story) -> None:
    first, other = (json.loads(discrepancy(number).business_key)["order_number"] for number in (1, 2))
    assert first != other
    story.catalog = with_cutoff(story.catalog, dates=["2026-11-25T17:00"], fact={"key.order_number": [first]})
    story.run([discrepancy(1), discrepancy(2)])
    assert [story.case(number).cutoff for number in (1, 2)] == ["close", None]


def grows_older(story: Story) -> None:
    """The sweep is first to look at it when it enters the next bucket of age, of which there is nothing to tell."""
    case = story.case(1)
    before = case.aging
    assert case.next_sla_at is not None
    story.now = case.next_sla_at
    assert swept(story) == SweepCounts()
    assert story.case(1).aging == before + 1


def test_no_hold_moves_a_cutoff_and_one_that_passes_on_hold_is_told(closing: Story) -> None:
    closing.hold(1, until=CLOSE + timedelta(days=2))
    grows_older(closing)
    assert closing.case(1).next_sla_at == CLOSE
    closing.now = CLOSE
    assert [swept(closing), swept(closing)] == [SweepCounts(breached=1), SweepCounts()]
    case = closing.case(1)
    assert (case.breached_at, case.sla_stage, case.on_hold) == (CLOSE, "paused", True)
    grows_older(closing)
    assert closing.case(1).next_sla_at == closing.case(1).hold_until
    closing.now = CLOSE + timedelta(days=2)
    assert swept(closing) == SweepCounts(resumed=1)
    assert (closing.case(1).due_at, closing.case(1).sla_stage) == (CLOSE, "breached")


def test_a_target_that_waits_on_hold_gives_way_to_the_cutoff(story: Story) -> None:
    story.catalog = with_cutoff(
        with_policy(story.catalog, target="4 business hours"), dates=["2026-11-25T17:00"]
    )
    story.run([discrepancy(1)])
    assert (story.case(1).cutoff, story.case(1).next_sla_at) == (None, story.now + timedelta(hours=2))
    story.hold(1)
    grows_older(story)
    assert story.case(1).next_sla_at == CLOSE
    story.now = CLOSE
    assert swept(story) == SweepCounts(breached=1)
    assert (story.case(1).due_at, story.case(1).cutoff) == (CLOSE, "close")


def test_next_months_cutoff_takes_no_breach_back(closing: Story) -> None:
    closing.now = CLOSE
    assert swept(closing) == SweepCounts(breached=1)
    closing.later(days=1)
    closing.hold(1)
    closing.later(days=1)
    closing.resume(1)
    assert (closing.case(1).due_at, closing.case(1).breached_at) == (CLOSE, CLOSE)


def test_a_cutoff_that_passed_while_it_was_waived_was_not_missed(closing: Story) -> None:
    closing.waive(1, days=5)
    closing.now = CLOSE + timedelta(hours=20)
    closing.reopen(1)
    case = closing.case(1)
    assert (case.breached_at, case.cutoff) == (None, None)
    assert case.due_at == datetime(2026, 12, 1, 19, tzinfo=UTC)
