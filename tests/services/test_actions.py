"""What people do with an exception, who may, and what the second of two people is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import viewer_for
from exceptions_app.models import AuditEvent, AuditPayload, CaseComment
from exceptions_app.services import actions
from exceptions_app.services.actions import ConflictError, NotAllowedError
from exceptions_app.services.context import Actor
from tests.conftest import NOW, Database
from tests.services.story import Story, discrepancy


@pytest.fixture
def open_story(story: Story) -> Story:
    story.run([discrepancy(1), discrepancy(2), discrepancy(3)])
    return story


def test_claiming_takes_what_nobody_has(open_story: Story) -> None:
    open_story.claim(1)
    assert open_story.case(1).owner_id == open_story.viewer.user_id
    assert open_story.tags(1)[-1] == "case:claimed"


def test_claiming_again_changes_nothing(open_story: Story) -> None:
    open_story.claim(1)
    version = open_story.case(1).version
    open_story.claim(1)
    assert open_story.case(1).version == version


def test_the_second_of_two_people_is_told_who_did_what_and_when(
    open_story: Story, user: Callable[..., Any]
) -> None:
    second = user("specialist", name="Sam Ortiz")
    seen = open_story.case(1).version
    open_story.later(minutes=5)
    open_story.claim(1)
    with pytest.raises(ConflictError) as refused:
        actions.resolve(
            open_story.session, open_story.by_person, viewer_for(second, open_story.catalog),
            open_story.case(1),
            expected_version=seen, reason="fixed_at_source",
        )  # fmt: skip
    assert (refused.value.who, refused.value.what, refused.value.at) == (
        "Mina Park",
        "claimed it",
        open_story.now,
    )
    assert "Mina Park claimed it on 24 Nov 2026, 15:05 UTC" in str(refused.value)


def test_a_change_in_another_transaction_is_seen_as_a_conflict(open_story: Story, database: Database) -> None:
    mine = open_story.case(1)
    seen = mine.version
    open_story.session.commit()
    with Session(database.engine) as other:
        theirs = other.get_one(type(mine), mine.id)
        actions.claim(other, open_story.by_person, open_story.viewer, theirs, expected_version=seen)
        other.commit()
    with pytest.raises(ConflictError):
        actions.hold(
            open_story.session, open_story.by_person, open_story.viewer, mine,
            expected_version=seen, reason="x", ball_in_court="supplier",
        )  # fmt: skip


def test_a_comment_never_conflicts(open_story: Story) -> None:
    case = open_story.case(1)
    seen = case.version
    open_story.claim(1)
    made = actions.comment(open_story.session, open_story.by_person, open_story.viewer, case, text=" Asked. ")
    assert (made.text, open_story.case(1).version) == ("Asked.", seen + 1)
    assert open_story.tags(1)[-1] == "case:commented"


def test_what_another_person_has_cannot_be_claimed(open_story: Story, user: Callable[..., Any]) -> None:
    open_story.claim(1)
    second = viewer_for(user("specialist"), open_story.catalog)
    case = open_story.case(1)
    with pytest.raises(NotAllowedError, match="Mina Park already has it"):
        actions.claim(open_story.session, open_story.ctx, second, case, expected_version=case.version)


def test_only_a_manager_assigns_to_others(open_story: Story, user: Callable[..., Any]) -> None:
    person = user("specialist")
    case = open_story.case(1)
    actions.assign(
        open_story.session, open_story.by_person, open_story.viewer, case,
        expected_version=case.version, owner_id=person.id,
    )  # fmt: skip
    assert open_story.case(1).owner_id == person.id
    with pytest.raises(NotAllowedError, match="Only a manager"):
        actions.assign(
            open_story.session, open_story.by_person, viewer_for(person, open_story.catalog), case,
            expected_version=case.version, owner_id=open_story.viewer.user_id,
        )  # fmt: skip


def test_nobody_is_assigned_what_they_cannot_see(open_story: Story, user: Callable[..., Any]) -> None:
    case = open_story.case(1)
    for person in (
        user("specialist", queues=("other",)),
        user("specialist", entities=("H02",)),
        user("auditor"),
    ):
        with pytest.raises(NotAllowedError, match="does not work on this queue"):
            actions.assign(
                open_story.session, open_story.by_person, open_story.viewer, case,
                expected_version=case.version, owner_id=person.id,
            )  # fmt: skip


def test_nobody_acts_outside_their_queues_entities_and_role(
    open_story: Story, user: Callable[..., Any]
) -> None:
    case = open_story.case(1)
    for person in (
        user("specialist", queues=("other",)),
        user("manager", entities=("H02",)),
        user("auditor"),
    ):
        with pytest.raises(NotAllowedError, match="may not work on"):
            actions.claim(
                open_story.session, open_story.ctx, viewer_for(person, open_story.catalog), case,
                expected_version=case.version,
            )  # fmt: skip


def test_a_hold_stops_the_clock_for_business_time_only(open_story: Story) -> None:
    due = open_story.case(1).due_at
    open_story.hold(1)
    assert open_story.case(1).sla_stage == "paused"
    assert open_story.case(1).next_sla_at == NOW + timedelta(days=1)  # it is a business day old then
    open_story.later(hours=18)  # to 03:00 the next day: eight business hours of Tuesday have passed
    open_story.resume(1)
    case = open_story.case(1)
    assert case.paused_seconds == 8 * 3600
    assert due == datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
    assert case.due_at == datetime(2026, 11, 27, 23, 0, tzinfo=UTC)  # Friday 17:00 in Chicago
    assert (case.on_hold, case.sla_stage, case.ball_in_court) == (False, "on_track", None)


def test_two_holds_add_up(open_story: Story) -> None:
    for _ in range(2):
        open_story.hold(1)
        open_story.later(hours=1)
        open_story.resume(1)
    assert open_story.case(1).paused_seconds == 2 * 3600


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"reason": " ", "ball_in_court": "supplier"}, "Say why"),
        ({"reason": "x", "ball_in_court": "nobody"}, "whose move"),
        ({"reason": "x", "ball_in_court": "supplier", "until": NOW}, "in the future"),
    ],
)
def test_a_hold_needs_its_reason_its_ball_and_a_future(
    open_story: Story, given: dict[str, Any], why: str
) -> None:
    with pytest.raises(NotAllowedError, match=why):
        open_story._do(actions.hold, 1, **given)


def test_resolving_is_a_claim_by_one_of_the_categorys_reasons(open_story: Story) -> None:
    with pytest.raises(NotAllowedError, match="Choose one of the reasons"):
        open_story.resolve(1, "because")
    open_story.session.rollback()
    open_story._do(actions.resolve, 1, reason="test_accepted", note="Agreed with the buyer.")
    case = open_story.case(1)
    assert (case.status, case.end_reason, case.resolved_at) == ("awaiting_confirmation", "test_accepted", NOW)
    assert (case.sla_stage, case.owner_id) == ("stopped", open_story.viewer.user_id)
    assert [c.text for c in open_story.session.scalars(select(CaseComment))] == ["Agreed with the buyer."]


def test_a_resolved_exception_cannot_be_resolved_again(open_story: Story) -> None:
    open_story.resolve(1)
    with pytest.raises(NotAllowedError, match="Cannot resolve what is awaiting confirmation"):
        open_story.resolve(1)


def test_reopening_a_claim_keeps_the_old_clock(open_story: Story) -> None:
    due = open_story.case(1).due_at
    open_story.resolve(1)
    open_story.later(days=7)
    open_story.reopen(1)
    case = open_story.case(1)
    assert (case.status, case.due_at, case.sla_stage) == ("open", due, "breached")
    assert (open_story.tags(1)[-1], case.next_sla_at) == (
        "case:reopened",
        case.half_at,
    )  # the sweep is to tell


def test_reopening_a_waiver_goes_on_where_the_clock_stopped(open_story: Story) -> None:
    open_story.waive(1, days=30)
    open_story.later(days=7)
    open_story.reopen(1)
    assert (open_story.case(1).status, open_story.case(1).sla_stage) == ("open", "on_track")


def test_a_waiver_needs_words_a_future_and_a_category_that_allows_it(story: Story) -> None:
    story.run([discrepancy(1), discrepancy(2, category="test_bank")])
    with pytest.raises(NotAllowedError, match="never waived"):
        story.waive(2, days=1)
    story.session.rollback()
    with pytest.raises(NotAllowedError, match="in the future"):
        story.waive(1, days=0)


def test_a_critical_exception_takes_a_manager_to_waive(story: Story, user: Callable[..., Any]) -> None:
    story.run([discrepancy(1, critical=True)])
    case, specialist = story.case(1), viewer_for(user("specialist"), story.catalog)
    with pytest.raises(NotAllowedError, match="takes a manager"):
        actions.waive(
            story.session, story.by_person, specialist, case, expected_version=case.version, reason="x",
            expires_at=NOW + timedelta(days=1),
        )  # fmt: skip
    story.session.rollback()
    story.waive(1, days=1)
    assert story.case(1).status == "waived"


def test_every_action_leaves_before_after_and_why(open_story: Story) -> None:
    open_story.hold(1)
    newest = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)
    event = open_story.session.scalars(newest).one()
    payload = open_story.session.get_one(AuditPayload, event.id).payload
    assert event.actor == str(Actor("user", "Mina Park", open_story.person.id))
    assert '"why":"waiting"' in payload
    assert '"before":{"on_hold":false' in payload
