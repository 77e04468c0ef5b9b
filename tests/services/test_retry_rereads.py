"""Reading again: asked for once, and nothing is sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.models import AuditEvent, Delivery, User
from exceptions_app.services import rereads
from exceptions_app.services.acting import NotAllowedError
from tests.services.retry_story import RetryStory

Retry = Callable[..., RetryStory]


def test_reading_again_is_one_task_and_sends_nothing(retry: Retry, session: Session) -> None:
    story = retry()
    case, sam = story.case(1), story.viewer_of(story.sam)
    first = rereads.ask(session, story.by(story.sam), sam, case)
    first.status, first.lease_owner = "running", "p1"
    session.commit()
    assert rereads.ask(session, story.by(story.sam), sam, case).id == first.id
    assert (first.kind, first.scope, first.payload) == (
        "reread",
        f"reread:{case.id}",
        f'{{"case": {case.id}}}',
    )
    asked = select(func.count()).select_from(AuditEvent).where(AuditEvent.tag == "case:reread_asked")
    assert session.scalar(asked) == 1
    assert session.scalar(select(func.count()).select_from(Delivery)) == 0


@pytest.mark.parametrize("role", ["auditor", "administrator"])
def test_who_changes_nothing_reads_nothing_again(
    retry: Retry, session: Session, user: Callable[..., User], role: str
) -> None:
    story, person = retry(), user(role)
    with pytest.raises(NotAllowedError):
        rereads.ask(session, story.by(person), story.viewer_of(person), story.case(1))


def test_what_is_resolved_is_left_to_the_next_run(retry: Retry, session: Session) -> None:
    story = retry()
    story.later(hours=1)
    story.run([], fetched=True)
    with pytest.raises(NotAllowedError, match="resolved"):
        rereads.ask(session, story.by(story.sam), story.viewer_of(story.sam), story.case(1))
