"""The kind `similar`: suppliers and workers that are alike, what brings them together, and what keeps them apart."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.wording import render
from exceptions_app.reconcile.likeness import Names, code_likeness, date_likeness, text_likeness

from .books import Books, days_ago
from .people_books import PeopleBooks, on
from .people_books import site as people_site

PAIRS = Path(__file__).parents[1] / "data" / "supplier_pairs" / "pairs.csv"
SUPPLIERS = "p2p.similar_supplier"
WORKERS = "h2r.similar_worker"
SITE = """
site: {name: Test, packs: [procure_to_pay]}
entities: [{code: H1, name: North}]
systems: [{code: ERP, name: ERP, kind: erp, connector: rows}]
feeds:
  - {code: suppliers, system: ERP, record_type: supplier, mapping: {supplier_id: a, name: a, status: a}}
"""


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    site = tmp_path_factory.mktemp("master")
    (site / "site.yaml").write_text(SITE)
    return load_catalog(site, connector_models())


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return people_site(tmp_path_factory.mktemp("people"))


def _books(catalog: Catalog, *suppliers: dict[str, Any]) -> Books:
    books = Books(catalog)
    for place, said in enumerate(suppliers):
        usual = {"entity": None, "supplier_id": f"V{place + 1}", "status": "active"}
        books.add("supplier", "ERP", **{**usual, **said})
    return books


def _found(books: Books, check: str = SUPPLIERS) -> list[Discrepancy]:
    return books.run(check, entity=None).discrepancies


ALIKE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("legal form", {"name": "Atkins Limited"}, {"name": "ATKINS LTD."}),
    ("accent and ampersand", {"name": "Müller & Söhne Medizin"}, {"name": "Muller and Sohne Medizin"}),
    ("slip of the pen", {"name": "Ruxley Communications Ltd"}, {"name": "Ruxley Communiations Ltd"}),
    ("abbreviation", {"name": "Southern Power Dist. PLC"}, {"name": "Southern Power Distribution PLC"}),
    ("run together", {"name": "Blue Sky Sutures"}, {"name": "Bluesky Sutures"}),
    ("initials", {"name": "J. E. Property Management"}, {"name": "JE Property Management"}),
    ("trades as", {"name": "Tom Tappin Ltd t/a City Sightseeing"}, {"name": "Tom Tappin Ltd"}),
    ("the other way round", {"name": "Corvane Instruments"}, {"name": "Instruments Corvane"}),
    ("in brackets", {"name": "GLL (Greenwich Leisure Ltd)"}, {"name": "Greenwich Leisure"}),
    ("one slip in the tax ID", {"name": "Aldermoor Endoscopy", "tax_id": "81-4100233"},
     {"name": "Aldermoor Endoscopi", "tax_id": "81-4100234"}),
]  # fmt: skip
APART: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("another word that matters", {"name": "Barton Community Association"}, {"name": "Jericho Community Association"}),
    ("a company of the group", {"name": "Southern Electric PLC"}, {"name": "Southern Electric Power Distribution PLC"}),
    ("initials that differ", {"name": "R H Environmental Ltd"}, {"name": "S M S Environmental Ltd"}),
    ("another number", {"name": "1st Choice Scaffolding 24"}, {"name": "1st Choice Scaffolding 42"}),
    ("another tax ID", {"name": "Atkins Limited", "tax_id": "81-4100233"},
     {"name": "Atkins Ltd", "tax_id": "99-1234567"}),
    ("another address of the same", {"name": "Atkins Limited"}, {"name": "Atkins Ltd", "remit_to_of": "V1"}),
    ("inactive", {"name": "Atkins Limited"}, {"name": "Atkins Ltd", "status": "inactive"}),
    ("no name", {"name": None, "tax_id": "81-4100233"}, {"name": None, "tax_id": "81-4100234"}),
    ("equal, which is the exact check's", {"name": "Atkins Limited", "tax_id": "81-4100233"},
     {"name": "Atkins Ltd", "tax_id": "814100233"}),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in ALIKE], ids=[row[0] for row in ALIKE])
def test_suppliers_that_are_alike(master: Catalog, one: dict[str, Any], other: dict[str, Any]) -> None:
    (found,) = _found(_books(master, one, other, {"name": "Petrel Laboratory Sciences"}))
    assert (found.category, json.loads(found.business_key)) == ("duplicate_supplier", {"supplier_id": "V1"})


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in APART], ids=[row[0] for row in APART])
def test_suppliers_that_are_not(master: Catalog, one: dict[str, Any], other: dict[str, Any]) -> None:
    crowd = [
        {"name": f"{place} Community Environmental Association Power"}
        for place in ("Ash", "Elm", "Fir", "Yew")
    ]
    found = _found(_books(master, one, other, *crowd))
    assert [one for one in found if json.loads(one.business_key)["supplier_id"] in ("V1", "V2")] == []


def test_what_is_equal_is_found_by_the_exact_check(master: Catalog) -> None:
    books = _books(
        master,
        {"name": "Atkins Limited", "tax_id": "81-4100233"},
        {"name": "Faithful Gould", "tax_id": "814100233"},
        {"name": "Lyreco UK", "postal_code": "TF2 7NB"},
        {"name": "LYRECO (UK)", "postal_code": "tf27nb"},
    )
    found = _found(books, "p2p.duplicate_supplier")
    assert [json.loads(one.facts)["keys"] for one in found] == ["the tax ID", "name and postal code"]
    assert _found(books) == []


def test_the_exception_says_which_parts_are_alike_and_by_how_much(master: Catalog) -> None:
    (found,) = _found(
        _books(
            master,
            {
                "name": "Ruxley Communications",
                "street": "1 High Street",
                "postal_code": "OX1 1AA",
                "tax_id": "81-4100233",
            },
            {"name": "Ruxley Communiations", "street": "1 High Stret", "postal_code": "OX1 1AA"},
        )
    )
    facts = json.loads(found.facts)
    assert facts["keys"] == "postal code (100 %), name (97 %), street (91 %)"
    assert facts["score"] == "97 %"
    said = render(master.categories["duplicate_supplier"].sentence, facts, None)
    assert said == f"V1 Ruxley Communications and V2 look like one supplier: {facts['keys']}."
    (verdict,) = json.loads(found.evidence)["tolerance"]
    assert verdict["sentence"] == (
        "V1 and V2 are 97 % alike, at least 80 % is looked at: name 97 % (weight 4), street 91 % (weight 1), "
        "postal code 100 % (weight 1)"
    )
    assert "81-4100233" not in found.facts + json.dumps(verdict)


def test_members_of_one_cluster_hang_together_and_the_oldest_is_its_identity(master: Catalog) -> None:
    names = [
        {"name": name} for name in ("Ruxley Communications", "Ruxley Communiations", "Ruxley Comunications")
    ]
    (found,) = _found(_books(master, *names))
    evidence = json.loads(found.evidence)
    assert sorted(evidence["sides"]) == ["a", "b", "c"]
    assert (found.reference, len(evidence["tolerance"])) == ("V1", 3)
    (again,) = _found(
        _books(master, *reversed([{**said, "supplier_id": f"V{i}"} for i, said in enumerate(names, 1)]))
    )
    assert (again.fingerprint, again.evidence_hash, again.facts) == (
        found.fingerprint,
        found.evidence_hash,
        found.facts,
    )


def test_a_word_that_everybody_has_brings_nobody_together(master: Catalog) -> None:
    books = _books(master, *({"name": f"Medical {place:03d}"} for place in range(60)))
    result = books.run(SUPPLIERS, entity=None)
    assert (result.discrepancies, result.compared, result.matched) == ([], 60, 60)


def test_both_count_as_read_when_either_was(master: Catalog) -> None:
    books = _books(
        master,
        {"name": "Ruxley Communications", "fetched_at": days_ago(3)},
        {"name": "Ruxley Communiations", "fetched_at": days_ago(1), "status": "inactive"},
    )
    (probed,) = books.probe([{"supplier_id": "V1"}], SUPPLIERS).values()
    assert (probed.present, probed.fetched_at) == (True, days_ago(1))


PEOPLE: list[tuple[str, dict[str, Any], bool]] = [
    ("a slip in the family name and the birth date", {"family_name": "Bird", "birth_date": on(1, 3)}, True),
    ("day and month exchanged", {"birth_date": on(2, 1), "given_name": "Aida"}, True),
    ("no last four", {"last_four": None, "given_name": "Adda"}, True),
    ("a twin", {"given_name": "Zoe", "last_four": "9876"}, False),
    ("a namesake", {"birth_date": on(7, 9), "last_four": "9876"}, False),
    ("another last four", {"last_four": "9876"}, False),
    ("equal, which is the exact check's", {"family_name": "BYRD"}, False),
    ("the same person", {"person": "P1", "family_name": "Bird"}, False),
    ("the same person elsewhere", {"person": "P1", "family_name": "Bird", "entity": "H2"}, False),
]


@pytest.mark.parametrize(("said", "alike"), [row[1:] for row in PEOPLE], ids=[row[0] for row in PEOPLE])
def test_workers(hospital: Catalog, said: dict[str, Any], alike: bool) -> None:
    books = PeopleBooks(hospital)
    books.worker("HCM")
    books.worker("HCM", **{"worker": "W2", "person": "P2", "entered_at": days_ago(2), **said})
    found = _found(books, WORKERS)
    assert [one.category for one in found] == (["duplicate_worker"] if alike else [])
    for one in found:
        assert json.loads(one.business_key) == {"person": "P1"}
        assert (
            "Ada" not in one.facts
            and "Byrd" not in one.facts
            and "Byrd" not in one.evidence.split("tolerance")[1]
        )


def _labelled() -> list[tuple[str, str, str]]:
    with PAIRS.open(encoding="utf-8", newline="") as file:
        return [(row["a"], row["b"], row["label"]) for row in csv.DictReader(file)]


def test_precision_and_recall_on_pairs_labelled_by_hand(master: Catalog) -> None:
    """From the names to the clusters, blocking included; see the README beside the pairs."""
    labelled = _labelled()
    names = sorted({name for a, b, _ in labelled for name in (a, b)})
    check = master.checks[SUPPLIERS].model_copy(update={"besides": None})
    books = _books(master, *({"supplier_id": f"V{i:04d}", "name": name} for i, name in enumerate(names)))
    books.catalog.checks["test.alike"] = check.model_copy(update={"code": "test.alike"})
    try:
        found = _found(books, "test.alike")
    finally:
        del books.catalog.checks["test.alike"]
    raised = set()
    for one in found:
        members = sorted(side["name"] for side in json.loads(one.evidence)["sides"].values())
        raised |= {(a, b) for i, a in enumerate(members) for b in members[i + 1 :]}
    labels = {(a, b): label for a, b, label in labelled}
    right = {pair for pair in raised if labels.get(pair) == "same"}
    wrong = {pair for pair in raised if labels.get(pair, "different") == "different"}
    same = {pair for pair, label in labels.items() if label == "same"}
    precision, recall = len(right) / len(right | wrong), len(right) / len(same)
    assert (precision >= 0.95, recall >= 0.95) == (True, True), (
        precision,
        recall,
        sorted(wrong),
        sorted(same - right),
    )


@pytest.mark.parametrize(
    ("scorer", "one", "other", "score"),
    [
        (code_likeness, "81-4100233", "814100233", 1.0),
        (code_likeness, "1234", "1243", 0.8),
        (code_likeness, "1234", "1299", 0.0),
        (code_likeness, "12", "13", 0.0),
        (date_likeness, "1980-02-01", "1980-01-02", 0.8),
        (date_likeness, "1980-02-01", "1980-02-07", 0.8),
        (date_likeness, "1980-02-01", "1981-03-01", 0.0),
        (text_likeness, "Élan", "ELAN", 1.0),
    ],
)
def test_slips(scorer: Any, one: str, other: str, score: float) -> None:
    assert scorer(one, other) == scorer(other, one) == score


def test_a_rare_word_says_more_than_a_common_one() -> None:
    names = Names.of(["Ash Medical", "Elm Medical", "Fir Medical", "Ash Surgical", "Ash Surgicl"], [])
    assert names("Ash Medical", "Elm Medical") < 0.5 < 0.9 < names("Ash Surgical", "Ash Surgicl")
