"""What one run of a feed came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from exceptions_app.catalog.schema import Feed
from exceptions_app.connectors.quota import QuotaUse
from exceptions_app.records.drift import FieldsSeen
from exceptions_app.records.raw import clean
from exceptions_app.records.words import UnknownWord
from exceptions_app.services.runs import COMPLETE, PARTIAL, RunCounts


@dataclass(slots=True)
class Outcome:
    """What came of a run. `watermark` is that of the last page that landed."""

    watermark: str | None
    status: str = COMPLETE
    read_through: datetime | None = None
    """How far what was read tells of the source; None: nothing was ever delivered."""
    read: int = 0
    mapped: int = 0
    stored: int = 0
    rejected: int = 0
    unplaced: int = 0
    """Rejects of which nothing is known that says where they belong."""
    mended: set[int] = field(default_factory=set)
    """Ids of earlier rejects that this run has settled: brought again and taken, or no longer at the source."""
    deleted: int = 0
    unchanged: int = 0
    """Rows that say what was known before."""
    again: int = 0
    """Of those, rows that were stored all the same: nothing else says that they were read."""
    bytes: int | None = None
    """As they came from the source; None where its connector does not count them."""
    quota: QuotaUse | None = None
    """How much of what its system allows is used; None where nothing is agreed."""
    given_up: tuple[int, str] | None = None
    """How many events of the feed wait for a person, and why the newest does; None for a feed that has none."""
    error: str | None = None
    error_kind: str = ""
    system_out: bool = False
    """The system itself could not be reached or did not let us in: not a matter of this feed."""
    first_reject: str | None = None
    notes: list[str] = field(default_factory=list)
    unexpected: Exception | None = None
    fields: FieldsSeen = field(default_factory=FieldsSeen)
    """Which fields its rows have."""
    words: list[UnknownWord] | None = None
    """The words that no list knows in what the feed has brought so far; None: nobody looked, for nothing changed."""

    @property
    def counts(self) -> RunCounts:
        return RunCounts(self.read, self.stored, self.rejected, self.deleted, self.mapped, self.bytes)

    @property
    def changed_anything(self) -> bool:
        return self.stored + self.deleted > self.again

    def broken_off(self, watermark: str | None, error: Exception) -> Outcome:
        """The same rows, of a run that ended with `error` and is to be done again from `watermark`."""
        return Outcome(
            watermark, PARTIAL, read=self.read, mapped=self.mapped, stored=self.stored, deleted=self.deleted,
            unchanged=self.unchanged, again=self.again, bytes=self.bytes,
            error=clean(f"{type(error).__name__}: {error}"), error_kind=type(error).__name__, unexpected=error,
        )  # fmt: skip

    def read_everything(self, feed: Feed) -> bool:
        """Whether all that the source holds was read: what is not in it is not there."""
        return feed.mode == "snapshot" and self.status == COMPLETE and self.read > 0
