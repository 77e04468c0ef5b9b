"""The example over real data finds what an independent count in plain Python finds in the same files.

`tieout init`, `tieout run`: as a newcomer does it. The count below knows nothing of the configuration, of SQL
or of the application: it reads the CSV files line by line.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data" / "bpi2019"

Items = set[tuple[str, str]]

SIZES = {
    "received_not_invoiced": 2633,
    "invoiced_not_received": 233,
    "cleared_without_invoice": 584,
    "invoiced_before_receipt": 1045,
}
MOST_SPECIFIC_FIRST = [
    "cleared_without_invoice",
    "invoiced_not_received",
    "received_not_invoiced",
    "invoiced_before_receipt",
]
"""The ranks of the example's categories: the first that holds is primary on an order item."""


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
        invoiced = first.get((case, "Record Invoice Receipt"))
        received = first.get((case, "Record Goods Receipt"))
        if invoiced and received and invoiced < received:
            found["invoiced_before_receipt"].add((po, item))
    return dict(found)


@dataclass(frozen=True)
class Found:
    """What is in the queues after a run."""

    primary: dict[str, Items]
    listed: dict[str, Items]
    """Primary, or listed on another exception of the same order item."""


class Example:
    """The example, started as the guide says."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.tieout("init", ".", "--example", "bpi2019")

    def tieout(self, *arguments: str) -> str:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("TIEOUT_")}
        root = str(Path(__file__).parents[2])
        ended = subprocess.run(
            [sys.executable, "-m", "jobs", *arguments],
            cwd=self.directory,
            env={**environ, "PYTHONPATH": root},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def rows(self, query: str) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(self.directory / "instance" / "tieout.sqlite")) as database:
            return database.execute(query).fetchall()

    def found(self) -> Found:
        primary: dict[str, Items] = defaultdict(set)
        listed: dict[str, Items] = defaultdict(set)
        query = "SELECT category, also, business_key FROM exception_case"
        query += " WHERE check_code LIKE 'bpi.%' AND status = 'open'"
        for category, also, key in self.rows(query):
            item = json.loads(key)
            for name in (category, *json.loads(also)):
                listed[name].add((item["po"], item["item"]))
            primary[category].add((item["po"], item["item"]))
        return Found(dict(primary), dict(listed))


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    example = Example(tmp_path_factory.mktemp("bpi2019"))
    assert "in order" in example.tieout("catalog", "check")
    example.tieout("run")
    yield example


@pytest.fixture(scope="module")
def counted() -> dict[str, Items]:
    return count_in_plain_python()


@pytest.mark.parametrize("category", SIZES)
def test_run_finds_what_plain_python_counts(
    example: Example, counted: dict[str, Items], category: str
) -> None:
    assert example.found().listed[category] == counted[category]
    assert len(counted[category]) == SIZES[category]


def test_order_item_has_one_exception_and_the_most_specific_cause_wins(
    example: Example, counted: dict[str, Items]
) -> None:
    wanted: dict[str, Items] = defaultdict(set)
    for item in set().union(*counted.values()):
        wanted[next(category for category in MOST_SPECIFIC_FIRST if item in counted[category])].add(item)
    assert example.found().primary == dict(wanted)


def test_event_of_1948_is_refused_with_its_position_and_nothing_else_is_lost(example: Example) -> None:
    ((feed, position, reason),) = example.rows("SELECT feed, position, reason FROM reject")
    assert (feed, position) == ("order_events", "events.csv.gz:45430")
    assert "1948" in reason
    stored = dict(example.rows("SELECT feed, rows_stored FROM sync_run WHERE rows_read > 0"))
    assert stored == {"order_items": 11973, "order_events": 21598 + 80148 + 2914 + 17489 + 15283 - 1}


def test_mended_row_closes_its_exception_and_only_that(example: Example, counted: dict[str, Items]) -> None:
    po, item = sorted(example.found().primary["invoiced_not_received"] - counted["invoiced_before_receipt"])[
        0
    ]
    before = example.found().primary
    path = example.directory / "drop" / "items.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.startswith(f"{po}_{item},"))
    fields = lines[at].split(",")
    fields[4] = str(int(fields[6]) + int(fields[5]))  # as many goods receipts as invoices
    lines[at] = ",".join(fields)
    path.write_text("".join(lines), encoding="utf-8")
    example.tieout("run")

    after = example.found().primary
    assert before["invoiced_not_received"] - after["invoiced_not_received"] == {(po, item)}
    assert {name: items for name, items in after.items() if name != "invoiced_not_received"} == {
        name: items for name, items in before.items() if name != "invoiced_not_received"
    }
    ((reason,),) = example.rows(
        f"SELECT end_reason FROM exception_case WHERE status = 'resolved' AND reference = '{po}/{item}'"
    )
    assert reason == "agrees_now"
