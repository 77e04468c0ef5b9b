"""The demo's configuration is accepted, and says of the network what the network says of itself."""

from __future__ import annotations

from datetime import date

from demo.catalog_csv import CATALOG, crosswalks
from demo.places import FACILITIES
from demo.suppliers import UNMAPPED_ALIAS
from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import connector_models


def test_the_configuration_is_accepted_and_knows_every_facility() -> None:
    catalog = load_catalog(CATALOG, connector_models())
    assert {code: entity.name for code, entity in catalog.entities.items()} == {
        facility.code: facility.name for facility in FACILITIES
    }
    assert all(catalog.entities[facility.code].time_zone == facility.zone.key for facility in FACILITIES)
    assert len({entity.region for entity in catalog.entities.values()}) == 3
    assert len({entity.time_zone for entity in catalog.entities.values()}) == 2
    assert {entity.kind for entity in catalog.entities.values()} == {"hospital", "ambulatory", "laboratory"}


def test_crosswalk_lists_are_those_of_the_network() -> None:
    for name, text in crosswalks().items():
        assert (CATALOG / name).read_text(encoding="utf-8") == text, f"run python -m demo.catalog_csv: {name}"


def test_nobody_mapped_the_alias_that_blocks_invoices() -> None:
    assert UNMAPPED_ALIAS not in (CATALOG / "crosswalk_supplier.csv").read_text(encoding="utf-8")


def test_currencies_that_suppliers_bill_in_have_a_rate() -> None:
    catalog = load_catalog(CATALOG, connector_models())
    rates = [catalog.rate(currency, date(2026, 11, 23)) for currency in ("CAD", "EUR")]
    assert [str(rate) for rate in rates] == ["0.7285", "1.1640"]
