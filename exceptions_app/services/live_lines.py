"""Which transaction lines hold live exceptions: asked where a comparison cannot judge all that it judged
before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.lifecycle import Status
from exceptions_app.models import ExceptionCase


@dataclass(frozen=True, slots=True)
class LiveLine:
    """A live exception and the transaction line it stands on."""

    fingerprint: bytes
    check: str
    category: str
    line: str
    entity: str
    business_key: str


def live_lines(session: Session, checks: Iterable[str]) -> list[LiveLine]:
    """The exceptions of these checks that have not ended, waived ones included."""
    live = (Status.OPEN, Status.AWAITING_CONFIRMATION, Status.WAIVED)
    case = ExceptionCase
    rows = session.execute(
        select(
            case.fingerprint, case.check_code, case.category, case.line_key, case.entity, case.business_key
        ).where(case.check_code.in_(list(checks)), case.status.in_(live), case.line_key.is_not(None))
    )
    return [
        LiveLine(fingerprint, check, category, line, entity, business_key)
        for fingerprint, check, category, line, entity, business_key in rows
        if line is not None
    ]
