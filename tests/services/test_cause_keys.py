"""Which identifiers a crosswalk knows, and which cause facts lead to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from demo.catalog_csv import CATALOG
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.schema import CausedBy
from exceptions_app.connectors.registry import connector_models
from exceptions_app.services.cause_keys import CauseKey, Missing, cause_categories

RULE = CausedBy(category="unmapped_supplier", crosswalk="supplier", side="invoice", key={"alias": "alias"})
THREE_WAY = "p2p.three_way"


@pytest.fixture(scope="module")
def network() -> Catalog:
    """The simulated network's catalog, with a crosswalk of our own."""
    loaded = load_catalog(Path(CATALOG), connector_models())
    known: dict[tuple[str | None, str], str] = {
        ("ap_automation", "204100"): "V1001", ("procurement", "NORTHGATE"): "V1001", (None, "ALIAS"): "V1002",
    }  # fmt: skip
    return replace(loaded, crosswalks={**loaded.crosswalks, "supplier": known})


@pytest.mark.parametrize(
    ("alias", "unknown"),
    [("204100", False), ("V1001", False), ("ALIAS", False), ("NORTHGATE", True), ("STRANGER", True)],
)
def test_an_identifier_is_unknown_only_where_nothing_says_what_its_system_means(
    network: Catalog, alias: str, unknown: bool
) -> None:
    cause = Missing(network).cause(THREE_WAY, RULE, {"alias": alias})
    key = f'{{"alias":"{alias}","crosswalk":"supplier","system":"ap_automation"}}'
    assert cause == (CauseKey("unmapped_supplier", key) if unknown else None)


def test_of_a_check_that_nobody_declares_the_system_is_not_known(network: Catalog) -> None:
    cause = Missing(network).cause("gone", RULE, {"alias": "STRANGER"})
    assert cause is not None
    assert '"system":""' in cause.business_key


@pytest.mark.parametrize("facts", [{}, {"alias": None}, {"alias": ""}])
def test_without_the_fact_there_is_no_cause(network: Catalog, facts: dict[str, Any]) -> None:
    assert Missing(network).cause(THREE_WAY, RULE, facts) is None


def test_causes_are_in_the_order_of_declaration(network: Catalog) -> None:
    expected = ["unmapped_supplier", "missing_conversion", "price_list_differs"]
    found = cause_categories(network)
    assert [code for code in found if code in expected] == expected
