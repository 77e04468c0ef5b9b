"""Additions lie over the files, never overrule them, and can be moved into them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from exceptions_app.catalog.additions import (
    Addition,
    CrosswalkAddition,
    ReferenceAddition,
    ToleranceAddition,
    as_yaml,
    overlaid,
    read_addition,
)
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.schema import Column, MatchCheck, ScopedTolerance
from exceptions_app.catalog.verify_causes import is_of
from exceptions_app.connectors.registry import connector_models

SITE = "site: {name: Larkhaven, packs: [procure_to_pay]}\nentities: [{code: NORTH, name: North}]\n"
SITE += "systems: [{code: AP, name: AP, kind: ap_automation, connector: rows}]\n"
ALIAS = CrosswalkAddition(crosswalk="supplier", system="AP", local="MEDLN-02", canonical="V1")
PACK = ReferenceAddition(record="item_unit", values={"item": "10045", "unit": "KT", "factor": "12"})
WIDER = ToleranceAddition(
    check="p2p.three_way",
    tolerance="price",
    scoped=ScopedTolerance(
        entity=["NORTH"], counterparty=["Medline"], percent=Decimal(5),
        since=datetime(2026, 10, 31, 21, tzinfo=UTC), until=datetime(2027, 1, 1, tzinfo=UTC),
    ),
)  # fmt: skip
ALL: list[Addition] = [ALIAS, PACK, WIDER]


def _loaded(directory: Path, **files: str) -> Catalog:
    (directory / "site.yaml").write_text(SITE, encoding="utf-8")
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_catalog(directory, connector_models())


@pytest.fixture
def site(tmp_path: Path) -> Catalog:
    return _loaded(tmp_path)


def _scoped(catalog: Catalog) -> list[ScopedTolerance]:
    check = catalog.checks["p2p.three_way"]
    assert isinstance(check, MatchCheck)
    return check.tolerances["price"].scoped


def test_additions_hold_over_the_files_and_make_another_configuration(site: Catalog) -> None:
    over, aside = overlaid(site, ALL)
    assert aside == ["", "", ""]
    assert over.crosswalks["supplier"]["AP", "MEDLN-02"] == "V1"
    assert [row.values["factor"] for row in over.reference_rows] == ["12"]
    assert _scoped(over) == [WIDER.scoped]
    assert over.digest != site.digest
    assert (site.crosswalks["supplier"], site.reference_rows, _scoped(site)) == ({}, (), [])


def test_nothing_added_is_the_same_configuration(site: Catalog) -> None:
    assert overlaid(site, []) == (site, [])


def test_an_addition_reads_back_as_it_was_stored() -> None:
    assert [read_addition(one.model_dump_json()) for one in ALL] == ALL
    with pytest.raises(ValidationError):
        read_addition('{"kind": "override", "check": "p2p.three_way"}')


@pytest.mark.parametrize(
    ("addition", "why"),
    [
        (ALIAS.model_copy(update={"crosswalk": "gone"}), "there is no crosswalk 'gone' any more"),
        (ALIAS.model_copy(update={"system": "OLD"}), "there is no system 'OLD' any more"),
        (PACK.model_copy(update={"record": "gone"}), "no record type 'gone'"),
        (PACK.model_copy(update={"values": {"item": "1"}}), "has other columns by now"),
        (WIDER.model_copy(update={"check": "p2p.gone"}), "p2p.gone has no tolerance 'price' any more"),
        (WIDER.model_copy(update={"check": "p2p.duplicate_invoice"}), "has no tolerance 'price' any more"),
    ],
)
def test_what_no_longer_fits_stands_aside_and_the_rest_holds(
    site: Catalog, addition: Addition, why: str
) -> None:
    over, aside = overlaid(site, [addition, PACK])
    assert why in aside[0]
    assert aside[1] == ""
    assert len(over.reference_rows) == 1


def test_a_file_that_says_something_else_wins(site: Catalog) -> None:
    known = replace(site, crosswalks={**site.crosswalks, "supplier": {("AP", "MEDLN-02"): "V9"}})
    over, aside = overlaid(known, [ALIAS])
    assert aside == ["'MEDLN-02' is already known as 'V9'"]
    assert over is known


def test_the_exported_file_says_the_same_as_the_additions(site: Catalog, tmp_path: Path) -> None:
    over, _ = overlaid(site, ALL)
    moved = tmp_path / "moved"
    moved.mkdir()
    from_files = _loaded(moved, additions=as_yaml(ALL))
    assert from_files.to_json() == over.to_json()
    assert overlaid(from_files, ALL)[0].digest == from_files.digest, "twice is once"


def test_no_additions_are_no_file() -> None:
    assert as_yaml([]) == ""


@pytest.mark.parametrize(
    ("column", "value", "fits"),
    [
        ({"type": "decimal"}, "0.0833", True), ({"type": "decimal"}, "0.08333", False),
        ({"type": "decimal"}, "1.50000000", True), ({"type": "money", "scale": 6}, "0.083333", True),
        ({"type": "integer"}, "3.7", False), ({"type": "integer"}, "1000000000000000000", False),
        ({"type": "quantity"}, "NaN", False), ({}, " ", False),
    ],
)  # fmt: skip
def test_a_figure_of_reference_data_has_as_many_decimals_as_are_kept(
    column: dict[str, Any], value: str, fits: bool
) -> None:
    assert is_of(Column.model_validate(column), value) is fits
