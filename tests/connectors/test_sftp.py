"""The `files` connector over SFTP, against a real SSH server on loopback."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from exceptions_app.catalog.schema import Feed, System
from exceptions_app.connectors.base import Connector, Page, TransportError
from exceptions_app.connectors.registry import build_connector


class Users(asyncssh.SSHServer):
    """`drop`, by its password or its key."""

    keys: asyncssh.SSHAuthorizedKeys | None = None

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("drop", "s3cret")

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "drop" and key == CLIENT_KEY.convert_to_public()


CLIENT_KEY = asyncssh.generate_private_key("ssh-ed25519")


class Host:
    """An SFTP server of the folder `root`, in a thread of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key = self._key.export_public_key().decode().strip()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        self.port = self._server.get_port()

    async def _serve(self) -> asyncssh.SSHAcceptor:
        def served(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
            return asyncssh.SFTPServer(channel, chroot=os.fsencode(self.root))

        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Users,
            server_host_keys=[self._key],
            sftp_factory=served,
            process_factory=None,
        )

    def stop(self) -> None:
        async def end() -> None:
            self._server.close()
            await self._server.wait_closed()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setenv("SFTP_PASSWORD", "s3cret")
    monkeypatch.setenv("SFTP_KEY", CLIENT_KEY.export_private_key("pkcs8-pem", "opens").decode())
    monkeypatch.setenv("SFTP_PHRASE", "opens")
    (tmp_path / "out").mkdir()
    made = Host(tmp_path)
    yield made
    made.stop()


def put(host: Host, name: str, text: str) -> None:
    path = host.root / "out" / name
    path.write_text(text)
    at = time.time() - 60
    os.utime(path, (at, at))


def connect(host: Host, **connection: Any) -> Connector:
    known = {"username": "drop", "password": "env:SFTP_PASSWORD", "host_key": host.host_key, "settle": "1s"}
    options = {"root": f"sftp://127.0.0.1:{host.port}/out", **known, **connection}
    system = {"code": "s", "name": "S", "kind": "other", "connector": "files"}
    feed = {
        "code": "f",
        "system": "s",
        "record_type": "thing",
        "read": {"pattern": "*.csv"},
        "mapping": {"a": "a"},
    }
    given = {name: value for name, value in options.items() if value is not None}
    return build_connector(System.model_validate({**system, "connection": given}), Feed.model_validate(feed))


def names(host: Host) -> list[str]:
    return sorted(str(path.relative_to(host.root / "out")) for path in host.root.rglob("*") if path.is_file())


def read(source: Connector) -> list[Page]:
    pages = list(source.read(None))
    source.acknowledge()
    source.close()
    source.close()
    return pages


@pytest.mark.parametrize(
    "known",
    [{}, {"password": None, "key": "env:SFTP_KEY", "passphrase": "env:SFTP_PHRASE"}],
    ids=["password", "key"],
)
def test_files_are_read_over_sftp_and_put_into_the_archive_there(host: Host, known: dict[str, Any]) -> None:
    put(host, "r.csv", "a,b\n1,x\n2,y\n")
    put(host, "r.csv.part", "a,b\n")
    pages = read(connect(host, **known))
    assert [(row.position, row.values["b"]) for page in pages for row in page.rows] == [
        ("r.csv:2", "x"), ("r.csv:3", "y")
    ]  # fmt: skip
    assert names(host) == ["archive/r.csv", "r.csv.part"]


def test_a_file_that_cannot_be_read_goes_to_the_errors_there(host: Host) -> None:
    put(host, "r.csv", "")
    source = connect(host)
    with pytest.raises(Exception, match="the file is empty"):
        list(source.read(None))
    source.acknowledge()
    source.close()
    assert names(host) == ["errors/r.csv"]


def test_a_host_with_another_key_is_not_spoken_to(host: Host) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(TransportError, match=r"another key than connection\.host_key") as refused:
        connect(host, host_key=other)
    assert refused.value.permanent


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        (
            {"host_key": None},
            "connection.host_key is missing: expected the host's public key, as `ssh-keyscan",
        ),
        ({"host_key": "nonsense"}, "connection.host_key is no public key"),
        ({"username": None}, "connection.username is missing"),
        ({"username": "somebody"}, "refuses username, password or key"),
        ({"key": "env:SFTP_PASSWORD", "password": None}, "connection.key cannot be read"),
    ],
)
def test_what_to_change_is_said(host: Host, connection: dict[str, Any], said: str) -> None:
    with pytest.raises(TransportError) as refused:
        connect(host, **connection)
    assert said in str(refused.value)
    assert refused.value.permanent
    assert "s3cret" not in str(refused.value)


def test_a_host_that_is_away_may_come_back(host: Host) -> None:
    with pytest.raises(TransportError, match="cannot be reached") as refused:
        connect(host, root="sftp://127.0.0.1:1/out")
    assert not refused.value.permanent


def test_a_folder_that_is_not_there_is_named(host: Host) -> None:
    source = connect(host, root=f"sftp://127.0.0.1:{host.port}/nowhere")
    with pytest.raises(TransportError, match="there is no such folder"):
        list(source.read(None))
    source.close()
