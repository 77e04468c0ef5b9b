"""Servers that a test starts, and waits that are recorded instead of waited."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from loopback import Handler, Loopback
from object_store import Store

from exceptions_app.connectors.rest import allowance


@pytest.fixture
def serve() -> Iterator[Callable[..., Loopback]]:
    """Start a server for this test: `serve(handler, keep=False)`."""
    servers: list[Loopback] = []

    def start(handler: Handler, *, keep: bool = False, tls: ssl.SSLContext | None = None) -> Loopback:
        servers.append(Loopback(handler, keep=keep, tls=tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An S3-compatible store with its keys in the environment."""
    monkeypatch.setenv("S3_KEY", "key")
    monkeypatch.setenv("S3_SECRET", "secret")
    made = Store()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, in seconds: recorded, not waited."""
    recorded: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=recorded.append))
    return recorded


@pytest.fixture(autouse=True)
def rested() -> None:
    """No system is left in peace because of what an earlier test did to it."""
    allowance.forget()


@pytest.fixture(scope="session")
def mariadb_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a MariaDB server of this test run; skips where none is installed (Debian: mariadb-server)."""
    server, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if server is None or install is None:
        pytest.skip("no MariaDB is installed")
    place = Path(tempfile.mkdtemp(prefix="tieout-maria-"))  # a socket's path must be short
    common = ["--no-defaults", f"--datadir={place}/data", "--user=root"]
    subprocess.run(
        [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    socket = place / "s"
    options = [
        f"--socket={socket}",
        "--skip-networking",
        "--innodb-flush-method=nosync",
        f"--pid-file={place}/pid",
    ]
    with (place / "log").open("w") as log:
        process = subprocess.Popen([server, *common, *options], stdout=log, stderr=log)
    try:
        _wait_for(socket, process, place / "log")
        yield socket
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(place, ignore_errors=True)


def _wait_for(socket: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    import pymysql

    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        try:
            pymysql.connect(unix_socket=str(socket), user="root").close()
        except pymysql.err.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(log.read_text()[-2000:])
