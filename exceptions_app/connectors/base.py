"""What every connector is and gives back.

A connector reads one feed of one system and says exactly where each row came from. It must not know what a
row means (that is the feed's mapping), nor where rows are kept; its only state is what the watermark says.
One that can write has a submitter beside it, see `writing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as the source wrote it.

    `position` is where a person finds it (`receipts.csv:42`, `/orders page 3 row 17`). Values are text, int,
    Decimal, bool or None, and never float; what is nested in the source is JSON text with its numbers exact.
    """

    position: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that could not even be read: it becomes a reject. `raw_text` is unmasked, and cut."""

    position: str
    reason: str
    raw_text: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the watermark that holds once they are kept (opaque JSON text; None: the beginning).

    A page in the middle of something that is only whole when all of it was read (a file, an unordered window)
    carries the watermark from before it.
    """

    rows: Sequence[RawRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    watermark: str | None = None


class TransportError(Exception):
    """The source could not be reached or refused to answer. `permanent`: trying again will not help.

    `retry_after` is in seconds, where the source asked for a wait longer than a read should block. `sent`: a
    write may have reached the system, so that nobody knows whether it was done. `answered`: the system is there and
    lets us in, and only this one request is refused.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool,
        where: str,
        retry_after: float | None = None,
        sent: bool = False,
        answered: bool = False,
    ) -> None:
        super().__init__(f"{where}: {message}")
        self.message = message
        self.permanent = permanent
        self.where = where
        self.retry_after = retry_after
        self.sent = sent
        self.answered = answered


class FeedContentError(Exception):
    """The source answered, but not with what its contract says: the run is partial and may close nothing."""

    def __init__(self, message: str, where: str, expected: str) -> None:
        super().__init__(f"{where}: {message}; expected {expected}")
        self.message = message
        self.where = where
        self.expected = expected


@runtime_checkable
class Connector(Protocol):
    """Reads one feed. Made for one run and closed after it.

    Errors are `TransportError` and `FeedContentError`, raised after the pages that could be read.
    """

    def read(self, watermark: str | None) -> Iterator[Page]:
        """The rows since `watermark`. Reading the same watermark again gives the same rows or newer ones.

        A read that gives **no page at all** found nothing delivered (no new file): a snapshot feed then keeps
        what it has. A delivered but empty snapshot is one page without rows.
        """
        ...

    def all_keys(self) -> Iterator[RawRow] | None:
        """Every key that the source holds now, for feeds of mode keys_and_changes; None: it cannot say."""
        ...

    def read_through(self, began: datetime) -> datetime | None:
        """How far what was read tells of the source; asked after a whole read that began at `began`.

        A system that is asked has told all that it knew by then. One that delivers has told what it knew at
        its newest delivery, which may be long ago; None: it never delivered anything.
        """
        ...

    def acknowledge(self) -> None:
        """Called once what was read is committed: now delivered files may be moved away. Safe to repeat."""
        ...

    def close(self) -> None:
        """Give back connections. Safe to repeat, and safe in the middle of a read."""
        ...


@runtime_checkable
class ReadsOne(Protocol):
    """A connector that can also be asked for the records of one key, without reading everything since a mark."""

    def read_one(self, key: Mapping[str, str]) -> list[RawRow] | None:
        """The rows that the source holds for these canonical columns; None: it was not told how to ask."""
        ...


class Notes(Protocol):
    """What a run wants the next one to know if it does not end: kept at once, gone once a run was read whole."""

    def held(self) -> str | None: ...

    def keep(self, note: str | None) -> None: ...


@runtime_checkable
class LeavesNotes(Protocol):
    """A connector that can take up what an interrupted run has left at the source."""

    notes: Notes | None


@runtime_checkable
class Counted(Protocol):
    """A connector whose requests are counted for all processes, in a ledger (`rest.allowance.Ledger`)."""

    def keep_in(self, ledger: Any) -> None: ...


class CannotReadAgainError(Exception):
    """What was read before cannot be had again from this source; the message says why, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Again:
    """What is to be read a second time: what changed from `since` to before `until` (aware; None: until now), what came
    with `file`, or, where neither is given, what the run `run` read, whose watermarks stood at `before` and `after`.
    """

    since: datetime | None = None
    until: datetime | None = None
    file: str = ""
    before: str | None = None
    after: str | None = None
    run: int | None = None


@runtime_checkable
class ReadsAgain(Protocol):
    """A connector that can read again what it has read before. The feed stands where it stood afterwards."""

    def read_again(self, again: Again) -> Iterator[Page]:
        """The rows, as `read` gives them; watermarks count for nothing. Raises `CannotReadAgainError`.

        Of what was delivered (files), all that came later is read as well, in order: it may hold newer values.
        """
        ...


RAW_TEXT_LIMIT = 500


def cut(text: str, limit: int = RAW_TEXT_LIMIT) -> str:
    """The first `limit` characters, saying so when something was left out."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
