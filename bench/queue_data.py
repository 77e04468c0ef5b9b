"""An install with a million exceptions, one in five of them live: what the benchmarks of the workbench ask.

Filled once for each database, by COPY or plain tuples; triggers keep the counters as they would in an install, and the
words of search come from the index's own job. Stages and ages are what a sweep would have left at `NOW`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.intake import postgres
from exceptions_app import create_app
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.config import Settings
from exceptions_app.domain.aging import aged, earliest, stage_edge
from exceptions_app.domain.sla import stage
from exceptions_app.extensions import db
from exceptions_app.models import EVERYTHING, CaseEvidence, ExceptionCase, Role, SearchDue
from exceptions_app.runtime import runtime
from exceptions_app.services import bulk, people, schema, search_index, tally

NOW = datetime.now(UTC).replace(microsecond=0)
SITE = Path(__file__).resolve().parent.parent / "tests" / "web" / "site"
EMAIL, SCOPED, PASSWORD = "bench@example.org", "scoped@example.org", "correct horse battery"
LIVE_SHARE = 5
SUPPLIERS = 900
_CHUNK = 20_000
_COLUMNS = (
    "id", "fingerprint", "check_code", "scope", "category", "entity", "queue", "severity", "status", "reference",
    "counterparty", "sentence", "business_key", "line_key", "facts", "also", "evidence_hash", "evidence_version",
    "amount_e4", "currency", "reporting_amount_e4", "rate_e8", "owner_id", "recurring", "cycle", "since_at",
    "first_seen_at", "opened_at", "resolved_at", "end_reason", "on_hold", "paused_seconds", "sla_target",
    "sla_calendar", "sla_stage", "due_at", "due_soon_at", "next_sla_at", "aging", "delay_cost_e4", "retry_count",
    "version", "audit_head", "config_snapshot_id",
)  # fmt: skip
_EVIDENCE = ("case_id", "version", "evidence", "taken_at")
_SIDES = (
    '{"key":{"order_number":"PO-%07d"},"let":{},"sides":{"order":{"price":"31.00","quantity":"10"},'
    '"invoice":{"price":"43.75","quantity":"10"}},"tolerance":null}'
)


def application(instance: str, url: str) -> Any:
    """The whole application over that install."""
    settings = Settings(
        instance=Path(instance), database_url=url, catalog=SITE, secret_key="bench", cheap_passwords=True
    )
    app = create_app(settings)
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def fill(instance: str, url: str, size: int) -> None:
    """Two people and `size` exceptions, each with its evidence."""
    app = application(instance, url)
    with app.app_context():
        schema.upgrade(db.engine)
        session = db.session()
        snapshot = runtime().snapshot_id(session, "system:bench", NOW)
        owner = _people(session)
        session.commit()
        rows = _rows(session, runtime().catalog, snapshot, owner, size)
        at = bulk.time_writer(session)(NOW)
        while portion := list(islice(rows, _CHUNK)):
            bulk.insert(session, ExceptionCase, _COLUMNS, portion)
            bulk.insert(session, CaseEvidence, _EVIDENCE, [(r[0], 1, _SIDES % r[0], at) for r in portion])
            bulk.insert(session, SearchDue, ("case_id",), [(row[0],) for row in portion])
            session.commit()
        while search_index.catch_up(session, runtime().catalog):
            session.commit()
        tally.fold(session)
        session.commit()
        _settle(session)


def installs(prefix: str, default_size: int) -> Iterator[tuple[str, str, str, int]]:
    """Filled installs, gone again afterwards: name of the database, directory, address of a server ("": SQLite in the
    directory), size. As the command says, `[sqlite] [SIZE]`: SQLite alone, or PostgreSQL after it.
    """
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    size = int(sys.argv[2]) if len(sys.argv) > 2 else default_size
    with tempfile.TemporaryDirectory(prefix=prefix) as instance:
        fill(instance, "", size)
        yield "sqlite", instance, "", size
    if only != "sqlite":
        with tempfile.TemporaryDirectory(prefix=prefix) as instance, postgres() as server:
            fill(instance, server, size)
            yield "postgres", instance, server, size


def _people(session: Session) -> int:
    person = people.create_user(
        session, email=EMAIL, name="Bench", password=PASSWORD, role=Role.MANAGER, queues=(EVERYTHING,),
        entities=(EVERYTHING,), by="system:bench", now=NOW, cheap=True,
    )  # fmt: skip
    people.create_user(
        session, email=SCOPED, name="Scoped", password=PASSWORD, role=Role.SPECIALIST, queues=("ap", "stores"),
        entities=("H01",), by="system:bench", now=NOW, cheap=True,
    )  # fmt: skip
    session.flush()
    return person.id


def _settle(session: Session) -> None:
    """What PostgreSQL's autovacuum does within minutes. SQLite is left as an install leaves it: never analysed."""
    if bulk.is_postgres(session):
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence('exception_case', 'id'), 100000000)")
            )
            connection.execute(text("VACUUM ANALYZE"))


def _rows(
    session: Session, catalog: Catalog, snapshot: int, owner: int, size: int
) -> Iterator[tuple[Any, ...]]:
    at, calendar = bulk.time_writer(session), catalog.calendar("office")
    ages: dict[int, tuple[int, datetime | None]] = {}
    for i in range(1, size + 1):
        live = i % LIVE_SHARE == 0
        minutes = i * 37 % 43_200  # a month
        opened = NOW - timedelta(minutes=minutes)
        due = opened + timedelta(days=3, minutes=i % 600)
        soon = due - timedelta(hours=6)
        held, status = live and i % 85 == 0, "open" if live else "resolved"
        if minutes not in ages:
            ages[minutes] = aged(opened, NOW, calendar)
        bucket, edge = ages[minutes]
        where = stage(NOW, due, soon, held, status)
        amount = (i * 7919 % 500_000) * 100
        yield (
            i, sha256(b"%d" % i).digest()[:16], "p2p.order_match", "H01", _category(i), f"H0{i % 2 + 1}",
            "ap" if i % 4 else "stores", "medium", status, f"PO-{i:07d}/{i % 7}", f"Supplier {i % SUPPLIERS}",
            f"Supplier {i % SUPPLIERS} charged ${i % 977}.75, the order says ${i % 977}.00.", "{}",
            f"order_line|H01|PO-{i:07d}|{i % 7}", "{}", "[]", bytes(16), 1, amount, "USD", amount, 10**8,
            owner if i % 25 == 0 else None, i % 40 == 0, 1, at(opened), at(opened), at(opened),
            None if live else at(NOW - timedelta(minutes=minutes // 2)), None if live else "agrees_now", held, 0,
            "3 business days", "office", where.value, at(due), at(soon),
            at(earliest(edge, stage_edge(where, soon, due))) if live else None, bucket,
            (i * 131 % 90_000) * 100 if i % 3 == 0 else None, 0, 1, bytes(32), snapshot,
        )  # fmt: skip


def _category(i: int) -> str:
    """Two that most are of, and a rare one."""
    return "rare" if i % 4_000 == 0 else "price_variance" if i % 3 else "bank_differs"
