"""Nothing is lost and nothing happens twice, whenever a process is killed.

`make test` runs the short form, `make crash` the long one. `CRASH_KILLS` is how many processes die on each database,
each boundary included, `CRASH_SEED` repeats a plan.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exceptions_app.config import Settings
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import Role
from exceptions_app.runtime import make_runtime
from exceptions_app.services import people
from jobs.install import Install, open_engine
from tests.conftest import Database

from . import proof
from .driver import Driver
from .processes import Processes
from .town import Town
from .visitor import EMAIL, PASSWORD

KILLS = int(os.environ.get("CRASH_KILLS", "26"))
SEED = int(os.environ.get("CRASH_SEED") or random.randrange(1_000_000))
LEASE = 2
FLOW = Path(__file__).parents[1] / "jobs" / "site" / "site.yaml"


@pytest.fixture(autouse=True)
def _one_at_a_time() -> Iterator[None]:
    """Two of these at once, in two workers, would only take the processor from each other."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    with (Path(tempfile.gettempdir()) / f"tieout-crash-{run[:12]}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def driver(database: Database, tmp_path: Path) -> Iterator[Driver]:
    """An install with a specialist, in a town of its own; no process runs yet."""
    town = Town()
    catalog, logs = tmp_path / "catalog", tmp_path / "logs"
    for directory in (catalog, logs):
        directory.mkdir()
    flow = FLOW.read_text()
    systems, feeds, queues = flow.index("systems:"), flow.index("feeds:"), flow.index("queues:")
    (catalog / "site.yaml").write_text(
        flow[:systems] + flow[flow.index("record_types:") : feeds] + flow[queues:]
    )
    (catalog / "town.yaml").write_text(town.site)
    settings = Settings(
        instance=tmp_path / "instance", database_url=database.url, catalog=catalog, task_lease=LEASE,
        duck_memory="300MB", duck_threads=1, cheap_passwords=True,
    )  # fmt: skip
    environ = {
        "TIEOUT_INSTANCE": str(settings.instance), "TIEOUT_DATABASE_URL": database.url,
        "TIEOUT_CATALOG": str(catalog), "TIEOUT_TASK_LEASE": str(LEASE), "TIEOUT_DUCK_MEMORY": "300MB",
        "TIEOUT_DUCK_THREADS": "1", "TIEOUT_CHEAP_PASSWORDS": "true",
    }  # fmt: skip
    install = Install(make_runtime(settings), open_engine(settings))
    with install.transaction() as session:
        asker = people.create_user(
            session, email=EMAIL, name="Asker", password=PASSWORD, role=Role.SPECIALIST, queues=("*",), entities=("*",),
            time_zone="UTC", by="system:test", now=utc_now(), cheap=True,
        ).id  # fmt: skip
    processes = Processes(logs, environ)
    yield Driver(town, install, processes, asker, KILLS, SEED)
    processes.close()
    install.engine.dispose()
    town.server.close()
    shutil.rmtree(settings.instance, ignore_errors=True)


def test_nothing_is_lost_and_nothing_happens_twice_when_processes_are_killed(
    driver: Driver, database: Database, record_property: Callable[[str, object], None]
) -> None:
    try:
        driver.kill_them(deadline=120 + 16 * KILLS)
        driver.let_live(lambda: proof.still_to_come(driver), deadline=300)
        proof.every_record_is_in_the_store_once(driver)
        proof.every_fault_is_one_exception(driver)
        proof.every_write_was_applied_once(driver)
        proof.every_attempt_has_an_outcome(driver)
        proof.what_the_web_committed_is_there(driver)
        proof.the_trail_is_whole_and_shows_tampering(driver)
    except (AssertionError, TimeoutError) as error:
        error.add_note(f"CRASH_SEED={SEED}, {driver.counts()}\n{driver.processes.log_tails()}")
        raise
    assert driver.total >= KILLS and all(driver.counts().values())
    hits = ", ".join(f"{name} {count}" for name, count in driver.counts().items())
    record_property("told", f"{driver.total} processes killed on {database.name} (CRASH_SEED={SEED}): {hits}")
