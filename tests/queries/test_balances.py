"""The documents of a balance on its page: what each system says, the difference, how many more there are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.access import Viewer
from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import connector_models
from exceptions_app.queries.sides import SideBySide, side_by_side

_FEED = (
    "  - {{code: {0}_invoices, system: {0}, record_type: invoice, mapping: {{entity: a, supplier: a, invoice_number: a,"
    " amount: parse_decimal(a), currency: a, status: a, entered_at: parse_timestamp(a)}}}}\n"
)
_SITE = (
    "site: {name: T, packs: [procure_to_pay]}\n"
    "entities: [{code: H1, name: North}]\n"
    "systems:\n"
    "  - {code: ERP, name: Ledger, kind: erp, connector: rows}\n"
    "  - {code: AP, name: Scan, kind: ap_automation, connector: rows}\n"
    "feeds:\n" + _FEED.format("ERP") + _FEED.format("AP")
)
_POSTED = {"open_amount": "100", "amount": "100", "status": "posted", "invoice_date": "2026-11-03"}


@pytest.fixture
def shown(tmp_path: Path, viewer_of: Callable[..., Viewer]) -> Callable[..., SideBySide]:
    (tmp_path / "site.yaml").write_text(_SITE)
    catalog = load_catalog(tmp_path, connector_models())

    def show(documents: list[Any], differing: int, check: str = "p2p.vendor_balance") -> SideBySide:
        evidence = {
            "key": {},
            "let": {"documents": documents, "differing": differing},
            "sides": {"erp": {"open_amount": "100"}, "ap_automation": {"open_amount": "630"}},
        }
        return side_by_side(viewer_of(), catalog, check, json.dumps(evidence), "USD")

    return show


def test_each_document_says_what_each_system_has(shown: Callable[..., SideBySide]) -> None:
    partly = {
        "key": {"invoice_number": "I2"},
        "sides": {"erp": _POSTED, "ap_automation": {"open_amount": "130"}},
    }
    found = shown(
        [{"key": {"invoice_number": "I3"}, "sides": {"ap_automation": {"open_amount": "500"}}}, partly], 2
    )
    assert [head.systems for head in found.heads] == ["Ledger", "Scan"]
    assert found.documents is not None
    first, second = found.documents.rows
    assert (first.name, first.difference) == ("I3", "-$500.00")
    assert [(said.amount, said.rest) for said in first.sides] == [("", ""), ("$500.00", "")]
    assert [(said.amount, said.rest) for said in second.sides] == [
        ("$100.00", "posted, $100.00, 3 Nov 2026"),
        ("$130.00", ""),
    ]
    assert found.documents.more == 0


def test_what_is_not_listed_is_counted(shown: Callable[..., SideBySide]) -> None:
    found = shown([{"key": {"invoice_number": "I3"}, "sides": {"erp": {"open_amount": "5"}}}], 31)
    assert found.documents is not None and found.documents.more == 30


@pytest.mark.parametrize("check", ["p2p.invoice_status", "p2p.gone"])
def test_other_checks_list_no_documents(shown: Callable[..., SideBySide], check: str) -> None:
    assert shown([{"key": {"invoice_number": "I3"}, "sides": {}}], 1, check).documents is None
