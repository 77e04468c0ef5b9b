"""One command: children run, come back when they die, and all end together."""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from jobs import serve
from jobs.serve import Child, ServeError, children, ensure_free, supervise

WAITING = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *a: sys.exit(0)); time.sleep(60)"


def child(name: str, code: str) -> Child:
    return Child(name, [sys.executable, "-c", code], os.environ)


def test_serve_runs_the_web_and_as_many_job_processes_as_asked() -> None:
    found = children("127.0.0.1", 8080, 2, 3, {})
    assert [c.name for c in found] == ["web", "jobs 1", "jobs 2", "jobs 3"]
    assert {"--workers", "2", "--bind", "127.0.0.1:8080", "sync"} <= set(found[0].command)
    assert [c.name for c in children("127.0.0.1", 8080, 2, 1, {})] == ["web", "jobs"]


@pytest.mark.parametrize(
    ("database", "worker", "threads"),
    [("", "sync", "1"), ("sqlite:////x.db", "sync", "1"), ("postgresql://h/db", "gthread", "4")],
)
def test_web_processes_have_threads_with_a_database_server_only(
    database: str, worker: str, threads: str
) -> None:
    command = children("127.0.0.1", 8080, 2, 1, {"TIEOUT_DATABASE_URL": database})[0].command
    assert command[command.index("--worker-class") + 1] == worker
    assert command[command.index("--threads") + 1] == threads


def test_stop_ends_every_child() -> None:
    both, stop = [child("a", WAITING), child("b", WAITING)], threading.Event()
    assert supervise(both, stop, started=stop.set) == 0
    assert all(c.ended() is not None for c in both)


def test_child_that_ignores_the_wish_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(serve, "GRACE_SECONDS", 0.2)
    ready = tmp_path / "ready"
    code = (
        "import signal, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    )
    deaf, stop = child("deaf", code), threading.Event()

    def stop_when_ready() -> None:
        waiting = threading.Event()
        while not ready.exists():
            waiting.wait(0.02)
        stop.set()

    assert supervise([deaf], stop, started=stop_when_ready) == 0
    assert deaf.ended() == -9


def test_child_that_keeps_dying_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = child("good", WAITING), child("bad", "raise SystemExit(7)")
    assert supervise([good, bad], threading.Event()) == 1
    assert good.ended() is not None and bad.early_deaths == 3


def test_child_that_runs_already_is_not_started_twice() -> None:
    running, stop = child("network", WAITING), threading.Event()
    running.start()
    first = running.process
    supervise([running], stop, started=stop.set)
    assert running.process is first


def test_port_in_use_is_told_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=f"cannot listen on 127.0.0.1:{port}"):
            ensure_free("127.0.0.1", port)
    ensure_free("127.0.0.1", port)
