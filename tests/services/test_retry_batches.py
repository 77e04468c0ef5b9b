"""A batch as its asker steers it: dry run, send, pause, resume, cancel, and its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.retry import Outcome
from exceptions_app.models import AuditEvent, Delivery, RetryBatch, Task, User
from exceptions_app.services import dead_letters, outbox, retry_asking, retry_batches
from exceptions_app.services.acting import NotAllowedError
from exceptions_app.services.audit_verify import verify
from tests.services.retry_story import RetryStory

Retry = Callable[..., RetryStory]


def steer(story: RetryStory, verb: str, batch: RetryBatch, by: User | None = None) -> str:
    person = by or story.sam
    getattr(retry_asking, verb)(story.session, story.by(person), story.viewer_of(person), batch)
    story.session.commit()
    return story.batch(batch).status


def counts(session: Session, batch: RetryBatch) -> dict[str, int]:
    return dict(Counter(session.scalars(select(Delivery.status).where(Delivery.batch_id == batch.id))))


def test_a_batch_is_finished_when_nothing_of_it_is_on_its_way(retry: Retry, session: Session) -> None:
    story = retry(numbers=(1, 2))
    batch = story.ask(1, 2)
    story.prepare(batch)
    one, two = story.take()
    story.record(story.result(one, Outcome.ACCEPTED))
    assert story.batch(batch).status == "sending"
    story.record(story.result(two, Outcome.PERMANENT))
    assert (story.batch(batch).status, batch.finished_at) == ("finished", story.now)
    assert counts(session, batch) == {"accepted": 1, "failed": 1}


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(retry: Retry, session: Session) -> None:
    story = retry(numbers=(1, 2))
    batch = story.ask(1, 2, dry_run=True)
    done = story.prepare(batch, agree=[2])
    assert (done.ready, done.skipped, story.batch(batch).status) == (1, 1, "ready")
    assert story.take() == []
    assert (story.case(1).retry_state, story.case(1).responded_at) == (None, None)
    assert session.scalars(select(AuditEvent.id).where(AuditEvent.tag.startswith("case:retry"))).all() == []


def test_what_a_dry_run_has_shown_is_sent_after_one_more_look(retry: Retry, session: Session) -> None:
    story = retry(numbers=(1, 2, 3))
    batch = story.ask(1, 2, dry_run=True)
    story.prepare(batch)
    assert steer(story, "send", batch) == "preparing"
    assert steer(story, "send", batch) == "preparing"
    assert len(session.scalars(select(Task).where(Task.status == "queued")).all()) == 1
    story.prepare(batch, agree=[2])
    assert counts(session, batch) == {"waiting": 1, "skipped": 1}
    assert [each.case_id for each in story.take()] == [story.case(1).id]
    assert verify(session) == []


def test_a_filter_of_a_dry_run_that_matches_more_later_still_sends_only_what_it_has_shown(
    retry: Retry, session: Session
) -> None:
    from exceptions_app.queries.filters import QueueFilter
    from exceptions_app.services import retry_preparing
    from tests.services.story import discrepancy

    story = retry(numbers=(1,))
    batch = retry_asking.start(
        session, story.by(story.sam), story.viewer_of(story.sam), token="all", filters=QueueFilter(), title="All",
        dry_run=True,
    )  # fmt: skip
    story.prepare(batch)
    story.run([discrepancy(1), discrepancy(2)])
    steer(story, "send", batch)
    assert retry_preparing.selected(session, story.ctx, batch) == [story.case(1).id]


def test_a_dry_run_blocks_nobody(retry: Retry) -> None:
    story = retry()
    story.prepare(story.ask(1, dry_run=True))
    assert story.send(1).status == "waiting"


def test_nothing_of_a_paused_batch_is_claimed_until_it_is_resumed(retry: Retry) -> None:
    story = retry(numbers=(1, 2))
    batch = story.ask(1)
    story.prepare(batch)
    assert steer(story, "pause", batch) == "paused"
    story.send(2)
    assert [each.case_id for each in story.take()] == [story.case(2).id]
    assert steer(story, "resume", batch) == "sending"
    assert [each.case_id for each in story.take()] == [story.case(1).id]


def test_what_is_in_flight_when_a_batch_is_paused_ends_truthfully(retry: Retry) -> None:
    story = retry()
    batch = story.ask(1)
    story.prepare(batch)
    (claimed,) = story.take()
    steer(story, "pause", batch)
    story.record(story.result(claimed, Outcome.ACCEPTED))
    assert (story.delivery(1).status, story.batch(batch).status) == ("accepted", "finished")


def test_cancelling_skips_what_waits_and_leaves_what_is_in_flight(retry: Retry, session: Session) -> None:
    story = retry(numbers=(1, 2, 3))
    batch = story.ask(1, 2, 3)
    story.prepare(batch)
    (claimed,) = story.take(limit=1)
    assert steer(story, "cancel", batch) == "cancelled"
    assert counts(session, batch) == {"sending": 1, "skipped": 2}
    assert not story.batch(batch).finished_at
    story.record(story.result(claimed, Outcome.ACCEPTED))
    assert counts(session, batch) == {"accepted": 1, "skipped": 2}
    assert (story.batch(batch).status, batch.finished_at) == ("cancelled", story.now)
    assert verify(session) == []


def test_what_would_be_tried_again_after_a_cancel_is_skipped(retry: Retry) -> None:
    story = retry()
    batch = story.ask(1)
    story.prepare(batch)
    (claimed,) = story.take()
    steer(story, "cancel", batch)
    story.record(story.result(claimed, Outcome.TRANSIENT))
    story.later(minutes=5)
    assert story.take() == []
    assert (story.delivery(1).status, story.batch(batch).finished_at) == ("skipped", story.now)


def test_whether_a_cancelled_write_has_arrived_is_still_found_out(retry: Retry) -> None:
    story = retry("LOOKED")
    batch = story.ask(1)
    story.prepare(batch)
    (claimed,) = story.take()
    story.record(story.result(claimed, Outcome.UNKNOWN))
    steer(story, "cancel", batch)
    story.later(minutes=5)
    (claimed,) = story.answer(Outcome.FOUND)
    assert claimed.kind == "read_back"
    assert (story.delivery(1).status, story.case(1).status) == ("accepted", "awaiting_confirmation")


def test_what_was_cancelled_is_not_sent_again_to_find_out_whether_it_arrived(retry: Retry) -> None:
    story = retry("KEYED")
    batch = story.ask(1)
    story.prepare(batch)
    (claimed,) = story.take()
    story.record(story.result(claimed, Outcome.UNKNOWN))
    steer(story, "cancel", batch)
    story.later(minutes=5)
    assert story.take() == []
    assert story.delivery(1).status == "unsure", "a person looks there: nothing more is sent"
    dead_letters.decide(
        story.session, story.by(story.sam), story.viewer_of(story.sam), story.delivery(1).id, arrived=False,
        reason="looked there",
    )  # fmt: skip
    story.session.commit()
    assert story.take() == []
    assert (story.delivery(1).status, bool(story.batch(batch).finished_at)) == ("skipped", True)


def test_more_than_one_transaction_holds_is_cancelled_as_the_outbox_is_looked_at(
    retry: Retry, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_batches, "AT_ONCE", 1)
    story = retry(numbers=(1, 2, 3))
    batch = story.ask(1, 2, 3)
    story.prepare(batch)
    steer(story, "cancel", batch)
    assert counts(session, batch) == {"skipped": 1, "waiting": 2}
    assert outbox.due_systems(session, story.now) == ["KEYED"]
    assert story.take() == story.take() == []
    assert (counts(session, batch), story.batch(batch).finished_at) == ({"skipped": 3}, story.now)


def test_a_batch_cancelled_while_it_is_prepared_sends_nothing(retry: Retry, session: Session) -> None:
    story = retry()
    batch = story.ask(1)
    steer(story, "cancel", batch)
    story.prepare(batch)
    assert (story.batch(batch).status, story.delivery(1).status) == ("cancelled", "skipped")
    assert story.take() == []


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_an_ended_batch_is_not_steered(retry: Retry, verb: str) -> None:
    story = retry()
    batch = story.ask(1)
    story.prepare(batch)
    story.answer(Outcome.ACCEPTED)
    with pytest.raises(NotAllowedError):
        steer(story, verb, batch)


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_steering_twice_is_steering_once(retry: Retry, session: Session, verb: str) -> None:
    story = retry()
    batch = story.ask(1)
    story.prepare(batch)
    assert steer(story, verb, batch) == steer(story, verb, batch)
    tags = session.scalars(
        select(AuditEvent.tag).where(AuditEvent.subject == retry_batches.subject(batch))
    ).all()
    assert len(tags) == 2


def test_a_colleague_does_not_steer_but_a_manager_who_sees_it_all_does(
    retry: Retry, user: Callable[..., User]
) -> None:
    story = retry()
    batch = story.ask(1)
    story.prepare(batch)
    for person in (user("specialist"), user("manager", entities=("H02",)), user("auditor")):
        with pytest.raises(NotAllowedError):
            steer(story, "pause", batch, by=person)
    assert steer(story, "pause", batch, by=user("manager", entities=("H01",))) == "paused"


def test_cancelling_a_dry_run_leaves_the_exceptions_alone(retry: Retry, session: Session) -> None:
    story = retry()
    batch = story.ask(1, dry_run=True)
    story.prepare(batch)
    story.send(1)
    events = session.scalars(select(AuditEvent.id).where(AuditEvent.case_id == story.case(1).id)).all()
    assert steer(story, "cancel", batch) == "cancelled"
    assert (story.case(1).retry_state, story.delivery(1).status) == ("waiting", "waiting")
    assert (
        session.scalars(select(AuditEvent.id).where(AuditEvent.case_id == story.case(1).id)).all() == events
    )
