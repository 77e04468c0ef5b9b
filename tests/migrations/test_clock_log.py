"""An install that has run before gets the event log of its clocks: the one it would have kept itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from exceptions_app.models import AuditPayload, CasePause, ExceptionCase
from exceptions_app.services import reclock, schema
from exceptions_app.services.clock_state import NAMES
from exceptions_app.services.sweep import SweepCounts, sweep
from tests.conftest import Database
from tests.services.story import Story, discrepancy


def log(session: Session) -> list[tuple[Any, ...]]:
    rows = session.scalars(select(CasePause).order_by(CasePause.case_id, CasePause.started_at))
    return [(r.case_id, r.cycle, r.kind, r.party, r.reason, r.started_at, r.ended_at) for r in rows]


def clocks(session: Session) -> list[tuple[Any, ...]]:
    names = [name for name in (*NAMES, "responded_at") if name not in {"told", "aging", "next_sla_at"}]
    rows = session.scalars(
        select(ExceptionCase).order_by(ExceptionCase.id).execution_options(populate_existing=True)
    )
    return [tuple(getattr(row, name) for name in names) for row in rows]


def back_and_forth(database: Database, story: Story) -> None:
    """To the first revision, which knows no log, and up again; then what a job process does as it starts."""
    story.session.commit()
    story.session.expunge_all()
    with database.engine.begin() as connection:
        command.downgrade(schema.alembic_config(connection), "0001")
    schema.upgrade(database.engine)
    portion = reclock.look(story.session, story.catalog, story.now, 0)
    assert portion is not None
    reclock.write(story.session, story.ctx, portion.changed)
    story.session.commit()


@pytest.fixture
def story(session: Session, catalog: Any, user: Callable[..., Any]) -> Story:
    return Story(session, catalog, user("manager", name="Mina Park"))


@pytest.fixture
def lived(story: Story) -> Story:
    """1 is on hold; 2 was, twice, once by a date; 3 waived and back; 4 gone and back unfixed; 5 in its second
    cycle; 6 on hold when it was resolved.
    """
    everything = [discrepancy(number) for number in range(1, 7)]
    story.run(everything)
    story.later(hours=1)
    story.hold(1)
    story.hold(2, until=story.now + timedelta(hours=1))
    story.hold(5)
    story.hold(6)
    story.waive(3, days=20)
    story.later(hours=3)
    sweep(story.session, story.ctx)
    story.session.commit()
    story.resolve(6)
    story.reopen(3)
    story.run(
        [each for n, each in enumerate(everything, 1) if n not in {4, 5}], present=False, read_through=None
    )
    story.later(hours=20)
    story.run(everything)
    story.run([each for n, each in enumerate(everything, 1) if n != 5], fetched=True, read_through=None)
    story.later(minutes=10)
    story.run(everything, read_through=None)
    story.hold(2)
    story.later(hours=1)
    story.resume(2)
    return story


def test_the_log_is_read_off_the_trail(database: Database, lived: Story) -> None:
    """Whatever way a stretch began and ended, party and reason included; clocks come out as they were."""
    kept = log(lived.session)
    assert len(kept) == 8
    before = clocks(lived.session)
    back_and_forth(database, lived)
    assert log(lived.session) == kept
    assert clocks(lived.session) == before


def test_a_hold_whose_trail_was_erased_is_still_in_the_log(database: Database, lived: Story) -> None:
    lived.session.execute(update(AuditPayload).values(payload="{}"))
    began = lived.case(1).held_at
    back_and_forth(database, lived)
    case = lived.case(1)
    assert (case.id, 1, "hold", began, None) in [(r[0], r[1], r[2], r[5], r[6]) for r in log(lived.session)]


def test_nothing_is_told_again_or_late(database: Database, story: Story) -> None:
    story.run([discrepancy(1), discrepancy(2)])
    story.hold(2)
    story.later(days=5)
    assert sweep(story.session, story.ctx) == SweepCounts(breached=1)
    back_and_forth(database, story)
    assert sweep(story.session, story.ctx) == SweepCounts()
