"""Opens the place where files lie: a directory, SFTP or an S3-compatible store, all behind fsspec.

An SFTP host is known by its key or not spoken to; nothing of the machine's own SSH or AWS settings is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import fsspec
import fsspec.asyn
from fsspec.implementations.local import LocalFileSystem

from ..base import TransportError
from ..references import address, reveal
from .options import FilesConnection

Failures = tuple[type[Exception], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A file system and the folder in it. `failures`: what it raises when it cannot do as it is told; `lasting`:
    those that trying again does not mend. `store`: an object store, where an empty folder does not exist.
    """

    fs: Any
    base: str
    failures: Failures = (OSError,)
    lasting: Failures = (PermissionError,)
    store: bool = False

    @property
    def local(self) -> bool:
        """Whether it is a directory of this machine."""
        return isinstance(self.fs, LocalFileSystem)

    def rename(self, path: str, other: str) -> None:
        """In one step. Every SFTP server can do that; what fsspec asks of it, not every one can, and copies instead."""
        if hasattr(self.fs, "_pool"):
            fsspec.asyn.sync(self.fs.loop, _renamed, self.fs, path, other)
        else:
            self.fs.mv(path, other)

    def close(self) -> None:
        """Give back the connection; safe to repeat."""
        if stack := getattr(self.fs, "_stack", None):
            self.fs._finalize(self.fs.loop, self.fs._pool, stack)


async def _renamed(fs: Any, path: str, other: str) -> None:
    async with fs._pool.get() as channel:
        await channel.rename(path, other)


def open_place(connection: FilesConnection, root: str) -> Place:
    """Connect. Raises TransportError saying what to change in `connection`."""
    scheme = urlsplit(root).scheme
    if scheme in ("sftp", "ssh"):
        return _sftp(connection, root)
    if scheme == "s3":
        return _s3(connection, root)
    try:
        fs, base = fsspec.core.url_to_fs(root)
    except (ValueError, ImportError, OSError) as error:
        raise TransportError(f"cannot be opened: {error}", permanent=True, where=root) from error
    return Place(fs, base)


def _sftp(options: FilesConnection, root: str) -> Place:
    import asyncssh
    from sshfs import SSHFileSystem

    url = urlsplit(root)
    where = f"sftp://{url.hostname}"
    if not url.hostname or url.password:
        raise _missing("root", "sftp://host/folder, without a password in it", where)
    if options.host_key is None:
        raise _missing("host_key", f"the host's public key, as `ssh-keyscan {url.hostname}` prints it", where)
    if options.username is None or (options.password is None and options.key is None):
        raise _missing("username", "a username with a password or a key", where)
    failures = (OSError, asyncssh.Error)
    try:
        fs = SSHFileSystem(
            url.hostname,
            port=url.port or 22,
            username=address(options.username, "connection.username"),
            password=reveal(options.password, "connection.password") if options.password else None,
            client_keys=[_private_key(options)] if options.key else None,
            known_hosts=([_host_key(options.host_key, where)], [], []),
            config=[],
            agent_path=None,
            connect_timeout=options.timeout.total_seconds(),
            login_timeout=options.timeout.total_seconds(),
            skip_instance_cache=True,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        message = "shows another key than connection.host_key; ask its owner before you change that"
        raise TransportError(message, permanent=True, where=where) from error
    except (asyncssh.PermissionDenied, PermissionError) as error:
        message = "refuses username, password or key (connection.username, password, key)"
        raise TransportError(message, permanent=True, where=where) from error
    except failures as error:
        raise TransportError(f"cannot be reached: {error}", permanent=False, where=where) from error
    return Place(fs, url.path or "/", failures, (PermissionError, asyncssh.PermissionDenied))


def _host_key(text: str, where: str) -> Any:
    import asyncssh

    words = address(text, "connection.host_key").split()
    at = next((number for number, word in enumerate(words) if word.startswith(("ssh-", "ecdsa-"))), 0)
    try:
        return asyncssh.import_public_key(" ".join(words[at : at + 2]))
    except asyncssh.KeyImportError as error:
        message = f"connection.host_key is no public key ({error}); expected ssh-ed25519 AAAA…"
        raise TransportError(message, permanent=True, where=where) from None


def _private_key(options: FilesConnection) -> Any:
    import asyncssh

    assert options.key is not None  # noqa: S101 - asked before
    text = reveal(options.key, "connection.key") + "\n"
    phrase = reveal(options.passphrase, "connection.passphrase") if options.passphrase else None
    try:
        return asyncssh.import_private_key(text, phrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        message = f"connection.key cannot be read ({error}); expected a private key, with its passphrase"
        raise TransportError(message, permanent=True, where="connection.key") from None


def _s3(options: FilesConnection, root: str) -> Place:
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
    from s3fs import S3FileSystem

    if options.access_key is None or options.secret_key is None:
        raise _missing("access_key", "access_key and secret_key", root)
    timeout = options.timeout.total_seconds()
    fs = S3FileSystem(
        key=reveal(options.access_key, "connection.access_key"),
        secret=reveal(options.secret_key, "connection.secret_key"),
        endpoint_url=address(options.endpoint, "connection.endpoint") if options.endpoint else None,
        client_kwargs={"region_name": options.region or "us-east-1"},
        config_kwargs={
            "connect_timeout": timeout,
            "read_timeout": timeout,
            "retries": {"max_attempts": 2},
            "s3": {"addressing_style": "path"} if options.endpoint else {},
        },
        skip_instance_cache=True,
    )
    fs.retries = 2
    base = root.removeprefix("s3://").rstrip("/")
    failures = (OSError, BotoCoreError, ClientError)
    return Place(fs, base, failures, (PermissionError, NoCredentialsError), store=True)


def _missing(option: str, expected: str, where: str) -> TransportError:
    return TransportError(f"connection.{option} is missing: expected {expected}", permanent=True, where=where)
