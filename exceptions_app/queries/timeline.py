"""One list of everything that happened to an exception: the trail's events with their reasons, and
people's words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import wording
from exceptions_app.domain.instant import from_iso
from exceptions_app.domain.money import from_e4
from exceptions_app.models import AuditEvent, AuditPayload, CaseComment, User

from .words import BALL, END, SEVERITY, STATUS, said

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
    "case:due_soon": ("noted: due soon", "clock"),
    "case:breached": ("noted: the service level is breached", "alert-triangle"),
}
_FIELDS = {
    "owner": "owner", "owner_id": "owner", "status": "status", "queue": "queue", "severity": "severity",
    "ball_in_court": "whose move", "hold_until": "until", "waiver_expires_at": "waived until",
    "end_reason": "reason", "reason": "reason", "amount_e4": "amount", "due_at": "due", "sentence":
    "finding", "until": "until", "expires_at": "waived until",
}  # fmt: skip
_CODES = {"status": STATUS, "severity": SEVERITY, "ball_in_court": BALL}
_TIMES = frozenset({"until", "due", "waived until"})
_ACTORS = {"job": "The jobs", "system": "Tieout"}


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


def timeline(
    session: Session, catalog: Catalog, case_id: int, category: str, zone: tzinfo
) -> list[Happening]:
    """Newest first, at most `LIMIT` events. Two statements."""
    events = session.execute(
        select(AuditEvent.tag, AuditEvent.actor, AuditEvent.at, AuditPayload.payload, User.name)
        .outerjoin(AuditPayload, AuditPayload.event_id == AuditEvent.id)
        .outerjoin(User, AuditEvent.actor == "user:" + User.id.cast(AuditEvent.actor.type))
        .where(AuditEvent.case_id == case_id)
        .order_by(AuditEvent.id.desc())
        .limit(LIMIT)
    ).all()
    comments = session.execute(
        select(CaseComment.created_at, CaseComment.text, User.name)
        .join(User, User.id == CaseComment.author_id)
        .where(CaseComment.case_id == case_id)
        .order_by(CaseComment.id.desc())
        .limit(LIMIT)
    ).all()
    reasons = (
        {reason.code: reason.label for reason in catalog.reasons(category)}
        if category in catalog.categories
        else {}
    )
    found = [
        _event(tag, actor, at, payload, name, reasons, zone)
        for tag, actor, at, payload, name in events
        if tag != "case:commented"
    ]
    found += [Happening(at, name, "commented", "message", "", text, ()) for at, text, name in comments]
    return sorted(found, key=lambda happening: happening.at, reverse=True)


def _event(
    tag: str,
    actor: str,
    at: datetime,
    payload: str | None,
    name: str | None,
    reasons: Mapping[str, str],
    zone: tzinfo,
) -> Happening:
    did, icon = _VERBS.get(tag, (tag.partition(":")[2].replace("_", " "), "circle-dashed"))
    kind = actor.partition(":")[0]
    content = json.loads(payload) if payload else {}
    before, after = content.get("before") or {}, content.get("after") or {}
    changes = tuple(
        text
        for key, value in after.items()
        if (text := _change(key, before.get(key), value, reasons, zone)) is not None
    )
    why = str(content.get("why") or "")
    return Happening(at, name or _ACTORS.get(kind, actor), did, icon, reasons.get(why, why), "", changes)


def who_did_what(tag: str) -> str:
    """The verb of an event, as a sentence about a colleague uses it."""
    return _VERBS.get(tag, ("changed this", ""))[0]


def _change(key: str, before: Any, after: Any, reasons: Mapping[str, str], zone: tzinfo) -> str | None:
    label = _FIELDS.get(key)
    if label is None or before == after or (after is None and before is None) or key == "owner_id":
        return None
    new = _value(key, after, reasons, zone)
    return (
        f"{label}: {_value(key, before, reasons, zone)} → {new}"
        if before not in (None, "")
        else f"{label}: {new}"
    )


def _value(key: str, value: Any, reasons: Mapping[str, str], zone: tzinfo) -> str:
    if value in (None, ""):
        return "none"
    text = str(value)
    if key in _CODES:
        return said(_CODES[key], text).lower()
    if key in {"end_reason", "reason"}:
        return reasons.get(text) or END.get(text) or text.replace("_", " ")
    if key == "amount_e4" and isinstance(value, int):
        return wording.money(from_e4(value))
    return _instant(text, zone) if _FIELDS[key] in _TIMES else text


def _instant(text: str, zone: tzinfo) -> str:
    try:
        return wording.instant(from_iso(text), zone)
    except ValueError:
        return text  # a payload of an older form is shown as it stands
