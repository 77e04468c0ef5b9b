"""The address of a letter: which column of which side leads to it, as record types declare once."""

from __future__ import annotations

from pathlib import Path

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.letters import FACT
from exceptions_app.catalog.load import CatalogError, load_catalog
from exceptions_app.catalog.schema import MatchCheck
from exceptions_app.connectors.registry import connector_models

_SITE = "site: {name: T, packs: [procure_to_pay]}\n"

_FACILITY = {"physician_no_time", "physician_over_time"}
"""No record says who hands in a physician's time: a site gives its facilities an address."""


@pytest.fixture(scope="module")
def p2p_pack(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    home = tmp_path_factory.mktemp("letters")
    (home / "site.yaml").write_text(_SITE, encoding="utf-8")
    return load_catalog(home, connector_models())


def leads(catalog: Catalog, check: str, category: str) -> list[str]:
    """What the address of the findings of a category is made of, column by column."""
    found = catalog.checks[check]
    assert isinstance(found, MatchCheck)
    stated = [finding.facts[FACT] for finding in found.findings if finding.category == category]
    return [
        side.columns[name.partition(".")[2]]
        for fact in stated
        for name in fact.removeprefix("COALESCE(").rstrip(")").split(", ")
        for side in [found.sides[name.partition(".")[0]]]
    ]


def test_every_shipped_letter_of_a_comparison_finds_its_address(p2p_pack: Catalog) -> None:
    without = {
        finding.category
        for check in p2p_pack.checks.values()
        for finding in getattr(check, "findings", ())
        if p2p_pack.categories[finding.category].draft is not None and FACT not in finding.facts
    }
    assert without == _FACILITY


def test_a_letter_to_the_supplier_never_goes_to_the_requester(p2p_pack: Catalog) -> None:
    assert leads(p2p_pack, "p2p.three_way", "price_variance") == ["MIN(master.email)"]
    assert leads(p2p_pack, "p2p.three_way", "received_not_invoiced") == ["letter_to.email"] * 2
    assert leads(p2p_pack, "p2p.service", "service_over_confirmed") == [
        "MIN(requester_email)",
        "requester_email",
    ]


def test_an_address_is_shown_and_no_news(p2p_pack: Catalog) -> None:
    for check in p2p_pack.checks.values():
        for side in check.sides.values() if isinstance(check, MatchCheck) else ():
            stated = {name for name in side.columns if name.startswith(FACT)}
            assert stated <= set(side.told)


@pytest.mark.parametrize(
    ("letters", "said"),
    [
        ("{to: supplier, column: mial}", "mial"),
        ("{to: everybody, column: name}", "everybody"),
        ("{to: supplier, column: account}", "of sensitivity bank"),
        ("{to: supplier, column: name, named_by: nobody}", "nobody"),
    ],
)
def test_an_address_that_cannot_be_found_is_refused(tmp_path: Path, letters: str, said: str) -> None:
    columns = "{code: {required: true}, name: {}, account: {sensitivity: bank}}"
    record = f"{{code: partner, title: Partner, key: [code], columns: {columns}, letters: {letters}}}"
    (tmp_path / "site.yaml").write_text(f"{_SITE}record_types: [{record}]\n", encoding="utf-8")
    with pytest.raises(CatalogError) as refused:
        load_catalog(tmp_path, connector_models())
    assert any(said in str(found) and "letters" in str(found) for found in refused.value.problems)
