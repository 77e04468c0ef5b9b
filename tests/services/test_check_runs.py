"""Whether a check is still what it was when it last ran to its end, scope by scope."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import DuplicateCheck
from exceptions_app.models import CheckRun, ExceptionCase
from exceptions_app.services import check_runs, configuration, intake
from exceptions_app.services.check_runs import Compared, OvertakenError
from exceptions_app.services.intake import IntakeCounts
from tests.conftest import NOW, Database
from tests.services.story import CHECK, SCOPE, Story, discrepancy


def _with(catalog: Any, **asked: Any) -> Catalog:
    check = DuplicateCheck.model_validate(
        {
            "code": CHECK, "title": "Order twice", "flow": "test", "record": "test_order", "key": ["number"],
            "columns": {"amount": "amount"}, "rules": [{"title": "Same", "same": ["amount"]}],
            "order_by": "number", "category": "test_price", "reference": "{number}",
        } | asked
    )  # fmt: skip
    given = {name: getattr(catalog, name) for name in catalog.__dataclass_fields__}
    return Catalog(**(given | {"checks": {CHECK: check}}))


@pytest.fixture
def asked(story: Story) -> Catalog:
    """The test network with one check."""
    return _with(story.catalog)


@pytest.fixture
def loosened(story: Story) -> Catalog:
    """The same, but for what the check asks."""
    return _with(story.catalog, where="amount > 100")


def _ran(story: Story, catalog: Any, *scopes: str, complete: bool = True) -> None:
    session = story.session
    snapshot_id = configuration.accept(session, catalog, "system:test", story.now)
    ids = check_runs.begin(session, replace(story.ctx, snapshot_id=snapshot_id), CHECK, scopes, [])
    for run_id in ids.values():
        counted = Compared(1, 1, 0)
        check_runs.finish(
            session, run_id, complete=complete, compared=counted, counts=IntakeCounts(), now=story.now
        )
    session.commit()


def _changed(story: Story, catalog: Catalog) -> set[tuple[str, str]]:
    return check_runs.changed_since_last_run(story.session, catalog, [catalog.checks[CHECK]])


def test_a_check_that_never_ran_has_not_changed(story: Story, loosened: Catalog) -> None:
    assert _changed(story, loosened) == set()


def test_a_partial_run_under_the_new_rule_does_not_hide_that_it_changed(
    story: Story, asked: Catalog, loosened: Catalog
) -> None:
    _ran(story, asked, "H01")
    _ran(story, loosened, "H01", complete=False)
    assert _changed(story, loosened) == {(CHECK, "H01")}
    _ran(story, loosened, "H01")
    assert _changed(story, loosened) == set()


def test_a_run_in_one_scope_says_nothing_about_another(
    story: Story, asked: Catalog, loosened: Catalog
) -> None:
    _ran(story, asked, "H01", "H02")
    _ran(story, loosened, "H02")
    assert _changed(story, loosened) == {(CHECK, "H01")}


def test_of_old_quiet_runs_the_last_complete_one_of_a_day_is_kept(story: Story, asked: Catalog) -> None:
    for complete in (True, True, False):
        _ran(story, asked, "H01", complete=complete)
    assert check_runs.thin(story.session, NOW + timedelta(days=1)) == 1
    kept = story.session.scalars(select(CheckRun.status).order_by(CheckRun.id))
    assert list(kept) == ["complete", "partial"]


def _begun(story: Story) -> int:
    [run_id] = check_runs.begin(story.session, story.ctx, CHECK, [SCOPE], []).values()
    story.session.commit()
    return run_id


@pytest.mark.parametrize("planned_before", [True, False])
def test_an_older_run_that_ends_after_a_newer_one_opens_and_closes_nothing(
    story: Story, planned_before: bool
) -> None:
    story.run([discrepancy(1), discrepancy(2)])
    older = _begun(story)
    facts = story.facts(check_run_id=older)
    plan = story.plan([discrepancy(2), discrepancy(3)], facts, fetched=True)
    newer = _begun(story)
    story.run([discrepancy(1)], check_run_id=newer, fetched=True)
    before = {n: (story.case(n).status, story.case(n).version) for n in (1, 2)}
    assert [status for status, _ in before.values()] == ["open", "resolved"]
    if not planned_before:
        plan = story.plan([discrepancy(2), discrepancy(3)], facts, fetched=True)
    for chunk in plan.chunks():
        with pytest.raises(OvertakenError):
            intake.apply(story.session, story.ctx, chunk)
        story.session.rollback()
    with pytest.raises(OvertakenError):
        check_runs.finish(
            story.session, older, complete=True, compared=Compared(2, 0, 2), counts=plan.counts, now=story.now
        )
    story.session.rollback()
    assert {n: (story.case(n).status, story.case(n).version) for n in (1, 2)} == before
    assert story.session.get_one(CheckRun, older).status == "failed"
    assert story.session.scalar(select(func.count()).select_from(ExceptionCase)) == 2


def test_a_newer_run_begins_only_once_the_older_has_written_what_it_is_writing(
    story: Story, database: Database
) -> None:
    story.run([discrepancy(1)])
    older, order, ctx = _begun(story), list[str](), story.ctx
    plan = story.plan([], story.facts(check_run_id=older), fetched=True)
    [chunk] = plan.chunks()
    intake.apply(story.session, ctx, chunk)

    def begin() -> None:
        with Session(database.engine) as own, own.begin():
            check_runs.begin(own, ctx, CHECK, [SCOPE], [])
        order.append("newer began")

    newer = threading.Thread(target=begin)
    newer.start()
    newer.join(0.2)
    order.append("older wrote")
    story.session.commit()
    newer.join()
    assert order == ["older wrote", "newer began"]
