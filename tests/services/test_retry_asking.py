"""Asking for a retry: what is chosen, what may be edited, what is hopeless, and what a second person approves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.access import viewer_for
from exceptions_app.domain.retry import Outcome
from exceptions_app.models import AuditPayload, Delivery, RetryBatch, Task
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.services import retry_asking, retry_preparing, retry_values
from exceptions_app.services.acting import NotAllowedError
from exceptions_app.services.audit_verify import verify
from exceptions_app.services.retry_asking import EditRefusedError
from tests.conftest import Database
from tests.services.retry_story import RetryStory
from tests.services.story import discrepancy

Retry = Callable[..., RetryStory]


def count_of(session: Session, model: Any) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


# -- what is chosen


def test_asking_makes_a_batch_and_a_task_that_prepares_it(retry: Retry, session: Session) -> None:
    story = retry(numbers=(1, 2))
    batch = story.ask(1, 2)
    task = session.get_one(Task, batch.task_id)
    assert (batch.status, batch.total, task.kind, task.scope) == (
        "preparing", 2, "retry_prepare", f"retry_prepare:{batch.id}"
    )  # fmt: skip
    done = story.prepare(batch)
    assert (done.waiting, done.skipped, story.batch(batch).status) == (2, 0, "sending")


def test_a_batch_started_twice_is_one_batch(retry: Retry, session: Session) -> None:
    story = retry()
    first, second = story.ask(1, token="form-7"), story.ask(1, token="form-7")
    assert first.id == second.id
    assert (count_of(session, RetryBatch), count_of(session, Task)) == (1, 1)


def test_somebody_else_s_form_is_not_answered_with_their_batch(retry: Retry) -> None:
    story = retry()
    story.ask(1, token="form-7")
    with pytest.raises(NotAllowedError, match="used already"):
        story.ask(1, token="form-7", by=story.max)


def test_preparing_again_after_a_crash_writes_nothing_twice(retry: Retry, session: Session) -> None:
    story = retry(numbers=(1, 2))
    batch = story.ask(1, 2)
    retry_preparing.prepare(session, story.ctx, batch, {}, case_ids=[story.case(1).id])
    session.commit()
    story.prepare(batch)
    assert count_of(session, Delivery) == 2


def test_all_that_match_a_filter_are_chosen_within_what_the_asker_sees(
    retry: Retry, session: Session, user: Callable[..., Any]
) -> None:
    story = retry(numbers=(1, 2, 3))
    story.run([discrepancy(n) for n in (1, 2, 3)] + [discrepancy(9, entity="H02")], complete=False)
    near = user("specialist", entities=("H01",))
    viewer = viewer_for(near, story.catalog)
    filters = QueueFilter.from_args({"category": "test_price", "q": "PO-000"})
    batch = retry_asking.start(
        session, story.by(near), viewer, token="all", filters=filters, title="All that match"
    )
    session.commit()
    ids = retry_preparing.selected(session, story.ctx, batch)
    assert ids == [story.case(n).id for n in (1, 2, 3)]
    assert batch.total is None
    story.prepare(batch)
    assert story.batch(batch).total == 3


def test_exceptions_of_other_entities_are_never_touched(
    retry: Retry, session: Session, user: Callable[..., Any]
) -> None:
    story = retry()
    elsewhere = user("specialist", entities=("H02",))
    batch = story.ask(1, by=elsewhere)
    done = story.prepare(batch)
    assert (done.waiting, done.skipped, count_of(session, Delivery)) == (0, 0, 0)
    assert story.case(1).retry_state is None
    assert story.batch(batch).status == "finished"


def test_who_has_lost_the_queue_meanwhile_sends_nothing(retry: Retry, session: Session) -> None:
    story = retry()
    batch = story.ask(1)
    story.sam.active = False
    session.commit()
    assert retry_preparing.selected(session, story.ctx, batch) == []


@pytest.mark.parametrize("role", ["auditor", "administrator"])
def test_who_may_not_retry_is_refused(retry: Retry, user: Callable[..., Any], role: str) -> None:
    story = retry()
    with pytest.raises(NotAllowedError, match="may not"):
        story.ask(1, by=user(role))


def test_first_response_is_met_by_asking(retry: Retry) -> None:
    story = retry()
    assert story.case(1).responded_at is None
    story.send(1)
    assert story.case(1).responded_at == story.now


# -- one at a time, and nothing hopeless


def test_what_is_on_its_way_is_not_sent_twice(retry: Retry) -> None:
    story = retry()
    story.send(1)
    again = story.send(1)
    assert (again.status, again.note) == ("skipped", "A retry is on its way already.")
    assert len(story.take()) == 1


def test_what_agrees_by_the_newest_records_is_not_sent(retry: Retry) -> None:
    story = retry(numbers=(1, 2))
    batch = story.ask(1, 2)
    done = story.prepare(batch, agree=[1])
    assert (done.waiting, done.skipped) == (1, 1)
    assert str(story.delivery(1).note).startswith("It agrees by the records of ")


def test_what_the_newest_records_say_is_sent(retry: Retry) -> None:
    story = retry()
    story.prepare(story.ask(1), found={1: discrepancy(1, invoiced="12.00")})
    assert story.take()[0].fields["price"] == "12.00"


@pytest.mark.parametrize("ends", ["resolve", "waive"])
def test_what_is_no_longer_open_is_not_sent(retry: Retry, ends: str) -> None:
    story = retry()
    batch = story.ask(1)
    story.resolve(1) if ends == "resolve" else story.waive(1, days=1)
    story.prepare(batch)
    assert story.delivery(1).note == "It is no longer open."


def test_without_a_required_value_nothing_is_sent(retry: Retry) -> None:
    story = retry(fields={"rebate": {"source": "let.rebate", "label": "Rebate"}}, order_key=[])
    delivery = story.send(1)
    assert delivery.status == "skipped"
    assert "No value for Rebate" in str(delivery.note)


def test_an_edited_value_is_no_part_of_the_order_key_unless_it_is_named(retry: Retry) -> None:
    operation = retry(order_key=[]).catalog.operations["price_again"]
    required = {name: "1" for name, sent in operation.fields.items() if sent.required}
    edited = {name for name in required if operation.fields[name].edit}
    assert edited and edited != set(required)
    keys = {retry_values.order_key(operation, required | dict.fromkeys(edited, new)) for new in ("2", "3")}
    assert len(keys) == 1 and not any(name in keys.pop() for name in edited)


def test_without_an_operation_nothing_can_be_sent(retry: Retry) -> None:
    story = retry(category=["test_bank"])
    delivery = story.send(1)
    assert "can be read again, but not sent again" in str(delivery.note)


def test_an_operation_holds_in_its_entities_only(retry: Retry) -> None:
    story = retry(entity=["H02"])
    assert retry_asking.operation_for(story.catalog, story.case(1)) is None
    story = retry_with_entity(story, "NET")
    assert retry_asking.operation_for(story.catalog, story.case(1)) is not None


def retry_with_entity(story: RetryStory, entity: str) -> RetryStory:
    from tests.services.retry_story import with_operations

    story.catalog = with_operations(story.catalog, entity=[entity])
    return story


def test_exactly_what_was_refused_for_good_is_not_sent_again_without_a_reason(retry: Retry) -> None:
    story = retry()
    story.send(1)
    story.answer(Outcome.PERMANENT, error="The period is closed.")
    again = story.send(1)
    assert again.status == "skipped"
    assert "refused exactly these values for good: The period is closed. Edit them" in str(again.note)
    assert story.send(1, reason="the period was opened again").status == "waiting"


def test_other_values_than_the_refused_ones_are_sent_and_the_dead_letter_is_replayed(
    retry: Retry, session: Session
) -> None:
    story = retry()
    dead = story.send(1)
    story.answer(Outcome.PERMANENT)
    again = story.send(1, edits={1: {"price": "9.50"}}, reason="the contract price")
    session.refresh(dead)
    assert (again.status, again.replays_id, dead.status) == ("waiting", dead.id, "replayed")
    assert again.idempotency_key != dead.idempotency_key


def test_what_gave_up_because_the_system_was_away_may_be_sent_again(retry: Retry) -> None:
    story = retry(backoff={"max_tries": 1})
    story.send(1)
    story.answer(Outcome.TRANSIENT)
    assert story.send(1).status == "waiting"


def test_what_was_accepted_in_vain_twice_needs_a_reason(retry: Retry) -> None:
    story = retry()
    for _ in range(2):
        assert story.send(1).status == "waiting"
        story.answer(Outcome.ACCEPTED)
        story.later(minutes=20)
        story.run([discrepancy(1)])
    assert "accepted exactly these values 2 times and nothing changed" in str(story.send(1).note)
    assert story.send(1, reason="IT has mended the interface").status == "waiting"


def test_what_was_accepted_is_not_sent_again_before_the_data_has_spoken(retry: Retry) -> None:
    story = retry()
    story.send(1)
    story.answer(Outcome.ACCEPTED)
    story.reopen(1)
    assert "accepted exactly these values already" in str(story.send(1).note)


# -- edits


def test_an_edit_is_kept_with_what_it_was_before(retry: Retry, session: Session) -> None:
    story = retry()
    delivery = story.send(1, edits={1: {"price": " 9.5 ", "method": "A"}}, reason="the contract price")
    assert delivery.edited == '{"method":[null,"A"],"price":["10.00","9.5"]}'
    assert delivery.reason == "the contract price"
    assert story.take()[0].fields["price"] == "9.5"
    told = session.scalars(select(AuditPayload.payload).order_by(AuditPayload.event_id.desc()).limit(1)).one()
    assert '"price":["10.00","9.5"]' in told


def test_an_edit_that_changes_nothing_is_none(retry: Retry) -> None:
    story = retry()
    assert story.send(1, edits={1: {"price": "10.0000"}}, reason="same").edited is None


def test_an_edit_needs_a_reason(retry: Retry) -> None:
    story = retry()
    with pytest.raises(NotAllowedError, match="an edit needs words"):
        story.ask(1, edits={1: {"price": "9.50"}})


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("price", "nine", "A number"),
        ("price", "1,234.5", "A number"),
        ("price", "NaN", "A number"),
        ("price", "1_0", "A number"),
        ("price", "9.12345", "At most four decimals"),
        ("price", "123456789012345", "fourteen digits"),
        ("price", "", "A value is required"),
        ("order", "PO-0002", "cannot be edited"),
        ("method", "C", "Choose one of: A, B"),
        ("account", "DE12", "may not see"),
        ("colour", "red", "no such field"),
    ],
)
def test_an_edit_is_refused_in_words(
    retry: Retry, session: Session, name: str, text: str, problem: str
) -> None:
    story = retry()
    with pytest.raises(EditRefusedError) as caught:
        story.ask(1, edits={1: {name: text}}, reason="because")
    assert problem in caught.value.problems[story.case(1).id][name]
    session.rollback()
    assert count_of(session, RetryBatch) == 0


# -- a second person


def test_an_edit_above_the_limit_waits_for_a_second_person(retry: Retry, session: Session) -> None:
    story = retry(approve_above="0.40")
    delivery = story.send(1, edits={1: {"price": "9.50"}}, reason="the contract price")
    assert (delivery.status, story.case(1).retry_state) == ("awaiting_approval", "awaiting_approval")
    assert story.take() == []
    retry_asking.approve(session, story.by(story.max), story.viewer_of(story.max), delivery.id)
    session.commit()
    assert (story.delivery(1).status, story.delivery(1).approved_by_id) == ("waiting", story.max.id)
    assert len(story.take()) == 1
    assert verify(session) == []


def test_what_is_edited_to_a_large_amount_waits_too(retry: Retry) -> None:
    story = retry(approve_above="1000")
    assert story.send(1, edits={1: {"price": "1000.01"}}, reason="because").status == "awaiting_approval"


def test_what_is_not_edited_goes_out_whatever_its_amount(retry: Retry) -> None:
    assert retry(approve_above="0.40").send(1).status == "waiting"


def test_some_operations_always_take_a_second_person(retry: Retry) -> None:
    assert retry(always_approve=True).send(1).status == "awaiting_approval"


def test_an_edit_of_bank_data_waits_and_the_trail_does_not_tell_it(retry: Retry, session: Session) -> None:
    story = retry()
    edits = {1: {"account": "DE89 3704"}}
    delivery = story.send(1, edits=edits, reason="from the supplier's letter", by=story.max)
    assert delivery.status == "awaiting_approval"
    payloads = session.scalars(select(AuditPayload.payload)).all()
    assert [
        text for text in payloads if "DE89" in text and "case_ids" not in text and "selection" not in text
    ] == []


def test_nobody_approves_what_they_asked_for(retry: Retry, session: Session) -> None:
    story = retry(always_approve=True)
    delivery = story.send(1, by=story.max)
    with pytest.raises(NotAllowedError, match="Another person"):
        retry_asking.approve(session, story.by(story.max), story.viewer_of(story.max), delivery.id)


def test_who_asked_as_a_specialist_does_not_approve_as_a_manager(retry: Retry, session: Session) -> None:
    story = retry(always_approve=True)
    delivery = story.send(1)
    story.sam.role = "manager"
    session.commit()
    with pytest.raises(NotAllowedError, match="Another person"):
        retry_asking.approve(session, story.by(story.sam), story.viewer_of(story.sam), delivery.id)


@pytest.mark.parametrize("role", ["specialist", "integration_analyst", "auditor", "administrator"])
def test_only_a_manager_approves(retry: Retry, session: Session, user: Callable[..., Any], role: str) -> None:
    story = retry(always_approve=True)
    delivery, person = story.send(1), user(role)
    with pytest.raises(NotAllowedError, match="may not approve"):
        retry_asking.approve(session, story.by(person), story.viewer_of(person), delivery.id)


def test_a_manager_of_another_entity_does_not_approve(
    retry: Retry, session: Session, user: Callable[..., Any]
) -> None:
    story = retry(always_approve=True)
    delivery, person = story.send(1), user("manager", entities=("H02",))
    with pytest.raises(NotAllowedError, match="may not approve"):
        retry_asking.approve(session, story.by(person), story.viewer_of(person), delivery.id)


def test_declining_sends_nothing_and_says_why(retry: Retry, session: Session) -> None:
    story = retry(always_approve=True)
    batch = story.ask(1)
    story.prepare(batch)
    delivery = story.delivery(1)
    with pytest.raises(NotAllowedError, match="needs words"):
        retry_asking.decline(session, story.by(story.max), story.viewer_of(story.max), delivery.id, " ")
    retry_asking.decline(
        session, story.by(story.max), story.viewer_of(story.max), delivery.id, "ask Bo first"
    )
    session.commit()
    assert (story.delivery(1).status, story.delivery(1).note) == (
        "skipped",
        "Declined by Max Lee: ask Bo first",
    )
    assert story.batch(batch).status == "finished"
    with pytest.raises(NotAllowedError, match="decided on it already"):
        retry_asking.approve(session, story.by(story.max), story.viewer_of(story.max), delivery.id)


def test_approving_what_has_ended_meanwhile_sends_nothing(retry: Retry, session: Session) -> None:
    story = retry(always_approve=True)
    delivery = story.send(1)
    story.resolve(1)
    retry_asking.approve(session, story.by(story.max), story.viewer_of(story.max), delivery.id)
    session.commit()
    assert story.delivery(1).status == "skipped"


def test_a_form_sent_twice_at_the_same_time_is_one_batch(
    retry: Retry, session: Session, database: Database
) -> None:
    story = retry()
    by, viewer, case_id = story.by(story.sam), story.viewer_of(story.sam), story.case(1).id
    session.commit()
    together, found = threading.Barrier(3), list[int]()

    def ask() -> None:
        together.wait()
        with Session(database.engine) as own, own.begin():
            batch = retry_asking.start(own, by, viewer, token="form-7", case_ids=[case_id], title="Again")
            found.append(batch.id)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1
    assert (count_of(session, RetryBatch), count_of(session, Task)) == (1, 1)
