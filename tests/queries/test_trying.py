"""What a check for duplicates says of a record that is tried: the same as if all records were compared."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.config import Settings
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.duck import closing_session, literal, quoted
from exceptions_app.queries.trying import trying
from exceptions_app.reconcile.parameters import RunParameters
from exceptions_app.records import held
from exceptions_app.records.candidate import Candidate
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.records.store import RecordStore
from tests.effort import examples
from tests.reconcile.people_books import site as people_site

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
SITE = """
site: {name: Test, packs: [procure_to_pay]}
entities: [{code: H1, name: North}]
systems:
  - {code: ERP, name: ERP, kind: erp, connector: rows}
  - {code: PORTAL, name: Portal, kind: supplier_portal, connector: rows}
feeds:
  - {code: suppliers, system: ERP, record_type: supplier, mapping: {supplier_id: a, name: a, status: a}}
  - {code: registered, system: PORTAL, record_type: supplier, mapping: {supplier_id: a, name: a, status: a}}
"""
Rows = list[dict[str, str]]


@dataclass
class Master:
    """A record store, and what is asked about its records."""

    catalog: Catalog
    folder: Path
    record_type: str
    runs: int = 0

    @property
    def store(self) -> RecordStore:
        return RecordStore(str(self.folder / "records"), self.catalog)

    def land(self, rows: Rows) -> None:
        """Records as texts; `system` and `entity` beside the columns."""
        self.runs += 1
        with closing_session() as con:
            layout = self.store.layout(self.record_type)
            selects = []
            for row in rows:
                made = {
                    **row,
                    "source_system": row["system"],
                    "source_id": "x",
                    "source_time": NOW.isoformat(),
                }
                made["fetched_at"] = made["source_time"]
                selects.append(
                    "SELECT " + ", ".join(
                        f"CAST({literal(made.get(name))} AS {kind}) AS {quoted(name)}"
                        for name, kind in layout.visible.items() if name != "run_id"
                    )
                )  # fmt: skip
            feed = next(iter(self.catalog.feeds_for(self.record_type))).code
            self.store.land(self.record_type, feed, self.runs, 0, con.sql(" UNION ALL ".join(selects)))

    def found(self, row: dict[str, str], check: str) -> list[Discrepancy]:
        """What the check says of a record."""
        values = {name: text for name, text in row.items() if name not in ("system", "entity")}
        candidate = Candidate(self.catalog, self.record_type, row["system"], row.get("entity"), values, NOW)
        judged, settings = self.catalog.checks[check], Settings(instance=self.folder)
        with trying(settings, self.store, candidate, [judged], UnfinishedRuns(self.runs)) as trial:
            trial.open(None)
            return trial.found(judged, RunParameters(NOW, lambda _: NOW, {"documents": NOW}))


def _supplier(rng: random.Random) -> dict[str, str]:
    """Few words and few numbers, so that many are alike; some words are said by more than bring anybody together."""
    words = ["Medical"] * 3 + [
        "Corvane",
        "Corvan",
        "Petrel",
        "Petrell",
        "Ash",
        "Alder",
        "Aldermoor",
        "Blue",
        "Sky",
        "Bluesky",
    ]
    row = {
        "system": rng.choice(("ERP", "ERP", "PORTAL")), "supplier_id": f"V{rng.randrange(120)}",
        "name": " ".join(rng.sample(words, rng.choice((2, 2, 3)))) + rng.choice(("", " Ltd", " Inc", " 7")),
        "status": rng.choice(("active", "active", "active", "inactive")),
    }  # fmt: skip
    if rng.random() < 0.4:
        row["tax_id"] = f"81-41002{rng.randrange(40):02d}"
    if rng.random() < 0.5:
        row |= {"street": f"{rng.randrange(9)} High Street", "postal_code": f"OX{rng.randrange(20)} 1AA"}
    return row


def _worker(rng: random.Random) -> dict[str, str]:
    number = rng.randrange(120)
    return {
        "system": "HCM", "entity": rng.choice(("H1", "H2")), "worker": f"W{number}", "person": f"P{number % 90}",
        "given_name": rng.choice(("Ann", "Anne", "Bob", "Rob")), "family_name": rng.choice(("Ashe", "Ash", "Alder")),
        "birth_date": f"19{rng.randrange(80, 84)}-0{rng.randrange(1, 9)}-11", "last_four": f"123{rng.randrange(8)}",
        "status": "active", "hired_on": "2020-01-01",
    }  # fmt: skip


@pytest.fixture(params=["suppliers", "workers"])
def master(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Master, Callable[..., Any], list[str]]:
    if request.param == "workers":
        checks = ["h2r.duplicate_worker", "h2r.similar_worker"]
        return Master(people_site(tmp_path), tmp_path, "worker"), _worker, checks
    (tmp_path / "site.yaml").write_text(SITE)
    catalog = load_catalog(tmp_path, connector_models())
    checks = ["p2p.duplicate_supplier", "p2p.similar_supplier"]
    return Master(catalog, tmp_path, "supplier"), _supplier, checks


def _told(found: list[Discrepancy]) -> list[tuple[Any, ...]]:
    return [(one.fingerprint, one.evidence_hash, one.evidence, one.facts, one.amount) for one in found]


def _again(rng: random.Random, row: dict[str, str]) -> dict[str, str]:
    """Almost the same, sometimes under its own number."""
    name = next(column for column in ("name", "given_name") if column in row)
    key = next(column for column in ("supplier_id", "worker") if column in row)
    place = rng.randrange(1, len(row[name]))
    said = rng.choice((row[name][:place] + row[name][place + 1 :], row[name] + "s", row[name].upper()))
    again = {**row, name: said, "status": "active"}
    return (
        again if rng.random() < 0.3 else {**again, key: "N1", **({"person": "N1"} if "person" in row else {})}
    )


@pytest.mark.parametrize("seed", range(examples(1, 6)))
def test_a_record_is_told_the_same_duplicates_as_by_a_run_over_all(
    master: tuple[Master, Callable[..., Any], list[str]], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (records, make, checks), rng = master, random.Random(seed)
    known = {
        row["system"] + row.get("supplier_id", row.get("worker", "")): row
        for row in (make(rng) for _ in range(120))
    }
    records.land(list(known.values()))
    records.store.fold(records.record_type)
    records.land([make(rng) for _ in range(5)])
    said = 0
    for turn in range(6):
        # One that is there already is replaced; a new one is put beside the others.
        row = make(rng) if turn % 2 else _again(rng, rng.choice(list(known.values())))
        for check in checks:
            near = _told(records.found(row, check))
            with monkeypatch.context() as patched:
                patched.setattr(held, "MOST_ROWS", 0)
                assert near == _told(records.found(row, check)), row
            said += len(near)
    assert said, "the books hold no duplicates"


def test_what_was_read_since_is_compared(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    records = Master(load_catalog(tmp_path, connector_models()), tmp_path, "supplier")
    one = {"system": "ERP", "supplier_id": "V1", "name": "Petrel Laboratory Sciences", "status": "active"}
    records.land([one])
    asked = {**one, "supplier_id": "V9", "name": "Petrel Laboratory Science"}
    check = "p2p.similar_supplier"
    assert [found.reference for found in records.found(asked, check)] == ["V1"]
    records.land([{**one, "name": "Corvane Instruments"}])
    assert records.found(asked, check) == []
    assert [found.reference for found in records.found({**asked, "name": "Corvane Instrument"}, check)] == [
        "V1"
    ]
