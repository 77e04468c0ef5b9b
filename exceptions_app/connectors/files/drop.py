"""A folder into which a system drops files: what is there, whether it is finished, where it goes afterwards.

Works over fsspec, so that a directory, SFTP or an object store are the same. Must not know what files hold.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import IO, Any

import fsspec

from exceptions_app.domain.instant import utc_now

from ..base import TransportError
from ..references import address
from .options import FilesConnection

TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".writing", "~")
LONGEST_WAIT = timedelta(seconds=10)
"""A file younger than its settling time is waited for so long at most; else the next read finds it."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file as it lies there. `name` is below the root; `stamp` changes whenever its content may have."""

    name: str
    path: str
    size: int
    modified: float | None

    @property
    def stamp(self) -> list[Any]:
        return [self.size, self.modified]

    @property
    def order(self) -> tuple[float, str]:
        return self.modified or 0.0, self.name


class Drop:
    """The folder of one system. `sleep` is in seconds."""

    def __init__(
        self,
        connection: FilesConnection,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._options = connection
        self._sleep = sleep
        self._now = now
        self.root = address(connection.root, "connection.root")
        try:
            self._fs, self._base = fsspec.core.url_to_fs(self.root)
        except (ValueError, ImportError, OSError) as error:
            raise TransportError(f"cannot be opened: {error}", permanent=True, where=self.root) from error

    def finished(self, pattern: str) -> list[Delivered]:
        """The files of a feed that are no longer being written, oldest first."""
        found = self._list(pattern)
        young = [file for file in found.values() if self._rest_needed(file) > timedelta(0)]
        settle = self._options.settle
        if young and settle <= LONGEST_WAIT:
            self._sleep(max(self._rest_needed(file) for file in young).total_seconds())
            again = self._list(pattern)
            young = [file for file in young if again.get(file.name) != file]
        left = {file.name for file in young}
        return sorted((file for file in found.values() if file.name not in left), key=lambda file: file.order)

    @contextmanager
    def open(self, file: Delivered) -> Iterator[IO[bytes]]:
        """The file's bytes. Raises FileNotFoundError where it went away, else TransportError."""
        try:
            with self._fs.open(file.path, "rb") as stream:
                yield stream
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._failed(error, file.name) from error

    def delivered_at(self, file: Delivered) -> datetime:
        """When a file was delivered, never later than now; now, where the file system keeps no times."""
        now = self._now()
        return now if file.modified is None else min(datetime.fromtimestamp(file.modified, UTC), now)

    def unchanged(self, file: Delivered) -> bool:
        """Whether the file is still the one that was listed."""
        try:
            return self._delivered(self._fs.info(file.path)) == file
        except FileNotFoundError:
            return False

    def refused(self, pattern: str) -> list[Delivered]:
        """The files of a feed that lie in the errors folder; `name` includes that folder."""
        folder = self._options.errors
        found = self._infos(self._in(folder, ""), None)
        return [file for file in found if _fits(file.name.removeprefix(f"{folder}/"), pattern)]

    def archive(self, file: Delivered, tag: str) -> None:
        """Put a file that was read away, and with it an earlier delivery of that name that was refused."""
        if self.unchanged(file):
            self._move(file.path, self._options.archive, file.name, tag)
        earlier = self._in(self._options.errors, file.name)
        if self._fs.exists(earlier):
            self._move(earlier, self._options.archive, file.name, f"refused-{tag}")

    def refuse(self, file: Delivered, tag: str) -> None:
        """Put a file that could not be read with the errors; a namesake there makes room in the archive.

        One that was written to since it was read stays: it may have been delivered by halves.
        """
        if not self.unchanged(file):
            return
        earlier = self._in(self._options.errors, file.name)
        if self._fs.exists(earlier):
            self._move(earlier, self._options.archive, file.name, f"refused-{self._now():%Y%m%d%H%M%S}")
        self._move(file.path, self._options.errors, file.name, tag)

    def _in(self, folder: str, name: str) -> str:
        return str(PurePosixPath(self._base, folder, name))

    def _move(self, path: str, folder: str, name: str, tag: str) -> None:
        """Move a file; where its name is taken, `tag` tells the two apart."""
        target = PurePosixPath(self._in(folder, name))
        try:
            if self._fs.exists(str(target)):
                target = target.with_name(f"{target.stem}-{tag}{target.suffix}")
            self._fs.makedirs(str(target.parent), exist_ok=True)
            self._fs.mv(path, str(target))
        except OSError as error:
            raise self._failed(error, name) from error

    def _list(self, pattern: str) -> dict[str, Delivered]:
        aside = (f"{self._options.archive}/", f"{self._options.errors}/")
        self._fs.invalidate_cache()
        if not self._fs.isdir(self._base):
            raise TransportError("there is no such folder", permanent=False, where=self.root)
        depth = None if "**" in pattern else pattern.count("/") + 1
        found = [file for file in self._infos(self._base, depth) if not file.name.startswith(aside)]
        return {file.name: file for file in found if _fits(file.name, pattern)}

    def _infos(self, folder: str, depth: int | None) -> list[Delivered]:
        """What lies in a folder; nothing where there is no such folder."""
        try:
            infos = self._fs.find(folder, maxdepth=depth, detail=True)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._failed(error, folder) from error
        return [self._delivered(info) for info in infos.values()]

    def _delivered(self, info: dict[str, Any]) -> Delivered:
        path = str(info["name"])
        name = path.removeprefix(str(self._base)).lstrip("/")
        stamp = next((info[key] for key in ("mtime", "LastModified", "created") if info.get(key)), None)
        modified = stamp.timestamp() if isinstance(stamp, datetime) else stamp
        return Delivered(name, path, int(info.get("size") or 0), modified)

    def _rest_needed(self, file: Delivered) -> timedelta:
        """How much longer a file must lie still; all of it where its time says nothing, or lies ahead."""
        settle = self._options.settle
        if file.modified is None:
            return settle
        age = timedelta(seconds=self._now().timestamp() - file.modified)
        return settle if age < timedelta(0) else max(settle - age, timedelta(0))

    def _failed(self, error: OSError, what: str) -> TransportError:
        message = f"{what}: {error.strerror or error}"
        return TransportError(message, permanent=isinstance(error, PermissionError), where=self.root)


def _fits(name: str, pattern: str) -> bool:
    """Whether a name below the root is a feed's. Hidden files and unfinished transfers never are."""
    hidden = any(part.startswith(".") for part in PurePosixPath(name).parts)
    return not hidden and not name.lower().endswith(TEMPORARY) and fnmatchcase(name, pattern)
