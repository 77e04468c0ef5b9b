"""The real thing in small: the simulated network in a process of its own, and an install that polls it.

Tests act on the network only over its control endpoint, and read its ledger from its file.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from demo.catalog_csv import CATALOG
from exceptions_app.config import Settings
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import ExceptionCase, Reject
from exceptions_app.services import tasks
from exceptions_app.services.cause_keys import CAUSES_CHECK
from jobs.flows import feeds_of
from jobs.handlers import HANDLERS
from jobs.install import Install
from jobs.runner import Runner

_START_SECONDS = 180.0


@dataclass(frozen=True)
class SimulatedNetwork:
    """A running network: where its ledger lies and where it is controlled."""

    home: Path
    env: dict[str, str]
    control: str
    past: dict[str, dict[str, int]] = field(default_factory=dict)
    """What feeds brought before it was built."""

    def ledger(self, kind: str, **columns: Any) -> list[dict[str, Any]]:
        """The ledger's rows of a kind, with the business key read."""
        with sqlite3.connect(self.home / "ledger.sqlite") as connection:
            connection.row_factory = sqlite3.Row
            rows = [
                dict(row)
                for row in connection.execute("SELECT * FROM ledger WHERE kind = ? ORDER BY id", (kind,))
            ]
        connection.close()
        for row in rows:
            row["key"] = json.loads(row["business_key"])
        return [row for row in rows if all(row[name] == value for name, value in columns.items())]

    def ask(self, command: str, **body: Any) -> Any:
        """`POST /command` of the control endpoint."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.control}/{command}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


@contextmanager
def simulated_network(home: Path, *, scale: float, erring: bool = False) -> Iterator[SimulatedNetwork]:
    """Start one whose life stands still, wait until it serves, and end it afterwards.

    `erring`: by chance it answers 429 and 500, and takes its tokens back.
    """
    command = [sys.executable, "-m", "demo", "--home", str(home), "--scale", str(scale)]
    command += [] if erring else ["--calm"]
    process = subprocess.Popen([*command, "--quiet", "--every", "3600"], stdout=subprocess.DEVNULL)
    try:
        description = _wait_for(home / "network.json", process)
        yield SimulatedNetwork(home, description["env"], description["control"], description["past"])
    finally:
        process.terminate()
        process.wait(timeout=120)


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> Any:
    until = time.monotonic() + _START_SECONDS
    while not path.exists():
        assert process.poll() is None, f"the network ended with {process.returncode}"
        assert time.monotonic() < until, "the network is not ready"
        try:
            process.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            continue
    return json.loads(path.read_text(encoding="utf-8"))


def settings_for(instance: Path, catalog: Path = CATALOG) -> Settings:
    """An install that is configured for the simulated network."""
    return Settings(instance=instance, catalog=catalog, cheap_passwords=True, secret_key="acceptance")


class Site:
    """An install, worked by the real runner: one pass polls every feed and reconciles."""

    def __init__(self, install: Install) -> None:
        self.install = install
        self._runner = Runner(install.runtime, install.engine, HANDLERS)

    def one_pass(self, *flows: str, systems: tuple[str, ...] = ()) -> None:
        """Poll every feed once, or those that some flows look at or that some systems have; what they brought is
        compared by the tasks that polling asks for.
        """
        catalog, now = self.install.runtime.catalog, utc_now()
        asked = set(feeds_of(catalog, [check for flow in flows for check in catalog.checks_in(flow)]))
        with self.install.transaction() as session:
            for code, feed in catalog.feeds.items():
                if code in asked or feed.system in systems or not (flows or systems):
                    tasks.request(session, "poll", f"poll:{code}", {"feed": code}, None, now)
        self._runner.drain()

    def categories(self, *flows: str) -> set[str]:
        """What the checks of some flows can open."""
        catalog = self.install.runtime.catalog
        return {name for flow in flows for check in catalog.checks_in(flow) for name in check.categories}

    def reconcile(self) -> None:
        """Compare once more what was read before."""
        with self.install.transaction() as session:
            for flow in self.install.runtime.catalog.flows():
                tasks.request(session, "reconcile", f"reconcile:{flow}", {"flow": flow}, None, utc_now())
        self._runner.drain()

    def drain(self) -> None:
        """Do what is asked for and due."""
        self._runner.drain()

    def cases(self) -> list[ExceptionCase]:
        """Every exception that stands on a transaction or a feed, oldest first: not their causes."""
        with Session(self.install.engine) as session:
            found = select(ExceptionCase).where(ExceptionCase.check_code != CAUSES_CHECK)
            return list(session.scalars(found.order_by(ExceptionCase.id)))

    def causes(self) -> list[ExceptionCase]:
        """Every cause, oldest first."""
        with Session(self.install.engine) as session:
            found = select(ExceptionCase).where(ExceptionCase.check_code == CAUSES_CHECK)
            return list(session.scalars(found.order_by(ExceptionCase.id)))

    def rejects(self) -> set[tuple[str, str | None]]:
        """(feed, source id or None) of all rejected rows."""
        with Session(self.install.engine) as session:
            return {(row.feed, row.source_id) for row in session.scalars(select(Reject))}
