"""Whether a check is still what it was when it last ran to its end, scope by scope."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import DuplicateCheck
from exceptions_app.models import CheckRun
from exceptions_app.services import check_runs, configuration
from exceptions_app.services.check_runs import Compared
from exceptions_app.services.intake import IntakeCounts
from tests.conftest import NOW
from tests.services.story import CHECK, Story


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
