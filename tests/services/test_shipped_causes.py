"""What the shipped categories gather into one cause: codes that nobody mapped, and awards that are over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from demo.catalog_csv import CATALOG
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import connector_models

from .test_causes import World

Facts = Mapping[str, str | None]
LOCAL = "LOCAL-77"


@pytest.fixture(scope="module")
def network() -> Catalog:
    """The simulated network's catalog: every pack."""
    return load_catalog(Path(CATALOG), connector_models())


@pytest.fixture
def world(session: Session, catalog: Catalog, network: Catalog, make_case: Callable[..., Any]) -> World:
    world = World(session, catalog, make_case)
    world.catalog = network
    return world


@dataclass(frozen=True)
class Blocked:
    """An exception that follows from an unmapped code, and one beside it that follows from none."""

    category: str
    check: str
    crosswalk: str
    facts: Facts
    valid: Facts
    """Facts where the code is another valid one."""
    of_key: str | None = None
    """The part of the business key that is the code, where no fact says it."""

    @property
    def key(self) -> dict[str, str]:
        return {self.of_key: LOCAL} if self.of_key else {"document": "D1"}


PAID, IN_ERP, EXPENSE = "h2r.payroll_assignment", "h2r.erp_assignment", "grants.expense"
UNMAPPED = [
    Blocked("cost_center_mismatch", PAID, "cost_center", {"payroll_unmapped": LOCAL}, {"payroll_unmapped": None}),
    Blocked("cost_center_mismatch", PAID, "cost_center", {"hcm_unmapped": LOCAL}, {"theirs": LOCAL}),
    Blocked("cost_center_mismatch", IN_ERP, "cost_center", {"hcm_unmapped": LOCAL}, {"hcm_unmapped": None}),
    Blocked("department_mismatch", PAID, "department", {"payroll_unmapped": LOCAL}, {"theirs": LOCAL}),
    Blocked("department_mismatch", IN_ERP, "department", {"hcm_unmapped": LOCAL}, {"hcm": LOCAL}),
    Blocked("award_cost_center_mismatch", EXPENSE, "cost_center", {"unmapped": LOCAL}, {"cost_center": LOCAL}),
    Blocked("funding_code_unknown", EXPENSE, "award", {"alias": LOCAL}, {"alias": "A1"}),
    Blocked("on_hand_variance", "inv.on_hand", "item", {"known": "no"}, {"known": "yes"}, "item"),
    Blocked("item_missing", "inv.item_master", "item", {"wrote": "warehouse"}, {"wrote": "erp"}, "item"),
    *(
        Blocked(
            "master_missing", f"fin.{code}", code, {"kind": kind, "wrote": "payroll"}, {"kind": "Unknown"}, "code"
        )
        for code, kind in (
            ("account", "Account"), ("cost_center", "Cost center"), ("department", "Department"),
            ("location", "Location"),
        )
    ),
]  # fmt: skip


def mapping(catalog: Catalog, crosswalk: str, local: str) -> Catalog:
    """The same configuration, with an entry for every system."""
    known = {**catalog.crosswalks[crosswalk], (None, local): "A1"}
    return replace(catalog, crosswalks={**catalog.crosswalks, crosswalk: known})


@pytest.mark.parametrize(
    "told", UNMAPPED, ids=[f"{one.check} {one.category} {i}" for i, one in enumerate(UNMAPPED)]
)
def test_an_unmapped_code_is_one_cause_until_it_is_mapped(world: World, told: Blocked) -> None:
    world.catalog = mapping(world.catalog, told.crosswalk, "ANOTHER")
    children = [world.live(told.category, told.check, told.key, told.facts) for _ in range(2)]
    beside = world.live(told.category, told.check, told.key, told.valid)
    assert world.look() == 2
    (cause,) = world.causes()
    assert (cause.category, cause.queue) == (
        f"unmapped_{told.crosswalk}", world.catalog.categories[f"unmapped_{told.crosswalk}"].queue,
    )  # fmt: skip
    assert {child.parent_id for child in children} == {cause.id}
    assert beside.parent_id is None
    assert cause.sentence.startswith(f"{LOCAL} in ")
    assert "2 exceptions, $200.00" in cause.sentence
    world.catalog = mapping(world.catalog, told.crosswalk, LOCAL)
    assert world.look() == 2
    (cause,) = world.causes()
    assert (cause.status, cause.end_reason) == ("resolved", "agrees_now")
    assert {child.parent_id for child in children} == {None}


def test_checks_that_meet_the_same_code_of_a_system_share_its_cause(world: World) -> None:
    children = [
        world.live("cost_center_mismatch", check, {"worker": "1"}, {"hcm_unmapped": LOCAL})
        for check in (PAID, IN_ERP)
    ]
    world.look()
    (cause,) = world.causes()
    assert {child.parent_id for child in children} == {cause.id}


def test_a_department_of_that_code_is_no_cost_center(world: World) -> None:
    one = world.live("cost_center_mismatch", PAID, {"worker": "1"}, {"payroll_unmapped": LOCAL})
    other = world.live("department_mismatch", PAID, {"worker": "1"}, {"payroll_unmapped": LOCAL})
    world.look()
    assert [cause.category for cause in world.causes()] == ["unmapped_cost_center", "unmapped_department"]
    assert one.parent_id != other.parent_id


def _late(world: World, category: str = "outside_performance", side: str = "after", award: str = "A7") -> Any:
    return world.live(category, EXPENSE, {"document": "E1"}, {"award": award, "side_of_period": side})


def test_three_costs_after_the_end_of_an_award_are_one_cause(world: World) -> None:
    children = [_late(world), _late(world), _late(world, "funding_code_expired")]
    beside = [_late(world, side="before"), _late(world, award="A8"), _late(world, award="A8")]
    assert world.look() == 3
    (cause,) = world.causes()
    assert (cause.category, cause.queue, cause.reference) == ("expired_award", "grants", "A7")
    assert {child.parent_id for child in children} == {cause.id}
    assert {case.parent_id for case in beside} == {None}


def test_an_award_that_is_extended_is_no_cause_any_more(world: World) -> None:
    children = [_late(world) for _ in range(3)]
    world.look()
    for child in children:
        child.status = "resolved"
    world.session.commit()
    world.look()
    (cause,) = world.causes()
    assert (cause.status, cause.end_reason) == ("resolved", "agrees_now")
