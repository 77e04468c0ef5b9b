"""The outbox: one write at a time and in order, whatever its system answers, and whoever dies in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.schema import Backoff
from exceptions_app.domain.retry import Outcome
from exceptions_app.models import Attempt, AuditEvent
from exceptions_app.services import dead_letters, outbox
from exceptions_app.services.acting import NotAllowedError
from exceptions_app.services.audit_verify import verify
from tests.conftest import Database
from tests.services.retry_story import LEASE, RetryStory
from tests.services.story import discrepancy

Retry = Callable[..., RetryStory]


def test_what_the_system_accepts_awaits_confirmation(retry: Retry, session: Session) -> None:
    story = retry()
    story.send(1)
    (claimed,) = story.take()
    assert claimed.fields == {
        "order": "PO-0001",
        "line": "1",
        "price": "10.00",
        "method": None,
        "account": None,
    }
    assert (story.delivery(1).status, story.case(1).retry_state) == ("sending", "sending")
    story.later(seconds=3)
    story.record(story.result(claimed, Outcome.ACCEPTED, status_code=201))
    case, delivery = story.case(1), story.delivery(1)
    assert (case.status, case.end_reason, case.sla_stage) == (
        "awaiting_confirmation",
        "fixed_by_retry",
        "stopped",
    )
    assert case.resolved_at == delivery.accepted_at == story.now
    assert (delivery.status, delivery.tries, case.retry_state, case.retry_count) == (
        "accepted",
        1,
        "accepted",
        1,
    )
    assert verify(session) == []


def test_a_claimed_write_is_claimed_by_nobody_else(retry: Retry) -> None:
    story = retry()
    story.send(1)
    assert len(story.take()) == 1
    assert story.take(owner="p2") == []


def test_writes_of_one_order_key_go_out_one_after_the_other(retry: Retry) -> None:
    story = retry(order_key=["line"], numbers=(1, 2, 3))
    story.send(1, 2, 3)
    orders = []
    for _ in range(3):
        (claimed,) = story.answer(Outcome.ACCEPTED)
        orders.append(claimed.fields["order"])
    assert orders == ["PO-0001", "PO-0002", "PO-0003"]


def test_a_write_that_waits_for_its_next_try_holds_back_its_successors(retry: Retry) -> None:
    story = retry(order_key=["line"], numbers=(1, 2))
    story.send(1, 2)
    story.answer(Outcome.TRANSIENT)
    assert story.take() == []
    story.later(minutes=2)
    assert [each.fields["order"] for each in story.take()] == ["PO-0001"]


def test_a_system_that_is_away_is_tried_again_later_and_then_given_up(retry: Retry) -> None:
    story = retry()
    delivery = story.send(1)
    key = delivery.idempotency_key
    story.answer(Outcome.TRANSIENT, error="first error")
    assert story.delivery(1).not_before == story.now + timedelta(seconds=1)
    for attempt in (2, 3):
        story.later(minutes=5)
        (claimed,) = story.answer(Outcome.TRANSIENT, error=f"error {attempt}")
        assert claimed.idempotency_key == key
    delivery, case = story.delivery(1), story.case(1)
    assert (delivery.status, delivery.first_error, delivery.last_error) == (
        "failed",
        "first error",
        "error 3",
    )
    assert (case.status, case.retry_state, case.retry_count) == ("open", "failed", 1)
    assert case.sla_stage != "stopped"


def test_who_has_it_sent_again_grants_as_many_tries_of_that_error_anew(
    retry: Retry, session: Session
) -> None:
    story, own = retry("BLIND"), Backoff(max_tries=2)
    story.send(1)
    story.answer(Outcome.UNKNOWN)
    number = story.delivery(1).id
    dead_letters.decide(
        session, story.by(story.sam), story.viewer_of(story.sam), number, arrived=False, reason="looked there"
    )
    session.commit()
    for status in ("waiting", "failed"):
        story.later(minutes=5)
        story.answer(Outcome.TRANSIENT, backoff=own)
        assert story.delivery(1).status == status


def test_a_retry_after_is_waited_for(retry: Retry) -> None:
    story = retry()
    story.send(1)
    story.answer(Outcome.TRANSIENT, retry_after=120.0)
    assert story.delivery(1).not_before == story.now + timedelta(seconds=120)


def test_a_class_of_errors_has_its_own_tries_and_waits(retry: Retry) -> None:
    story = retry()
    story.send(1)
    own = Backoff(
        max_tries=2,
        first_wait=timedelta(seconds=90),
        shortest_wait=timedelta(seconds=90),
        longest_wait=timedelta(seconds=90),
    )
    story.answer(Outcome.TRANSIENT, backoff=own)
    assert story.delivery(1).not_before == story.now + timedelta(seconds=90)
    story.later(minutes=2)
    story.answer(Outcome.TRANSIENT, backoff=own)
    assert story.delivery(1).status == "failed"


def test_a_refusal_goes_straight_to_the_dead_letters(retry: Retry) -> None:
    story = retry()
    story.send(1)
    due_at, opened_at = story.case(1).due_at, story.case(1).opened_at
    story.answer(Outcome.PERMANENT, error="The period is closed.", error_class="closed")
    delivery, case = story.delivery(1), story.case(1)
    assert (delivery.status, delivery.error_class, delivery.tries) == ("failed", "closed", 1)
    assert (case.status, case.due_at, case.opened_at) == ("open", due_at, opened_at)


def test_an_unknown_outcome_is_sent_again_with_its_key_where_keys_are_honoured(retry: Retry) -> None:
    story = retry("KEYED")
    key = story.send(1).idempotency_key
    story.answer(Outcome.UNKNOWN)
    assert story.delivery(1).doubtful
    story.later(minutes=2)
    (claimed,) = story.answer(Outcome.ACCEPTED)
    assert (claimed.kind, claimed.idempotency_key) == ("send", key)
    assert not story.delivery(1).doubtful


def test_an_unknown_outcome_is_read_back_before_anything_is_sent_again(retry: Retry) -> None:
    story = retry("LOOKED")
    story.send(1)
    story.answer(Outcome.UNKNOWN)
    story.later(minutes=2)
    (claimed,) = story.answer(Outcome.ABSENT)
    assert claimed.kind == "read_back"
    story.later(minutes=2)
    (claimed,) = story.take()
    assert claimed.kind == "send"
    story.record(story.result(claimed, Outcome.UNKNOWN))
    story.later(minutes=2)
    story.answer(Outcome.FOUND)
    assert story.attempts(1) == [
        (1, "send", "unknown"), (2, "read_back", "absent"), (3, "send", "unknown"), (4, "read_back", "found"),
    ]  # fmt: skip
    assert (story.delivery(1).status, story.case(1).status) == ("accepted", "awaiting_confirmation")


@pytest.mark.parametrize("says", [Outcome.TRANSIENT, Outcome.PERMANENT, Outcome.UNKNOWN])
def test_what_cannot_be_read_back_is_for_a_person_to_decide(retry: Retry, says: Outcome) -> None:
    story = retry("LOOKED")
    story.send(1)
    story.answer(Outcome.UNKNOWN)
    for _ in range(3):
        story.later(minutes=5)
        (claimed,) = story.answer(says)
        assert claimed.kind == "read_back"
    assert (story.delivery(1).status, story.case(1).status) == ("unsure", "open")
    assert story.take() == []


def test_where_nothing_can_be_found_out_a_person_decides_at_once(retry: Retry) -> None:
    story = retry("BLIND")
    story.send(1)
    story.answer(Outcome.UNKNOWN)
    assert (story.delivery(1).status, story.case(1).retry_state) == ("unsure", "unsure")


def test_a_write_that_may_have_arrived_is_never_given_up_as_if_it_had_not(retry: Retry) -> None:
    story = retry("KEYED")
    story.send(1)
    for outcome in (Outcome.UNKNOWN, Outcome.TRANSIENT, Outcome.TRANSIENT):
        story.answer(outcome)
        story.later(minutes=5)
    assert story.delivery(1).status == "unsure"


# -- processes that die


def test_what_a_killed_process_had_claimed_ends_as_unknown_and_goes_on(retry: Retry) -> None:
    story = retry("KEYED")
    story.send(1)
    story.take(owner="dead")
    assert story.take(owner="p2") == []
    story.later(seconds=LEASE.total_seconds() + 1)
    (claimed,) = story.take(owner="p2")
    assert (claimed.kind, claimed.number) == ("send", 2)
    assert story.attempts(1) == [(1, "send", "unknown"), (2, "send", None)]


@pytest.mark.parametrize(("system", "status"), [("LOOKED", "sending"), ("BLIND", "unsure")])
def test_elsewhere_it_is_read_back_or_a_person_decides(retry: Retry, system: str, status: str) -> None:
    story = retry(system)
    story.send(1)
    story.take(owner="dead")
    story.later(minutes=5)
    assert [each.kind for each in story.take(owner="p2")] == (["read_back"] if system == "LOOKED" else [])
    assert story.delivery(1).status == status


def test_an_answer_that_comes_late_counts_while_nothing_was_tried_since(
    retry: Retry, session: Session
) -> None:
    story = retry("BLIND")
    story.send(1)
    (slow,) = story.take(owner="slow")
    story.later(minutes=5)
    story.take(owner="p2")
    assert story.delivery(1).status == "unsure"
    story.record(story.result(slow, Outcome.ACCEPTED))
    assert (story.delivery(1).status, story.case(1).status) == ("accepted", "awaiting_confirmation")
    assert verify(session) == []


@pytest.mark.parametrize("says", [Outcome.TRANSIENT, Outcome.PERMANENT])
def test_a_read_back_that_is_refused_too_late_says_nothing(retry: Retry, says: Outcome) -> None:
    story = retry("LOOKED")
    story.send(1)
    story.answer(Outcome.UNKNOWN)
    for _ in range(2):
        story.later(minutes=5)
        story.answer(says)
    story.later(minutes=5)
    (slow,) = story.take(owner="slow")
    story.later(minutes=5)
    assert story.take(owner="p2") == []
    assert story.delivery(1).status == "unsure"
    story.record(story.result(slow, says))
    assert (story.delivery(1).status, story.case(1).retry_state) == ("unsure", "unsure")


def test_an_answer_that_comes_later_than_the_next_try_is_only_kept(retry: Retry) -> None:
    story = retry("KEYED")
    story.send(1)
    (slow,) = story.take(owner="slow")
    story.later(minutes=5)
    story.take(owner="p2")
    story.record(story.result(slow, Outcome.PERMANENT))
    assert (story.delivery(1).status, story.delivery(1).lease_owner) == ("sending", "p2")
    assert story.attempts(1) == [(1, "send", "permanent"), (2, "send", None)]


def test_an_answer_is_recorded_once(retry: Retry) -> None:
    story = retry()
    story.send(1)
    (claimed,) = story.take()
    story.record(story.result(claimed, Outcome.ACCEPTED))
    story.record(story.result(claimed, Outcome.PERMANENT))
    assert (story.delivery(1).status, story.case(1).retry_count) == ("accepted", 1)


def test_what_was_claimed_and_never_sent_is_handed_back_without_a_trace(
    retry: Retry, session: Session
) -> None:
    story = retry()
    story.send(1)
    outbox.hand_back(session, story.deliver, story.take())
    session.commit()
    assert (story.delivery(1).status, story.delivery(1).tries, story.attempts(1)) == ("waiting", 0, [])
    assert len(story.take()) == 1


# -- what happens meanwhile


def test_nothing_is_sent_for_an_exception_that_has_ended_meanwhile(retry: Retry) -> None:
    story = retry()
    batch = story.ask(1)
    story.prepare(batch)
    story.resolve(1)
    assert story.take() == []
    delivery = story.delivery(1)
    assert (delivery.status, delivery.tries) == ("skipped", 0)
    assert "no longer open" in str(delivery.note)
    assert story.batch(batch).status == "finished"


@pytest.mark.parametrize("ends", ["resolve", "waive", "data"])
def test_an_answer_for_an_exception_that_has_ended_is_kept_and_the_exception_left_alone(
    retry: Retry, session: Session, ends: str
) -> None:
    story = retry()
    story.send(1)
    (claimed,) = story.take()
    if ends == "resolve":
        story.resolve(1)
    elif ends == "waive":
        story.waive(1, days=3)
    else:
        story.later(hours=1)
        story.run([], fetched=True)
    case = story.case(1)
    before = (case.status, case.end_reason, case.resolved_at, case.version)
    story.later(seconds=5)
    story.record(story.result(claimed, Outcome.ACCEPTED))
    case = story.case(1)
    assert (case.status, case.end_reason, case.resolved_at, case.version) == before
    assert (story.delivery(1).status, case.retry_state) == ("accepted", "accepted")
    assert "ended otherwise" in str(story.delivery(1).note)
    assert verify(session) == []


def test_an_operation_that_is_no_longer_configured_gives_up_and_says_so(retry: Retry) -> None:
    story = retry()
    story.send(1)
    story.catalog = with_none(story)
    assert story.take() == []
    assert (story.delivery(1).status, story.delivery(1).error_class) == ("failed", "not_configured")


def with_none(story: RetryStory) -> Any:
    from dataclasses import replace

    return replace(story.catalog, operations={})


def test_due_systems_are_those_with_something_to_claim(retry: Retry, session: Session) -> None:
    story = retry()
    batch = story.ask(1)
    assert outbox.due_systems(session, story.now) == []
    story.prepare(batch)
    assert outbox.due_systems(session, story.now) == ["KEYED"]
    story.take()
    assert outbox.due_systems(session, story.now) == []
    assert outbox.due_systems(session, story.now + LEASE) == ["KEYED"]


# -- the data has the last word


def test_the_next_run_that_read_afterwards_confirms_it(retry: Retry, session: Session) -> None:
    story = retry()
    story.send(1)
    story.answer(Outcome.ACCEPTED)
    accepted = story.now
    story.run([discrepancy(1)], read_through=story.now - timedelta(minutes=1))
    assert story.delivery(1).status == "accepted"
    story.later(minutes=20)
    story.run([], fetched=True)
    case, delivery = story.case(1), story.delivery(1)
    assert (case.status, case.end_reason, case.retry_state) == ("resolved", "fixed_by_retry", "confirmed")
    assert (delivery.status, delivery.accepted_at, delivery.settled_at) == ("confirmed", accepted, story.now)
    assert case.confirmed_at is not None
    assert case.resolved_at is not None
    assert case.confirmed_at - case.resolved_at == timedelta(minutes=20)
    assert verify(session) == []


def test_what_the_data_does_not_confirm_is_open_again_on_its_old_clock(retry: Retry) -> None:
    story = retry()
    story.send(1)
    opened_at, due_at = story.case(1).opened_at, story.case(1).due_at
    story.answer(Outcome.ACCEPTED)
    story.later(minutes=20)
    story.run([discrepancy(1, invoiced="11.00")])
    case, delivery = story.case(1), story.delivery(1)
    assert (case.status, case.opened_at, case.due_at, case.cycle) == ("open", opened_at, due_at, 1)
    assert (delivery.status, case.retry_state, delivery.settled_at) == (
        "not_confirmed",
        "not_confirmed",
        story.now,
    )
    assert case.evidence_version == 2


def test_records_read_before_it_was_accepted_settle_nothing(retry: Retry) -> None:
    story = retry()
    story.send(1)
    (claimed,) = story.take()
    story.resolve(1)
    story.later(minutes=10)
    read_through = story.now
    story.later(minutes=1)
    story.record(story.result(claimed, Outcome.ACCEPTED))
    story.run([discrepancy(1)], read_through=read_through)
    assert (story.case(1).status, story.delivery(1).status) == ("open", "accepted")


def test_a_new_cycle_forgets_the_retries_of_the_last_one(retry: Retry) -> None:
    story = retry()
    story.send(1)
    story.answer(Outcome.ACCEPTED)
    story.later(minutes=20)
    story.run([], fetched=True)
    story.later(hours=1)
    story.run([discrepancy(1)])
    assert (story.case(1).retry_state, story.case(1).retry_count, story.case(1).cycle) == (None, 0, 2)


def test_every_step_is_in_the_trail(retry: Retry, session: Session) -> None:
    story = retry()
    story.send(1)
    story.answer(Outcome.TRANSIENT)
    story.later(minutes=5)
    story.answer(Outcome.PERMANENT)
    dead_letters.discard(
        session, story.by(story.sam), story.viewer_of(story.sam), [story.delivery(1).id], "fixed by hand"
    )
    session.commit()
    tags = session.scalars(
        select(AuditEvent.tag).where(AuditEvent.case_id == story.case(1).id).order_by(AuditEvent.id)
    )
    assert list(tags) == ["case:opened", "case:retry_asked", "case:retry_failed", "case:retry_discarded"]
    assert verify(session) == []


def test_every_attempt_of_what_has_ended_has_an_outcome(retry: Retry, session: Session) -> None:
    story = retry(numbers=(1, 2))
    story.send(1, 2)
    one, two = story.take()
    story.record(story.result(one, Outcome.ACCEPTED), story.result(two, Outcome.PERMANENT))
    assert session.scalars(select(Attempt.id).where(Attempt.outcome.is_(None))).all() == []


@pytest.mark.parametrize(
    ("arrived", "send_again", "status", "case_status"),
    [
        (True, True, "accepted", "awaiting_confirmation"),
        (False, True, "waiting", "open"),
        (False, False, "failed", "open"),
    ],
)
def test_a_person_says_whether_it_arrived(
    retry: Retry, session: Session, arrived: bool, send_again: bool, status: str, case_status: str
) -> None:
    story = retry("BLIND")
    key = story.send(1).idempotency_key
    story.answer(Outcome.UNKNOWN)
    sam = story.viewer_of(story.sam)
    decide = {"arrived": arrived, "send_again": send_again}
    with pytest.raises(NotAllowedError, match="needs words"):
        dead_letters.decide(session, story.by(story.sam), sam, story.delivery(1).id, reason=" ", **decide)
    dead_letters.decide(
        session, story.by(story.sam), sam, story.delivery(1).id, reason="looked it up", **decide
    )
    session.commit()
    assert (story.delivery(1).status, story.case(1).status) == (status, case_status)
    if status == "waiting":
        (claimed,) = story.take()
        assert (claimed.kind, claimed.idempotency_key) == ("send", key)
    assert verify(session) == []


@pytest.mark.parametrize("approval", [False, True])
def test_what_would_send_values_that_the_records_no_longer_say_is_not_sent(
    retry: Retry, session: Session, approval: bool
) -> None:
    story = retry(always_approve=approval, numbers=(1, 2))
    batch = story.ask(1, 2)
    story.prepare(batch)
    story.later(hours=1)
    story.run([discrepancy(1, invoiced="11.00"), discrepancy(2, amount="0.60")])
    delivery = story.delivery(1)
    assert (delivery.status, story.case(1).status) == ("skipped", "open")
    assert "say something else" in str(delivery.note)
    assert story.delivery(2).status == ("awaiting_approval" if approval else "waiting")
    assert verify(session) == []
    assert story.send(1).status != "skipped"


def test_processes_that_claim_at_once_never_get_the_same_write(retry: Retry, database: Database) -> None:
    story = retry(numbers=tuple(range(1, 25)))
    story.prepare(story.ask(*range(1, 25)))
    context, together = story.deliver, threading.Barrier(3)
    found: list[int] = []

    def work(owner: str) -> None:
        together.wait()
        while True:
            with Session(database.engine) as session, session.begin():
                claimed = outbox.claim(session, context, "KEYED", owner, limit=2, lease=LEASE)
            if not claimed:
                return
            found.extend(each.delivery_id for each in claimed)

    threads = [threading.Thread(target=work, args=(f"p{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(set(found)) == 24
