"""The web processes of an install, as `tieout serve` starts them, for benchmarks that speak HTTP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from jobs.serve import threads_on, web_command


class WebServer:
    """So many web processes of the install in a directory; they answer once this is made."""

    def __init__(self, database: str, directory: Path, workers: int, environ: Mapping[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._workers = workers
        self._environ = os.environ | {
            "TIEOUT_INSTANCE": str(directory), "TIEOUT_DATABASE_URL": database, "TIEOUT_LOG_LEVEL": "ERROR", **environ,
        }  # fmt: skip
        self.start()

    def start(self) -> None:
        """Also again, after `kill`."""
        threads = threads_on(self._environ["TIEOUT_DATABASE_URL"])
        command = web_command("127.0.0.1", self.port, self._workers, "ERROR", threads)
        self._process = subprocess.Popen(
            command, env=self._environ, start_new_session=True, stderr=subprocess.DEVNULL
        )
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the web does not answer")

    def kill(self) -> None:
        """As by `kill -9`, master and workers."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
