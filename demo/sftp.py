"""A folder served over SFTP, as payroll providers do: one user with a password, one host key made once per home."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from pathlib import Path

import asyncssh

USER = "tieout"
logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it tells every channel


class _OneUser(asyncssh.SSHServer):
    """Lets in `USER` with the password."""

    def __init__(self, password: str) -> None:
        self._password = password

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - everybody has to say who they are
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, self._password)


class SftpServer:
    """Serves `root` on loopback, in a thread of its own, on `port` where that is free."""

    def __init__(self, root: Path, key: Path, password: str, port: int = 0) -> None:
        self._root, self._password = root, password
        self._key = _key(key)
        self.host_key = self._key.export_public_key().decode().strip()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._acceptor = asyncio.run_coroutine_threadsafe(self._listen(port), self._loop).result(20)
        self.port: int = self._acceptor.get_port()

    async def _listen(self, port: int) -> asyncssh.SSHAcceptor:
        try:
            return await self._listen_at(port)
        except OSError:
            return await self._listen_at(0)

    async def _listen_at(self, port: int) -> asyncssh.SSHAcceptor:
        def folder(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
            return asyncssh.SFTPServer(channel, chroot=os.fsencode(self._root))

        return await asyncssh.listen(
            "127.0.0.1", port, server_factory=lambda: _OneUser(self._password), server_host_keys=[self._key],
            sftp_factory=folder, process_factory=None,
        )  # fmt: skip

    def stop(self) -> None:
        async def end() -> None:
            self._acceptor.close()
            await self._acceptor.wait_closed()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def _key(path: Path) -> asyncssh.SSHKey:
    if path.exists():
        return asyncssh.read_private_key(path)
    made = asyncssh.generate_private_key("ssh-ed25519")
    path.touch(mode=0o600)
    made.write_private_key(path)
    return made
