"""One action on many exceptions: each row judged by the rules that hold for one, then all written at once.

Every row is locked and compared with the version that was frozen when the action was confirmed; each succeeds or is
refused for itself, and leaves what an undo needs. The rules are `actions`' and `ownership`'s. Flushes, never commits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, may_work_on
from exceptions_app.catalog.catalog import canonical
from exceptions_app.domain.instant import from_iso, iso
from exceptions_app.domain.lifecycle import Action, Status
from exceptions_app.models import BulkItem, CaseComment, ExceptionCase

from . import actions, bulk, case_clock, ownership, search_index
from .acting import Change, ConflictError, NotAllowedError, conflict, moved, takes_up
from .audit import AuditTag
from .context import ActionContext
from .opening import collector_paused
from .trail import Trail

DONE, REFUSED = "done", "refused"
_COMMENT = ("id", "case_id", "author_id", "text", "created_at")
_WRITTEN = ("status", "note", "before", "left_at", "id")
TAGS = {
    Action.CLAIM: AuditTag.CASE_CLAIMED,
    Action.ASSIGN: AuditTag.CASE_ASSIGNED,
    Action.RELEASE: AuditTag.CASE_RELEASED,
    Action.HOLD: AuditTag.CASE_HELD,
    Action.RESUME: AuditTag.CASE_RESUMED,
    Action.RESOLVE: AuditTag.CASE_RESOLVED,
    Action.WAIVE: AuditTag.CASE_WAIVED,
    Action.COMMENT: AuditTag.CASE_COMMENTED,
}
"""What can be done to many at once, and how the trail calls it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was said with the action: `reason` is a code for resolving, words for a hold, a waiver or a hand-back;
    `text` a comment; `until` the end of a hold or of a waiver.
    """

    reason: str = ""
    text: str = ""
    owner_id: int | None = None
    ball: str = ""
    until: datetime | None = None

    def stored(self) -> str:
        """As JSON."""
        given = {"reason": self.reason, "text": self.text, "owner_id": self.owner_id, "ball": self.ball}
        return canonical(given | {"until": None if self.until is None else iso(self.until)})

    @classmethod
    def loaded(cls, text: str) -> Asked:
        """The inverse of `stored`."""
        given = json.loads(text)
        return cls(**given | {"until": from_iso(given["until"]) if given["until"] else None})


class Outcome(NamedTuple):
    """What became of one item, in the order in which it is stored."""

    status: str
    note: str | None
    before: str | None
    left_at: int | None
    item_id: int


class Many:
    """One chunk of a bulk action: judged row by row, written at once."""

    def __init__(
        self, session: Session, ctx: ActionContext, viewer: Viewer, action: Action, asked: Asked
    ) -> None:
        self._session, self._ctx, self._viewer = session, ctx, viewer
        self._action, self._asked = action, asked
        self._trail = Trail(ctx)
        self._comments: dict[int, int] = {}
        self._receiver: Viewer | NotAllowedError | None = None
        self._change: Callable[[ExceptionCase], Change] = {
            Action.CLAIM: self._claim,
            Action.ASSIGN: self._assign,
            Action.RELEASE: self._release,
            Action.HOLD: self._hold,
            Action.RESUME: lambda case: actions.off_hold(ctx, case),
            Action.RESOLVE: lambda case: actions.resolved(ctx, viewer, case, asked.reason, asked.text),
            Action.WAIVE: self._waive,
            Action.COMMENT: self._comment,
        }[action]

    def apply(self, items: Sequence[BulkItem]) -> list[Outcome]:
        """Do it to each; the items themselves are written, too."""
        with collector_paused():
            cases = locked(self._session, [item.case_id for item in items])
            self._reserve(items)
            outcomes = [self._one(item, cases.get(item.case_id)) for item in items]
            self._session.flush()
            self._store_comments(items, outcomes)
            self._trail.store(self._session)
            store(self._session, outcomes)
        return outcomes

    def _one(self, item: BulkItem, case: ExceptionCase | None) -> Outcome:
        if case is None or not may_work_on(self._viewer, case):
            return Outcome(REFUSED, "You may not work on this exception.", None, None, item.id)
        status = case.status
        before = _kept(case)
        try:
            self._do(case, item)
        except (NotAllowedError, ConflictError) as error:
            case.status = status
            return Outcome(REFUSED, str(error), None, None, item.id)
        if item.case_id in self._comments:
            before["comment_id"] = self._comments[item.case_id]
        if self._action is Action.RELEASE:
            before["handed_back_at"] = iso(self._ctx.now)
        return Outcome(DONE, None, canonical(before), case.version, item.id)

    def _do(self, case: ExceptionCase, item: BulkItem) -> None:
        silent = (
            self._action is Action.COMMENT
        )  # it never conflicts with what others do, and changes no version
        if case.version != item.seen and not silent:
            raise conflict(self._session, case)
        case.status = moved(case, self._action)
        done = self._change(case)
        if takes_up(self._viewer, case, self._action) and (not silent or case.status == Status.OPEN):
            case_clock.responded(case, self._ctx.now)
        if not silent:
            case.version += 1
            case.config_snapshot_id = self._ctx.snapshot_id
        self._trail.record(
            case, TAGS[self._action], before=done.before or None, after=done.after, why=done.why
        )

    # -- the rules, with what was asked

    def _claim(self, case: ExceptionCase) -> Change:
        if case.owner_id == self._viewer.user_id:
            raise NotAllowedError("It is yours already.")
        return ownership.claimed(self._session, self._viewer, case)

    def _assign(self, case: ExceptionCase) -> Change:
        if self._receiver is None:
            try:
                self._receiver = ownership.receiver(
                    self._session, self._ctx.catalog, self._viewer, self._asked.owner_id or 0
                )
            except NotAllowedError as error:
                self._receiver = error
        if isinstance(self._receiver, NotAllowedError):
            raise self._receiver
        if case.owner_id == self._receiver.user_id:
            raise NotAllowedError(f"{self._receiver.name} has it already.")
        return ownership.given(self._receiver, case)

    def _release(self, case: ExceptionCase) -> Change:
        if case.owner_id is None:
            raise NotAllowedError("Nobody has it.")
        return ownership.handed_back(self._session, self._ctx, self._viewer, case, self._asked.reason)

    def _hold(self, case: ExceptionCase) -> Change:
        asked = self._asked
        return actions.held(self._ctx, case, asked.reason, asked.ball, asked.until)

    def _waive(self, case: ExceptionCase) -> Change:
        asked = self._asked
        if asked.until is None:
            raise NotAllowedError("Say until when it is waived.")
        return actions.waived(self._ctx, self._viewer, case, asked.reason, asked.until)

    def _comment(self, case: ExceptionCase) -> Change:
        return Change({}, {"comment_id": self._comments[case.id]})

    # -- comments: their ids stand in the trail, so they are reserved before

    def _reserve(self, items: Sequence[BulkItem]) -> None:
        if self._asked.text.strip() and self._action in {Action.COMMENT, Action.RESOLVE}:
            ids = bulk.reserve_ids(self._session, CaseComment, len(items))
            self._comments = dict(zip((item.case_id for item in items), ids, strict=True))

    def _store_comments(self, items: Sequence[BulkItem], outcomes: Iterable[Outcome]) -> None:
        if not self._comments:
            return
        at = bulk.time_writer(self._session)(self._ctx.now)
        text, author = self._asked.text.strip(), self._viewer.user_id
        rows = [
            (self._comments[item.case_id], item.case_id, author, text, at)
            for item, outcome in zip(items, outcomes, strict=True)
            if outcome.status == DONE
        ]
        bulk.insert(self._session, CaseComment, _COMMENT, rows)
        ids = [case_id for _, case_id, *_ in rows]
        search_index.learn(self._session, self._ctx.catalog, ids, self._ctx.now)


def locked(session: Session, ids: Sequence[int]) -> dict[int, ExceptionCase]:
    """The newest rows, in the order of ids, so that two transactions never wait for each other in a circle."""
    found: dict[int, ExceptionCase] = {}
    for some in bulk.in_batches(sorted(ids)):
        rows = select(ExceptionCase).where(bulk.is_one_of(session, ExceptionCase.id, some))
        newest = rows.order_by(ExceptionCase.id).with_for_update()
        found |= {
            case.id: case
            for case in session.scalars(newest.execution_options(populate_existing=True))
        }  # fmt: skip
    return found


def store(session: Session, outcomes: Iterable[Outcome]) -> None:
    """Write what became of the items."""
    bulk.update(session, BulkItem, _WRITTEN, [tuple(outcome) for outcome in outcomes])


def _kept(case: ExceptionCase) -> dict[str, Any]:
    """What an undo puts back: whose it was, and its hold."""
    kept: dict[str, Any] = {"owner_id": case.owner_id}
    if case.on_hold:
        until = None if case.hold_until is None else iso(case.hold_until)
        kept["hold"] = {"ball": case.ball_in_court or "us", "reason": case.hold_reason or "", "until": until}
    return kept
