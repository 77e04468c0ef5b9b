"""What became of an accepted write whose exception did not wait for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from exceptions_app.domain.retry import Outcome
from exceptions_app.models import Delivery
from exceptions_app.services.audit_verify import verify
from tests.services.retry_story import RetryStory
from tests.services.story import discrepancy

Retry = Callable[..., RetryStory]
LAG = timedelta(minutes=10)


@pytest.fixture
def reopened(retry: Retry) -> RetryStory:
    """Its system accepted the write; then a person took the exception back."""
    story = retry()
    story.send(1)
    story.answer(Outcome.ACCEPTED)
    story.reopen(1)
    story.later(minutes=20)
    return story


def stands(story: RetryStory) -> tuple[str, str | None, str]:
    return story.delivery(1).status, story.case(1).retry_state, story.case(1).status


def test_still_found_it_was_in_vain(reopened: RetryStory) -> None:
    reopened.run([discrepancy(1)], lag=LAG)
    assert stands(reopened) == ("not_confirmed", "not_confirmed", "open")
    assert "still differ" in str(reopened.delivery(1).note)
    assert reopened.tags(1)[-1] == "case:retry_not_confirmed"
    assert reopened.send(1).status == "waiting", "it has been answered, and may be sent again"
    assert verify(reopened.session) == []


def test_gone_by_records_that_were_read_too_early_it_waits_for_the_next_run(reopened: RetryStory) -> None:
    reopened.run([], fetched=True, read_through=reopened.now - LAG, lag=LAG)
    assert stands(reopened) == ("accepted", "accepted", "resolved")
    reopened.run([], fetched=True, lag=LAG)
    assert stands(reopened) == ("confirmed", "confirmed", "resolved")
    assert reopened.tags(1)[-1] == "case:retry_confirmed"
    assert verify(reopened.session) == []


@pytest.mark.parametrize("complete", [True, False])
def test_a_partial_run_says_nothing(reopened: RetryStory, complete: bool) -> None:
    reopened.run([discrepancy(1)], complete=complete, lag=LAG)
    assert (stands(reopened)[0] == "accepted") is not complete


def test_ended_because_the_rule_changed_nobody_can_say(reopened: RetryStory) -> None:
    reopened.run([], check_changed=True, lag=LAG)
    assert reopened.case(1).end_reason == "rule_changed"
    assert stands(reopened) == ("accepted", "accepted", "resolved")


def test_the_next_write_of_a_reopened_exception_keeps_its_own_state(reopened: RetryStory) -> None:
    assert reopened.send(1, reason="the interface is mended").status == "waiting"
    reopened.run([discrepancy(1)], lag=LAG)
    assert (reopened.delivery(1).status, reopened.case(1).retry_state) == ("waiting", "waiting")
    of_both = select(Delivery.status).where(Delivery.case_id == reopened.case(1).id).order_by(Delivery.id)
    assert list(reopened.session.scalars(of_both)) == ["not_confirmed", "waiting"]
