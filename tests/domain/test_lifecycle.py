"""The transition table: what can happen to an exception, and what cannot."""

from __future__ import annotations

import pytest

from exceptions_app.domain.lifecycle import Action, Status, TransitionError, actions_from, transition

OPEN, AWAITING, RESOLVED, WAIVED = Status.OPEN, Status.AWAITING_CONFIRMATION, Status.RESOLVED, Status.WAIVED


@pytest.mark.parametrize(
    ("status", "action", "after"),
    [
        (OPEN, Action.CLAIM, OPEN),
        (OPEN, Action.HOLD, OPEN),
        (OPEN, Action.RESOLVE, AWAITING),
        (OPEN, Action.WAIVE, WAIVED),
        (OPEN, Action.DATA_CLEARED, RESOLVED),
        (AWAITING, Action.DATA_CONFIRMED, RESOLVED),
        (AWAITING, Action.DATA_NOT_CONFIRMED, OPEN),
        (AWAITING, Action.REOPEN, OPEN),
        (RESOLVED, Action.DATA_RECURRED, OPEN),
        (WAIVED, Action.DATA_UNWAIVED, OPEN),
        (WAIVED, Action.DATA_CLEARED, RESOLVED),
    ],
)
def test_steps_of_the_table(status: Status, action: Action, after: Status) -> None:
    assert transition(status, action) is after
    assert action in actions_from(status)


@pytest.mark.parametrize(
    ("status", "action"),
    [(RESOLVED, Action.RESOLVE), (RESOLVED, Action.CLAIM), (WAIVED, Action.RESOLVE), (AWAITING, Action.WAIVE),
     (OPEN, Action.REOPEN), (OPEN, Action.DATA_CONFIRMED)],
)  # fmt: skip
def test_other_steps_are_refused_in_words(status: Status, action: Action) -> None:
    with pytest.raises(TransitionError, match="cannot") as caught:
        transition(status, action)
    assert (caught.value.status, caught.value.action) == (status, action)


def test_anybody_can_comment_on_anything() -> None:
    assert all(transition(status, Action.COMMENT) is status for status in Status)


def test_every_status_can_be_left() -> None:
    for status in Status:
        assert any(transition(status, action) is not status for action in actions_from(status))
