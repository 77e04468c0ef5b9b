"""The life of an exception as one transition table. Who may act, and the clock, are decided elsewhere."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    OPEN = "open"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    RESOLVED = "resolved"
    WAIVED = "waived"


class Action(StrEnum):
    """What can happen to an exception: a person's verb, what a system answered, or what the data says."""

    CLAIM = "claim"
    ASSIGN = "assign"
    RELEASE = "release"
    HOLD = "hold"
    RESUME = "resume"
    RESOLVE = "resolve"
    WAIVE = "waive"
    REOPEN = "reopen"
    COMMENT = "comment"
    RETRY = "retry"
    ACCEPTED = "accepted"
    DATA_CLEARED = "data_cleared"
    DATA_CONFIRMED = "data_confirmed"
    DATA_NOT_CONFIRMED = "data_not_confirmed"
    DATA_RECURRED = "data_recurred"
    DATA_UNWAIVED = "data_unwaived"


class EndReason(StrEnum):
    """Why an exception ended by data, or by a retry that its system accepted. A person's reason codes are the
    category's own.
    """

    AGREES_NOW = "agrees_now"
    LEFT_WINDOW = "left_window"
    RULE_CHANGED = "rule_changed"
    FIXED_ONCE = "fixed_once"
    """The rule changed because somebody mended its cause, under *Fix once*."""
    SUPERSEDED = "superseded"
    FIXED_BY_RETRY = "fixed_by_retry"


NEVER_CLEARED = frozenset(
    {EndReason.LEFT_WINDOW, EndReason.RULE_CHANGED, EndReason.FIXED_ONCE, EndReason.SUPERSEDED}
)
"""Ended so, the problem was never seen to be gone: should it return, its old clock goes on."""


class TransitionError(Exception):
    """The action does not fit the status."""

    def __init__(self, status: Status, action: Action) -> None:
        super().__init__(f"cannot {action.value.replace('_', ' ')} what is {status.value.replace('_', ' ')}")
        self.status = status
        self.action = action


_STAYS_OPEN = (Action.CLAIM, Action.ASSIGN, Action.RELEASE, Action.HOLD, Action.RESUME, Action.RETRY)
_ANYWHERE = {(status, Action.COMMENT): status for status in Status}

TRANSITIONS: dict[tuple[Status, Action], Status] = {
    **{(Status.OPEN, action): Status.OPEN for action in _STAYS_OPEN},
    **_ANYWHERE,
    (Status.OPEN, Action.RESOLVE): Status.AWAITING_CONFIRMATION,
    (Status.OPEN, Action.WAIVE): Status.WAIVED,
    (Status.OPEN, Action.ACCEPTED): Status.AWAITING_CONFIRMATION,
    (Status.OPEN, Action.DATA_CLEARED): Status.RESOLVED,
    (Status.AWAITING_CONFIRMATION, Action.REOPEN): Status.OPEN,
    (Status.AWAITING_CONFIRMATION, Action.DATA_CONFIRMED): Status.RESOLVED,
    (Status.AWAITING_CONFIRMATION, Action.DATA_NOT_CONFIRMED): Status.OPEN,
    (Status.RESOLVED, Action.DATA_RECURRED): Status.OPEN,
    (Status.WAIVED, Action.REOPEN): Status.OPEN,
    (Status.WAIVED, Action.DATA_UNWAIVED): Status.OPEN,
    (Status.WAIVED, Action.DATA_CLEARED): Status.RESOLVED,
}


def transition(status: Status, action: Action) -> Status:
    """The status after `action`. Raises TransitionError where the table has no such step."""
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        raise TransitionError(status, action) from None


def actions_from(status: Status) -> frozenset[Action]:
    """What can happen to an exception in this status."""
    return frozenset(action for (from_status, action) in TRANSITIONS if from_status is status)
