"""One list of everything that happened to an exception: the trail's events with their reasons, and
people's words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id, wording
from exceptions_app.domain.instant import from_iso
from exceptions_app.domain.money import from_e4
from exceptions_app.models import AuditEvent, AuditPayload, CaseComment, ExceptionCase, User
from exceptions_app.services.retry_values import label

from . import attempts
from .attempts import AttemptLine
from .kept import Kept
from .system_events import system_events
from .words import BALL, END, SEVERITY, STATUS, inside

LIMIT = 200
_VERBS = {
    "case:opened": ("opened this", "flag"),
    "case:evidence_changed": ("found different values", "refresh"),
    "case:recurred": ("found it again: it had been fixed, and is back", "repeat"),
    "case:returned": ("found it again", "repeat"),
    "case:not_confirmed": ("found it unchanged: the resolution is not confirmed", "rotate-2"),
    "case:confirmed": ("confirmed the resolution: the systems agree", "circle-check"),
    "case:closed": ("closed this", "circle-check"),
    "case:unwaived": ("reopened this: the waiver no longer holds", "rotate-2"),
    "case:claimed": ("claimed this", "user-check"),
    "case:assigned": ("assigned this", "user-plus"),
    "case:released": ("released this", "user"),
    "case:held": ("put this on hold", "player-pause"),
    "case:resumed": ("resumed this", "player-play"),
    "case:resolved": ("resolved this", "check"),
    "case:waived": ("waived this", "ban"),
    "case:reopened": ("reopened this", "rotate-2"),
    "case:commented": ("commented", "message"),
    "case:pinned": ("pinned a comment", "pin"),
    "case:unpinned": ("took the pinned comment down", "pin"),
    "case:record_viewed": ("looked at the raw record", "eye"),
    "case:due_soon": ("noted: due soon", "clock"),
    "case:breached": ("noted: the service level is breached", "alert-triangle"),
    "case:half": ("noted: half of the time is used", "clock"),
    "case:response_missed": ("noted: nobody has taken it up in time", "alert-triangle"),
    "case:reclocked": ("computed the deadline anew", "clock"),
    "case:retry_asked": ("asked to send it again", "repeat"),
    "case:retry_approved": ("approved the retry", "check"),
    "case:retry_declined": ("declined the retry", "ban"),
    "case:retry_skipped": ("sent nothing", "circle-dashed"),
    "case:retry_accepted": ("sent it: the system accepted, the data has yet to confirm", "circle-check"),
    "case:retry_confirmed": ("read the data after it was sent: it is mended", "circle-check"),
    "case:retry_not_confirmed": ("read the data after it was sent: it still differs", "rotate-2"),
    "case:retry_failed": ("gave up sending it", "alert-triangle"),
    "case:retry_unsure": ("cannot tell whether it arrived: a person decides", "alert-triangle"),
    "case:retry_decided": ("said whether it arrived", "check"),
    "case:retry_discarded": ("discarded the retry that gave up", "ban"),
    "case:reread_asked": ("asked to read it again", "refresh"),
    "case:cause_changed": ("found what it follows from", "git-branch"),
    "case:undone": ("undid what was done to it with others", "rotate-2"),
}
_FIELDS = {
    "owner_id": "owner", "status": "status", "queue": "queue", "severity": "severity", "due_at": "due",
    "ball_in_court": "whose move", "hold_until": "until", "waiver_expires_at": "waived until",
    "sla_target": "target", "cutoff": "cut-off", "response_due_at": "first response due",
    "end_reason": "because", "amount_e4": "amount", "sentence": "finding", "category": "category",
    "parent_id": "cause",
}  # fmt: skip
_ACTORS = {"job": "Tieout", "system": "Tieout"}


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the timeline. `said` is a person's own text; `changes` are in words."""

    at: datetime
    who: str
    did: str
    icon: str
    why: str
    said: str
    changes: tuple[str, ...]
    tag: str = ""
    attempt: AttemptLine | None = None
    by_person: bool = False
    comment_id: int | None = None
    pinned: bool = False


