"""The kind `allocation`: documents without a common key, allocated by exact sums, and what is ambiguous said so."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import CatalogError, load_catalog
from exceptions_app.catalog.schema import AllocationCheck
from exceptions_app.connectors.registry import connector_models
from exceptions_app.queries.balances import documents
from exceptions_app.reconcile.allocation import allocate, told
from exceptions_app.reconcile.engine import run_together
from exceptions_app.reconcile.parameters import RunParameters

from .books import NOW, Books, days_ago

CHECK = "site.adjustments"
SITE = """
site: {name: Test, packs: [inventory]}
entities: [{code: H1, name: North}, {code: H2, name: South}]
systems:
  - {code: WMS, name: Warehouse, kind: wms, connector: rows}
  - {code: ERP, name: ERP, kind: erp, connector: rows}
feeds:
  - code: adjustments
    system: WMS
    record_type: stock_adjustment
    lag: 1h
    mapping: {entity: a, adjustment: a, item: a, location: a, quantity: parse_decimal(a), amount: parse_decimal(a),
              currency: a, status: a, adjusted_at: parse_timestamp(a)}
  - code: journals
    system: ERP
    record_type: journal_line
    lag: 1h
    mapping: {entity: a, journal: a, line: a, account: a, amount: parse_decimal(a), currency: a, status: a,
              entered_at: parse_timestamp(a)}
categories:
  - {code: not_allocated, title: Not allocated, rank: 10, sentence: "{documents} documents are left over", cause: x,
     guidance: [x], owner: x, ball: us, queue: supply_chain, severity: low, target: 1 day}
  - {code: ambiguous, title: Ambiguous, rank: 20, sentence: "{documents} documents could belong to several", cause: x,
     guidance: [x], owner: x, ball: us, queue: supply_chain, severity: low, target: 1 day}
checks:
  - code: site.adjustments
    title: Adjustments and their journals
    kind: allocation
    flow: inventory
    key: [currency]
    reference: "{currency}"
    sides:
      stock:
        record: stock_adjustment
        where: status = 'posted'
        key: {document: adjustment}
        columns: {amount: amount, at: adjusted_at, reason: reason}
      ledger:
        record: journal_line
        key: {document: journal}
        columns: {amount: amount, at: entered_at}
    documents:
      key: [document]
      amount: amount
      show: [at, reason]
      since: COALESCE(stock.at, ledger.at)
    findings:
      - category: not_allocated
        when: differing > ambiguous
        since: differing_since
        currency: currency
        facts: {documents: differing - ambiguous}
      - category: ambiguous
        when: ambiguous > 0
        since: differing_since
        currency: currency
        facts: {documents: ambiguous}
"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("site")
    (folder / "site.yaml").write_text(SITE)
    return load_catalog(folder, connector_models())


@pytest.fixture
def books(catalog: Catalog) -> Books:
    return Books(catalog)


def _put(books: Books, stock: dict[str, Any], ledger: dict[str, Any], **said: Any) -> None:
    for name, amount in stock.items():
        books.add(
            "stock_adjustment", "WMS",
            **{"adjustment": name, "amount": amount, "currency": "USD", "status": "posted",
               "adjusted_at": days_ago(3), **said},
        )  # fmt: skip
    for name, amount in ledger.items():
        books.add(
            "journal_line", "ERP",
            **{"journal": name, "line": "1", "amount": amount, "currency": "USD", "status": "posted",
               "entered_at": days_ago(2)},
        )  # fmt: skip


CASES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, str]]] = [
    ("one to one", {"A": 10, "B": 20}, {"G": 10, "H": 20}, {}),
    ("one journal for many", {"A": 10, "B": 20, "C": 7.5}, {"G": 37.5}, {}),
    ("many for many that tie out", {"A": 10, "B": 20}, {"G": 5, "H": 25}, {}),
    ("one for many beside one that is left", {"A": 10, "B": 20, "C": 99}, {"G": 30}, {"C": ""}),
    ("twice the same on both sides", {"A": 10, "B": 10, "C": 1}, {"G": 10, "H": 10}, {"C": ""}),
    ("credits count with their sign", {"A": 10, "B": -4, "C": 99}, {"G": 6}, {"C": ""}),
    ("nothing fits", {"A": 10}, {"G": 11}, {"A": "", "G": ""}),
    ("one side only", {"A": 10}, {}, {"A": ""}),
    ("two that could be it", {"A": 10, "B": 10}, {"G": 10}, {"A": "G", "B": "G", "G": "A, or B"}),
    ("two sums that could be it", {"A": 10, "B": 20, "C": 15, "D": 15.0}, {"G": 30},
     {"A": "G", "B": "G", "C": "G", "D": "G", "G": "A and B, or C and D"}),
    ("one is sure, then the rest is", {"A": 10, "B": 20, "C": 30, "D": 99}, {"G": 60, "H": 99.5},
     {"D": "", "H": ""}),
    ("a worth of nothing needs no journal", {"A": 0, "B": 10}, {"G": 10, "H": 0}, {}),
    ("cents count", {"A": "10.0001"}, {"G": "10.0002"}, {"A": "", "G": ""}),
]  # fmt: skip


