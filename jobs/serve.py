"""Runs the web server and the job processes under one command, and ends them together.

The parent only watches: it starts its children, starts one again that died, and passes on the wish to stop.
It must not open the database after its children were started, nor do any work of its own.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType

log = logging.getLogger(__name__)

GRACE_SECONDS = 20.0
"""How long a child may take to end in good order before it is killed."""
_TOO_OFTEN = 3
_TOO_SOON = 10.0
_PR_SET_PDEATHSIG = 1


class ServeError(Exception):
    """The service cannot start or keep running; the message says why and what to do."""


@dataclass
class Child:
    """One process under the command, and how often it died soon after a start."""

    name: str
    command: list[str]
    environ: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    early_deaths: int = field(default=0)

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            self.command,
            env=dict(self.environ),
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - the parent has no other threads that hold locks
        )
        log.info("%s runs as process %d", self.name, self.process.pid)

    def ended(self) -> int | None:
        return None if self.process is None else self.process.poll()

    def ask_to_stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, seconds: float) -> None:
        """Wait for the end; a child that takes too long is killed with everything it started."""
        if self.process is None:
            return
        try:
            self.process.wait(max(seconds, 0.1))
        except subprocess.TimeoutExpired:
            log.warning("%s did not stop in time and is killed", self.name)
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _end_with_parent() -> None:
    """On Linux, a child is told to stop even when its parent was killed outright."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


THREADS_ON_SERVER = 4
"""Of a web process, where the database is a server: while one request waits for its commit, others go on, and their
commits reach the disk together. Threads make a page on SQLite two to three times slower."""


def threads_on(database: str) -> int:
    """How many threads a web process has with a database of this address."""
    return 1 if not database or database.startswith("sqlite") else THREADS_ON_SERVER


def web_command(host: str, port: int, processes: int, log_level: str = "INFO", threads: int = 1) -> list[str]:
    """Gunicorn: processes, and threads only with a database server (`threads_on`)."""
    options = {
        "--bind": f"{host}:{port}",
        "--workers": str(processes),
        "--worker-class": "sync" if threads == 1 else "gthread",
        "--threads": str(threads),
        "--timeout": "60",
        "--graceful-timeout": "10",
        "--keep-alive": "5",
        "--log-level": "info" if log_level == "DEBUG" else "warning",
    }
    flat = [part for pair in options.items() for part in pair]
    return [sys.executable, "-m", "gunicorn", *flat, "exceptions_app.web_process:web_app()"]


def jobs_command() -> list[str]:
    return [sys.executable, "-m", "jobs", "jobs"]


def children(host: str, port: int, web: int, jobs: int, environ: Mapping[str, str]) -> list[Child]:
    """What `tieout serve` runs."""
    threads = threads_on(environ.get("TIEOUT_DATABASE_URL", ""))
    command = web_command(host, port, web, environ.get("TIEOUT_LOG_LEVEL", "INFO"), threads)
    names = ["jobs"] if jobs == 1 else [f"jobs {number}" for number in range(1, jobs + 1)]
    return [Child("web", command, environ), *(Child(name, jobs_command(), environ) for name in names)]


def ensure_free(host: str, port: int) -> None:
    """Raises `ServeError` when somebody already listens there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServeError(
                f"cannot listen on {host}:{port} ({error.strerror}); choose another with --port or PORT"
            ) from error


def supervise(
    processes: list[Child], stop: threading.Event, started: Callable[[], None] = lambda: None
) -> int:
    """Start all that do not run yet, keep them running until `stop` is set, end them. Exit code 0, or 1 when
    one kept dying.
    """
    try:
        for child in processes:
            if child.process is None:
                child.start()
        started()
        while not stop.wait(0.5):
            for child in processes:
                _revive(child)
    except ServeError as error:
        log.error("%s", error)
        return 1
    finally:
        _end(processes)
    return 0


def _revive(child: Child) -> None:
    code = child.ended()
    if code is None:
        return
    soon = time.monotonic() - child.started < _TOO_SOON
    child.early_deaths = child.early_deaths + 1 if soon else 1
    if child.early_deaths >= _TOO_OFTEN:
        raise ServeError(
            f"{child.name} ended {child.early_deaths} times within seconds (exit code {code}); see above"
        )
    log.warning("%s ended with exit code %s and is started again", child.name, code)
    child.start()


def _end(processes: list[Child]) -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    for child in processes:
        child.ask_to_stop()
    for child in processes:
        child.wait(deadline - time.monotonic())


def stop_on_signals() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set, instead of ending the process at once."""
    stop = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        log.info("stopping (%s)", signal.Signals(number).name)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    return stop
