"""A comparison that is larger than the memory it is given goes through the disk, and leaves nothing there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from exceptions_app.duck import closing_session, session
from exceptions_app.records.reading import UnfinishedRuns
from jobs.comparing import Comparing
from jobs.findings import Findings
from jobs.flows import standing

from .following import Following
from .test_incremental import NOW, site

LINES = 300_000
MEMORY = "40MB"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Following:
    """Many orders of one entity, each received but one in a thousand."""
    found = Following(tmp_path_factory.mktemp("large"), site(), "t", NOW + timedelta(days=1))
    told = f"'H01' AS entity, TIMESTAMPTZ '{NOW}' AS source_time, TIMESTAMPTZ '{NOW}' AS fetched_at"
    orders = (
        f"SELECT {told}, 'ERP' AS source_system, printf('order number %09d', i) AS number, 'A' AS item, 5 AS quantity,"
        f" 10 AS price, TIMESTAMPTZ '{NOW - timedelta(days=9)}' AS ordered_at FROM range({LINES}) AS r(i)"
    )
    receipts = (
        f"SELECT {told}, 'WMS' AS source_system, printf('receipt %09d', i) AS receipt,"
        " printf('order number %09d', i) AS number, 'w-a' AS item, 5 AS quantity,"
        f" TIMESTAMPTZ '{NOW - timedelta(days=5)}' AS arrived_at FROM range({LINES}) AS r(i) WHERE i % 1000 <> 7"
    )
    with closing_session() as con:
        for run, (record, feed, sql) in enumerate(
            [("bought", "orders", orders), ("arrived", "receipts", receipts)], start=1
        ):
            found.store.land(record, feed, run, 0, con.sql(sql))
            found.store.fold(record)
    return found


def compare(large: Following, con: DuckDBPyConnection) -> Findings:
    checks = [check for check in large.checks if check.code == "t.received"]
    comparing = Comparing(con, large.store, large.catalog, checks, UnfinishedRuns(2), large.now)
    return comparing.compare(
        {"t.received": ["H01"]}, {"t.received": standing(large.catalog, checks[0], large.facts)}
    )


def spilled() -> Iterator[Path]:
    return Path(tempfile.gettempdir()).glob("tieout-duck-*")


def test_what_does_not_fit_into_memory_goes_through_the_disk_and_leaves_nothing(
    large: Following, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    con = session(MEMORY, 1)
    try:
        findings = compare(large, con)
        assert findings.errors == {}
        assert len(findings.primary["t.received", "H01"]) == LINES // 1000
        assert list(spilled())
    finally:
        con.close()
    assert list(spilled()) == []


def test_without_a_disk_the_same_comparison_would_break(large: Following) -> None:
    con = session(MEMORY, 1)
    try:
        con.execute("SET temp_directory = ''")
        assert "OutOfMemory" in compare(large, con).errors["t.received"]
    finally:
        con.close()


def test_a_session_that_would_serve_again_leaves_nothing_either(
    large: Following, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with closing_session(MEMORY, 1) as con:
        assert compare(large, con).errors == {}
        assert list(spilled())
    assert list(spilled()) == []
