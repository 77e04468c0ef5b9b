"""More than thirty days in which faults appear, heal, come back and change: what is open in the evening is what the
ledger says. Nothing missed, nothing invented. `make test-all` and
`THIRTY_DAYS=1` live them; `full` disturbs and judges every day.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.install import opened
from tests.conftest import Database

from .days import Days, every_look_alike, frozen_network, smaller_catalog
from .live import Site, settings_for

DAYS = 34
EVERY = 1 if os.environ.get("THIRTY_DAYS") == "full" else 6
"""Things happen and are judged every so many days; orders, receipts and payments go on each day."""


@pytest.mark.parametrize("seed", [1])
def test_for_thirty_four_days_what_is_open_is_what_the_ledger_says(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    if "THIRTY_DAYS" not in os.environ and os.environ.get("TESTS") != "all":
        pytest.skip("make test-all lives them, THIRTY_DAYS=full disturbs every day of them")
    days = DAYS
    catalog = smaller_catalog(tmp_path / "catalog")
    settings = replace(settings_for(tmp_path / "instance", catalog), database_url=database.url)
    with frozen_network(tmp_path / "network", monkeypatch, seed=seed, scale=0.03) as (network, clock):
        with opened(settings) as install:
            living = Days(network, Site(install), clock, seed)
            living.evening()
            wrong = [f"at first: {line}" for line in living.judge()]
            for day in range(1, days + 1):
                living.morning(day)
                if day % EVERY == 0 or day == days:
                    living.disturb(times=2 if EVERY > 1 else 1)
                    living.evening()
                    wrong += [f"day {day}: {line}" for line in living.judge()]
            silent = every_look_alike(network)
            loud = [
                f"not silent: {silent[key]}"
                for case in living.site.cases()
                if (key := json.dumps(json.loads(case.business_key), sort_keys=True)) in silent
            ]
        print(living.report())
    assert not wrong, "\n".join(wrong)
    assert loud == []
