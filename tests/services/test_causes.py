"""One missing entry is one cause, whatever it blocks: opened, counted and closed by the data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Category, CausedBy
from exceptions_app.domain.money import SCALE
from exceptions_app.models import AuditEvent, ExceptionCase
from exceptions_app.services import causes, configuration
from exceptions_app.services.audit_verify import verify
from exceptions_app.services.cause_keys import CAUSES_CHECK
from exceptions_app.services.context import ActionContext, Actor
from tests.conftest import NOW

CHECK = "test.blocked"


def _category(code: str, **about: Any) -> Category:
    given: dict[str, Any] = {
        "title": code, "sentence": "{order} is blocked.", "cause": "x", "guidance": ["x"], "owner": "payables",
        "queue": "test_ap", "target": "1 business day",
    }  # fmt: skip
    return Category(code=code, **given | about)


def with_causes(catalog: Catalog, *rules: CausedBy, **crosswalk: str) -> Catalog:
    """The test network, with blocked orders that follow from an alias or a contract."""
    said = "{alias} is unknown to {system}: {exceptions|number} exceptions, {worth|money}."
    added = {
        "blocked": _category("blocked", caused_by=list(rules)),
        "unmapped": _category("unmapped", sentence=said),
        "price_list": _category("price_list", sentence="{contract}: {exceptions|number}, {worth|money}."),
    }
    known = {"supplier": {("TEST_ERP", "KNOWN"): "V1"} | {(None, k): v for k, v in crosswalk.items()}}
    return replace(catalog, categories={**catalog.categories, **added}, crosswalks=known)


ALIAS = CausedBy(category="unmapped", crosswalk="supplier", key={"alias": "alias"})
CONTRACT = CausedBy(category="price_list", key={"contract": "contract"}, when={"why": "price"}, at_least=2)


class World:
    """Live exceptions, and what looking for causes makes of them."""

    def __init__(self, session: Session, catalog: Catalog, make_case: Callable[..., Any]) -> None:
        self.session, self.base, self._make = session, catalog, make_case
        self.catalog = with_causes(catalog, ALIAS, CONTRACT)
        self._count, self._now = 0, NOW

    def blocked(self, *, amount: int = 100, **facts: str) -> ExceptionCase:
        return self.live("blocked", CHECK, {"order": f"PO-{self._count + 1}"}, facts, amount=amount)

    def live(
        self,
        category: str,
        check: str,
        key: Mapping[str, str],
        facts: Mapping[str, str | None],
        *,
        amount: int = 100,
    ) -> ExceptionCase:
        """An open exception of a check, by its business key and facts."""
        self._count += 1
        case: ExceptionCase = self._make(
            category=category, check_code=check, facts=json.dumps(facts), fingerprint=b"%016d" % self._count,
            business_key=json.dumps(key), reporting_amount_e4=amount * SCALE,
        )  # fmt: skip
        return case

    def look(self) -> int:
        """An hour later: plan, report, attach, commit; how many exceptions moved."""
        self._now += timedelta(hours=1)
        snapshot = configuration.accept(self.session, self.catalog, "system:test", NOW)
        ctx = ActionContext(self.catalog, self._now, Actor("job", "reconcile"), snapshot, "c" * 32)
        planned = causes.plan(self.session, ctx)
        causes.report(self.session, ctx, planned)
        moved = causes.attach(self.session, ctx, causes.changes(self.session, planned))
        self.session.commit()
        return moved

    def causes(self) -> list[ExceptionCase]:
        rows = select(ExceptionCase).where(ExceptionCase.check_code == CAUSES_CHECK)
        return list(
            self.session.scalars(rows.order_by(ExceptionCase.id).execution_options(populate_existing=True))
        )


@pytest.fixture
def world(session: Session, catalog: Catalog, make_case: Callable[..., Any]) -> World:
    return World(session, catalog, make_case)


def test_one_missing_alias_is_the_cause_of_all_that_it_blocks(world: World) -> None:
    blocked = [world.blocked(alias="MEDLN-02"), world.blocked(alias="MEDLN-02", amount=250)]
    other, mapped, bare = world.blocked(alias="ACME"), world.blocked(alias="V1"), world.blocked()
    assert world.look() == 3
    medln, acme = world.causes()
    assert {case.parent_id for case in blocked} == {medln.id}
    assert (other.parent_id, mapped.parent_id, bare.parent_id) == (acme.id, None, None)
    assert medln.sentence == "MEDLN-02 is unknown to every system: 2 exceptions, $350.00."
    assert (medln.queue, medln.entity, medln.status, medln.amount_e4) == ("test_ap", "*", "open", None)


def test_looking_again_changes_nothing(world: World) -> None:
    world.blocked(alias="MEDLN-02")
    world.look()
    events = len(world.session.scalars(select(AuditEvent)).all())
    (before,) = [(case.version, case.sentence) for case in world.causes()]
    assert world.look() == 0
    assert [(case.version, case.sentence) for case in world.causes()] == [before]
    assert len(world.session.scalars(select(AuditEvent)).all()) == events


def test_figures_follow_the_children_without_touching_evidence_or_version(world: World) -> None:
    world.blocked(alias="MEDLN-02")
    world.look()
    world.blocked(alias="MEDLN-02", amount=11)
    assert world.look() == 1
    (cause,) = world.causes()
    assert cause.sentence.endswith("2 exceptions, $111.00.")
    assert (cause.version, cause.evidence_version) == (1, 1)


def test_a_mapped_alias_closes_its_cause_and_lets_the_children_go(world: World) -> None:
    child = world.blocked(alias="MEDLN-02")
    world.look()
    world.catalog = with_causes(world.base, ALIAS, CONTRACT, **{"MEDLN-02": "V1"})
    assert world.look() == 1
    (cause,) = world.causes()
    assert (cause.status, cause.end_reason) == ("resolved", "agrees_now")
    assert child.parent_id is None


def test_a_cause_ends_with_its_last_child_which_remembers_it(world: World) -> None:
    child = world.blocked(alias="MEDLN-02")
    world.look()
    (cause,) = world.causes()
    child.status = "resolved"
    world.session.commit()
    assert world.look() == 0
    assert (world.causes()[0].status, child.parent_id) == ("resolved", cause.id)


def test_a_child_whose_facts_change_moves_to_another_cause_and_its_trail_says_so(world: World) -> None:
    child = world.blocked(alias="MEDLN-02")
    world.look()
    child.facts = json.dumps({"alias": "MEDLN-03"})
    world.session.commit()
    assert world.look() == 1
    gone, new = world.causes()
    assert (gone.status, child.parent_id) == ("resolved", new.id)
    told = select(AuditEvent.tag).where(AuditEvent.case_id == child.id).order_by(AuditEvent.id)
    assert world.session.scalars(told).all() == ["case:cause_changed", "case:cause_changed"]


def test_a_cause_that_comes_back_is_the_same_exception_again(world: World) -> None:
    child = world.blocked(alias="MEDLN-02")
    world.look()
    child.status = "resolved"
    world.look()
    child.status = "open"
    world.look()
    (cause,) = world.causes()
    assert (cause.status, cause.recurring, cause.cycle) == ("open", True, 2)


def test_fewer_than_the_declared_number_make_no_cause(world: World) -> None:
    first = world.blocked(contract="C1", why="price")
    world.blocked(contract="C1", why="freight")
    assert world.look() == 0
    second = world.blocked(contract="C1", why="price")
    assert world.look() == 2
    (cause,) = world.causes()
    assert (cause.category, first.parent_id, second.parent_id) == ("price_list", cause.id, cause.id)


def test_the_first_rule_that_fits_decides(world: World) -> None:
    children = [world.blocked(alias="X", contract="C1", why="price") for _ in range(2)]
    world.look()
    (cause,) = world.causes()
    assert cause.category == "unmapped"
    assert {child.parent_id for child in children} == {cause.id}


def test_children_of_a_category_that_no_longer_declares_a_cause_are_let_go(world: World) -> None:
    child = world.blocked(alias="MEDLN-02")
    world.look()
    world.catalog = with_causes(world.base)
    assert world.look() == 1
    assert child.parent_id is None


@pytest.mark.parametrize("status", ["resolved", "waived"])
def test_what_is_not_live_counts_for_nothing(world: World, status: str) -> None:
    child = world.blocked(alias="MEDLN-02")
    child.status = status
    world.session.commit()
    assert world.look() == 0
    assert world.causes() == []


def test_the_trail_of_causes_is_whole(world: World) -> None:
    """The children of this story were not opened through the trail, so only the cause's chain is judged."""
    world.blocked(alias="MEDLN-02")
    world.look()
    (cause,) = world.causes()
    assert cause.audit_head != bytes(32)
    assert [problem for problem in verify(world.session) if problem.where == f"case:{cause.id}"] == []
