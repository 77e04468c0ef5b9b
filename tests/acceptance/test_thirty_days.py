"""Five weeks in which faults appear, heal, come back and change: what is open at the end of a week is what the ledger
says, in every category. Nothing missed, nothing invented. `DETECTION=docs/detection.md` writes down how well.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from demo.documents import stamp
from jobs.install import opened
from tests.conftest import Database

from .days import NOT_FOUND_BY_CHECKS, START, Days, every_look_alike, frozen_network, smaller_catalog
from .live import Site, settings_for

DAYS, WEEK = 35, 7
SCALE = 0.12
"""Of the network: fewer documents would be used up before every category was planted twice."""
_TODAY = datetime.now(UTC).date()
_PAGE = """# How well faults are found

Of {days} simulated days, {date}. Made by
`DETECTION=docs/detection.md .venv/bin/pytest -n0 tests/acceptance/test_thirty_days.py -k sqlite`, a test that
`make test` runs, too: three facilities and all systems of the demo over their own protocols, under one clock that
stands still between the steps. Each day something happens to one category in seven: a fault appears, is repaired at
its source, comes back on the same documents, or changes while it lasts. Orders, receipts, invoices and payments go on
beside it. At the end of each week everything is read and compared, and what is open is held against the ledger of what
was planted. An exception of whatever category that the ledger does not know is *invented*.

Precision: of the keys that were open at the end of a week, how many rightly. Recall: of the keys that were to be found,
how many were. {silent} look-alikes, which look wrong and are not, stayed silent.

{table}

All together: {right} found rightly, {invented} invented, {missed} missed.
"""


@pytest.mark.parametrize("seed", [2])
def test_for_five_weeks_what_is_open_is_what_the_ledger_says(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    if database.name == "postgres" and os.environ.get("TESTS") != "all":
        pytest.skip("make test-all lives them on PostgreSQL, too")
    catalog = smaller_catalog(tmp_path / "catalog")
    settings = replace(
        settings_for(tmp_path / "instance", catalog), database_url=database.url, duck_threads=1
    )
    with (
        frozen_network(tmp_path / "network", monkeypatch, seed=seed, scale=SCALE) as (network, clock),
        opened(settings) as install,
    ):
        living = Days(network, Site(install), clock, seed)
        living.evening()
        wrong = [f"at first: {line}" for line in living.judge()]
        for day in range(1, DAYS + 1):
            living.morning(day)
            living.disturb(day)
            if day % WEEK == 0:
                living.evening()
                wrong += [f"day {day}: {line}" for line in living.judge()]
        silent = every_look_alike(network)
        keys = {json.dumps(json.loads(case.business_key), sort_keys=True) for case in living.site.cases()}
        untouched = _untouched(living)
    record_property("told", living.report())
    if "DETECTION" in os.environ:
        Path(os.environ["DETECTION"]).write_text(_page(living, len(silent), _TODAY), encoding="utf-8")
    assert not wrong, "\n".join(wrong)
    assert [silent[key] for key in keys & set(silent)] == []
    assert untouched == {}


def _untouched(living: Days) -> dict[str, set[str]]:
    """Categories of the ledger -> what never happened to them after the start, of all that can happen to them."""
    ledger, begin = living.network.ledger, stamp(START)
    rows = {row["id"]: row for row in ledger.rows("fault") if row["category"] not in NOT_FOUND_BY_CHECKS}
    left = {row["category"]: {"planted", "healed", "recurred"} for row in rows.values()}
    for row in rows.values():
        if json.loads(row["worse"]):
            left[row["category"]].add("changed")
    for event in ledger.happened():
        if event["at"] > begin and event["ledger"] in rows:
            left[rows[event["ledger"]]["category"]].discard(event["what"])
    return {category: what for category, what in left.items() if what}


def _page(living: Days, silent: int, today: date) -> str:
    tallies = living.tallies.values()
    right, invented, missed = (
        sum(len(getattr(one, name)) for one in tallies) for name in ("right", "invented", "missed")
    )
    return _PAGE.format(
        days=DAYS, date=f"{today:%-d %B %Y}", silent=silent, table=living.report(), right=right, invented=invented,
        missed=missed,
    )  # fmt: skip
