"""Which keys a rejected row leaves unjudged, under the shipped checks: written, translated, in part."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.duck import closing_session
from exceptions_app.records.known import Known, OpenReject
from jobs.unjudged import Unjudged, unjudged_keys
from tests.reconcile.conftest import p2p

__all__ = ["p2p"]

LINE: dict[str, str | None] = {"entity": "H1", "order_number": "PO1", "line_number": "1"}
INVOICE: dict[str, str | None] = {"supplier": "V1", "invoice_number": "I1", "invoice_line": "1"}
THREE_WAY, TWICE, NO_ORDER = "p2p.three_way", "p2p.duplicate_invoice", "p2p.invoice_without_order"


@pytest.fixture
def con() -> Iterator[DuckDBPyConnection]:
    with closing_session("200MB", 1) as con:
        yield con


def unjudged(con: DuckDBPyConnection, catalog: Catalog, feed: str, *known: Known) -> Unjudged:
    rejects = [OpenReject(number, feed, None, each) for number, each in enumerate(known)]
    return unjudged_keys(con, catalog, list(catalog.checks.values()), rejects)


def holds(found: Unjudged, check: str, *key: str, entity: str = "H1", evidence: str = "") -> bool:
    names = {THREE_WAY: ("order_number", "line_number")}.get(check, ("supplier", "invoice_number"))
    business_key = json.dumps(dict(zip(names, key, strict=True)))
    return found.holds(check, entity, entity, business_key, evidence)


def test_whole_key_is_held_back_in_its_entity_alone(con: DuckDBPyConnection, p2p: Catalog) -> None:
    found = unjudged(con, p2p, "receipts", LINE)
    assert holds(found, THREE_WAY, "PO1", "1")
    assert not holds(found, THREE_WAY, "PO1", "1", entity="H2")
    assert not holds(found, THREE_WAY, "PO1", "2")
    assert [entity for entity, _ in found.held_back(THREE_WAY, "H1")] == ["H1"]
    assert not found.held_back(THREE_WAY, "H2")


@pytest.mark.parametrize(
    ("known", "held"),
    [
        ({"entity": "H1", "order_number": "PO1"}, [("PO1", "1"), ("PO1", "2")]),
        ({"entity": "H1", "line_number": "1"}, []),
        ({**LINE, "order_number": None}, []),
    ],
)
def test_half_a_key_holds_back_what_begins_alike(
    con: DuckDBPyConnection, p2p: Catalog, known: Known, held: list[tuple[str, str]]
) -> None:
    found = unjudged(con, p2p, "receipts", known)
    keys = [("PO1", "1"), ("PO1", "2"), ("PO2", "1")]
    assert [key for key in keys if holds(found, THREE_WAY, *key)] == held


def test_key_that_is_worked_out_from_a_column_is_worked_out_here_too(
    con: DuckDBPyConnection, p2p: Catalog
) -> None:
    empty = {"entity": "H1", "order_number": "PO1", "line_number": None, **INVOICE}
    found = unjudged(con, p2p, "invoices", empty)
    assert holds(found, THREE_WAY, "PO1", "") and not holds(found, THREE_WAY, "PO1", "1")


def test_invoice_is_known_as_written_and_as_translated(con: DuckDBPyConnection, p2p: Catalog) -> None:
    found = unjudged(con, p2p, "invoices", {"entity": "H1", "order_number": None, **INVOICE})
    assert holds(found, NO_ORDER, "V1", "I1") and holds(found, NO_ORDER, "S1", "I1")
    assert not holds(found, NO_ORDER, "V2", "I1") and not holds(found, THREE_WAY, "", "")


def test_cluster_is_held_back_with_any_of_its_members(con: DuckDBPyConnection, p2p: Catalog) -> None:
    found = unjudged(con, p2p, "invoices", {"entity": "H1", **INVOICE})
    a = {"entity": "H2", "supplier": "S1", "invoice_number": "i-1"}
    b = {"entity": "H1", "supplier": "S1", "invoice_number": "I1"}
    cluster, other = json.dumps({"sides": {"a": a, "b": b}}), json.dumps({"sides": {"a": a}})
    assert holds(found, TWICE, "V1", "i-1", entity="H2", evidence=cluster)
    assert not holds(found, TWICE, "V1", "i-1", entity="H2", evidence=other)


def test_document_of_which_half_the_key_is_known_holds_no_other_back(
    con: DuckDBPyConnection, p2p: Catalog
) -> None:
    found = unjudged(con, p2p, "invoices", {"entity": "H1", "supplier": "V1"})
    assert not holds(found, TWICE, "V1", "I1") and not holds(found, NO_ORDER, "V1", "I1")


def test_without_rejects_nothing_is_asked(con: DuckDBPyConnection, p2p: Catalog) -> None:
    con.close()
    assert not unjudged(con, p2p, "receipts")
