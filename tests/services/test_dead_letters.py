"""What gave up: sent again as a new write, edited, or discarded with a reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from exceptions_app.domain.retry import Outcome
from exceptions_app.models import Delivery, RetryBatch, User
from exceptions_app.services import dead_letters, retry_asking
from exceptions_app.services.acting import NotAllowedError
from exceptions_app.services.audit_verify import verify
from exceptions_app.services.retry_asking import EditRefusedError
from tests.services.retry_story import RetryStory
from tests.services.story import discrepancy

Retry = Callable[..., RetryStory]


def dead(story: RetryStory, *numbers: int) -> list[int]:
    story.send(*numbers)
    story.answer(Outcome.PERMANENT, error="The period is closed.")
    return [story.delivery(number).id for number in numbers]


def replay(story: RetryStory, ids: list[int], by: User | None = None, **given: object) -> RetryBatch:
    person, values = by or story.sam, {"token": "again", "reason": "The period is open again.", **given}
    batch = dead_letters.replay(
        story.session, story.by(person), story.viewer_of(person), ids, **values  # type: ignore[arg-type]
    )  # fmt: skip
    story.session.commit()
    return batch


def test_a_dead_letter_is_sent_again_as_a_new_write(retry: Retry, session: Session) -> None:
    story = retry()
    (old,) = dead(story, 1)
    key = story.delivery(1).idempotency_key
    batch = replay(story, [old])
    new = story.delivery(1)
    assert (new.status, new.replays_id, new.batch_id) == ("waiting", old, batch.id)
    assert new.idempotency_key != key
    assert session.get_one(Delivery, old, populate_existing=True).status == "replayed"
    story.answer(Outcome.ACCEPTED)
    assert (story.case(1).status, story.case(1).retry_count) == ("awaiting_confirmation", 2)
    assert story.batch(batch).status == "finished"
    assert verify(session) == []


def test_replaying_twice_is_replaying_once(retry: Retry) -> None:
    story = retry()
    ids = dead(story, 1)
    assert replay(story, ids).id == replay(story, ids).id
    other = replay(story, ids, token="another form")
    assert (story.delivery(1).status, other.status) == ("skipped", "finished")
    assert "taken care of it already" in str(story.delivery(1).note)
    assert len(story.take()) == 1


def test_what_was_refused_for_good_is_not_sent_as_it_was_without_a_reason(retry: Retry) -> None:
    story = retry()
    (old,) = dead(story, 1)
    assert replay(story, [old], reason="").status == "finished"
    assert story.delivery(1).status == "skipped"
    assert "refused exactly these values for good: The period is closed." in str(story.delivery(1).note)
    replay(story, [old], token="with words")
    assert story.delivery(1).status == "waiting"


def test_what_gave_up_for_a_time_needs_no_reason(retry: Retry) -> None:
    story = retry(backoff={"max_tries": 1})
    story.send(1)
    story.answer(Outcome.TRANSIENT)
    replay(story, [story.delivery(1).id], reason="")
    assert story.delivery(1).status == "waiting"


def test_values_that_the_records_no_longer_say_are_not_sent_again(retry: Retry, session: Session) -> None:
    story = retry(numbers=(1, 2))
    first, second = dead(story, 1, 2)
    story.later(hours=1)
    story.run([discrepancy(1, invoiced="11.00"), discrepancy(2, amount="0.60")])
    replay(story, [first, second])
    assert (story.delivery(1).status, story.delivery(2).status) == ("skipped", "waiting")
    assert "say something else" in str(story.delivery(1).note)
    assert session.get_one(Delivery, first, populate_existing=True).status == "failed"
    assert story.send(1, reason="by the newest records").fields == story.delivery(1).fields
    assert verify(session) == []


def test_many_are_replayed_at_once_and_what_has_ended_is_skipped(retry: Retry) -> None:
    story = retry(numbers=(1, 2, 3))
    ids = dead(story, 1, 2, 3)
    story.resolve(3)
    replay(story, ids)
    assert [story.delivery(n).status for n in (1, 2, 3)] == ["waiting", "waiting", "skipped"]


def test_an_edited_replay_keeps_what_the_evidence_said(retry: Retry) -> None:
    story = retry()
    story.send(1, edits={1: {"price": "9.60"}}, reason="first guess")
    story.answer(Outcome.PERMANENT)
    old = story.delivery(1).id
    replay(story, [old], edits={old: {"price": "9.50"}}, reason="second guess")
    assert story.delivery(1).edited == '{"price":["10.00","9.5"]}'
    assert story.take()[0].fields["price"] == "9.5"


def test_a_wrong_edit_replays_nothing(retry: Retry, session: Session) -> None:
    story = retry()
    (old,) = dead(story, 1)
    with pytest.raises(NotAllowedError, match="needs words"):
        replay(story, [old], edits={old: {"price": "9.50"}}, reason="")
    session.rollback()
    with pytest.raises(EditRefusedError):
        replay(story, [old], edits={old: {"price": "x"}}, reason="because")
    session.rollback()
    assert story.delivery(1).status == "failed"


def test_who_edited_it_does_not_approve_its_replay_by_somebody_else(retry: Retry, session: Session) -> None:
    story = retry(approve_above="0.40", backoff={"max_tries": 1})
    story.send(1, edits={1: {"price": "9.50"}}, reason="the contract price", by=story.max)
    person = story.viewer_of(story.person)
    retry_asking.approve(session, story.by_person, person, story.delivery(1).id)
    session.commit()
    story.answer(Outcome.PERMANENT)
    replay(story, [story.delivery(1).id], reason="again")
    assert story.delivery(1).status == "awaiting_approval"
    with pytest.raises(NotAllowedError, match="Another person"):
        retry_asking.approve(session, story.by(story.max), story.viewer_of(story.max), story.delivery(1).id)
    session.rollback()
    retry_asking.approve(session, story.by_person, person, story.delivery(1).id)
    assert story.delivery(1).status == "waiting"


def test_discarding_needs_a_reason_and_leaves_the_exception_in_its_queue(
    retry: Retry, session: Session
) -> None:
    story = retry()
    ids = dead(story, 1)
    sam = story.viewer_of(story.sam)
    with pytest.raises(NotAllowedError, match="needs words"):
        dead_letters.discard(session, story.by(story.sam), sam, ids, "")
    for _ in range(2):
        dead_letters.discard(session, story.by(story.sam), sam, ids, "corrected by hand")
        session.commit()
    delivery, case = story.delivery(1), story.case(1)
    assert (delivery.status, case.status, case.retry_state) == ("discarded", "open", "discarded")
    assert delivery.note == "Discarded by Sam Ortiz: corrected by hand"
    assert verify(session) == []


def test_what_may_have_arrived_is_not_discarded_before_somebody_has_looked(
    retry: Retry, session: Session
) -> None:
    story = retry("BLIND")
    story.send(1)
    story.answer(Outcome.UNKNOWN)
    with pytest.raises(NotAllowedError, match="whether it arrived"):
        dead_letters.discard(
            session, story.by(story.sam), story.viewer_of(story.sam), [story.delivery(1).id], "no idea"
        )
    assert "say first whether it did" in str(story.send(1).note)


def test_dead_letters_of_others_are_not_touched(
    retry: Retry, session: Session, user: Callable[..., User]
) -> None:
    story = retry()
    ids, stranger = dead(story, 1), user("specialist", entities=("H02",))
    with pytest.raises(NotAllowedError, match="not yours"):
        replay(story, ids, by=stranger)
    with pytest.raises(NotAllowedError, match="not yours"):
        dead_letters.discard(session, story.by(stranger), story.viewer_of(stranger), ids, "mine now")
    with pytest.raises(NotAllowedError, match="may not"):
        replay(story, ids, by=user("auditor"))


def test_what_was_decided_once_is_not_decided_again(retry: Retry, session: Session) -> None:
    story = retry("BLIND")
    story.send(1)
    story.answer(Outcome.UNKNOWN)
    by, sam, one = story.by(story.sam), story.viewer_of(story.sam), story.delivery(1).id
    dead_letters.decide(session, by, sam, one, arrived=True, reason="it is there")
    session.commit()
    with pytest.raises(NotAllowedError, match="known by now"):
        dead_letters.decide(session, by, sam, one, arrived=False, reason="it is not")
