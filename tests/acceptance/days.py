"""A simulated network and an install that live through many days in one process, under a clock that stands still
between the steps: mornings something happens at the sources, evenings the feeds are read and compared.

Every expectation comes from the ledger; nothing here knows what a check is.
"""

from __future__ import annotations

import json
import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
import yaml

from demo.appearing import CATEGORIES, appear
from demo.catalog_csv import CATALOG
from demo.documents import instant
from demo.life import Life
from demo.mending import relapse, repair, worsen
from demo.network import Network
from demo.places import FACILITY
from demo.serve import Serving
from demo.systems.store import Row
from exceptions_app.models import ExceptionCase

from .live import Site

START = datetime(2026, 10, 5, 14, 0, tzinfo=UTC)
"""A Monday. 34 days later lie a change of clocks and the end of a month."""
FACILITIES = ("HMC", "PSA", "BMC")
"""Two regions, two time zones, a parent with its own: fewer than the demo has, for the sake of time."""
NOT_FOUND_BY_CHECKS = {"rejected_rows", "system_out", "feed_failed", "check_failed"}
PHASES = ("plant", "repair", "relapse", "worsen")
"""What happens to a category, one a week; where in the round it begins differs, so that each week has all of them."""
_EVENING = timedelta(hours=5)
Key = tuple[str, str, tuple[tuple[str, str], ...]]
"""A category, an entity (none where it may be any of several) and a business key."""


def key_of(category: str, entity: str, business_key: str) -> Key:
    """The same key however its values are typed and ordered."""
    pairs = tuple(sorted((name, str(value)) for name, value in json.loads(business_key).items()))
    return category, "" if category == "duplicate_invoice" else entity, pairs


@dataclass(slots=True)
class Tally:
    """What happened to the faults of one category, over all days."""

    planted: int = 0
    found: int = 0
    healed: int = 0
    closed: int = 0
    recurred: int = 0
    reopened: int = 0
    changed: int = 0
    retaken: int = 0
    right: set[str] = field(default_factory=set)
    missed: set[str] = field(default_factory=set)
    invented: set[str] = field(default_factory=set)

    def cells(self) -> tuple[str, ...]:
        """As the report shows it."""
        counts = (self.planted, self.found, self.healed, self.closed, self.recurred, self.reopened)
        right, invented, missed = len(self.right), len(self.invented), len(self.missed)
        shares = _share(right, invented), _share(right, missed)
        return (*map(str, (*counts, self.changed, self.retaken)), *shares)


def _share(part: int, other: int) -> str:
    return f"{100 * part / (part + other):.1f} %" if part + other else "-"


