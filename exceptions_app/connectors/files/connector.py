"""Reads a feed from files that a system drops into a folder.

A file that cannot be read as a whole is passed over, the others are read, and the error comes at the end. It
goes to the errors folder, and while it lies there every read says so, until a newer whole file was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from exceptions_app.catalog.schema import Feed, System

from ..base import (
    Again,
    CannotReadAgainError,
    FeedContentError,
    Page,
    RawRow,
    RowProblem,
    TransportError,
)
from ..references import address
from .content import Content, fetch
from .drop import Delivered, Drop
from .foreign import ends_with_totals
from .formats import read_content
from .gathering import gather
from .mailbox import Mailbox
from .memory import Memory
from .options import FilesConnection, FilesRead

FileError = FeedContentError | TransportError


@dataclass(frozen=True, slots=True)
class _Handled:
    """A file that this run is done with; `tag` tells it from a namesake in the archive."""

    file: Delivered
    tag: str
    refused: bool = False


class FilesConnector:
    """One feed of files. A snapshot feed reads all that lies there whenever any of it is new."""

    def __init__(self, drop: Drop | Mailbox, read: FilesRead, *, snapshot: bool = False) -> None:
        self._drop = drop
        self._read = read
        self._snapshot = snapshot
        self._handled: list[_Handled] = []
        self._errors: list[FileError] = []
        self._memory = Memory()
        self.bytes_read = 0

    @classmethod
    def of(cls, system: System, feed: Feed) -> FilesConnector:
        read = FilesRead.model_validate(feed.read)
        connection = FilesConnection.model_validate(system.connection)
        drop: Drop | Mailbox
        if address(connection.root, "connection.root").startswith(("imap://", "imaps://")):
            drop = Mailbox(connection)
        else:
            drop = Drop(connection, ready=read.ready)
        return cls(drop, read, snapshot=feed.mode == "snapshot")

    def read(self, watermark: str | None) -> Iterator[Page]:
        self._handled, self._errors = [], []
        memory = self._memory = Memory.of(watermark)
        files = self._drop.finished(self._read.pattern)
        chosen = files[-1:] if self._read.take == "newest" else files
        memory.forget_all_but(files)
        yield from (self._whole if self._snapshot else self._each)(chosen, memory, watermark)
        if not self._errors:
            self._handled += [_Handled(file, "passed") for file in files if file not in chosen]
        self._errors += [
            _still_refused(file)
            for file in self._drop.refused(self._read.pattern)
            if self._memory.through is None or self._drop.delivered_at(file) >= self._memory.through
        ]
        if self._errors:
            raise _together(self._errors)

    def nothing_found(self) -> str:
        """Why a read gave nothing, as far as what lies there tells."""
        if isinstance(self._drop, Mailbox):
            return ""
        others = self._drop.others()
        lies = (
            f"there are {', '.join(others[:5])}" + (" and more" if len(others) > 5 else "")
            if others
            else "it is empty"
        )
        return f"nothing in {self._drop.root} fits the pattern {self._read.pattern!r}; {lies}"

    def read_again(self, again: Again) -> Iterator[Page]:
        """What was delivered then, and all that was read after it: a later file may hold newer values."""
        if isinstance(self._drop, Mailbox):
            raise CannotReadAgainError("a mailbox: move the mail back into the folder, and it is read as new")
        files = self._drop.archived(self._read.pattern)
        if self._read.keep:
            files = sorted([*files, *self._drop.finished(self._read.pattern)], key=lambda file: file.order)
        self._handled, self._errors = [], []
        return self._second(self._from(again, files))

    def _from(self, again: Again, files: list[Delivered]) -> list[Delivered]:
        """Those to read: from the first that is meant on."""
        if again.since is not None:
            return [file for file in files if self._drop.delivered_at(file) >= again.since]
        if again.file:
            names = [file.name.rpartition("/")[2] for file in files]
            if again.file.rpartition("/")[2] not in names:
                newest = ", ".join(names[-5:]) or "none"
                raise CannotReadAgainError(
                    f"no file {again.file!r} lies in the archive; the newest there are {newest}"
                )
            return files[names.index(again.file.rpartition("/")[2]) :]
        wanted = set(Memory.of(again.after).digests) - set(Memory.of(again.before).digests)
        for number, file in enumerate(files):
            content = self._content(file) if wanted else None
            if content is not None:
                content.close()
                if content.digest in wanted:
                    return files[number:]
        raise CannotReadAgainError("none of the run's files lies in the archive any more")

    def _second(self, files: list[Delivered]) -> Iterator[Page]:
        for file in files:
            content = self._content(file)
            if content is not None:
                yield from (Page(page.rows, page.problems) for page, _ in self._pages(file, content))
                content.close()
        if self._errors:
            raise _together(self._errors)

    def all_keys(self) -> Iterator[RawRow] | None:
        return None

    def read_through(self, began: datetime) -> datetime | None:
        """When the newest file that was read whole had been delivered: an empty folder tells nothing new."""
        through = self._memory.through
        return None if through is None else min(through, began)

    def acknowledge(self) -> None:
        """Move what was read to the archive, and what could not be read as a whole to the errors."""
        handled, self._handled = self._handled, []
        if self._read.keep or (self._snapshot and self._errors):
            return  # a snapshot is one: the rest of its files would look like all there is
        for item in sorted(handled, key=lambda item: not item.refused):  # of one mail, what is wrong counts
            if item.refused:
                self._drop.refuse(item.file, item.tag)
            else:
                self._drop.archive(item.file, item.tag)

    def close(self) -> None:
        """Give back the connection to where the files lie."""
        self._drop.close()

    def _each(self, files: list[Delivered], memory: Memory, watermark: str | None) -> Iterator[Page]:
        """Changes, file by file; each is remembered by the watermark of its last page."""
        given = watermark
        for file in files:
            digest = memory.digest_of(file)
            at = self._drop.delivered_at(file)
            content = None if digest else self._content(file)
            digest = digest or (content.digest if content else None)
            if content and digest and not memory.knows(digest):
                for page, last in self._pages(file, content):
                    if last:
                        memory.add(file, digest, at, left_there=self._read.keep)
                        given = memory.watermark()
                    yield Page(page.rows, page.problems, given)
            elif digest:
                memory.add(file, digest, at, left_there=self._read.keep)
            if content:
                content.close()
            if problem := self._refusal(file):
                yield Page(problems=[problem], watermark=given)
            elif digest and memory.knows(digest):
                self._handled.append(_Handled(file, digest[:8]))
        if memory.watermark() != given:
            yield Page(watermark=memory.watermark())

    def _refusal(self, file: Delivered) -> RowProblem | None:
        """A refused file of changes is a reject too: a later file does not bring what was in it."""
        refused = self._handled[-1:] == [_Handled(file, "refused", refused=True)]
        if self._read.keep or not refused:
            return None  # what stays there is read, and refused, every time
        return RowProblem(file.name, f"the whole file was refused: {self._errors[-1]}", "")

    def _whole(self, files: list[Delivered], memory: Memory, watermark: str | None) -> Iterator[Page]:
        """A snapshot: all files or none; remembered by the very last page."""
        digests = [memory.digest_of(file) for file in files]
        if None not in digests and set(digests) == set(memory.digests):
            return
        contents = [(file, content) for file in files if (content := self._content(file))]
        now = Memory()
        for file, content in contents:
            now.add(file, content.digest, self._drop.delivered_at(file), left_there=self._read.keep)
        if self._errors or set(now.digests) != set(memory.digests):
            for number, (file, content) in enumerate(contents, 1):
                for page, last in self._pages(file, content):
                    ended = last and number == len(contents) and not self._errors
                    yield Page(page.rows, page.problems, now.watermark() if ended else watermark)
        if contents and not self._errors:
            self._memory = now
        for file, content in contents:
            content.close()
            self._handled.append(_Handled(file, content.digest[:8]))

    def _content(self, file: Delivered) -> Content | None:
        """What a file holds; None where it went away, is being written again, or cannot be read whole."""
        try:
            with self._drop.open(file) as stream:
                workbook = self._read.format == "xlsx"
                content = fetch(
                    stream, file.name, self._read.compression, member=self._read.member, workbook=workbook
                )
            if self._drop.unchanged(file):
                self._check(content)
                self.bytes_read += content.delivered
                return content
            content.close()
        except FileNotFoundError:
            return None
        except TransportError as error:
            self._errors.append(error)
        except FeedContentError as error:
            self._errors.append(error)
            self._handled.append(_Handled(file, "refused", refused=True))
        return None

    def _check(self, content: Content) -> None:
        """Read it once for nothing where its end decides whether it may be read at all."""
        name = self._read.format
        if self._read.trailer or name == "xlsx" or ends_with_totals(name):
            for _ in read_content(content, self._read):
                pass

    def _pages(self, file: Delivered, content: Content) -> Iterator[tuple[Page, bool]]:
        """The pages of one file, and whether each is its last. A file without rows is one empty page."""
        gathered: Page | None = None
        try:
            for page in gather(read_content(content, self._read)):
                if gathered is not None:
                    yield gathered, False
                gathered = page
        except FeedContentError as error:
            self._errors.append(error)
            self._handled.append(_Handled(file, "refused", refused=True))
            if gathered is not None:
                yield gathered, False
            return
        yield gathered or Page(), True


def _still_refused(file: Delivered) -> FeedContentError:
    message = "was refused and has not been delivered again"
    return FeedContentError(message, file.name, "a newer whole file, that one again, or its removal")


def _together(errors: list[FileError]) -> FileError:
    """One error that names every file."""
    first, *others = errors
    if not others:
        return first
    message = f"{first.message} (and {len(others)} more: {', '.join(error.where for error in others)})"
    if isinstance(first, FeedContentError):
        return FeedContentError(message, first.where, first.expected)
    return TransportError(message, permanent=first.permanent, where=first.where)
