"""Every rule by which a check run changes the exceptions of its scope."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.lifecycle import EndReason
from exceptions_app.models import (
    AuditEvent,
    AuditPayload,
    CaseEvidence,
    CatalogAddition,
    CheckRun,
    ExceptionCase,
)
from exceptions_app.services import intake
from exceptions_app.services.audit_verify import verify
from exceptions_app.services.intake import IntakeCounts
from tests.conftest import Database
from tests.services.story import CHECK, SCOPE, Found, Story, discrepancy, key_of


def test_a_new_discrepancy_opens_an_exception_with_its_clock(story: Story) -> None:
    counts = story.run([discrepancy(1, amount="250.75")])
    case = story.case(1)
    assert counts == IntakeCounts(opened=1)
    assert (case.status, case.queue, case.severity) == ("open", "test_ap", "medium")
    assert case.sentence == "Medline charged $10.00, order says $9.50."
    assert (case.amount_e4, case.reporting_amount_e4, case.rate_e8) == (2_507_500, 2_507_500, 100_000_000)
    # Tuesday 09:00 in Chicago, three business days of nine hours: Friday 09:00; 75 % of them: Thursday 11:15
    assert case.due_at == datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
    assert case.due_soon_at == datetime(2026, 11, 26, 17, 15, tzinfo=UTC)
    assert case.half_at == datetime(2026, 11, 25, 19, 30, tzinfo=UTC)
    assert (case.aging, case.next_sla_at) == (
        0,
        datetime(2026, 11, 25, 15, 0, tzinfo=UTC),
    )  # it is a day old then
    assert (case.sla_target, case.sla_calendar, case.sla_stage) == (
        "3 business days",
        "test_office",
        "on_track",
    )
    assert story.tags(1) == ["case:opened"]


def test_an_open_exception_with_equal_evidence_is_counted_and_not_touched(story: Story) -> None:
    story.run([discrepancy(1)])
    before = story.case(1).version
    assert story.run([discrepancy(1)]) == IntakeCounts(seen=1)
    assert story.case(1).version == before
    assert story.tags(1) == ["case:opened"]


def test_changed_evidence_keeps_owner_and_clock_and_leaves_a_line_in_the_trail(story: Story) -> None:
    story.run([discrepancy(1)])
    story.claim(1)
    due = story.case(1).due_at
    story.later(hours=1)
    counts = story.run([discrepancy(1, invoiced="12.00")])
    case = story.case(1)
    assert counts == IntakeCounts(changed=1)
    assert (case.owner_id, case.due_at, case.evidence_version) == (story.viewer.user_id, due, 2)
    assert case.sentence == "Medline charged $12.00, order says $9.50."
    versions = (
        select(CaseEvidence.version).where(CaseEvidence.case_id == case.id).order_by(CaseEvidence.version)
    )
    assert list(story.session.scalars(versions)) == [1, 2]
    assert story.tags(1)[-1] == "case:evidence_changed"


def test_what_becomes_critical_is_shown_as_critical(story: Story) -> None:
    story.run([discrepancy(1)])
    story.run([discrepancy(1, invoiced="99.00", critical=True)])
    assert story.case(1).severity == "critical"


def test_absent_in_a_complete_run_and_read_again_closes_as_agrees_now(story: Story) -> None:
    story.run([discrepancy(1)])
    story.later(hours=1)
    counts = story.run([], fetched=True)
    case = story.case(1)
    assert counts == IntakeCounts(closed=1)
    assert (case.status, case.end_reason, case.next_sla_at) == ("resolved", EndReason.AGREES_NOW, None)
    assert case.ended_by == "job:reconcile"


def test_a_key_that_is_gone_has_left_the_window(story: Story) -> None:
    story.run([discrepancy(1)])
    story.run([], present=False)
    assert story.case(1).end_reason == EndReason.LEFT_WINDOW


def test_a_key_that_is_gone_stays_open_where_the_feeds_cannot_prove_absence(story: Story) -> None:
    story.run([discrepancy(1)])
    assert story.run([], present=False, proves_absence=False) == IntakeCounts()
    assert story.case(1).status == "open"


def test_a_loosened_rule_is_named_as_that_and_not_as_agreement(story: Story) -> None:
    story.run([discrepancy(1)])
    story.run([], check_changed=True)
    assert story.case(1).end_reason == EndReason.RULE_CHANGED


def test_a_loosened_rule_is_named_although_a_snapshot_has_read_everything_again(story: Story) -> None:
    story.run([discrepancy(1)])
    opened = story.case(1).opened_at
    story.later(hours=1)
    story.run([], fetched=True, check_changed=True)
    assert story.case(1).end_reason == EndReason.RULE_CHANGED
    story.later(hours=1)
    story.run([discrepancy(1)], fetched=True, check_changed=True)  # the rule is tightened again
    assert (story.case(1).recurring, story.case(1).cycle, story.case(1).opened_at) == (False, 1, opened)


def _mended(story: Story, cause: int, **about: Any) -> None:
    given = {
        "kind": "crosswalk", "payload": "{}", "summary": "MEDLN-02 is V1", "reason": "same tax ID", "case_id": cause,
        "asked_by_id": story.person.id, "approved_by_id": story.person.id, "created_at": story.now,
    }  # fmt: skip
    story.session.add(CatalogAddition(**given | about))
    story.session.commit()


def test_what_follows_from_a_cause_that_was_mended_once_is_told_apart_from_a_changed_rule(
    story: Story,
) -> None:
    story.run([discrepancy(number) for number in (1, 2, 3, 4)])
    cause = story.case(4)
    for number in (1, 2):
        story.case(number).parent_id = cause.id
    story.session.commit()
    _mended(story, cause.id)
    story.later(hours=1)
    story.run([discrepancy(2), discrepancy(4)], check_changed=True)
    ends = {number: story.case(number).end_reason for number in (1, 2, 3)}
    assert ends == {1: EndReason.FIXED_ONCE, 2: None, 3: EndReason.RULE_CHANGED}
    told = select(AuditPayload.payload).join(AuditEvent, AuditEvent.id == AuditPayload.event_id)
    closed = told.where(AuditEvent.case_id == story.case(1).id, AuditEvent.tag == "case:closed")
    assert json.loads(story.session.scalars(closed).one())["why"] == "Fix once: MEDLN-02 is V1"
    opened = story.case(1).opened_at
    story.later(hours=1)
    story.run([discrepancy(1), discrepancy(2), discrepancy(4)], check_changed=True)  # it was withdrawn
    assert (story.case(1).status, story.case(1).cycle, story.case(1).opened_at) == ("open", 1, opened)


@pytest.mark.parametrize("how", ["withdrawn", "expired", "another"])
def test_an_addition_that_is_not_in_force_or_mends_another_cause_settles_nothing(
    story: Story, how: str
) -> None:
    story.run([discrepancy(1), discrepancy(2), discrepancy(3)])
    story.case(1).parent_id = story.case(2).id
    story.session.commit()
    about = {
        "withdrawn": {"withdrawn_at": story.now, "withdrawn_by_id": story.person.id},
        "expired": {"expires_at": story.now},
        "another": {"case_id": story.case(3).id},
    }
    _mended(story, story.case(2).id, **about[how])
    story.later(hours=1)
    story.run([discrepancy(2), discrepancy(3)], check_changed=True)
    assert story.case(1).end_reason == EndReason.RULE_CHANGED


def test_what_the_source_has_changed_agrees_now_also_under_a_loosened_rule(story: Story) -> None:
    story.run([discrepancy(1)])
    story.later(hours=1)
    story.run([], fetched=True, changed=True, check_changed=True)
    assert story.case(1).end_reason == EndReason.AGREES_NOW


def test_a_more_specific_cause_on_the_line_supersedes(story: Story) -> None:
    story.run([discrepancy(1)])
    counts = story.run([], superseded=frozenset({discrepancy(1).fingerprint}))
    assert counts == IntakeCounts(closed=1, superseded=1)
    assert story.case(1).end_reason == EndReason.SUPERSEDED


@pytest.mark.parametrize("status", ["partial", "failed"])
def test_a_partial_or_failed_run_closes_nothing(story: Story, status: str) -> None:
    story.run([discrepancy(1), discrepancy(2)])
    story.resolve(2)
    story.later(hours=2)
    assert story.run([], complete=False) == IntakeCounts()
    assert (story.case(1).status, story.case(2).status) == ("open", "awaiting_confirmation")


def test_a_problem_that_was_gone_and_is_back_is_recurring_on_a_new_clock(story: Story) -> None:
    story.run([discrepancy(1)])
    story.claim(1)
    story.later(hours=1)
    story.run([], fetched=True)
    story.later(days=7)
    counts = story.run([discrepancy(1)])
    case = story.case(1)
    assert counts == IntakeCounts(reopened=1)
    assert (case.status, case.recurring, case.cycle, case.opened_at) == ("open", True, 2, story.now)
    assert (case.end_reason, case.breached_at, case.owner_id) == (None, None, story.viewer.user_id)
    assert story.tags(1)[-1] == "case:recurred"


def test_what_recurs_is_routed_anew_and_leaves_an_owner_who_is_gone(story: Story) -> None:
    story.run([discrepancy(1)])
    story.claim(1)
    story.later(hours=1)
    story.run([], fetched=True)
    story.person.active = False
    story.later(days=7)
    story.run([discrepancy(1, amount="100000", invoiced="99.00")])
    case = story.case(1)
    assert (case.owner_id, case.queue) == (None, "test_big")


def test_what_only_left_the_window_comes_back_on_its_old_clock(story: Story) -> None:
    story.run([discrepancy(1)])
    opened = story.case(1).opened_at
    story.later(hours=1)
    story.run([], present=False)
    story.later(days=7)  # five business days, which the stopped clock does not count
    story.run([discrepancy(1)])
    case = story.case(1)
    assert (case.status, case.recurring, case.cycle, case.opened_at) == ("open", False, 1, opened)
    assert case.due_at == datetime(2026, 12, 4, 15, 0, tzinfo=UTC)
    assert story.tags(1)[-1] == "case:returned"


def test_a_waived_exception_stays_waived_while_its_evidence_is_unchanged(story: Story) -> None:
    story.run([discrepancy(1)])
    story.waive(1, days=30)
    story.later(days=3)
    assert story.run([discrepancy(1)]) == IntakeCounts(seen=1)
    assert story.case(1).status == "waived"


def test_a_waived_exception_reopens_when_its_evidence_changes(story: Story) -> None:
    story.run([discrepancy(1)])
    story.waive(1, days=30)
    story.later(days=7)
    assert story.run([discrepancy(1, invoiced="77.00")]) == IntakeCounts(reopened=1)
    case = story.case(1)
    assert (case.status, case.waiver_expires_at, case.sla_stage) == ("open", None, "on_track")
    assert story.tags(1)[-1] == "case:unwaived"


def test_a_waived_exception_reopens_when_the_waiver_has_expired(story: Story) -> None:
    story.run([discrepancy(1)])
    story.waive(1, days=1)
    story.later(days=1)
    story.run([discrepancy(1)])
    assert story.case(1).status == "open"


def test_a_waived_exception_that_left_the_window_comes_back_on_the_clock_that_the_waiver_stopped(
    story: Story,
) -> None:
    story.run([discrepancy(1)])
    story.later(hours=1)
    story.waive(1, days=60)
    story.later(days=30)
    story.run([], present=False)
    assert (story.case(1).status, story.case(1).end_reason) == ("resolved", EndReason.LEFT_WINDOW)
    story.later(hours=1)
    story.run([discrepancy(1)])
    case = story.case(1)
    assert (case.status, case.sla_stage, case.breached_at) == ("open", "on_track", None)
    # 26 business hours were left; on Thursday 24 December at 11:00 in Chicago they run again
    assert case.due_at == datetime(2026, 12, 29, 16, 0, tzinfo=UTC)


def test_a_waived_exception_that_agrees_now_is_resolved(story: Story) -> None:
    story.run([discrepancy(1)])
    story.waive(1, days=30)
    story.later(hours=1)
    story.run([], fetched=True)
    assert (story.case(1).status, story.case(1).end_reason) == ("resolved", EndReason.AGREES_NOW)


def test_a_claim_is_confirmed_by_absence_once_every_side_was_read_after_it(story: Story) -> None:
    story.run([discrepancy(1)])
    story.resolve(1)
    story.later(hours=1)
    assert story.run([], fetched=True) == IntakeCounts(confirmed=1)
    case = story.case(1)
    assert (case.status, case.end_reason, case.confirmed_at) == ("resolved", "fixed_at_source", story.now)


def test_a_claim_is_left_alone_until_the_sides_were_read_after_it_plus_lag(story: Story) -> None:
    story.run([discrepancy(1), discrepancy(2)])
    story.resolve(1)
    story.resolve(2)
    claimed_at = story.now
    story.later(minutes=30)
    for read_through in (claimed_at, claimed_at + timedelta(minutes=15), None):
        counts = story.run([discrepancy(1)], read_through=read_through, lag=timedelta(minutes=15))
        assert counts == IntakeCounts(seen=1)
    assert {story.case(n).status for n in (1, 2)} == {"awaiting_confirmation"}


def test_a_claim_that_the_data_refutes_reopens_on_its_old_clock(story: Story) -> None:
    story.run([discrepancy(1)])
    opened, due = story.case(1).opened_at, story.case(1).due_at
    story.resolve(1)
    story.later(days=7)
    assert story.run([discrepancy(1)]) == IntakeCounts(reopened=1)
    case = story.case(1)
    assert (case.status, case.opened_at, case.due_at, case.cycle) == ("open", opened, due, 1)
    assert (case.sla_stage, case.breached_at, case.recurring) == ("breached", due, False)
    assert (story.tags(1)[-1], case.next_sla_at) == (
        "case:not_confirmed",
        case.half_at,
    )  # the sweep is to tell


def test_a_claim_is_not_confirmed_by_a_loosened_rule(story: Story) -> None:
    story.run([discrepancy(1)])
    story.resolve(1)
    story.later(hours=1)
    story.run([], check_changed=True)
    assert (story.case(1).status, story.case(1).end_reason) == ("resolved", EndReason.RULE_CHANGED)


def test_closing_ends_a_hold(story: Story) -> None:
    story.run([discrepancy(1)])
    story.hold(1)
    story.later(hours=1)
    story.run([], fetched=True)
    assert (story.case(1).on_hold, story.case(1).hold_reason) == (False, None)


def test_other_scopes_and_checks_are_not_touched(story: Story) -> None:
    story.run([discrepancy(1)])
    story.run([], scope="H02")
    story.run([], check="test.other")
    assert story.case(1).status == "open"


def test_routing_and_policies_take_the_first_fit_else_the_category(story: Story) -> None:
    story.run([discrepancy(1, amount="100000"), discrepancy(2, critical=True), discrepancy(3, entity="H02")])
    assert story.case(1).queue == "test_big"
    assert (story.case(2).severity, story.case(2).sla_target) == ("critical", "4 business hours")
    assert story.case(2).due_at == story.now + timedelta(hours=4)
    assert (story.case(3).sla_target, story.case(3).due_at) == ("8 hours", story.now + timedelta(hours=8))


def test_the_reporting_amount_is_at_the_rate_of_the_day(story: Story) -> None:
    story.run([discrepancy(1, amount="100", currency="EUR"), discrepancy(2, amount="100", currency="XXX")])
    assert (story.case(1).reporting_amount_e4, story.case(1).rate_e8) == (1_200_000, 120_000_000)
    assert (story.case(2).amount_e4, story.case(2).reporting_amount_e4) == (1_000_000, None)


def test_an_absurd_row_does_not_stop_the_others(story: Story) -> None:
    absurd = discrepancy(1)._replace(
        amount=Decimal(10) ** 30,
        reference="x\0" * 300,
        counterparty="y" * 500,
        lines=("z" * 900,),
    )
    assert story.run([absurd, discrepancy(2)]) == IntakeCounts(opened=2)
    assert (story.case(1).amount_e4, len(story.case(1).reference)) == (None, 200)


def test_racing_intakes_open_an_exception_once(story: Story, database: Database) -> None:
    found = [discrepancy(n) for n in range(1, 6)]
    run = story.facts()
    first = story.plan(found, run)
    second = story.plan(found, run)  # planned before the first was written
    with Session(database.engine) as other:
        opened = [intake.apply(other, story.ctx, chunk) for chunk in first.chunks()]
        other.commit()
    late = [intake.apply(story.session, story.ctx, chunk) for chunk in second.chunks()]
    assert (sum(c.opened for c in opened), sum(c.opened for c in late)) == (5, 0)
    assert len(story.session.scalars(select(ExceptionCase)).all()) == 5
    assert verify(story.session) == []


def test_an_intake_that_was_cut_off_is_resumed_without_doubling(story: Story) -> None:
    found = [discrepancy(n) for n in range(1, 8)]
    planned = story.plan(found, story.facts())
    first, *_ = planned.chunks(3)
    intake.apply(story.session, story.ctx, first)
    story.session.commit()  # and here the process dies
    assert story.run(found) == IntakeCounts(opened=4, seen=3)


def test_a_step_is_left_for_the_next_run_when_a_person_was_faster(story: Story) -> None:
    story.run([discrepancy(1)])
    story.later(hours=1)
    planned = story.plan([], story.facts(), fetched=True)
    story.claim(1)
    (chunk,) = planned.chunks()
    assert intake.apply(story.session, story.ctx, chunk) == IntakeCounts(skipped=1)
    assert story.case(1).status == "open"


def test_the_probe_is_asked_only_about_what_is_no_longer_found(story: Story) -> None:
    story.run([discrepancy(1), discrepancy(2)])
    asked: list[Any] = []

    def probe(keys: Sequence[Mapping[str, str]]) -> dict[str, Found]:
        asked.extend(keys)
        return {}

    intake.plan(story.session, story.ctx, story.facts(), [discrepancy(1)], probe)
    assert asked == [key_of(2)]


def test_the_same_discrepancy_twice_in_one_run_is_one_exception(story: Story) -> None:
    assert story.run([discrepancy(1), discrepancy(1)]) == IntakeCounts(opened=1)


def test_every_change_carries_actor_configuration_and_correlation(story: Story) -> None:
    story.run([discrepancy(1)])
    event = story.session.scalars(select(AuditEvent).where(AuditEvent.case_id.is_not(None))).one()
    assert (event.actor, event.correlation_id) == ("job:reconcile", story.ctx.correlation_id)
    assert event.config_snapshot_id == story.ctx.snapshot_id
    assert story.case(1).config_snapshot_id == story.ctx.snapshot_id


def test_what_the_previous_run_had_already_read_does_not_count_as_read_again(story: Story) -> None:
    story.run([discrepancy(1)])
    run = CheckRun(
        check_code=CHECK, scope=SCOPE, status="complete", started_at=story.now + timedelta(minutes=10),
        sides='{"f": {"read_through": "2026-11-24T15:05:00Z"}}', correlation_id="c",
        config_snapshot_id=story.ctx.snapshot_id,
    )  # fmt: skip
    story.session.add(run)
    story.session.flush()
    story.later(minutes=4)
    planned = story.plan(
        [], story.facts(), fetched=True
    )  # fetched 15:04, the last run had read through 15:05
    assert [step.reason for step in planned.steps] == [EndReason.LEFT_WINDOW]


def waiting(number: int, percent: str, **more: str) -> Discrepancy:
    facts = {
        "delay_discount_until": "2026-11-30",
        "delay_discount_percent": percent,
        "delay_of": "500",
        **more,
    }
    found = discrepancy(number)
    changed = json.dumps(json.loads(found.facts) | facts, sort_keys=True)
    return found._replace(facts=changed, evidence_hash=percent.encode().rjust(16))


def test_what_waiting_costs_is_kept_and_follows_the_evidence(story: Story) -> None:
    story.run([waiting(1, "2"), discrepancy(2)])
    case = story.case(1)
    ends = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
    assert (case.delay_at, case.delay_cost_e4) == (ends, 100_000)
    assert case.delay_why == "the discount ends on 30 Nov 2026"
    assert (story.case(2).delay_at, story.case(2).delay_cost_e4, story.case(2).delay_why) == (
        None,
        None,
        None,
    )
    story.later(hours=1)
    story.run([waiting(1, "3"), discrepancy(2)])
    assert story.case(1).delay_cost_e4 == 150_000
    story.later(days=10)
    story.run([waiting(1, "4", delay_due="2026-12-20"), discrepancy(2)])
    case, due = story.case(1), datetime(2026, 12, 21, 6, 0, tzinfo=UTC)
    assert (case.delay_at, case.delay_why) == (due, "payment is due on 20 Dec 2026")
    assert case.delay_cost_e4 == -int(due.timestamp()), "nobody can price it: by when it begins"
