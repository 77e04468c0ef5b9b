"""A small site for the record store: three hospitals, order lines by entity, suppliers of the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from arro3.core import RecordBatchReader, Table
from duckdb import DuckDBPyConnection

from exceptions_app.catalog import schema
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.duck import session as duck_session
from exceptions_app.records.store import RecordStore

FETCHED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

ORDER_LINE = {
    "code": "order_line",
    "title": "Order line",
    "key": ["number", "line"],
    "columns": {
        "number": {"required": True},
        "line": {"required": True},
        "quantity": {"type": "quantity", "required": True},
        "price": {"type": "money"},
        "pieces": {"type": "integer"},
        "due_on": {"type": "date"},
        "ordered_at": {"type": "timestamp"},
        "urgent": {"type": "boolean"},
        "note": {},
        "account": {"sensitivity": "bank"},
        "patient": {"sensitivity": "patient"},
    },
}
SUPPLIER = {
    "code": "supplier",
    "title": "Supplier",
    "key": ["supplier_id"],
    "scope": "network",
    "columns": {"supplier_id": {"required": True}, "name": {}},
}
MAPPING = {"entity": "site", "number": "po", "line": "ln", "quantity": "qty"}
FEEDS = [
    {
        "code": "erp.orders",
        "system": "erp",
        "record_type": "order_line",
        "mode": "snapshot",
        "mapping": MAPPING,
    },
    {
        "code": "erp.more",
        "system": "erp",
        "record_type": "order_line",
        "mode": "snapshot",
        "mapping": MAPPING,
    },
    {
        "code": "erp.changes",
        "system": "erp",
        "record_type": "order_line",
        "mode": "changes",
        "mapping": MAPPING,
    },
    {
        "code": "erp.keyed",
        "system": "erp",
        "record_type": "order_line",
        "mode": "keys_and_changes",
        "mapping": MAPPING,
    },
    {
        "code": "erp.suppliers",
        "system": "erp",
        "record_type": "supplier",
        "mode": "snapshot",
        "mapping": {"supplier_id": "id", "name": "name"},
    },
]


def make_catalog(
    *feeds: dict[str, Any], record_types: list[dict[str, Any]] | None = None, crosswalks: Any = None
) -> Catalog:
    """The site's configuration, with these feeds instead of or beside the usual ones."""
    types = [schema.RecordType.model_validate(spec) for spec in record_types or [ORDER_LINE, SUPPLIER]]
    declared = {spec["code"]: schema.Feed.model_validate(spec) for spec in [*FEEDS, *feeds]}
    entities = {code: schema.Entity(code=code, name=code) for code in ("NORTH", "SOUTH", "LAB")}
    return Catalog(
        site=schema.Site(),
        entities=entities,
        calendars={},
        systems={},
        record_types={found.code: found for found in types},
        feeds={code: feed for code, feed in declared.items() if feed.record_type in {t.code for t in types}},
        checks={},
        categories={},
        queues={},
        crosswalks=crosswalks or {},
        crosswalk_titles={},
        routing=(),
        assignment=(),
        sla_policies=(),
        cutoffs=(),
        operations={},
        common_reasons=(),
        sources={},
    )


@pytest.fixture
def con() -> Iterator[DuckDBPyConnection]:
    session = duck_session("512MB", 1)
    yield session
    session.close()


@pytest.fixture
def store(tmp_path: Path) -> RecordStore:
    return RecordStore(str(tmp_path / "records"), make_catalog())


Lines = Callable[..., Table]


@pytest.fixture
def lines(con: DuckDBPyConnection) -> Lines:
    """`lines(("NORTH", "PO1", 5), ("SOUTH", "PO2", None))`: order lines; without a quantity, a tombstone."""

    def make(*rows: tuple[str, str, int | None]) -> Table:
        values = ", ".join(
            f"('{entity}', '{number}', {0 if quantity is None else quantity}, {quantity is None})"
            for entity, number, quantity in rows
        )
        relation = con.sql(
            "SELECT entity, 'erp' AS source_system, number AS source_id, number, '1' AS line, "
            "TIMESTAMPTZ '2026-11-20 00:00:00+00' AS source_time, "
            "TIMESTAMPTZ '2026-11-22 12:00:00+00' AS fetched_at, "
            f"CASE WHEN gone THEN NULL ELSE quantity::DECIMAL(18,4) END AS quantity, gone AS _deleted "
            f"FROM (VALUES {values}) AS v(entity, number, quantity, gone)"
        )
        return RecordBatchReader.from_arrow(relation).read_all()

    return make


Current = Callable[..., dict[tuple[str, str], int]]


@pytest.fixture
def current(store: RecordStore, con: DuckDBPyConnection) -> Current:
    """What a reader sees: (entity, number) → quantity."""

    def read(entity: str | None = None, unfinished: Any = frozenset(), at: datetime | None = None) -> Any:
        store.open_views(con, ["order_line"], entity, unfinished, at)
        rows = con.execute("SELECT entity, number, quantity FROM rec_order_line").fetchall()
        found = {(where, number): int(quantity) for where, number, quantity in rows}
        assert len(found) == len(rows), "a key is seen twice"
        return found

    return read
