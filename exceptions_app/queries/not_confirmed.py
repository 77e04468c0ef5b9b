"""What was called fixed, by a person or by a retry, and was found again: what still differs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.retry import Sent
from exceptions_app.models import ExceptionCase

from .sides import SideBySide, SideRow
from .timeline import Happening

_TELLING = frozenset(
    {
        "case:opened", "case:recurred", "case:returned", "case:not_confirmed", "case:confirmed", "case:closed",
        "case:unwaived", "case:resolved", "case:waived", "case:reopened", "case:retry_accepted",
    }
)  # fmt: skip
"""Events that say how the exception stands; the newest of them counts."""
_MOST = 6


@dataclass(frozen=True, slots=True)
class Differing:
    """One fact, and what each side says of it: already masked for who looks."""

    label: str
    said: str


@dataclass(frozen=True, slots=True)
class NotConfirmed:
    at: datetime
    by_retry: bool
    differing: tuple[Differing, ...]


def not_confirmed(
    case: ExceptionCase, happenings: Iterable[Happening], sides: SideBySide
) -> NotConfirmed | None:
    """What the page says on top while an exception is open because the data refuted what was claimed."""
    if case.status != Status.OPEN:
        return None
    newest = next((each for each in happenings if each.tag in _TELLING), None)
    if newest is None or newest.tag != "case:not_confirmed":
        return None
    facts = [Differing(row.label, _said(sides, row)) for row in sides.rows if row.differs]
    facts += [
        Differing(head.title, f"not found in {head.systems or 'any system'}")
        for head in sides.heads
        if not head.present
    ]
    return NotConfirmed(newest.at, case.retry_state == Sent.NOT_CONFIRMED, tuple(facts[:_MOST]))


def _said(sides: SideBySide, row: SideRow) -> str:
    return ", ".join(f"{head.title} {cell.text}" for head, cell in zip(sides.heads, row.cells, strict=True))
