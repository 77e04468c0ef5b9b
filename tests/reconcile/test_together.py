"""Several entities in one statement: of each exactly what is found where it is compared alone, whatever the records."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from demo.catalog_csv import CATALOG
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.schema import MatchCheck
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.duck import literals, quoted
from exceptions_app.reconcile.engine import CheckResult, run_check, run_together
from exceptions_app.reconcile.parameters import RunParameters
from exceptions_app.reconcile.probing import Probing, probing_of
from exceptions_app.reconcile.sides import ENTITIES
from jobs.flows import can_run, record_types_of

from .books import NOW, Books

TOGETHER = ["H1", "H2", "H3"]
OF_ENTITIES = ["H1", "H1", "H2", "H2", "H3", None]
"""Whose the records are."""
ALL = os.environ.get("TESTS") == "all"
SEEDS = range(6 if ALL else 1)
PROBED = ["procure_to_pay", *(["hire_to_retire", "inventory"] if ALL else [])]
"""The flows of which some lines are probed here; `tests/jobs/test_incremental.py` probes others."""


@pytest.fixture(scope="module")
def network() -> Catalog:
    return load_catalog(Path(CATALOG), connector_models())


def _value(kind: str, name: str, chance: random.Random) -> Any:
    """Few values, so that keys meet: across sides, in one side, and across entities."""
    if chance.random() < 0.08:
        return None
    if kind == "boolean":
        return chance.random() < 0.3
    if kind in ("integer", "decimal", "money", "quantity"):
        return (
            chance.choice([1, 1, 2, 12, -1, 60])
            if kind == "integer"
            else Decimal(chance.choice(["1", "1", "2", "7", "60", "-1"]))
        )
    if kind == "date":
        return date(2026, 11, 24) - timedelta(days=chance.choice([-20, 0, 3, 30, 90]))
    if kind == "timestamp":
        return NOW - timedelta(days=chance.choice([-2, 0.01, 1, 3, 9, 40, 100]))
    if "currency" in name:
        return "USD" if chance.random() < 0.8 else "CAD"
    return chance.choice(["A", "A", "B", "approved", "posted", "active"])


def _filled(catalog: Catalog, seed: int) -> Books:
    """Records of every type, each key once in a system and an entity, as the record store holds them."""
    chance, books = random.Random(seed), Books(catalog)
    for code in sorted(set[str]().union(*(record_types_of(check) for check in _checks(catalog)))):
        record = catalog.record_types[code]
        systems = [feed.system for feed in catalog.sources_of(code)] or ["ERP"]
        columns = [
            "entity",
            "source_system",
            "source_id",
            "source_time",
            "fetched_at",
            "run_id",
            *record.columns,
        ]
        rows: dict[Any, list[Any]] = {}
        for number in range(50):
            entity = chance.choice(OF_ENTITIES) if record.scope == "entity" else None
            seen = NOW - timedelta(days=chance.choice([1, 5, 9]))
            its = {name: _value(column.type, name, chance) for name, column in record.columns.items()}
            row = [entity, chance.choice(systems), f"{number}", seen, seen, 1, *its.values()]
            rows[(*row[:2], *(its[name] for name in record.key))] = row
        one = f"({', '.join('?' * len(columns))})"
        books.con.execute(
            f'INSERT INTO "all_{code}" ({", ".join(map(quoted, columns))}) VALUES {", ".join([one] * len(rows))}',
            [value for row in rows.values() for value in row],
        )
    return books


def _show(books: Books, entities: Sequence[str], check: MatchCheck) -> None:
    """The views that a job makes (`jobs/scope_views.py`)."""
    for code in record_types_of(check):
        of_entities = books.catalog.record_types[code].scope == "entity"
        some = f" WHERE entity IN ({literals(entities)})" if of_entities else ""
        books.con.execute(f'CREATE OR REPLACE TEMP VIEW "rec_{code}" AS SELECT * FROM "all_{code}"{some}')
    listed = f"SELECT UNNEST([{literals(entities)}]) AS entity"
    books.con.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(ENTITIES)} AS {listed}")


def _parameters(check: MatchCheck) -> RunParameters:
    read: dict[str, datetime | None] = dict.fromkeys(check.sides, NOW)
    read |= {f"{name}.{lookup}": NOW for name, side in check.sides.items() for lookup in side.lookups}
    return RunParameters(
        NOW, lambda days: NOW - timedelta(days=days), read, lambda category: NOW - timedelta(days=20)
    )


def _told(result: CheckResult) -> tuple[int, int, list[Discrepancy]]:
    return (
        result.compared,
        result.matched,
        sorted(result.discrepancies, key=lambda one: (one.fingerprint, one.evidence_hash)),
    )


def _checks(catalog: Catalog) -> Iterator[MatchCheck]:
    for check in catalog.checks.values():
        if isinstance(check, MatchCheck) and check.scope == "entity" and can_run(catalog, check):
            yield check


@pytest.mark.parametrize("seed", SEEDS)
def test_each_entity_is_told_what_it_is_told_alone(network: Catalog, seed: int) -> None:
    books, found = _filled(network, seed), set[str]()
    for check in _checks(network):
        parameters = _parameters(check)
        _show(books, TOGETHER, check)
        together = run_together(books.con, check, network, [*TOGETHER, "H5"], parameters)
        assert _told(together.pop("H5")) == (0, 0, [])
        for entity in TOGETHER:
            _show(books, [entity], check)
            alone = run_check(books.con, check, network, entity, parameters)
            assert _told(together[entity]) == _told(alone), (check.code, entity)
            found |= {one.category for one in alone.discrepancies}
    assert len(found) > 25, "records that say nothing test nothing"


@pytest.mark.parametrize("seed", SEEDS)
def test_each_entity_is_told_of_its_own_probed_lines(network: Catalog, seed: int) -> None:
    books, found = _filled(network, seed), 0
    for check in _checks(network):
        probing = probing_of(check, network)
        if not isinstance(probing, Probing) or check.flow not in PROBED:
            continue
        parameters, among = _parameters(check), probing.among
        lines = [("H1", *values) for values in product(["A", "B", "active"], repeat=len(among.columns))]
        lines += [(entity, *values[1:]) for entity in ("H2", "H3") for values in lines if "A" in values]
        columns = ", ".join(f"c{place}" for place in range(len(among.columns)))
        rows = f"(VALUES {', '.join(f'({literals(line)})' for line in lines)}) AS l(entity, {columns})"
        _show(books, TOGETHER, check)
        books.con.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(among.table)} AS SELECT * FROM {rows}")
        together = run_together(books.con, check, network, TOGETHER, parameters, among)
        for entity in TOGETHER:
            _show(books, [entity], check)
            its = f"SELECT {columns} FROM {rows} WHERE entity = '{entity}'"
            books.con.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(among.table)} AS {its}")
            alone = run_check(books.con, check, network, entity, parameters, among)
            assert _told(together[entity]) == _told(alone), (check.code, entity)
            found += len(alone.discrepancies)
    assert found > 10, "lines that nothing is wrong with test nothing"
