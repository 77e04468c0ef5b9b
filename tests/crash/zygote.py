"""A process that has imported everything, starts no thread, and forks the processes of an install on demand.

A fork costs milliseconds where an import costs seconds, so that dozens of real processes can live and die in a test.
It reads one JSON line per process to start (`role`, `args`, `environ`, `log`) and writes one per start and per end:
`{"started": pid}`, `{"ended": pid, "code": exit code, or minus the signal}`. It does not know what they are for.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import pkgutil
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import exceptions_app
import jobs

LOOK_EVERY = 0.05
_PR_SET_PDEATHSIG = 1


def command(*args: str) -> None:
    """What `python -m jobs …` runs."""
    from jobs.cli import tieout

    tieout(list(args), standalone_mode=False)


def web(*options: str) -> None:
    """What `tieout web` becomes."""
    from gunicorn.app.wsgiapp import WSGIApplication

    sys.argv = ["gunicorn", *options, "exceptions_app:create_app()"]
    WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]").run()


ROLES = {"command": command, "web": web}


def main() -> None:
    _import_everything()
    _say({"ready": os.getpid()})
    rest = b""
    while True:
        ready, _, _ = select.select([0], [], [], LOOK_EVERY)
        if ready:
            read = os.read(0, 65536)
            if not read:
                return  # children end with their parent
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                _say({"started": _start(json.loads(line))})
        _tell_of_the_dead()


def _import_everything() -> None:
    """What any of them needs, so that a child begins where its own work begins."""
    for package in (exceptions_app, jobs):
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    importlib.import_module("gunicorn.app.wsgiapp")
    importlib.import_module("gunicorn.workers.gthread")


def _start(wanted: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _become(wanted)
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return pid


def _become(wanted: dict[str, Any]) -> None:
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    log = os.open(Path(wanted["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    empty = os.open(os.devnull, os.O_RDONLY)
    for number, end in ((0, empty), (1, log), (2, log)):
        os.dup2(end, number)
    for name in [name for name in os.environ if name.startswith("TIEOUT_")]:
        del os.environ[name]
    os.environ.update(wanted["environ"])
    ROLES[wanted["role"]](*wanted["args"])


def _tell_of_the_dead() -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _say({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _say(told: dict[str, Any]) -> None:
    os.write(1, json.dumps(told).encode() + b"\n")


if __name__ == "__main__":
    main()
