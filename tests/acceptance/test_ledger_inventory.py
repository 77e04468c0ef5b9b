"""Inventory, grants, finance, messages and events in the simulated network: found is what was planted, and no more."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from .live import SimulatedNetwork, Site

FLOWS = ("inventory", "projects_and_grants", "finance_masters", "messages", "lifecycle_events")
Found = set[tuple[str, str, str]]


def _key(business_key: str) -> str:
    return json.dumps({name: str(value) for name, value in json.loads(business_key).items()}, sort_keys=True)


@pytest.fixture
def judge(seen: tuple[SimulatedNetwork, Site]) -> Callable[[str], tuple[Found, Found]]:
    """What a flow found and what was planted, as category, facility and key."""
    network, site = seen

    def of(flow: str) -> tuple[Found, Found]:
        categories = site.categories(flow)
        found = {
            (one.category, one.entity or "*", _key(one.business_key))
            for one in site.cases()
            if one.category in categories
        }
        planted = {
            (row["category"], row["entity"], _key(row["business_key"]))
            for row in network.ledger("fault")
            if row["category"] in categories
        }
        assert {category for category, _, _ in planted} == categories, "every category of the flow is planted"
        return found, planted

    return of


def test_everything_planted_is_found_and_nothing_else_is(
    judge: Callable[[str], tuple[Found, Found]], seen: tuple[SimulatedNetwork, Site]
) -> None:
    network, site = seen
    for flow in FLOWS:
        found, planted = judge(flow)
        assert (sorted(found - planted), sorted(planted - found)) == ([], []), flow
    named = {_key(case.business_key) for case in site.cases()}
    categories = site.categories(*FLOWS)
    innocent = [row for row in network.ledger("look_alike") if row["category"] in categories]
    assert innocent
    wrong = {_key(row["business_key"]) for row in network.ledger("fault")}
    assert [row["how"] for row in innocent if _key(row["business_key"]) in named - wrong] == []
