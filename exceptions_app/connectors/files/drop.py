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

from exceptions_app.domain.instant import utc_now

from ..base import FeedContentError, TransportError
from ..references import address
from .content import printable
from .options import FilesConnection
from .places import open_place

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
    """The folder of one system. `sleep` is in seconds. `ready` names the file that says of another that it is whole
    (`{name}.done`).
    """

    def __init__(
        self,
        connection: FilesConnection,
        *,
        ready: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._options = connection
        self._ready = ready
        self._sleep = sleep
        self._now = now
        self.root = address(connection.root, "connection.root")
        self._place = open_place(connection, self.root)
        self._fs, self._base = self._place.fs, self._place.base

    def finished(self, pattern: str) -> list[Delivered]:
        """The files of a feed that are no longer being written, oldest first."""
        found = self._list(pattern)
        if self._ready is not None:
            found = self._declared_whole(found)
        young = [file for file in found.values() if self._rest_needed(file) > timedelta(0)]
        settle = self._options.settle
        if young and settle <= LONGEST_WAIT:
            self._sleep(max(self._rest_needed(file) for file in young).total_seconds())
            again = self._list(pattern)  # one that still grows is left
            young = [file for file in young if again.get(file.name) != file]
        left = {file.name for file in young}
        return sorted((file for file in found.values() if file.name not in left), key=lambda file: file.order)

    def others(self) -> list[str]:
        """The names of what lies directly in the folder, whatever a feed reads of it."""
        return sorted(file.name for file in self._infos(self._base, 1, whatever=True))

    def _declared_whole(self, found: dict[str, Delivered]) -> dict[str, Delivered]:
        markers = {self._marker(file.name) for file in found.values()}
        return {
            name: file
            for name, file in found.items()
            if name not in markers and self._fs.exists(self._in("", self._marker(name)))
        }

    def _marker(self, name: str) -> str:
        path = PurePosixPath(name)
        own = (self._ready or "").replace("{name}", path.name).replace("{stem}", path.stem)
        return str(path.with_name(own))

    def _move_marker(self, file: Delivered, folder: str, tag: str) -> None:
        if self._ready is not None and self._fs.exists(path := self._in("", self._marker(file.name))):
            self._move(path, folder, self._marker(file.name), tag)

    @contextmanager
    def open(self, file: Delivered) -> Iterator[IO[bytes]]:
        """The file's bytes. Raises FileNotFoundError where it went away, else TransportError."""
        try:
            with self._fs.open(file.path, "rb") as stream:
                yield stream
        except (FileNotFoundError, TransportError, FeedContentError):
            raise
        except self._place.failures as error:
            raise self._failed(error, file.name) from error

    def delivered_at(self, file: Delivered) -> datetime:
        """When a file was delivered, never later than now; now, where the file system keeps no times."""
        now = self._now()
        return now if file.modified is None else min(datetime.fromtimestamp(file.modified, UTC), now)

    def unchanged(self, file: Delivered) -> bool:
        """Whether the file is still the one that was listed."""
        self._fs.invalidate_cache()
        try:
            return self._delivered(self._fs.info(file.path)) == file
        except FileNotFoundError:
            return False
        except self._place.failures as error:
            raise self._failed(error, file.name) from error

    def refused(self, pattern: str) -> list[Delivered]:
        """The files of a feed that lie in the errors folder; `name` includes that folder."""
        folder = self._options.errors
        found = self._infos(self._in(folder, ""), None)
        return [file for file in found if fits(file.name.removeprefix(f"{folder}/"), pattern)]

    def archived(self, pattern: str) -> list[Delivered]:
        """The files of a feed that were read and put away, oldest first; `name` includes the archive's folder."""
        folder = self._options.archive
        found = self._infos(self._in(folder, ""), None)
        read = [file for file in found if "-refused-" not in file.name]
        mine = [file for file in read if fits(file.name.removeprefix(f"{folder}/"), pattern)]
        return sorted(mine, key=lambda file: file.order)

    def archive(self, file: Delivered, tag: str) -> None:
        """Put a file that was read away, and with it an earlier delivery of that name that was refused."""
        if self.unchanged(file):
            self._move(file.path, self._options.archive, file.name, tag)
            self._move_marker(file, self._options.archive, tag)
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
        self._move_marker(file, self._options.archive, f"refused-{self._now():%Y%m%d%H%M%S}")

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
        except self._place.failures as error:
            raise self._failed(error, name) from error

    def _list(self, pattern: str) -> dict[str, Delivered]:
        aside = (f"{self._options.archive}/", f"{self._options.errors}/")
        self._fs.invalidate_cache()
        if not self._is_there():
            raise TransportError("there is no such folder", permanent=False, where=self.root)
        depth = None if "**" in pattern else pattern.count("/") + 1
        found = [file for file in self._infos(self._base, depth) if not file.name.startswith(aside)]
        return {file.name: file for file in found if fits(file.name, pattern)}

    def _is_there(self) -> bool:
        """Whether the folder is there; of a store, its bucket: a folder without files is none."""
        try:
            if self._place.store:
                bucket = str(self._base).split("/", 1)[0]
                self._fs.call_s3("list_objects_v2", Bucket=bucket, MaxKeys=1)  # exists() would hide a refusal
                return True
            return bool(self._fs.isdir(self._base))
        except FileNotFoundError:
            return False
        except self._place.failures as error:
            raise self._failed(error, "the folder") from error

    def _infos(self, folder: str, depth: int | None, *, whatever: bool = False) -> list[Delivered]:
        """The files of a folder; none where there is no such folder. A link, which may lead anywhere, and a pipe, which
        never ends, are no files: only `whatever` names them.
        """
        try:
            infos = self._fs.find(folder, maxdepth=depth, detail=True)
        except FileNotFoundError:
            return []
        except self._place.failures as error:
            raise self._failed(error, folder) from error
        return [self._delivered(info) for info in infos.values() if whatever or info.get("type") != "other"]

    def _delivered(self, info: dict[str, Any]) -> Delivered:
        path = str(info["name"])
        name = printable(path.removeprefix(str(self._base)).lstrip("/"))
        stamp = next((info[key] for key in ("mtime", "LastModified", "created") if info.get(key)), None)
        modified = stamp.timestamp() if isinstance(stamp, datetime) else stamp
        if self._place.store and modified is not None:
            modified = float(
                int(modified)
            )  # a list says it to the millisecond, the object itself to the second
        return Delivered(name, path, int(info.get("size") or 0), modified)

    def _rest_needed(self, file: Delivered) -> timedelta:
        """How much longer a file must lie still; all of it where its time says nothing, or lies ahead."""
        settle = self._options.settle
        if file.modified is None:
            return settle
        age = timedelta(seconds=self._now().timestamp() - file.modified)
        return settle if age < timedelta(0) else max(settle - age, timedelta(0))

    def close(self) -> None:
        """Give back the connection; safe to repeat."""
        self._place.close()

    def _failed(self, error: Exception, what: str) -> TransportError:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        lasting = isinstance(error, self._place.lasting)
        return TransportError(f"{what}: {said}", permanent=lasting, where=self.root)


def fits(name: str, pattern: str) -> bool:
    """Whether a name below the root is a feed's. Hidden files and unfinished transfers never are."""
    hidden = any(part.startswith(".") for part in PurePosixPath(name).parts)
    return not hidden and not name.lower().endswith(TEMPORARY) and fnmatchcase(name, pattern)
