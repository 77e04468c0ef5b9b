"""Rows of reference data that the configuration holds itself stand beside what feeds brought."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from demo.catalog_csv import CATALOG
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.schema import ReferenceRow
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.duck import closing_session
from exceptions_app.records.store import RecordStore
from jobs.scope_views import ScopeViews

TYPES = ["item_unit", "purchase_order_line"]


@pytest.fixture(scope="module")
def network() -> Catalog:
    return load_catalog(Path(CATALOG), connector_models())


def _conversions(catalog: Catalog, home: Path, scope: str) -> list[tuple[str, str, Decimal, str]]:
    store = RecordStore(str(home), catalog)
    with closing_session() as con:
        views = ScopeViews(con, store.snapshot(con, TYPES, {}), catalog)
        if scope != NETWORK_SCOPE:
            views.keep_network()
        views.show([scope])
        rows = con.execute("SELECT item, unit, factor, source_system FROM rec_item_unit ORDER BY item, unit")
        return rows.fetchall()


def _with(catalog: Catalog, **values: str) -> Catalog:
    return replace(catalog, reference_rows=(ReferenceRow(record="item_unit", values=values),))


@pytest.mark.parametrize("scope", ["HMC", NETWORK_SCOPE])
def test_a_row_of_the_configuration_is_read_as_the_system_of_records(
    network: Catalog, tmp_path: Path, scope: str
) -> None:
    system = network.sources_of("item_unit")[0].system
    added = _with(network, item="10045", unit="KT", factor="12.5")
    assert _conversions(added, tmp_path, scope) == [("10045", "KT", Decimal("12.5"), system)]
    assert _conversions(network, tmp_path, scope) == []


@pytest.mark.parametrize("scope", ["HMC", NETWORK_SCOPE])
def test_a_key_that_a_feed_brings_is_the_feeds(network: Catalog, tmp_path: Path, scope: str) -> None:
    feed = network.sources_of("item_unit")[0]
    store = RecordStore(str(tmp_path), network)
    layout = store.layout("item_unit")
    given = {"source_system": feed.system, "source_id": "1", "item": "10045", "unit": "KT"}
    with closing_session() as con:
        columns = ", ".join(
            f"CAST({'10' if name == 'factor' else 'now()' if name.endswith(('_time', '_at')) else 'NULL'} AS {kind})"
            f' AS "{name}"'
            if name not in given
            else f"'{given[name]}' AS \"{name}\""
            for name, kind in layout.visible.items()
        )
        store.land("item_unit", feed.code, 1, 0, con.sql(f"SELECT {columns}"))
    added = _with(network, item="10045", unit="KT", factor="12.5")
    assert _conversions(added, tmp_path, scope) == [("10045", "KT", Decimal(10), feed.system)]
