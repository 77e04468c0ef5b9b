"""The counters say what counting says, whatever was written, and fold without losing anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.aging import aged
from exceptions_app.domain.sla import stage
from exceptions_app.models import EVERYTHING, CaseEvidence, CaseTally, CaseTallyDelta, ExceptionCase, Role
from exceptions_app.queries import tally as tallies
from exceptions_app.queries.cases import iterate
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.services import intake, people, reclock, schema, tally
from exceptions_app.services.acting import ConflictError, NotAllowedError
from exceptions_app.services.sweep import sweep
from tests.conftest import NOW, Database
from tests.services.databases import on_database
from tests.services.story import Story, discrepancy

ALL = QueueFilter(status="any")


@pytest.fixture
def story(session: Session, catalog: Any, user: Callable[..., Any]) -> Story:
    return Story(session, catalog, user("manager", name="Mina Park"))


def kept(session: Session) -> Counter[tuple[Any, ...]]:
    """The counters as they are stored, differences included."""
    found: Counter[tuple[Any, ...]] = Counter()
    tables: tuple[Any, ...] = (CaseTally, CaseTallyDelta)
    for table in tables:
        for row in session.scalars(select(table).execution_options(populate_existing=True)):
            found[row.queue, row.entity, row.category, row.status, row.stage, row.aging] += row.count
    return Counter({key: number for key, number in found.items() if number})


def counted(session: Session) -> Counter[tuple[Any, ...]]:
    """The same by looking at every exception."""
    cases = session.scalars(select(ExceptionCase).execution_options(populate_existing=True))
    live = ("open", "awaiting_confirmation")
    return Counter(
        (c.queue, c.entity, c.category, c.status, c.sla_stage, c.aging if c.status in live else -1)
        for c in cases
    )


def stages(session: Session, now: Any) -> Counter[tuple[str, str]]:
    cases = session.scalars(select(ExceptionCase).execution_options(populate_existing=True))
    return Counter((c.status, stage(now, c.due_at, c.due_soon_at, c.on_hold, c.status).value) for c in cases)


def check(story: Story) -> None:
    session, now = story.session, story.now
    assert kept(session) == counted(session)
    by = tallies.counts(session, story.viewer, story.catalog, ALL, now, by=("status", "stage"))
    assert Counter(by) == stages(session, now)
    for wanted in (QueueFilter(), ALL, QueueFilter(stage=("breached",)), QueueFilter(aging=("1-3", "3-5"))):
        exact = sum(1 for _ in iterate(session, story.viewer, story.catalog, wanted, now))
        assert tallies.count(session, story.viewer, story.catalog, wanted, now) == exact, wanted


NUMBERS = st.integers(1, 6)


class Writes(RuleBasedStateMachine):
    """Every way of writing an exception, in any order, with the sweep, the fold and time in between."""

    catalog: Catalog
    database: Callable[[], Iterator[Engine]]

    def __init__(self) -> None:
        super().__init__()
        self.opened = type(self).database()
        self.session = Session(next(self.opened), expire_on_commit=False)
        person = people.create_user(
            self.session, email="a@example.org", name="Mina Park", password="x" * 12, role=Role.MANAGER,
            queues=(EVERYTHING,), entities=(EVERYTHING,), by="system:test", now=NOW, cheap=True,
        )  # fmt: skip
        self.story = Story(self.session, self.catalog, person)
        self.session.commit()

    def teardown(self) -> None:
        self.session.close()
        next(self.opened, None)

    @initialize(numbers=st.sets(NUMBERS, min_size=2))
    def first(self, numbers: set[int]) -> None:
        self.story.run([discrepancy(number) for number in numbers])

    @rule(numbers=st.sets(NUMBERS), present=st.booleans(), amount=st.sampled_from(["2.50", "90000"]))
    def intake(self, numbers: set[int], present: bool, amount: str) -> None:
        found = [discrepancy(number, amount=amount) for number in sorted(numbers)]
        self.story.run(found, present=present, fetched=True)

    @rule(
        number=NUMBERS,
        what=st.sampled_from(["claim", "resolve", "waive", "hold", "held_until", "resume", "reopen"]),
    )
    def act(self, number: int, what: str) -> None:
        story = self.story
        given: dict[str, dict[str, Any]] = {
            "waive": {"days": 3}, "held_until": {"until": story.now + timedelta(hours=5)},
        }  # fmt: skip
        known = story.session.scalars(select(ExceptionCase.reference)).all()
        if not any(case == discrepancy(number).reference for case in known):
            return
        try:
            getattr(story, what.removesuffix("_until").replace("held", "hold"))(number, **given.get(what, {}))
        except (NotAllowedError, ConflictError, ValueError):
            story.session.rollback()

    @rule(hours=st.sampled_from([1, 7, 30, 80, 300]))
    def time_passes(self, hours: int) -> None:
        self.story.later(hours=hours)

    @rule()
    def sweep(self) -> None:
        while sweep(self.story.session, self.story.ctx, limit=2).more:
            self.story.session.commit()
        self.story.session.commit()

    @rule()
    def reclock(self) -> None:
        story = self.story
        portion = reclock.look(story.session, story.catalog, story.now, 0)
        if portion is not None:
            reclock.write(story.session, story.ctx, portion.changed)
        story.session.commit()

    @rule(queue=st.sampled_from(["test_ap", "test_stores"]))
    def many_at_once(self, queue: str) -> None:
        self.story.session.execute(update(ExceptionCase).values(queue=queue))
        self.story.session.commit()

    @rule()
    def undone(self) -> None:
        self.story.session.execute(update(ExceptionCase).values(category="elsewhere"))
        self.story.session.rollback()

    @rule()
    def fold(self) -> None:
        tally.fold(self.story.session)
        self.story.session.commit()

    @invariant()
    def counters_are_exact(self) -> None:
        check(self.story)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_counters_are_exact_after_any_writes(kind: str, request: pytest.FixtureRequest, catalog: Any) -> None:
    class OnThisDatabase(Writes):
        pass

    OnThisDatabase.catalog = catalog
    OnThisDatabase.database = staticmethod(on_database(request, kind))
    run(
        OnThisDatabase,
        settings=settings(
            max_examples=12 if kind == "sqlite" else 6, stateful_step_count=20, deadline=None,
            suppress_health_check=list(HealthCheck), phases=(Phase.reuse, Phase.generate),
        ),
    )  # fmt: skip


def test_bulk_actions_and_deletions_are_counted(story: Story) -> None:
    """Many rows in one statement, several statements in one flush, and rows that go."""
    story.run([discrepancy(number) for number in range(1, 7)])
    cases = story.session.scalars(select(ExceptionCase)).all()
    for case in cases[:4]:
        case.status, case.sla_stage = "resolved", "stopped"
    story.session.flush()
    assert kept(story.session) == counted(story.session)
    story.session.execute(delete(CaseEvidence).where(CaseEvidence.case_id == cases[0].id))
    story.session.execute(update(ExceptionCase).values(parent_id=None))
    assert kept(story.session) == counted(story.session)


def test_a_row_that_is_stored_twice_is_counted_once(story: Story) -> None:
    """Two processes open the same exception: the unique fingerprint lets one of them."""
    planned = story.plan([discrepancy(1), discrepancy(2)], story.facts())
    story.run([discrepancy(1)])
    for chunk in planned.chunks():
        intake.apply(story.session, story.ctx, chunk)
    assert kept(story.session) == counted(story.session)
    assert sum(kept(story.session).values()) == 2


def test_folding_loses_nothing_and_drops_what_is_at_nought(story: Story) -> None:
    story.run([discrepancy(number) for number in range(1, 4)])
    story.run([], present=False)
    before = kept(story.session)
    tally.fold(story.session)
    assert kept(story.session) == before == counted(story.session)
    assert story.session.scalars(select(CaseTallyDelta)).all() == []
    assert {row.count for row in story.session.scalars(select(CaseTally))} == {3}
    assert tally.fold(story.session) == 0


def test_an_install_that_ran_before_is_counted_by_the_migration(database: Database, story: Story) -> None:
    story.run([discrepancy(number) for number in range(1, 4)])
    story.resolve(2)
    story.session.expunge_all()
    with database.engine.begin() as connection:
        command.downgrade(schema.alembic_config(connection), "0004")
    schema.upgrade(database.engine)
    assert kept(story.session) == counted(story.session)
    story.resolve(3)
    assert kept(story.session) == counted(story.session)


def test_the_sweep_moves_an_exception_to_its_next_bucket_at_the_very_instant(story: Story) -> None:
    story.run([discrepancy(1)])
    story.hold(1)
    calendar = story.catalog.calendar(story.case(1).sla_calendar)
    seen: list[int] = []
    while (at := story.case(1).next_sla_at) is not None:
        story.now = at - timedelta(microseconds=1)
        sweep(story.session, story.ctx)
        assert story.case(1).aging == len(seen)
        story.now = at
        sweep(story.session, story.ctx)
        story.session.commit()
        seen.append(story.case(1).aging)
        assert aged(story.case(1).opened_at, at, calendar).bucket == seen[-1]
    assert seen == [1, 2, 3, 4]
    assert (story.case(1).on_hold, story.case(1).version) == (True, 2)


def test_a_stage_is_counted_as_it_is_though_no_sweep_has_come(story: Story) -> None:
    story.run([discrepancy(1), discrepancy(2)])
    story.hold(2)
    story.later(days=30)
    by = tallies.counts(story.session, story.viewer, story.catalog, QueueFilter(), story.now, by=("stage",))
    assert by == {("breached",): 1, ("paused",): 1}


def test_counts_are_the_viewers(session: Session, make_case: Callable[..., Any], catalog: Any) -> None:
    for queue, entity in (("ap", "H01"), ("ap", "H02"), ("stores", "H01")):
        make_case(queue=queue, entity=entity)
    viewer = Viewer(1, "A", Role.SPECIALIST, frozenset({"ap"}), frozenset({"H01"}), "UTC")
    assert tallies.counts(session, viewer, catalog, QueueFilter(), NOW, by=("queue", "entity")) == {
        ("ap", "H01"): 1
    }
    nobody = Viewer(1, "A", Role.SPECIALIST, frozenset(), frozenset(), "UTC")
    assert tallies.count(session, nobody, catalog, QueueFilter(), NOW) == 0


@pytest.mark.parametrize(
    "wanted",
    [
        QueueFilter(q="medline"), QueueFilter(owner=("me",)), QueueFilter(hold=True), QueueFilter(due=NOW),
        QueueFilter(refs=("PO-1",)), QueueFilter(watched=True), QueueFilter(status="any", aging=("0-1",)),
    ],
)  # fmt: skip
def test_what_is_not_counted_is_refused(wanted: QueueFilter, session: Session, catalog: Any) -> None:
    viewer = Viewer(1, "A", Role.SPECIALIST, None, None, "UTC")
    assert not tallies.is_counted(wanted)
    with pytest.raises(ValueError, match="not counted"):
        tallies.count(session, viewer, catalog, wanted, NOW)