def test_entities_that_are_compared_together_keep_their_documents_apart(books: Books) -> None:
    _put(books, {"A": 10, "B": 10, "C": 5}, {"G": 10, "H": 7})
    check, alone = books.catalog.checks[CHECK], books.run(CHECK)
    books.con.execute("CREATE TABLE moved AS FROM all_stock_adjustment")
    books.con.execute("INSERT INTO all_stock_adjustment SELECT * REPLACE ('H2' AS entity) FROM moved")
    other = books.run(CHECK, entity="H2")
    for record in ("stock_adjustment", "journal_line"):
        books.con.execute(f"CREATE OR REPLACE TEMP VIEW rec_{record} AS SELECT * FROM all_{record}")
    read = dict.fromkeys(check.sides, NOW)
    parameters = RunParameters(NOW, lambda days: NOW - timedelta(days=days), read)
    together = run_together(books.con, check, books.catalog, ["H1", "H2"], parameters)
    assert together["H1"].discrepancies == alone.discrepancies != []
    assert together["H2"].discrepancies == other.discrepancies != []
    assert {*alone.discrepancies}.isdisjoint(other.discrepancies)


@pytest.mark.parametrize(
    ("stock", "ledger", "left"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_what_is_left_and_what_it_could_be(
    books: Books, stock: dict[str, Any], ledger: dict[str, Any], left: dict[str, str]
) -> None:
    _put(books, stock, ledger)
    found = books.run(CHECK).discrepancies
    ambiguous = sum(bool(candidates) for candidates in left.values())
    wanted = (["ambiguous"] if ambiguous else []) + (["not_allocated"] if len(left) > ambiguous else [])
    assert sorted(one.category for one in found) == wanted
    for one in found:
        listed = json.loads(one.evidence)["let"]["documents"]
        said = {
            document["key"]["document"]: side.get("candidates", "")
            for document in listed
            for side in document["sides"].values()
        }
        assert said == left


def test_groups_and_facilities_are_allocated_by_themselves(books: Books) -> None:
    _put(books, {"A": 10}, {"G": 30})
    _put(books, {"B": 20}, {}, currency="CAD")
    _put(books, {"C": 20}, {}, entity="H2")
    found = books.run(CHECK).discrepancies
    assert sorted((one.reference, json.loads(one.facts)["documents"]) for one in found) == [
        ("CAD", 1),
        ("USD", 2),
    ]
    assert [one.entity for one in books.run(CHECK, entity="H2").discrepancies] == ["H2"]


def test_a_document_that_the_other_side_cannot_know_yet_is_waited_for(books: Books) -> None:
    _put(books, {"A": 10}, {}, adjusted_at=NOW - timedelta(minutes=59))
    assert books.run(CHECK).discrepancies == []
    assert books.run(CHECK, read={"ledger": None}).discrepancies == []


def test_the_page_lists_what_is_left_with_its_candidates(books: Books, catalog: Catalog) -> None:
    _put(books, {"A": 10, "B": 10}, {"G": 10})
    let = json.loads(books.only(CHECK).evidence)["let"]
    listed = documents(catalog, catalog.checks[CHECK], let, ["stock", "ledger"], lambda value, _: str(value))
    assert listed is not None
    assert {row.name: [side.rest for side in row.sides if side.amount] for row in listed.rows}["G"][
        0
    ].endswith("belongs to A, or B")


def test_it_is_the_same_whatever_the_order_and_says_so_in_its_hash(books: Books, catalog: Catalog) -> None:
    _put(books, {"A": 10, "B": 10, "C": 7}, {"G": 10})
    turned = Books(catalog)
    _put(turned, {"C": 7, "B": 10, "A": 10}, {"G": 10})
    hashes = [
        {one.category: one.evidence_hash for one in each.run(CHECK).discrepancies} for each in (books, turned)
    ]
    assert hashes[0] == hashes[1] and len(hashes[0]) == 2


def test_the_search_is_bounded() -> None:
    many = {f"A{place:02d}": 2**place for place in range(40)}
    found = allocate([many, {"G": 3}], 16, 6)
    assert (found.done, found.candidates) == (frozenset(), {})
    few = {name: many[name] for name in sorted(many)[:16]}
    assert allocate([few, {"G": 3}], 16, 6).done == {(0, "A00"), (0, "A01"), (1, "G")}
    assert allocate([few, {"G": 2**7 - 1}], 16, 6).done == frozenset()
    assert len(allocate([{f"A{n:02d}": 1 for n in range(16)}, {"G": 2}], 16, 6).candidates[1, "G"]) == 10


def test_what_is_allocated_always_ties_out_and_no_order_matters() -> None:
    rng = random.Random(8)
    for _ in range(150):
        sides = [{f"{name}{n}": rng.randint(-6, 12) for n in range(rng.randint(0, 6))} for name in "AB"]
        found = allocate(sides, 16, 6)
        done = [
            sum(amount for name, amount in side.items() if (i, name) in found.done)
            for i, side in enumerate(sides)
        ]
        assert done[0] == done[1]
        assert not {*found.candidates} & found.done
        turned = [dict(reversed(side.items())) for side in sides]
        assert allocate(turned, 16, 6) == found


def test_candidates_are_said_in_words() -> None:
    assert told([("A-1",), ("A-2", "A-3")]) == "A-1, or A-2 and A-3"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("when: ambiguous > 0", "when: ambigous > 0"), "ambigous"),
        (
            ("amount: amount\n      show", "amount: worth\n      show"),
            "'worth' is none of the columns of both sides",
        ),
        (("    documents:\n      key", "    searched: 40\n    documents:\n      key"), "searched"),
    ],
    ids=["unknown name", "no such amount", "too wide a search"],
)
def test_what_is_wrong_with_the_check_is_refused(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    assert change[0] in SITE
    (tmp_path / "site.yaml").write_text(SITE.replace(*change))
    with pytest.raises(CatalogError, match=message):
        load_catalog(tmp_path, connector_models())


def test_it_is_always_compared_in_full(catalog: Catalog) -> None:
    check = catalog.checks[CHECK]
    assert isinstance(check, AllocationCheck) and check.compared_in_full
