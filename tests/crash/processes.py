"""The processes of one install: started, killed and watched through the zygote. Knows nothing of what they do."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Processes:
    """All processes of an install. `directory` takes their logs; all of them end with this object."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self.directory, self.environ = directory, dict(environ)
        self._said: list[dict[str, Any]] = []
        self._rest = b""
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote"],
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._wait_for("ready", 120)

    def start(self, log: str, role: str, *args: str, **environ: str) -> int:
        """Start a process; its id."""
        wanted = {
            "role": role,
            "args": args,
            "environ": {**self.environ, **environ},
            "log": str(self.directory / f"{log}.log"),
        }
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(json.dumps(wanted).encode() + b"\n")
        self._zygote.stdin.flush()
        return int(self._wait_for("started", 30)["started"])

    def run(self, log: str, *args: str) -> tuple[int, str]:
        """Run a command to its end: exit code, and what it printed."""
        path = self.directory / f"{log}.log"
        pid = self.start(log, "command", *args)
        return self._wait_for("ended", 120, pid)["code"], path.read_text()

    def ended(self, wait: float) -> dict[int, int]:
        """The processes that have ended since the last look, and how: exit code, or minus the signal."""
        self._listen(wait)
        found = {told["ended"]: told["code"] for told in self._said if "ended" in told}
        self._said = [told for told in self._said if "ended" not in told]
        return found

    def kill(self, pid: int, number: signal.Signals = signal.SIGKILL) -> None:
        """End a process and what it has started."""
        with suppress(ProcessLookupError):  # it was faster
            os.killpg(pid, number)

    def log_tails(self, lines: int = 25) -> str:
        """The end of every log, for whoever has to find out what went wrong."""
        tails = []
        for path in sorted(self.directory.glob("*.log")):
            tails += [f"--- {path.name}", *path.read_text(errors="replace").splitlines()[-lines:]]
        return "\n".join(tails)

    def close(self) -> None:
        assert self._zygote.stdin is not None and self._zygote.stdout is not None
        self._zygote.stdin.close()
        self._zygote.wait(30)
        self._zygote.stdout.close()

    def _wait_for(self, word: str, seconds: float, value: int | None = None) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for told in self._said:
                if word in told and value in (None, told[word]):
                    self._said.remove(told)
                    return told
            self._listen(0.5)
        raise TimeoutError(f"no process was {word} within {seconds} s\n{self.log_tails()}")

    def _listen(self, wait: float) -> None:
        assert self._zygote.stdout is not None
        if select.select([self._zygote.stdout], [], [], wait)[0]:
            read = os.read(self._zygote.stdout.fileno(), 65536)
            if not read:
                raise RuntimeError("the zygote has ended")
            *lines, self._rest = (self._rest + read).split(b"\n")
            self._said += [json.loads(line) for line in lines]