class Days:
    """The network and the site, day by day. `rng` decides what happens; the same seed, the same days."""

    def __init__(self, network: Network, site: Site, clock: time_machine.Traveller, seed: int) -> None:
        self.network, self.site, self._clock = network, site, clock
        self.rng = random.Random(f"days {seed}")
        self.life = Life(network, quiet=True)
        self.tallies: dict[str, Tally] = defaultdict(Tally)
        self.now = START
        self.order = sorted(set(CATEGORIES) - {"unmapped_alias"})
        self.rng.shuffle(self.order)
        self._before: dict[Key, ExceptionCase] = {}
        self._events = 0
        self._taken_away: set[Key] = set()

    def morning(self, day: int) -> None:
        """What was planned happens, new orders are placed, invoices are approved and paid."""
        self._go_to(START + timedelta(days=day))
        self.life.live_on(self.now, orders=3)

    def faults(self, *, open_only: bool = False) -> list[Row]:
        """The ledger's faults that checks find."""
        rows = self.network.ledger.rows("fault", open_only=open_only)
        return [row for row in rows if row["category"] not in NOT_FOUND_BY_CHECKS]

    def disturb(self, day: int) -> None:
        """Something happens to one category in seven: each has its day, and the four `PHASES` take turns."""
        for place, category in enumerate(self.order):
            if place % 7 == day % 7:
                self._happen(PHASES[(place // 7 + day // 7) % len(PHASES)], category)
        self.life.drop(self.now)

    def _happen(self, phase: str, category: str) -> None:
        if phase == "plant":
            appear(self.network, category, self.now, self.rng)
            return
        rows = [row for row in self.faults() if row["category"] == category]
        if phase == "relapse":
            rows = [row for row in rows if row["healed_at"] and json.loads(row["redo"])]
        else:
            rows = [row for row in rows if not row["healed_at"]]
        if phase == "worsen":
            rows = [row for row in rows if json.loads(row["worse"])]
        act: Callable[[Network, int, datetime], object] = {
            "repair": repair, "relapse": relapse, "worsen": worsen
        }[phase]  # fmt: skip
        for row in self.rng.sample(rows, min(1, len(rows))):
            if any(step.values.get("gone") == 1 for step in self.network.ledger.steps(row, "undo")):
                self._taken_away.add(self._key(row))
            act(self.network, row["id"], self.now)
            if phase == "repair":
                self._leave_unpaid(row)

    def _leave_unpaid(self, row: Row) -> None:
        """No payment run settles an invoice whose statuses were repaired: they could not come back."""
        for step in self.network.ledger.steps(row, "undo"):
            if (step.system, step.table) == ("erp", "invoices"):
                self.network.erp.alter("invoices", step.key, {"stuck": 1})

    def evening(self) -> None:
        """Everything is read and compared once; what was planned for the day has happened."""
        self._go_to(self.now + _EVENING)
        self.life.live_on(self.now, orders=0)
        self.life.drop(self.now)
        self.site.one_pass()

    def _stamp(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _go_to(self, at: datetime) -> None:
        self.now = at
        self._clock.move_to(at)

    def judge(self) -> list[str]:
        """Compares what is open with the ledger, and how each exception moved since the last evening with what
        happened to its fault. Returns what is wrong, in words.
        """
        cases = self._cases()
        expected = {self._key(row): row for row in self.faults(open_only=True) if self._is_due(row)}
        wrong = [*self._differences(cases, expected), *self._broken()]
        for what, key in self._happened():
            wrong += self._moved(what, key, self._before.get(key), cases.get(key))
        self._before = cases
        return wrong

    def _cases(self) -> dict[Key, ExceptionCase]:
        return {
            key_of(case.category, case.entity, case.business_key): case
            for case in self.site.cases()
            if case.category not in NOT_FOUND_BY_CHECKS
        }

    def _differences(self, cases: dict[Key, ExceptionCase], expected: dict[Key, Row]) -> Iterator[str]:
        found = {key for key, case in cases.items() if case.status == "open"}
        for key in sorted(set(expected) - found):
            self.tallies[key[0]].missed.add(str(key))
            yield f"missed: {key}: {expected[key]['how']}"
        for key in sorted(found - set(expected)):
            self.tallies[key[0]].invented.add(str(key))
            yield f"invented: {key}: {cases[key].sentence}"
        for key in found & set(expected):
            self.tallies[key[0]].right.add(str(key))

    def _broken(self) -> Iterator[str]:
        """Categories that no check raises: every system answers, and only feeds with planted rows reject any."""
        bad = {
            json.loads(row["business_key"])["feed"]
            for row in self.network.ledger.rows("fault", "rejected_rows")
        }
        for case in self.site.cases():
            planted = case.category == "rejected_rows" and case.reference in bad
            if case.category in NOT_FOUND_BY_CHECKS and case.status == "open" and not planted:
                self.tallies[case.category].invented.add(case.business_key)
                yield f"invented: {case.category} {case.reference}: {case.sentence}"

    def _is_due(self, row: Row) -> bool:
        return instant(row["expected_from"]) <= self.now

    def _key(self, row: Row) -> Key:
        return key_of(row["category"], row["entity"], row["business_key"])

    def _happened(self) -> list[tuple[str, Key]]:
        """What happened to the faults since the last evening."""
        rows = {row["id"]: row for row in self.faults()}
        events = self.network.ledger.happened()
        new, self._events = events[self._events :], len(events)
        return [(event["what"], self._key(rows[event["ledger"]])) for event in new if event["ledger"] in rows]

    def _moved(
        self, what: str, key: Key, before: ExceptionCase | None, case: ExceptionCase | None
    ) -> Iterator[str]:
        tally = self.tallies[key[0]]
        if case is None:
            yield f"{what}, and no exception: {key}"
            return
        if what == "planted":
            tally.planted += 1
            tally.found += case.status == "open"
            if (case.cycle, case.recurring) != (1, False):
                yield f"new, and not in its first cycle: {key}"
        elif what == "healed":
            tally.healed += 1
            tally.closed += case.status == "resolved"
            # Of a row that was taken away nothing is left to be read again.
            told = {"agrees_now", "left_window"} if key in self._taken_away else {"agrees_now"}
            if case.status != "resolved" or case.end_reason not in told:
                yield f"healed, and {case.status} ({case.end_reason}): {key}"
        elif before is None:
            yield f"{what}, and it was not known before: {key}"
        elif what == "recurred":
            tally.recurred += 1
            back = (case.id, case.status, case.cycle, case.recurring)
            tally.reopened += back == (before.id, "open", before.cycle + 1, True)
            if back != (before.id, "open", before.cycle + 1, True):
                yield f"back, and {back}: {key}"
        else:
            tally.changed += 1
            tally.retaken += case.evidence_hash != before.evidence_hash
            if (case.status, case.evidence_version) != ("open", before.evidence_version + 1):
                yield f"changed, and {case.status} with evidence {case.evidence_version}: {key}"

    def report(self) -> str:
        """A table in Markdown, a line for each category: planted/found, healed/closed, back/reopened, changed/taken
        anew; and over all evenings, of the keys that were open, how many rightly (precision), and of those to be found,
        how many (recall).
        """
        names = (
            "category",
            "planted",
            "found",
            "healed",
            "closed",
            "back",
            "reopened",
            "changed",
            "taken anew",
        )
        lines = [(*names, "precision", "recall"), ("---", *["---:"] * 10)]
        lines += [(category, *one.cells()) for category, one in sorted(self.tallies.items())]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@contextmanager
def frozen_network(
    home: Path, monkeypatch: pytest.MonkeyPatch, *, seed: int, scale: float
) -> Iterator[tuple[Network, time_machine.Traveller]]:
    """A network that serves in this process at `START`; its addresses are in the environment."""
    with time_machine.travel(START, tick=False) as clock:
        network = Network(home, seed, scale, calm=True, facilities=[FACILITY[code] for code in FACILITIES])
        serving = Serving(network, quiet=True)
        for name, value in serving.start(ticking=False).items():
            monkeypatch.setenv(name, value)
        try:
            yield network, clock
        finally:
            serving.stop()


def smaller_catalog(directory: Path) -> Path:
    """The demo's configuration, copied and cut down to the facilities that are simulated here."""
    shutil.copytree(CATALOG, directory)
    site = yaml.safe_load((directory / "site.yaml").read_text(encoding="utf-8"))
    site["entities"] = [entity for entity in site["entities"] if entity["code"] in FACILITIES]
    (directory / "site.yaml").write_text(yaml.safe_dump(site), encoding="utf-8")
    work = (directory / "work.yaml").read_text(encoding="utf-8")
    (directory / "work.yaml").write_text(work.replace("[LRL]", "[BMC]"), encoding="utf-8")
    crosswalk = directory / "crosswalk_entity.csv"
    head, *rows = crosswalk.read_text(encoding="utf-8").splitlines()
    kept = [row for row in rows if row.rpartition(",")[2] in FACILITIES]
    crosswalk.write_text("\n".join([head, *kept, ""]), encoding="utf-8")
    return directory


def every_look_alike(network: Network) -> dict[str, Any]:
    """The business keys that must stay silent -> why."""
    return {row["business_key"]: row["how"] for row in network.ledger.rows("look_alike")}