class _Teller:
    """Turns trail events into lines: knows the names behind ids and codes, and the viewer's zone."""

    def __init__(self, catalog: Catalog, category: str, names: Mapping[int, str], zone: tzinfo) -> None:
        known = category in catalog.categories
        self.reasons = {
            r.code: r.label for r in (catalog.reasons(category) if known else catalog.common_reasons)
        }
        self.names, self.zone, self.operations = names, zone, catalog.operations
        self.codes: dict[str, dict[str, str]] = {
            "status": {code: label.lower() for code, label in STATUS.items()},
            "severity": {code: label.lower() for code, label in SEVERITY.items()},
            "ball_in_court": {code: inside(label) for code, label in BALL.items()},
            "queue": {code: queue.name for code, queue in catalog.queues.items()},
            "category": {code: each.title for code, each in catalog.categories.items()},
            "end_reason": {**END, **self.reasons},
            "cutoff": {each.code: each.title for each in catalog.cutoffs},
        }

    def happening(self, tag: str, actor: str, at: datetime, payload: str | None) -> Happening:
        did, icon = _VERBS.get(tag, (tag.partition(":")[2].replace("_", " "), "circle-dashed"))
        content = json.loads(payload) if payload else {}
        before, after = content.get("before") or {}, content.get("after") or {}
        changes = [self._change(key, before.get(key), value) for key, value in after.items()]
        changes += self._edits(after)
        why = str(content.get("why") or "")
        told = tuple(filter(None, changes))
        by_person = actor.startswith("user:")
        return Happening(
            at, self.who(actor), did, icon, self.reasons.get(why, why), "", told, tag, by_person=by_person
        )

    def _edits(self, after: Mapping[str, Any]) -> list[str | None]:
        """What somebody changed before it was sent again; pay and bank data are told as edited only."""
        edited, operation = after.get("edited"), self.operations.get(str(after.get("operation")))
        if not isinstance(edited, dict):
            return []
        return [
            f"{label(operation, name) if operation else name}: "
            + (f"{pair[0] or 'none'} → {pair[1] or 'none'}" if isinstance(pair, list) else "edited")
            for name, pair in edited.items()
        ]

    def who(self, actor: str) -> str:
        kind, _, rest = actor.partition(":")
        if kind == "user" and rest.isdecimal():
            return self.names.get(int(rest), "A former colleague")
        return _ACTORS.get(kind, actor)

    def _change(self, key: str, before: Any, after: Any) -> str | None:
        label = _FIELDS.get(key)
        if label is None or before == after or (key == "status" and before is None):
            return None
        new = self._value(key, after)
        return f"{label}: {new}" if before in (None, "") else f"{label}: {self._value(key, before)} → {new}"

    def _value(self, key: str, value: Any) -> str:
        text = public_id.encode(value) if key == "parent_id" and value else str(value)
        if value in (None, ""):
            return "nobody" if key == "owner_id" else "none"
        if key == "owner_id":
            return self.who(f"user:{text}")
        if key == "amount_e4" and isinstance(value, int):
            return wording.money(from_e4(value))
        if key.endswith(("_at", "_until")):
            try:
                return wording.instant(from_iso(text), self.zone)
            except ValueError:
                return text  # a payload of an older form is shown as it stands
        return self.codes.get(key, {}).get(text, text)


def timeline(
    session: Session, catalog: Catalog, case: ExceptionCase, zone: tzinfo, kept: Kept
) -> list[Happening]:
    """Newest first, at most `LIMIT` events, as many comments and as many tries, and what ran for them. At most seven
    statements.
    """
    case_id = case.id
    events = session.execute(
        select(
            AuditEvent.tag, AuditEvent.actor, AuditEvent.at, AuditPayload.payload, AuditEvent.correlation_id
        )
        .outerjoin(AuditPayload, AuditPayload.event_id == AuditEvent.id)
        .where(AuditEvent.case_id == case_id, AuditEvent.tag != "case:commented")
        .order_by(AuditEvent.id.desc())
        .limit(LIMIT)
    ).all()
    comments = _comments(session, case_id) if kept.comments else []
    mentioned = {each.author_id for each in comments} | set(_people_in(events))
    named = session.execute(select(User.id, User.name).where(User.id.in_(mentioned))) if mentioned else ()
    teller = _Teller(catalog, case.category, {row.id: row.name for row in named}, zone)
    found = [teller.happening(tag, actor, at, payload) for tag, actor, at, payload, _ in events]
    found += [
        Happening(
            at, teller.who(f"user:{author}"), "commented", "message", "", text, (), "case:commented",
            by_person=True, comment_id=comment_id, pinned=pinned_at is not None,
        )
        for at, text, author, comment_id, pinned_at in comments
    ]  # fmt: skip
    for each in attempts.of_case(session, catalog, case_id) if kept.deliveries else ():
        icon = "circle-check" if each.good else "send"
        found.append(Happening(each.at, teller.who("job:"), each.did, icon, each.error, "", (), attempt=each))
    for ran in system_events(session, catalog, case, (event.correlation_id for event in events)):
        icon = "database" if ran.good else "alert-triangle"
        found.append(Happening(ran.at, ran.who, ran.did, icon, ran.error, "", ()))
    return sorted(found, key=lambda happening: happening.at, reverse=True)


def _comments(session: Session, case_id: int) -> list[Any]:
    """The pinned one first."""
    c = CaseComment
    rows = select(c.created_at, c.text, c.author_id, c.id, c.pinned_at).where(c.case_id == case_id)
    return list(session.execute(rows.order_by(c.pinned_at.is_(None), c.id.desc()).limit(LIMIT)))


def _people_in(events: Iterable[Any]) -> Iterator[int]:
    for _, actor, _, payload, _ in events:
        kind, _, rest = actor.partition(":")
        if kind == "user" and rest.isdecimal():
            yield int(rest)
        content = json.loads(payload) if payload else {}
        for part in ("before", "after"):
            owner = (content.get(part) or {}).get("owner_id")
            if isinstance(owner, int):
                yield owner
