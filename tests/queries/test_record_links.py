"""Links from an exception to its records: whose name an address takes, and what must not become part of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.schema import ChainStep
from exceptions_app.connectors.registry import connector_models
from exceptions_app.models import Role
from exceptions_app.queries.chain import NONE, chain
from exceptions_app.queries.record_links import record_links

KEY = {"order_number": "PO-1"}
EVIDENCE = {"key": KEY, "sides": {"ordered": {"account": "111"}, "invoiced": {"account": "222"}}}
ViewerOf = Callable[..., Viewer]


@pytest.fixture
def page() -> Catalog:
    """The test network, whose orders are known under other names in payables."""
    found = load_catalog(Path(__file__).parent.parent / "web" / "site", connector_models())
    for code in ("page_order", "page_invoice"):
        record = found.record_types[code]
        named = record.columns["order_number"].model_copy(update={"crosswalk": "order"})
        columns = {**record.columns, "order_number": named}
        found.record_types[code] = record.model_copy(update={"columns": columns})  # type: ignore[index]
    return replace(
        found, crosswalks={"order": {("AP1", "A/7"): "PO-1", ("AP1", "A/8"): "PO-2", ("AP1", "A/9"): "PO-2"}}
    )


def addressed(page: Catalog, system: str, **patterns: Any) -> Catalog:
    systems = {**page.systems, system: page.systems[system].model_copy(update={"record_urls": patterns})}
    return replace(page, systems=systems)


def urls(
    page: Catalog, viewer: Viewer, key: dict[str, Any], evidence: dict[str, Any] = EVIDENCE
) -> list[str]:
    return [link.url for link in record_links(viewer, page, "p2p.order_match", key, evidence)]


def test_each_system_is_asked_by_its_own_name_whichever_the_key_has(
    page: Catalog, viewer_of: ViewerOf
) -> None:
    page = addressed(page, "AP1", page_invoice="https://ap.example/{order_number}")
    both = ["https://erp.example/orders/PO-1", "https://ap.example/A%2F7"]
    assert urls(page, viewer_of(), KEY) == both
    assert urls(page, viewer_of(), {"order_number": "A/7"}) == both


def test_where_a_system_has_several_names_for_it_there_is_no_link(page: Catalog, viewer_of: ViewerOf) -> None:
    page = addressed(page, "AP1", page_invoice="https://ap.example/{order_number}")
    assert urls(page, viewer_of(), {"order_number": "PO-2"}) == ["https://erp.example/orders/PO-2"]


def test_the_first_pattern_that_can_be_filled_counts(page: Catalog, viewer_of: ViewerOf) -> None:
    patterns = ["https://erp.example/{order_number}/{price}", "https://erp.example/{order_number}"]
    page = addressed(page, "ERP1", page_order=patterns)
    assert urls(page, viewer_of(), KEY) == ["https://erp.example/PO-1"]
    priced = {"sides": {"ordered": {"price": "31"}, "invoiced": {}}}
    assert urls(page, viewer_of(), KEY, priced) == ["https://erp.example/PO-1/31"]


def test_what_a_person_may_not_read_is_part_of_no_address(page: Catalog, viewer_of: ViewerOf) -> None:
    page = addressed(page, "ERP1", page_order="https://erp.example/{account}")
    assert urls(page, viewer_of(Role.MANAGER), KEY) == ["https://erp.example/111"]
    assert urls(page, viewer_of(Role.SPECIALIST), KEY) == []


def test_a_side_that_was_not_found_has_nothing_to_open(page: Catalog, viewer_of: ViewerOf) -> None:
    assert urls(page, viewer_of(), KEY, {"sides": {"ordered": {}, "invoiced": {}}}) == []


def test_a_number_of_something_that_does_not_exist_is_no_document(page: Catalog, viewer_of: ViewerOf) -> None:
    check = page.checks["p2p.order_match"]
    step = ChainStep(
        label="Order", side="ordered", record=None, reference="order_number", present="unit", counted_in=""
    )
    page.checks["p2p.order_match"] = check.model_copy(update={"chain": [step]})  # type: ignore[index]

    def document(unit: Any) -> tuple[str, str]:
        evidence = {"key": KEY, "sides": {"ordered": {"unit": unit, "price": "1"}}}
        (found,) = chain(viewer_of(), page, "p2p.order_match", evidence, "USD")
        return found.missing, found.url

    assert document(None) == document(False) == (NONE, "")
    assert document("EA") == ("", "https://erp.example/orders/PO-1")


def test_a_quantity_is_told_with_its_unit_although_no_column_has_it(
    page: Catalog, viewer_of: ViewerOf
) -> None:
    check = page.checks["p2p.order_match"]
    step = ChainStep(
        label="Pay",
        side="ordered",
        record=None,
        reference="order_number",
        quantity="price",
        counted_in="hours",
    )
    page.checks["p2p.order_match"] = check.model_copy(update={"chain": [step]})  # type: ignore[index]
    evidence = {"key": KEY, "sides": {"ordered": {"price": "80"}}}
    (found,) = chain(viewer_of(), page, "p2p.order_match", evidence, "USD")
    assert found.about == ("80 hours",)
