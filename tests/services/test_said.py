"""What services say to people is in business words: titles, currencies and names of systems, never codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.catalog.additions import ToleranceAddition
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import connector_models
from exceptions_app.services.placing import Placing
from exceptions_app.services.remedies import said
from tests.conftest import NOW

from .story import discrepancy

CHECK = "p2p.order_match"


@pytest.fixture
def pages() -> Catalog:
    return load_catalog(Path(__file__).parent.parent / "web" / "site", connector_models())


def _judging(pages: Catalog, style: str) -> Catalog:
    check: Any = pages.checks[CHECK]
    use = check.findings[0].tolerance.model_copy(update={"format": style})
    finding = check.findings[0].model_copy(update={"tolerance": use})
    return replace(pages, checks={**pages.checks, CHECK: check.model_copy(update={"findings": [finding]})})


@pytest.mark.parametrize(("style", "figure"), [("money", "$700.00"), ("quantity", "700")])
def test_a_wider_limit_is_said_by_its_check_and_in_its_currency(
    pages: Catalog, style: str, figure: str
) -> None:
    scoped: Any = {"counterparty": ["Medline"], "entity": ["H01"], "absolute": "700", "percent": "2.5"}
    addition = ToleranceAddition(check=CHECK, tolerance="price", scoped=scoped)
    whom = f"Medline, {pages.entities['H01'].name}"
    words = f"Orders and invoices, limit of price: up to {figure} or 2.5 % for {whom}"
    assert said(_judging(pages, style), addition) == words


def test_a_sentence_names_the_system_and_not_its_code(pages: Catalog) -> None:
    category = pages.categories["price_variance"].model_copy(update={"sentence": "-3 EA in {system}."})
    named = replace(pages, categories={**pages.categories, "price_variance": category})
    found = discrepancy(1, category="price_variance")
    for system, name in (("ERP1", "Page ERP"), ("elsewhere", "elsewhere")):
        told = found._replace(facts=json.dumps({"system": system}))
        assert Placing(named, NOW).sentence(told) == f"-3 EA in {name}."
