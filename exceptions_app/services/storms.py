"""The storm guard: a run that would open far more than its history is held until a person has looked.

Nothing of a held run is opened or closed, so nothing is lost: the next run finds it again. Flushes, never commits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import canonical
from exceptions_app.catalog.schema import Check
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.storms import same_flood, sketch
from exceptions_app.models import CheckRun, Storm

from . import incidents, intake, tasks
from .acting import NotAllowedError
from .audit import AuditTag, record_subject
from .context import ActionContext
from .intake_facts import RunFacts
from .openings import told_openings
from .runs import COMPLETE, FeedFacts
from .storm_causes import causes_of, in_words

HELD, RELEASED, DISCARDED = "held", "released", "discarded"
TAKEN_IN, OVER, GONE = "taken_in", "over", "gone"
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Excess:
    """More than a run may open by itself: what it would open, how many it may, the largest of its history."""

    opening: Sequence[Discrepancy]
    most: int
    largest: int

    @property
    def why(self) -> str:
        return f"held: it would open {len(self.opening):,}, and {self.most:,} at most are opened unseen"


def live(session: Session) -> dict[Place, Storm]:
    """What is held or released now, by check and scope."""
    rows = session.scalars(select(Storm).where(Storm.ended_at.is_(None)))
    return {(row.check_code, row.scope): row for row in rows}


def weigh(
    session: Session, ctx: ActionContext, check: Check, run: RunFacts, found: Sequence[Discrepancy],
    storm: Storm | None,
) -> Excess | None:  # fmt: skip
    """Whether this run must be held; `storm` is what is live in its place. The database is asked only about runs
    that found more than is ever let through. A release holds for what was seen, and as much more as any run may open.
    """
    if check.storm is None or len(found) <= check.storm.at_least:
        return None
    opened = _history(session, run, check.storm.runs)
    most = check.storm.limit(max(opened, default=0))
    allowed = most + (storm.would_open if storm is not None and storm.state == RELEASED else 0)
    if not opened or len(found) <= allowed:
        return None
    opening = intake.would_open(session, ctx, run, found)
    return Excess(opening, most, max(opened)) if len(opening) > allowed else None


def _history(session: Session, run: RunFacts, runs: int) -> list[int]:
    """What the last complete runs of the place opened, each by itself: not the first, which brings a backlog, where any
    came after it; nor one that a person released.
    """
    here = (CheckRun.check_code == run.check, CheckRun.scope == run.scope, CheckRun.status == COMPLETE)
    released = exists().where(
        Storm.check_code == run.check, Storm.scope == run.scope, Storm.ended_how == TAKEN_IN,
        Storm.ended_at.between(CheckRun.started_at, CheckRun.finished_at),
    )  # fmt: skip
    last = select(CheckRun.id, CheckRun.opened + CheckRun.reopened).where(*here, ~released)
    rows = [
        (number, opened) for number, opened in session.execute(last.order_by(CheckRun.id.desc()).limit(runs))
    ]
    first = session.scalar(select(func.min(CheckRun.id)).where(*here))
    return [opened for number, opened in rows if number != first or len(rows) == 1]


def hold(
    session: Session, ctx: ActionContext, run: RunFacts, excess: Excess, feeds: Iterable[FeedFacts], found: int
) -> Storm:  # fmt: skip
    """Keep what a person must see to decide, and tell integration operations: one exception while it lasts.

    What was discarded stays so while it is the same; what was released since this run looked is not taken back.
    """
    session.connection()
    storm = _locked(session, run.check, run.scope)
    if (
        storm is not None
        and storm.state == RELEASED
        and len(excess.opening) <= storm.would_open + excess.most
    ):
        return storm
    causes = causes_of(session, ctx.catalog, run, feeds, excess.opening)
    flood = sketch(excess.opening)
    if storm is None:
        storm = Storm(check_code=run.check, scope=run.scope, state=HELD, round=1, first_at=ctx.now)
    elif storm.state == RELEASED or (
        storm.state == DISCARDED and not same_flood(json.loads(storm.sketch), flood)
    ):
        storm.state, storm.round = HELD, storm.round + 1
    storm.last_at, storm.config_snapshot_id = ctx.now, ctx.snapshot_id
    storm.would_open, storm.found = len(excess.opening), found
    storm.most, storm.largest = excess.most, excess.largest
    storm.sketch, storm.causes = canonical(flood), canonical(causes)
    storm.sample = canonical(told_openings(ctx.catalog, excess.opening)["sample"])
    session.add(storm)
    session.flush()
    likely = in_words(ctx.catalog, causes[0]) if causes else "They have nothing in common."
    incidents.storm_held(
        session,
        ctx,
        run.check,
        run.scope,
        since=storm.first_at,
        round=storm.round,
        count=storm.would_open,
        most=storm.most,
        cause=likely,
    )
    return storm


def passed(session: Session, ctx: ActionContext, check: str, scope: str, how: str = "") -> None:
    """A complete run of the place was taken in (or, `how`: there is nothing to run any more): what was held is
    over."""
    session.connection()
    storm = _locked(session, check, scope)
    if storm is None:
        return
    storm.ended_at = ctx.now
    storm.ended_how = how or (TAKEN_IN if storm.state == RELEASED else OVER)
    session.flush()
    incidents.storm_over(session, ctx, check, scope)


def release(session: Session, ctx: ActionContext, storm_id: int, *, by: int | None, why: str) -> Storm:
    """It is real: the next run, which is asked for now, takes it in. Raises `NotAllowedError`."""
    storm = _decide(session, ctx, storm_id, (HELD, DISCARDED), RELEASED, by, why)
    flow = ctx.catalog.checks[storm.check_code].flow if storm.check_code in ctx.catalog.checks else None
    if flow is not None:
        tasks.request(
            session, "reconcile", f"reconcile:{flow}", {"flow": flow}, by, ctx.now,
            correlation_id=ctx.correlation_id,
        )  # fmt: skip
    return storm


def discard(session: Session, ctx: ActionContext, storm_id: int, *, by: int | None, why: str) -> Storm:
    """It is not real: it stays held until what would open is something else. Raises `NotAllowedError`."""
    return _decide(session, ctx, storm_id, (HELD,), DISCARDED, by, why)


def _decide(
    session: Session,
    ctx: ActionContext,
    storm_id: int,
    states: Sequence[str],
    state: str,
    by: int | None,
    why: str,
) -> Storm:
    """By a conditional update: of two people one is first."""
    if not why.strip():
        raise NotAllowedError("Say why: it stays with the decision.")
    before = session.get_one(Storm, storm_id).state
    changed = (
        update(Storm)
        .where(Storm.id == storm_id, Storm.state.in_(states), Storm.ended_at.is_(None))
        .values(state=state, decided_by_id=by, decided_at=ctx.now, why=why.strip()[:2000])
        .returning(Storm.id)
        .execution_options(synchronize_session=False)
    )
    if session.scalar(changed) is None:
        raise NotAllowedError("Somebody has decided that already, or it is over.")
    storm = session.get_one(Storm, storm_id, populate_existing=True)
    tag = AuditTag.STORM_RELEASED if state == RELEASED else AuditTag.STORM_DISCARDED
    record_subject(
        session, f"check:{storm.check_code}", tag, actor=str(ctx.actor), at=ctx.now,
        correlation_id=ctx.correlation_id, config_snapshot_id=ctx.snapshot_id, before={"state": before},
        after={"state": state, "storm": storm.id, "scope": storm.scope, "would_open": storm.would_open}, why=why,
    )  # fmt: skip
    return storm


def _locked(session: Session, check: str, scope: str) -> Storm | None:
    wanted = select(Storm).where(Storm.check_code == check, Storm.scope == scope, Storm.ended_at.is_(None))
    return session.scalar(wanted.with_for_update().execution_options(populate_existing=True))
