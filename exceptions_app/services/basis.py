"""What an incremental check run builds on: what the run before had seen, and what people have done since.

A basis is written in the transaction that ends a run. Where anything is in doubt there is none, and the next run
compares everything. Knows neither records nor checks' rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import canonical
from exceptions_app.domain.instant import from_iso, iso
from exceptions_app.domain.lifecycle import Status
from exceptions_app.models import AuditEvent, CheckRun, ConfigSnapshot, ExceptionCase, Reject
from exceptions_app.records.reading import UnfinishedRuns

from .audit import AuditTag

MOST_LINES = 50_000
"""Of a check that compares everything each time: more lines than these are not kept."""
_LIVE = (Status.OPEN, Status.AWAITING_CONFIRMATION, Status.WAIVED)


@dataclass(frozen=True, slots=True)
class Basis:
    """What one run saw. `at`: when it began to look; `seen`: which runs of feeds; `times`: the statement's times, by
    name; `full_at`: when everything was compared last. `lines`: those that it found something on, where others must
    know; None: too many.
    """

    at: datetime
    seen: UnfinishedRuns
    times: Mapping[str, datetime | None]
    full_at: datetime
    version: str
    lines: tuple[str, ...] | None = ()
    held: tuple[tuple[str, str], ...] = ()
    """Entity and business key of what was held back, because a row was rejected."""

    def written(self) -> str:
        """As it is stored."""
        return canonical(
            {
                "at": iso(self.at),
                "newest": self.seen.newest,
                "running": sorted(self.seen.running),
                "times": {name: None if at is None else iso(at) for name, at in self.times.items()},
                "full_at": iso(self.full_at),
                "version": self.version,
                "lines": None if self.lines is None else list(self.lines),
                "held": [list(key) for key in self.held],
            }
        )


def read(text: str) -> Basis:
    """As it was stored."""
    told = json.loads(text)
    return Basis(
        from_iso(told["at"]),
        UnfinishedRuns(told["newest"], frozenset(told["running"])),
        {name: None if at is None else from_iso(at) for name, at in told["times"].items()},
        from_iso(told["full_at"]),
        told["version"],
        None if told["lines"] is None else tuple(told["lines"]),
        tuple((entity, key) for entity, key in told["held"]),
    )


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of a check in a scope. `digest` is of the configuration that was in force."""

    status: str
    digest: str
    basis: Basis | None


def last_runs(session: Session, checks: Iterable[str]) -> dict[tuple[str, str], LastRun]:
    """By check and scope."""
    newest = (
        select(func.max(CheckRun.id))
        .where(CheckRun.check_code.in_(list(checks)))
        .group_by(CheckRun.check_code, CheckRun.scope)
    )
    rows = session.execute(
        select(CheckRun.check_code, CheckRun.scope, CheckRun.status, CheckRun.basis, ConfigSnapshot.digest)
        .join(ConfigSnapshot, ConfigSnapshot.id == CheckRun.config_snapshot_id)
        .where(CheckRun.id.in_(newest))
    )
    return {
        (check, scope): LastRun(status, digest.hex(), None if basis is None else read(basis))
        for check, scope, status, basis, digest in rows
    }


def feeds_with_settled_rejects(
    session: Session, feeds: Iterable[str], since: datetime
) -> dict[str, datetime]:
    """Feed -> when the last of its rejected rows was settled that had held something back."""
    rows = session.execute(
        select(Reject.feed, func.max(Reject.ended_at))
        .where(
            Reject.feed.in_(list(feeds)),
            Reject.known.is_not(None),
            Reject.ended_at >= since,
            Reject.created_at < Reject.ended_at,
        )
        .group_by(Reject.feed)
    )
    return {feed: at for feed, at in rows if at is not None}


@dataclass(frozen=True, slots=True)
class CaseKey:
    """The key of a live exception. `asked`: it must be looked at, whatever the records say."""

    check: str
    entity: str
    business_key: str
    asked: bool


def live_keys(
    session: Session, checks: Iterable[str], whole: Iterable[str], since: datetime, now: datetime
) -> list[CaseKey]:
    """The live exceptions that must be looked at: claims, waivers that have expired, what people have reopened. Of
    the checks in `whole`, all live ones.
    """
    case, event = ExceptionCase, AuditEvent
    reopened = exists().where(
        event.case_id == case.id,
        event.at >= since,
        event.tag.in_((AuditTag.CASE_REOPENED, AuditTag.CASE_UNDONE)),
    )
    asked = or_(
        case.status == Status.AWAITING_CONFIRMATION,
        and_(case.status == Status.WAIVED, case.waiver_expires_at <= now),
        and_(case.status == Status.OPEN, reopened),
    )
    rows = session.execute(
        select(case.check_code, case.entity, case.business_key, asked).where(
            case.check_code.in_(list(checks)),
            case.status.in_(_LIVE),
            or_(asked, case.check_code.in_(list(whole))),
        )
    )
    return [CaseKey(check, entity, key, bool(must)) for check, entity, key, must in rows]
