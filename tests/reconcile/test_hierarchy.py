"""The kind `hierarchy`: cycles of any length and orphans, among the ERP's masters and among managers."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.wording import render
from exceptions_app.reconcile.cycles import cycles, path_of

from .books import NOW, days_ago
from .people_books import PeopleBooks
from .people_books import site as people_site
from .test_finance_masters import FinanceBooks, finance_site

CENTERS = "fin.cost_center_structure"
MANAGERS = "h2r.manager_cycle"
Links = dict[str, str | None]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return finance_site(tmp_path_factory.mktemp("finance"))


@pytest.fixture
def books(catalog: Catalog) -> FinanceBooks:
    return FinanceBooks(catalog)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return people_site(tmp_path_factory.mktemp("people"))


def _centers(books: FinanceBooks, links: Links, **said: dict[str, Any]) -> None:
    for code, parent in links.items():
        books.put("cost_center", "ERP", cost_center=code, parent=parent, **said.get(f"c{code}", {}))


STRUCTURES: list[tuple[str, Links, dict[str, Any], list[str]]] = [
    ("a tree", {"1": None, "10": "1", "11": "1", "12": "11"}, {}, []),
    ("a blank parent is the top", {"1": "", "10": "1"}, {}, []),
    ("below itself", {"10": "10"}, {}, ["10 → 10"]),
    ("two", {"10": "11", "11": "10"}, {}, ["10 → 11 → 10"]),
    ("five, and what hangs on them", {"5": "3", "3": "4", "4": "1", "1": "2", "2": "5", "9": "4"}, {},
     ["1 → 2 → 5 → 3 → 4 → 1"]),
    ("two cycles", {"1": "2", "2": "1", "3": "4", "4": "3"}, {}, ["1 → 2 → 1", "3 → 4 → 3"]),
    ("one of the cycle has ended", {"10": "11", "11": "10"}, {"c11": {"status": "inactive"}},
     ["10 → 11"]),
    ("unknown", {"10": "77"}, {}, ["10 → 77"]),
    ("inactive", {"1": None, "10": "1"}, {"c1": {"status": "inactive"}}, ["10 → 1"]),
    ("ended yesterday", {"1": None, "10": "1"}, {"c1": {"valid_to": date(2026, 11, 23)}}, ["10 → 1"]),
    ("ends today", {"1": None, "10": "1"}, {"c1": {"valid_to": date(2026, 11, 24)}}, []),
    ("begins tomorrow", {"1": None, "10": "1"}, {"c1": {"valid_from": date(2026, 11, 25)}}, ["10 → 1"]),
    ("who has ended needs no parent", {"10": "77"}, {"c10": {"status": "inactive"}}, []),
    ("who is not yet valid needs no parent", {"10": "77"}, {"c10": {"valid_from": date(2026, 12, 1)}}, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("links", "said", "paths"), [row[1:] for row in STRUCTURES], ids=[row[0] for row in STRUCTURES]
)
def test_structures(books: FinanceBooks, links: Links, said: dict[str, Any], paths: list[str]) -> None:
    _centers(books, links, **said)
    result = books.run(CENTERS, entity=None)
    assert sorted(json.loads(one.facts)["path"] for one in result.discrepancies) == paths
    assert result.compared == len(links)


def test_the_sentences_say_who_and_why(books: FinanceBooks) -> None:
    _centers(books, {"10": "11", "11": "10", "20": "1", "1": None, "30": "77"},
             c1={"valid_to": date(2026, 10, 1)})  # fmt: skip
    assert books.told(CENTERS) == [
        "Cost center: 10 → 11 → 10 goes round, so sums over it never end.",
        "Cost center 20 Theatre rolls up to 1, which ended on 2026-10-01.",
        "Cost center 30 Theatre rolls up to 77, which is unknown.",
    ]


def test_a_cycle_is_one_exception_with_its_members_as_evidence_whoever_comes_first(
    books: FinanceBooks, catalog: Catalog
) -> None:
    links: Links = {"12": "10", "10": "11", "11": "12"}
    _centers(books, links)
    found = books.found(CENTERS)
    evidence = json.loads(found.evidence)
    assert {side: (one["cost_center"], one["parent"]) for side, one in evidence["sides"].items()} == {
        "a": ("10", "11"), "b": ("11", "12"), "c": ("12", "10"),
    }  # fmt: skip
    assert (found.reference, json.loads(found.business_key)) == ("10", {"cost_center": "10"})
    turned = FinanceBooks(catalog)
    _centers(turned, dict(reversed(links.items())))
    again = turned.found(CENTERS)
    assert (again.fingerprint, again.evidence_hash) == (found.fingerprint, found.evidence_hash)


def test_a_parent_that_has_ended_stands_beside_its_child(books: FinanceBooks) -> None:
    _centers(books, {"1": None, "10": "1"}, c1={"status": "inactive"})
    sides = json.loads(books.found(CENTERS).evidence)["sides"]
    assert (sides["a"]["cost_center"], sides["b"]["cost_center"], sides["b"]["status"]) == (
        "10",
        "1",
        "inactive",
    )


@pytest.mark.parametrize("read", [None, NOW - timedelta(days=1)], ids=["never", "yesterday"])
def test_nothing_is_unknown_before_everything_was_read(books: FinanceBooks, read: Any) -> None:
    _centers(books, {"10": "77", "20": "21", "21": "20"})
    found = books.run(CENTERS, entity=None, read={"documents": read}).discrepancies
    assert [one.category for one in found] == (
        ["master_cycle"] if read is None else ["master_cycle", "master_orphan"]
    )


def test_a_cycle_that_was_cut_anywhere_counts_as_read_when_that_was(books: FinanceBooks) -> None:
    _centers(books, {"10": "11", "12": None}, c10={"fetched_at": days_ago(3)})
    books.put("cost_center", "ERP", cost_center="11", parent="12", fetched_at=days_ago(1))
    books.con.execute("UPDATE all_cost_center SET fetched_at = ? WHERE cost_center = '12'", [days_ago(5)])
    (probed,) = books.probe([{"cost_center": "10"}], CENTERS).values()
    assert (probed.present, probed.fetched_at) == (True, days_ago(1))


MANAGED: list[tuple[str, list[tuple[str, str | None, str]], list[str]]] = [
    ("a chain", [("W1", "W2", "active"), ("W2", "W3", "active"), ("W3", None, "active")], []),
    ("oneself", [("W1", "W1", "active")], ["W1 → W1"]),
    ("three", [("W3", "W1", "active"), ("W1", "W2", "leave"), ("W2", "W3", "active")], ["W1 → W2 → W3 → W1"]),
    ("one of them left", [("W1", "W2", "active"), ("W2", "W1", "terminated")], []),
    ("a manager whom nobody knows is no cycle", [("W1", "W9", "active")], []),
]


@pytest.mark.parametrize(("people", "paths"), [row[1:] for row in MANAGED], ids=[row[0] for row in MANAGED])
def test_managers(hospital: Catalog, people: list[tuple[str, str | None, str]], paths: list[str]) -> None:
    books = PeopleBooks(hospital)
    for worker, manager, status in people:
        books.worker("HCM", worker=worker, person=worker, manager=manager, status=status)
        books.worker("PAY", worker=worker, person=worker, manager=worker)
    found = books.run(MANAGERS, entity=None).discrepancies
    assert [json.loads(one.facts)["path"] for one in found] == paths


def test_managers_of_several_facilities_are_told_with_them(hospital: Catalog) -> None:
    books = PeopleBooks(hospital)
    books.worker("HCM", worker="W1", person="W1", manager="W2", given_name="Ada")
    books.worker("HCM", worker="W2", person="W2", manager="W1", entity="H2")
    found = books.only(MANAGERS, entity=None)
    said = render(hospital.categories["manager_cycle"].sentence, json.loads(found.facts), None)
    assert said == "W1 (H1) → W2 (H2) → W1 (H1): whoever is asked to approve, it goes round."
    assert found.entity == "H1"
    assert "Ada" not in found.facts


def test_cycles_agree_with_walking_from_everybody(seeded: random.Random) -> None:
    for _ in range(200):
        nodes = [str(number) for number in range(seeded.randint(1, 12))]
        above = {node: {seeded.choice(nodes)} if seeded.random() < 0.8 else set[str]() for node in nodes}
        walked = set()
        for node in nodes:
            seen, at = [node], node
            while above[at] and (at := next(iter(above[at]))) not in seen:
                seen.append(at)
            if above[seen[-1]] and at == node:
                walked.add(frozenset(seen))
        assert set(map(frozenset, cycles(above))) == walked


def test_a_long_chain_needs_no_recursion() -> None:
    many = 20_000
    above = {number: {(number + 1) % many} for number in range(many)}
    (ring,) = cycles(above)
    assert len(ring) == many
    assert path_of(["a", "b", "c"], {"a": "b", "b": "a", "c": "a"}) == ["a", "b", "c"]


@pytest.fixture
def seeded() -> random.Random:
    return random.Random(8)


def test_a_cycle_longer_than_a_sentence_is_cut(books: FinanceBooks) -> None:
    _centers(books, {str(10 + place): str(10 + (place + 1) % 30) for place in range(30)})
    found = books.found(CENTERS)
    assert json.loads(found.facts)["path"] == "10 → 11 → 12 → 13 → 14 → 15 → 16 → 23 more → 10"
    assert json.loads(found.facts)["members"] == 30
