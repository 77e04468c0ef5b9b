"""The example over real data finds what an independent count in plain Python finds in the same files.

The count below knows nothing of the configuration, of SQL or of the application: it reads the CSV files
line by line.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.examples import copy_example
from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import build_connector, connector_models
from exceptions_app.duck import closing_session
from exceptions_app.reconcile.engine import CheckResult, run_check
from exceptions_app.reconcile.parameters import RunParameters
from exceptions_app.records.crosswalk import load_crosswalks
from exceptions_app.records.mapping import FeedMapper, RejectedRow
from exceptions_app.records.store import RecordStore

DATA = Path(__file__).parents[1] / "data" / "bpi2019"
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)

Items = set[tuple[str, str]]


def count_in_plain_python() -> dict[str, Items]:
    """Order items per category, by the formulas of the example's README."""
    found: dict[str, Items] = defaultdict(set)
    with (DATA / "items.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            receipts = int(row["goods_receipts"]) - int(row["goods_receipts_cancelled"])
            invoices = int(row["invoices"]) - int(row["invoices_cancelled"])
            if receipts > 0 and invoices <= 0:
                found["received_not_invoiced"].add((row["po"], row["item"]))
            if invoices > 0 and receipts <= 0:
                found["invoiced_not_received"].add((row["po"], row["item"]))
    events: dict[str, Counter[str]] = defaultdict(Counter)
    first: dict[tuple[str, str], datetime] = {}
    with gzip.open(DATA / "events.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            case, activity, at = row["case_id"], row["activity"], datetime.fromisoformat(row["time"])
            events[case][activity] += 1
            first[case, activity] = min(at, first.get((case, activity), at))
    for case, count in events.items():
        po, item = case.split("_")
        if count["Clear Invoice"] and count["Record Invoice Receipt"] - count["Cancel Invoice Receipt"] <= 0:
            found["cleared_without_invoice"].add((po, item))
        invoiced, received = (
            first.get((case, "Record Invoice Receipt")),
            first.get((case, "Record Goods Receipt")),
        )
        if invoiced and received and invoiced < received:
            found["invoiced_before_receipt"].add((po, item))
    return dict(found)


@dataclass
class Read:
    """The example's records, read as any site's are."""

    catalog: Catalog
    con: DuckDBPyConnection
    rejects: dict[str, list[RejectedRow]]

    def run(self, check: str) -> CheckResult:
        parameters = RunParameters(NOW, lambda days: NOW - timedelta(days=days))
        return run_check(self.con, self.catalog.checks[check], self.catalog, "GROUP", parameters)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    instance = tmp_path_factory.mktemp("bpi2019")
    copy_example("bpi2019", instance)
    catalog = load_catalog(instance / "catalog", connector_models())
    store = RecordStore(str(instance / "records"), catalog)
    rejects: dict[str, list[RejectedRow]] = defaultdict(list)
    with closing_session() as con:
        for run_id, feed in enumerate(catalog.feeds.values(), 1):
            connector = build_connector(catalog.systems[feed.system], feed)
            mapper = FeedMapper(con, catalog, feed.code, run_id, NOW)
            for part, page in enumerate(connector.read(None)):
                batch = mapper.map(page.rows, page.problems)
                rejects[feed.code] += batch.rejects
                store.land(feed.record_type, feed.code, run_id, part, batch.table)
            connector.close()
        load_crosswalks(con, catalog)
        store.open_views(con, ["order_item", "order_event"], "GROUP")
        yield Read(catalog, con, rejects)


CHECKS = {
    "bpi.received_not_invoiced": ("received_not_invoiced", 2633),
    "bpi.invoiced_not_received": ("invoiced_not_received", 233),
    "bpi.cleared_without_invoice": ("cleared_without_invoice", 584),
    "bpi.invoiced_before_receipt": ("invoiced_before_receipt", 1045),
}


@pytest.fixture(scope="module")
def counted() -> dict[str, Items]:
    return count_in_plain_python()


@pytest.mark.parametrize("check", CHECKS)
def test_check_finds_what_plain_python_counts(read: Read, counted: dict[str, Items], check: str) -> None:
    category, size = CHECKS[check]
    found = read.run(check).discrepancies
    keys = [json.loads(discrepancy.business_key) for discrepancy in found]
    assert {(key["po"], key["item"]) for key in keys} == counted[category]
    assert len(found) == len(counted[category]) == size
    assert {discrepancy.category for discrepancy in found} == {category}


def test_every_order_item_is_compared(read: Read) -> None:
    result = read.run("bpi.received_not_invoiced")
    assert result.compared == 11973
    assert result.matched == 11973 - 2633


def test_event_of_1948_is_refused_with_its_position_and_nothing_else_is_lost(read: Read) -> None:
    assert read.rejects["order_items"] == []
    (reject,) = read.rejects["order_events"]
    assert reject.position.startswith("events.csv.gz:")
    assert "1948" in reject.reason
    (kept,) = read.con.execute("SELECT count(*) FROM rec_order_event").fetchone() or (None,)
    assert kept == 21598 + 80148 + 2914 + 17489 + 15283 - 1


def test_example_is_copied_beside_its_data_and_never_over_edited_files(tmp_path: Path) -> None:
    written = copy_example("bpi2019", tmp_path)
    assert {path.name for path in written} >= {"3-feeds.yaml", "items.csv", "events.csv.gz"}
    catalog = load_catalog(tmp_path / "catalog", connector_models())
    assert catalog.systems["extracts"].connection["root"] == str(tmp_path.resolve() / "drop")
    with pytest.raises(FileExistsError):
        copy_example("bpi2019", tmp_path)
