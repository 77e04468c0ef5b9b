"""Makes one operation's writes as files in a folder, on an SFTP host or in an object store.

The key of a write stands in the name of its file, so that it is found again however often it is tried, and nothing is
put twice. Knows how a write becomes a file; what its error rules say and how often it was tried it does not know.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from exceptions_app.catalog.schema import Operation, System

from ..base import TransportError, cut
from ..concealing import Concealer
from ..references import address, reveal
from ..rest.submit import SHOWN_LIMIT
from ..rest.templates import UnfitValueError
from ..writing import Answer, Arrival, Standing, Write, fields_of, told_by
from .options import FilesConnection
from .places import Place, open_place
from .submit_options import FilesReadBack, FilesSubmit
from .whereabouts import Found, Whereabouts
from .written import beside, content_of, encoded, name_of

Told = TypeVar("Told")

_TIMES = 3
"""A call takes so many times the connection's time-out at most: to connect, to look, to write."""
_SECRETS = ("password", "key", "passphrase", "access_key", "secret_key")


class FilesSubmitter:
    """The writes of one operation. One connection, opened when first needed and anew after it broke."""

    def __init__(
        self,
        connection: FilesConnection,
        submit: FilesSubmit,
        read_back: FilesReadBack | None,
        concealer: Concealer,
        left: Callable[[], None],
    ) -> None:
        self._connection, self._submit, self._read_back = connection, submit, read_back
        self._concealer, self._left = concealer, left
        self._root = address(connection.root, "connection.root")
        self._where = f"{self._root} {submit.folder}".strip()
        self._place: Place | None = None
        self._opening = threading.Lock()

    @classmethod
    def of(cls, system: System, operation: Operation, left: Callable[[], None]) -> FilesSubmitter:
        models = (FilesConnection, FilesSubmit, FilesReadBack)
        connection, submit, read_back, concealer = told_by(system, operation, models)
        for name in _SECRETS:
            if (secret := getattr(connection, name)) is not None:
                reveal(secret, f"connection.{name}")
        made = cls(connection, submit, read_back, concealer, left)
        if made._root.startswith(("imap://", "imaps://")):
            message = "a mailbox takes no files; expected a folder, sftp:// or s3://"
            raise TransportError(message, permanent=True, where=made._root)
        return made

    @property
    def longest(self) -> float:
        return self._connection.timeout.total_seconds() * _TIMES

    @property
    def asked_every(self) -> float:
        return self._submit.job.every.total_seconds() if self._submit.job else 0.0

    @property
    def asked_for(self) -> float:
        return self._submit.job.longest.total_seconds() if self._submit.job else 0.0

    def request_of(self, write: Write) -> str:
        name, content = self._written(write)
        return self._shown(name, content.decode(errors="replace"), write)

    def submit(self, write: Write) -> Answer:
        name, content = self._written(write)
        sent = _Flag()
        said = self._within(lambda place: self._put(place, name, content, write, sent), write, sent)
        request = self._shown(name, content.decode(errors="replace"), write)
        return Answer(None, said, request, job=None if self._submit.job is None else name)

    def standing(self, write: Write, job: str) -> Standing:
        if self._submit.job is None:
            message = "nothing says any more what becomes of a file (submit.job)"
            raise TransportError(message, permanent=True, where=self._where)
        found, answer = self._look(write, job)
        said = self._hidden(found.said, write)
        match found.state:
            case "done" | "failed":
                return Standing(found.state, said, answer)
            case "nowhere" if self._submit.job.gone == "done":
                return Standing("done", said, answer)
            case "lies" | "answering" | "nowhere":
                return Standing("at_work", said, answer)

    def read_back(self, write: Write) -> Arrival:
        """A file that was refused has not arrived; sent again, it is found refused, with the reason."""
        if self._read_back is None:
            raise TransportError("nothing says how to read it back", permanent=True, where=self._where)
        found, answer = self._look(write, self._written(write)[0])
        if found.state == "nowhere" and self._read_back.nowhere == "unknown":
            message = "it is nowhere to be found: nobody can tell whether it was taken or never came"
            raise TransportError(message, permanent=False, where=self._where)
        return Arrival(found.state in ("lies", "done", "answering"), answer)

    def close(self) -> None:
        with self._opening:
            place, self._place = self._place, None
        if place is not None:
            place.close()

    def _written(self, write: Write) -> tuple[str, bytes]:
        """Name and content. Raises TransportError (permanent) naming a field whose value cannot be written."""
        fields = fields_of(write)
        try:
            return name_of(self._submit, fields), encoded(self._submit, content_of(self._submit, fields))
        except UnfitValueError as error:
            raise TransportError(str(error), permanent=True, where=self._where) from None

    def _look(self, write: Write, name: str) -> tuple[Found, Answer]:
        found = self._within(
            lambda place: Whereabouts(place, self._submit).of(name, fields_of(write)), write, _Flag()
        )
        looked = self._hidden(f"look for {self._where}/{name}", write)
        return found, Answer(None, self._hidden(found.text or found.said, write), looked)

    def _put(self, place: Place, name: str, content: bytes, write: Write, sent: _Flag) -> str:
        """Put it, unless it is there or was; then its marker."""
        whereabouts, fields = Whereabouts(place, self._submit), fields_of(write)
        found = whereabouts.of(name, fields)
        if found.state in ("done", "failed", "answering"):
            return self._hidden(f"Put before: {found.said}", write)
        folder, path = whereabouts.path("", self._submit.folder), whereabouts.path(name, self._submit.folder)
        if found.state == "nowhere":
            self._refuse_without_folder(place, folder)
            temporary = beside(self._submit.temporary, name, fields)
            self._write(place, whereabouts.path(temporary, self._submit.folder), path, content, sent)
        sent.set = True
        self._left()
        if self._submit.ready is not None:
            marker = whereabouts.path(beside(self._submit.ready, name, fields), self._submit.folder)
            place.fs.pipe_file(marker, b"")
        return self._hidden(f"{'Put' if found.state == 'nowhere' else 'Put before'} as {name}", write)

    @staticmethod
    def _write(place: Place, temporary: str, path: str, content: bytes, sent: _Flag) -> None:
        if place.store:  # an object is there as a whole, or not
            sent.set = True
            place.fs.pipe_file(path, content)
            return
        with place.fs.open(temporary, "wb") as stream:
            stream.write(content)
            if place.local:
                stream.flush()
                os.fsync(stream.fileno())
        sent.set = True
        place.rename(temporary, path)

    def _refuse_without_folder(self, place: Place, folder: str) -> None:
        if not place.store and not place.fs.isdir(folder):
            raise TransportError("there is no such folder", permanent=False, where=self._where)

    def _within(self, act: Callable[[Place], Told], write: Write, sent: _Flag) -> Told:
        """What `act` gives, within `longest`. What breaks is a TransportError, and the connection is given up."""
        outcome: list[Any] = []

        def work() -> None:
            try:
                outcome.append((True, act(self._opened())))
            except Exception as error:
                outcome.append((False, error))

        thread = threading.Thread(target=work, daemon=True, name="files-write")
        thread.start()
        thread.join(self.longest)
        if not outcome:
            self._place = None
            raise self._broken(f"no answer within {self.longest:g} s", write, sent)
        fine, told = outcome[0]
        if fine:
            return told  # type: ignore[no-any-return]
        if isinstance(told, TransportError):
            raise TransportError(
                self._hidden(told.message, write), permanent=told.permanent, where=told.where, sent=sent.set
            ) from None
        if isinstance(told, UnfitValueError):
            raise TransportError(str(told), permanent=True, where=self._where) from None
        place = self._place
        if place is None or not isinstance(told, place.failures):
            raise told
        self.close()
        said = getattr(told, "strerror", None) or str(told) or type(told).__name__
        raise self._broken(said, write, sent) from told

    def _broken(self, said: str, write: Write, sent: _Flag) -> TransportError:
        return TransportError(self._hidden(said, write), permanent=False, where=self._where, sent=sent.set)

    def _opened(self) -> Place:
        with self._opening:
            if self._place is None:
                try:
                    self._place = open_place(self._connection, self._root)
                except TransportError as error:  # no fault of this write: it waits until that is mended
                    raise TransportError(error.message, permanent=False, where=error.where) from error
            return self._place

    def _shown(self, name: str, content: str, write: Write) -> str:
        return cut(self._hidden(f"put {self._where}/{name}\n\n{content}", write), SHOWN_LIMIT)

    def _hidden(self, told: str, write: Write) -> str:
        return self._concealer.hide(told, write.fields)


class _Flag:
    """Whether a write may have reached the system."""

    def __init__(self) -> None:
        self.set = False
