"""A Redis of the network's own, where this machine has `redis-server`: HCM's events go over it.

It keeps what it is given in a folder, and ends with the demo. One that a killed demo left behind is ended first.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAM = "redis-server"
_STARTING = 20.0
"""Seconds that it may take to answer."""


def available() -> bool:
    """Whether this machine has one."""
    return shutil.which(PROGRAM) is not None


class RedisServer:
    """Runs it on loopback, on `port` where that is free. Raises OSError where it does not answer."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._pid_file = folder / "redis.pid"
        _end_former(self._pid_file)
        self.port = _free(port)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        options = {
            "port": str(self.port), "bind": "127.0.0.1", "dir": str(folder.absolute()), "appendonly": "yes",
            "save": "", "logfile": str(folder.absolute() / "redis.log"),
        }  # fmt: skip
        told = [part for name, value in options.items() for part in (f"--{name}", value)]
        # Not of the terminal's group: Ctrl-C is for the demo, which ends it last.
        self._process = subprocess.Popen([PROGRAM, *told], stdin=subprocess.DEVNULL, start_new_session=True)
        self._pid_file.write_text(str(self._process.pid), encoding="ascii")
        self._wait(folder)

    def _wait(self, folder: Path) -> None:
        until = time.monotonic() + _STARTING
        while self._process.poll() is None and time.monotonic() < until:
            if _answers(self.port):
                return
            time.sleep(0.02)
        self.stop()
        raise OSError(f"{PROGRAM} does not answer on port {self.port}; see {folder / 'redis.log'}")

    def stop(self) -> None:
        """End it; what it holds is on the disk."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pid_file.unlink(missing_ok=True)


def _end_former(pid_file: Path) -> None:
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text(encoding="ascii"))
    command = Path(f"/proc/{pid}/cmdline")
    if command.exists() and PROGRAM.encode() in command.read_bytes():
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + _STARTING
        while command.exists() and command.read_bytes() and time.monotonic() < until:
            time.sleep(0.02)
    pid_file.unlink()


def _free(port: int) -> int:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return _free(0)
        return int(tried.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as asked:
            asked.sendall(b"PING\r\n")
            return asked.recv(16).startswith(b"+PONG")
    except OSError:
        return False
