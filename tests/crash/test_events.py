"""No accepted event is lost, whichever process is killed as by `kill -9`, and each becomes one record."""

from __future__ import annotations

import http.client
import itertools
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.config import Settings
from exceptions_app.duck import closing_session
from exceptions_app.models import InboxEvent
from exceptions_app.runtime import make_runtime
from exceptions_app.services import runs
from exceptions_app.services.engine import reading
from jobs.install import Install, open_engine
from jobs.serve import web_command
from tests.conftest import Database

from .processes import Processes

SITE = """\
site: {name: Crash, reporting_currency: USD}
entities: [{code: H01, name: First}]
record_types:
  - {code: note, title: Note, key: [number], columns: {number: {required: true}}}
systems:
  - {code: PORTAL, name: Portal, kind: other, connector: events,
     connection: {signature: {type: bearer, secrets: ["env:CRASH_EVENTS"]}}}
feeds:
  - {code: notes, system: PORTAL, record_type: note, every: 1s,
     mapping: {entity: entity, number: number, source_time: event_time}}
"""
HEADERS = {"Content-Type": "application/cloudevents-batch+json", "Authorization": "Bearer t"}
WANTED, DEADLINE, PAUSE = 60, 180.0, 0.1
"""Events accepted between two kills of the web; seconds for all, and between two batches of a sender."""


class Town:
    """An install in which events are sent all the time, and whose processes die."""

    def __init__(self, install: Install, processes: Processes) -> None:
        self.install, self.processes = install, processes
        self.accepted: set[str] = set()
        self.stop = threading.Event()
        self.until = time.monotonic() + DEADLINE
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.senders = [threading.Thread(target=self._send, args=(name,)) for name in ("a", "b", "c")]

    def start_web(self) -> int:
        command = web_command("127.0.0.1", self.port, processes=2)
        return self.processes.start("web", "web", *command[3:-1])

    def _send(self, name: str) -> None:
        """Batches of two, each of which is sent until it is accepted, as any sender does."""
        for number in itertools.count():
            ids = [f"{name}{number}-{part}" for part in "12"]
            while not self.stop.is_set():
                accepted = self._post(ids)
                self.stop.wait(PAUSE)
                if accepted:
                    self.accepted |= set(ids)
                    break
            if self.stop.is_set():
                return

    def _post(self, ids: list[str]) -> bool:
        about = {"specversion": "1.0", "source": "/s", "type": "t", "time": "2026-01-01T00:00:00Z"}
        events = [about | {"id": each, "data": {"entity": "H01", "number": each}} for each in ids]
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", "/api/v1/events/notes", json.dumps(events), HEADERS)
            return connection.getresponse().status == 202
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait(self, done: Callable[[], bool], what: str) -> None:
        while not done():
            assert time.monotonic() < self.until, f"{what}\n{self.processes.log_tails()}"
            time.sleep(0.05)

    def dies(self, pid: int) -> None:
        """Wait until a process has killed itself."""
        ended: dict[int, int] = {}
        self.wait(lambda: bool(ended.update(self.processes.ended(0.2)) or pid in ended), f"{pid} lives")
        assert ended[pid] == -signal.SIGKILL

    def states(self) -> dict[str, int]:
        counted = select(InboxEvent.state, func.count()).group_by(InboxEvent.state)
        with Session(self.install.engine) as session:
            return {row[0]: row[1] for row in reading(session).execute(counted)}

    def records(self) -> list[str]:
        with Session(self.install.engine) as session:
            unfinished = runs.unfinished(reading(session))
        with closing_session() as con:
            self.install.runtime.store.open_views(con, ["note"], None, unfinished)
            return [number for (number,) in con.execute("SELECT number FROM rec_note").fetchall()]


@pytest.fixture
def town(database: Database, tmp_path: Path) -> Iterator[Town]:
    catalog, logs = tmp_path / "catalog", tmp_path / "logs"
    for directory in (catalog, logs):
        directory.mkdir()
    (catalog / "site.yaml").write_text(SITE)
    settings = Settings(
        instance=tmp_path / "instance", database_url=database.url, catalog=catalog, task_lease=2,
        duck_memory="300MB", duck_threads=1, cheap_passwords=True,
    )  # fmt: skip
    environ = {
        "TIEOUT_INSTANCE": str(settings.instance), "TIEOUT_DATABASE_URL": database.url, "CRASH_EVENTS": "t",
        "TIEOUT_CATALOG": str(catalog), "TIEOUT_TASK_LEASE": "2", "TIEOUT_DUCK_MEMORY": "300MB",
        "TIEOUT_DUCK_THREADS": "1", "TIEOUT_CHEAP_PASSWORDS": "true",
    }  # fmt: skip
    install = Install(make_runtime(settings), open_engine(settings))
    processes = Processes(logs, environ)
    found = Town(install, processes)
    yield found
    found.stop.set()
    processes.close()
    install.engine.dispose()


def test_no_accepted_event_is_lost_whoever_is_killed(town: Town) -> None:
    web = town.start_web()
    for sender in town.senders:
        sender.start()
    for end in ("poll.landed:1", "poll.marked:1", "task.finished:2"):
        before = len(town.accepted)
        jobs = town.processes.start("jobs", "command", "jobs", CRASH_AT=end)
        town.wait(lambda seen=before: len(town.accepted) > seen + WANTED, "nothing is accepted")
        town.processes.kill(web)  # in the middle of it, master and workers
        web = town.start_web()
        town.dies(jobs)
    before = len(town.accepted)
    town.wait(lambda: len(town.accepted) > before + WANTED, "nothing is accepted any more")
    town.stop.set()
    for sender in town.senders:
        sender.join()
    town.processes.start("jobs", "command", "jobs")
    town.wait(lambda: set(town.states()) == {"taken"}, "events are left in the inbox")
    records = town.records()
    assert town.accepted <= set(records)
    assert len(records) == len(set(records)) == town.states()["taken"]
