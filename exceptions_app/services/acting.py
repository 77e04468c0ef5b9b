"""How a person's change to an exception is guarded: who may, at which version, and the line in the
trail.

Two people on one exception: the second is told who did what and when, and nothing of the first's work is
lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, may_work_on
from exceptions_app.domain import public_id, wording
from exceptions_app.domain.lifecycle import Action, Status, TransitionError, transition
from exceptions_app.models import AuditEvent, ExceptionCase, User

from . import audit, case_clock
from .audit import AuditTag
from .context import ActionContext

WORDS: dict[str, str] = {
    AuditTag.CASE_OPENED: "opened it",
    AuditTag.CASE_EVIDENCE_CHANGED: "found new evidence",
    AuditTag.CASE_RECURRED: "found it again",
    AuditTag.CASE_RETURNED: "found it again",
    AuditTag.CASE_NOT_CONFIRMED: "reopened it: not confirmed",
    AuditTag.CASE_CONFIRMED: "confirmed that it is fixed",
    AuditTag.CASE_CLOSED: "closed it",
    AuditTag.CASE_UNWAIVED: "ended its waiver",
    AuditTag.CASE_CLAIMED: "claimed it",
    AuditTag.CASE_ASSIGNED: "assigned it",
    AuditTag.CASE_RELEASED: "released it",
    AuditTag.CASE_HELD: "put it on hold",
    AuditTag.CASE_RESUMED: "resumed it",
    AuditTag.CASE_RESOLVED: "resolved it",
    AuditTag.CASE_WAIVED: "waived it",
    AuditTag.CASE_REOPENED: "reopened it",
    AuditTag.CASE_COMMENTED: "commented on it",
    AuditTag.CASE_PINNED: "pinned a comment",
    AuditTag.CASE_UNPINNED: "took the pinned comment down",
    AuditTag.CASE_RECORD_VIEWED: "looked at its raw record",
    AuditTag.CASE_DUE_SOON: "marked it due soon",
    AuditTag.CASE_BREACHED: "marked it breached",
    AuditTag.CASE_HALF: "marked half of its time as used",
    AuditTag.CASE_RESPONSE_MISSED: "marked that nobody took it up in time",
    AuditTag.CASE_RECLOCKED: "computed its deadline anew",
    AuditTag.CASE_RETRY_ASKED: "asked for a retry",
    AuditTag.CASE_RETRY_APPROVED: "approved its retry",
    AuditTag.CASE_RETRY_DECLINED: "declined its retry",
    AuditTag.CASE_RETRY_SKIPPED: "sent nothing for it",
    AuditTag.CASE_RETRY_ACCEPTED: "was told that its retry is accepted",
    AuditTag.CASE_RETRY_CONFIRMED: "saw that its retry has mended it",
    AuditTag.CASE_RETRY_NOT_CONFIRMED: "saw that its retry was in vain",
    AuditTag.CASE_RETRY_FAILED: "gave up its retry",
    AuditTag.CASE_RETRY_UNSURE: "cannot tell whether its retry arrived",
    AuditTag.CASE_RETRY_DECIDED: "said whether its retry arrived",
    AuditTag.CASE_RETRY_DISCARDED: "discarded its retry",
    AuditTag.CASE_REREAD_ASKED: "asked to read it again",
    AuditTag.CASE_UNDONE: "undid what was done to it",
}
"""What an event says somebody did, after their name."""

_SILENT = (
    AuditTag.CASE_RECORD_VIEWED,
    AuditTag.CASE_COMMENTED, AuditTag.CASE_DUE_SOON, AuditTag.CASE_BREACHED, AuditTag.CASE_HALF,
    AuditTag.CASE_RESPONSE_MISSED, AuditTag.CASE_RECLOCKED, AuditTag.CASE_RETRY_ASKED,
    AuditTag.CASE_RETRY_APPROVED, AuditTag.CASE_RETRY_DECLINED, AuditTag.CASE_RETRY_SKIPPED,
    AuditTag.CASE_RETRY_CONFIRMED, AuditTag.CASE_RETRY_NOT_CONFIRMED,
    AuditTag.CASE_RETRY_FAILED, AuditTag.CASE_RETRY_UNSURE, AuditTag.CASE_RETRY_DECIDED,
    AuditTag.CASE_RETRY_DISCARDED, AuditTag.CASE_REREAD_ASKED,
)  # fmt: skip
"""Events that change no version: they never are why somebody was too late."""


class NotAllowedError(Exception):
    """The action is refused; the message says why and, where it can, what to do instead."""


class ConflictError(Exception):
    """Somebody else was faster: `who` did `what` (words after the name), `at` that time."""

    def __init__(self, who: str, what: str, at: datetime) -> None:
        super().__init__(
            f"{who} {what} on {wording.instant(at)} UTC, after you opened this page. Look again, then decide."
        )
        self.who = who
        self.what = what
        self.at = at


@dataclass(frozen=True, slots=True)
class Change:
    """What an action did, for the trail."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    why: str | None = None


def act(
    session: Session, ctx: ActionContext, viewer: Viewer, case: ExceptionCase, expected_version: int,
    action: Action, tag: AuditTag, change: Callable[[], Change],
) -> ExceptionCase:  # fmt: skip
    """Lock the row, compare versions, move along the transition table, change, record: all in one flush.

    Raises `ConflictError` where the row is past `expected_version`, `NotAllowedError` where the person or
    the status does not allow it.
    """
    with locked(session, viewer, case):
        if case.version != expected_version:
            raise conflict(session, case)
        case.status = moved(case, action)
        done = change()
        if takes_up(viewer, case, action):
            case_clock.responded(case, ctx.now)
        case.version += 1
        case.config_snapshot_id = ctx.snapshot_id
        audit.record(session, ctx, case, tag, before=done.before, after=done.after, why=done.why)
    return case


def takes_up(viewer: Viewer, case: ExceptionCase, action: Action) -> bool:
    """Whether an action is a first response: not to release it, nor to give it to somebody else."""
    if action is Action.ASSIGN:
        return case.owner_id == viewer.user_id
    return action is not Action.RELEASE


@contextmanager
def locked(session: Session, viewer: Viewer, case: ExceptionCase) -> Iterator[None]:
    """The newest row, held until the transaction ends; refused to whoever may not work on it."""
    session.refresh(case, with_for_update=True)
    if not may_work_on(viewer, case):
        raise NotAllowedError("You may not work on this exception.")
    yield
    session.flush()


def conflict(session: Session, case: ExceptionCase) -> ConflictError:
    """Who did what last, as an error to raise."""
    newest = (
        select(AuditEvent)
        .where(AuditEvent.case_id == case.id, AuditEvent.tag.not_in(_SILENT))
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
    event = session.scalar(newest)
    if event is None:
        return ConflictError("Somebody", "changed it", case.opened_at)
    return ConflictError(actor_name(session, event.actor), WORDS.get(event.tag, "changed it"), event.at)


def actor_name(session: Session, actor: str) -> str:
    """`user:12` as the person's name, `job:reconcile` as the job that it is."""
    kind, _, rest = actor.partition(":")
    if kind != "user" or not rest.isdecimal():
        return f"The {rest} job" if kind == "job" else "The system"
    return session.scalar(select(User.name).where(User.id == int(rest))) or "A former colleague"


def reference(case: ExceptionCase) -> str:
    return public_id.encode(case.id)


def moved(case: ExceptionCase, action: Action) -> Status:
    """The status after an action; refused in words where it does not fit."""
    try:
        return transition(Status(case.status), action)
    except TransitionError as error:
        raise NotAllowedError(f"{str(error).capitalize()}.") from None
