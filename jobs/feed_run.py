"""Reads one feed once: page by page from the connector, through the mapping, into the record store.

Says what came of it; whether the run counts, and where the watermark stands, is written by `poll`. No
transaction is open while the network or the store is asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import islice

from duckdb import DuckDBPyConnection
from sqlalchemy.exc import DBAPIError

from exceptions_app.catalog.schema import Feed
from exceptions_app.connectors.base import (
    Again,
    CannotReadAgainError,
    Connector,
    Counted,
    FeedContentError,
    LeavesNotes,
    Page,
    RawRow,
    ReadsAgain,
    ReadsOne,
    TransportError,
)
from exceptions_app.connectors.registry import build_connector
from exceptions_app.duck import closing_session
from exceptions_app.milestones import reached
from exceptions_app.models import SyncRun
from exceptions_app.records.errors import RecordError
from exceptions_app.records.known import OpenReject
from exceptions_app.records.mapping import FeedMapper
from exceptions_app.records.raw import clean
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.services import rejects, runs, tasks
from exceptions_app.services.allowances import DatabaseLedger
from exceptions_app.services.runs import COMPLETE, FAILED, PARTIAL

from . import words
from .feed_outcome import Outcome
from .inbox import InboxRun, inbox_of
from .job_notes import JobNotes
from .work import CancelledError, StoppingError, Work

log = logging.getLogger(__name__)

KEYS_AT_ONCE = 5_000
SourceError = (TransportError, FeedContentError, RecordError)
"""What a source can do to us: it ends the run in good order, and names itself."""


class FeedRun:
    """One run of one feed. `started_at` is when reading began: all that the source knew before it will be
    read.
    """

    def __init__(self, work: Work, feed: Feed, run: SyncRun) -> None:
        self.work = work
        self.feed = feed
        self.run_id = run.id
        self.started_at: datetime = run.read_started_at
        self.outcome = Outcome(run.watermark_before)
        self._began_at = run.watermark_before
        self._pages = 0
        self._connector: Connector | None = None
        self._missing: list[OpenReject] | None = None
        self._replaying = False
        self.inbox: InboxRun | None = None
        """What is drained, where the feed is one of events."""

    def read(self) -> Outcome:
        """Everything that the source has since the watermark. What breaks is told, not raised."""
        settings, catalog = self.work.runtime.settings, self.work.runtime.catalog
        with self._telling():
            self._connector = self._built()
            if isinstance(self._connector, LeavesNotes):
                self._connector.notes = JobNotes(self.work, self.feed.code)
            self.inbox = inbox_of(self.work, self.feed, self._connector)
            with closing_session(settings.duck_memory, settings.duck_threads) as con:
                mapper = FeedMapper(
                    con, catalog, self.feed.code, self.run_id, self.started_at,
                    self.inbox.newest_known if self.inbox else None, knowing=self._keep_known(con),
                    look_ups=self._look_ups(con),
                )  # fmt: skip
                self._take_all(con, mapper, self._connector.read(self.outcome.watermark))
                self._tell_absence(con, mapper, self._connector)
                self.outcome.words = words.unknown(self.work, con, self.feed, self.run_id, mapper)
            self.outcome.read_through = self._connector.read_through(self.started_at)
        return self._counted()

    def _built(self) -> Connector:
        """The feed's connector; what may be asked of a system over REST is counted for all processes."""
        found = build_connector(self.work.runtime.catalog.systems[self.feed.system], self.feed)
        if isinstance(found, Counted):
            found.keep_in(DatabaseLedger(self.work.engine))
        return found

    def _take_all(self, con: DuckDBPyConnection, mapper: FeedMapper, pages: Iterable[Page]) -> None:
        try:
            for page in pages:
                self._take(mapper, page)
        except SourceError:
            self._tell_moves(con)  # what landed counts
            raise
        self._tell_moves(con)

    def _counted(self) -> Outcome:
        self.outcome.bytes = getattr(self._connector, "bytes_read", None)
        self.outcome.quota = getattr(self._connector, "quota_use", None)
        return self.outcome

    def read_one(self, keys: Sequence[Mapping[str, str]]) -> Outcome | None:
        """Only the records of these keys; None where the source cannot be asked for them. Proves no absence."""
        settings = self.work.runtime.settings
        with self._telling():
            self._connector = self._built()
            if not isinstance(self._connector, ReadsOne):
                return None
            found = [self._connector.read_one(key) for key in keys]
            if not found or None in found:
                return None
            with closing_session(settings.duck_memory, settings.duck_threads) as con:
                mapper = self._plain_mapper(con)
                rows = [row for each in found if each is not None for row in each]
                self._take(mapper, Page(rows, watermark=self.outcome.watermark))
        return self.outcome

    def read_again(self, again: Again) -> Outcome:
        """What was read before. Proves no absence; what the watermark says afterwards counts for nothing."""
        settings = self.work.runtime.settings
        with self._telling():
            self._connector = self._built()
            if not isinstance(self._connector, ReadsAgain):
                raise CannotReadAgainError("its connector cannot read anything again")
            self.inbox = inbox_of(self.work, self.feed, self._connector)
            self._replaying = True
            with closing_session(settings.duck_memory, settings.duck_threads) as con:
                mapper = self._plain_mapper(con)
                pages = self._connector.read_again(again)
                self._take_all(con, mapper, (replace(page, watermark=self._began_at) for page in pages))
                self.outcome.words = words.unknown(self.work, con, self.feed, self.run_id, mapper)
        return self._counted()

    def acknowledge(self) -> None:
        """The run's end is committed: delivered files may be moved away, refused ones too. One that cannot
        be moved is known by its content. A snapshot that was not read whole stays as it was delivered.
        """
        half = self.feed.mode == "snapshot" and self.outcome.status != COMPLETE
        if self._connector is not None and not half:
            try:
                self._connector.acknowledge()
            except SourceError as error:
                log.warning("feed %s: what was read stays where it was: %s", self.feed.code, error)

    def close(self) -> None:
        """Give back connections; safe to repeat."""
        if self._connector is not None:
            self._connector.close()

    def _take(self, mapper: FeedMapper, page: Page) -> None:
        """Map and land one page; what is rejected is kept before, so that no reject is ever lost."""
        if self.inbox is not None:
            self.inbox.takes(page)
        self.outcome.fields.add(page.rows)
        batch = mapper.map(page.rows, page.problems)
        self.outcome.read += len(page.rows) + len(page.problems)
        if self.feed.mode != "snapshot":  # a whole snapshot settles all that was rejected before it
            self.outcome.mended |= mapper.mended(self._still_missing())
        with self.work.transaction() as session:
            runs.note_read(session, self.run_id, self.outcome.read)
            self.outcome.rejected += rejects.add(
                session, self.run_id, self.feed.code, batch.rejects, self.started_at
            )
        if batch.rejects:
            self._missing = None
            self.outcome.unplaced += sum(reject.known is None for reject in batch.rejects)
        if batch.rejects and self.outcome.first_reject is None:
            first = batch.rejects[0]
            self.outcome.first_reject = f"{first.position}: {first.reason}"
        store = self.work.runtime.store
        store.land(self.feed.record_type, self.feed.code, self.run_id, self._pages, batch.table)
        reached("poll.landed")
        self.outcome.mapped += batch.stored + batch.deleted + batch.repeats + batch.left_out
        self.outcome.stored += batch.stored
        self.outcome.deleted += batch.deleted
        self.outcome.unchanged += batch.unchanged
        self.outcome.again += batch.unchanged - batch.left_out
        self.outcome.watermark = page.watermark
        if self.inbox is not None:
            keeping = mapper.last_to_keep(page.rows) if self.inbox.keeps and not self._replaying else None
            self.inbox.landed(batch.rejects, mapper.newest(), page.rows, keeping)
        self._pages += 1
        self.work.progress(self.outcome.read, note=f"{self.outcome.read} rows read")

    def _still_missing(self) -> list[OpenReject]:
        """The feed's rejects that nothing has settled, those of this run's earlier pages too."""
        if self._missing is None:
            with self.work.reading() as session:
                self._missing = rejects.holding(session, [self.feed.code])
        return [each for each in self._missing if each.id not in self.outcome.mended]

    def _plain_mapper(self, con: DuckDBPyConnection) -> FeedMapper:
        """One that tells nothing from what is known."""
        catalog, look_ups = self.work.runtime.catalog, self._look_ups(con)
        newest_known = self.inbox.newest_known if self.inbox else None
        return FeedMapper(
            con, catalog, self.feed.code, self.run_id, self.started_at, newest_known, look_ups=look_ups,
            replaying=self.inbox is not None,
        )  # fmt: skip

    def _look_ups(self, con: DuckDBPyConnection) -> Callable[[], None]:
        store, code = self.work.runtime.store, self.feed.code
        return lambda: store.keep_look_ups(con, code, self._unfinished())

    def _keep_known(self, con: DuckDBPyConnection) -> bool:
        """Whether rows can be told from what is known. Events are told apart by the inbox."""
        store, unfinished = self.work.runtime.store, self._unfinished()
        return self.inbox is None and store.keep_known(con, self.feed.code, self.run_id, unfinished)

    def _tell_moves(self, con: DuckDBPyConnection) -> None:
        """Land tombstones for records that came under another entity; whole reads find them as absent."""
        if self.feed.mode == "changes" and self.outcome.stored:
            self.outcome.deleted += self.work.runtime.store.land_moved(
                con, self.feed.code, self.run_id, self._pages, self.started_at, self._unfinished()
            )

    def _unfinished(self) -> UnfinishedRuns:
        with self.work.reading() as session:
            return runs.unfinished(session)

    def _tell_absence(self, con: DuckDBPyConnection, mapper: FeedMapper, connector: Connector) -> None:
        """Land tombstones for what the source no longer holds, where this feed can prove it."""
        if self.feed.mode == "changes" or (self.feed.mode == "snapshot" and not self._pages):
            return
        if self.feed.mode == "keys_and_changes":
            keys = connector.all_keys()
            if keys is None:
                self.outcome.notes.append("the source does not list its keys: nothing was deleted")
                return
            for rows in _batches(keys):
                mapper.see_keys(rows)
        if mapper.proves_absence and self.feed.mode != "snapshot":
            self.outcome.mended |= mapper.gone(self._still_missing())
        if not mapper.proves_absence:
            self.outcome.notes.append("a row without a readable key was refused: nothing was deleted")
            return
        self.outcome.deleted += self.work.runtime.store.land_vanished(
            con,
            self.feed.code,
            self.run_id,
            self._pages,
            mapper.seen_table,
            self.started_at,
            self._unfinished(),
        )

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What breaks while the feed is read ends the run in good order, and is told; not what ends the task, and not
        the loss of the database, in which it would be told.
        """
        try:
            yield
        except (CancelledError, StoppingError, tasks.LeaseLostError, DBAPIError):
            raise
        except (*SourceError, CannotReadAgainError) as error:
            log.warning("feed %s: %s", self.feed.code, error)
            self._broke_off(str(error), error)
        except Exception as error:
            log.exception("feed %s broke in run %d", self.feed.code, self.run_id)
            self._broke_off(f"{type(error).__name__}: {error}", error)
            self.outcome.unexpected = error

    def _broke_off(self, said: str, error: Exception) -> None:
        """What landed counts; but the run proves nothing about what it has not read. A snapshot begins anew."""
        self.outcome.status = PARTIAL if self._pages else FAILED
        if self.feed.mode == "snapshot":
            self.outcome.watermark = self._began_at
        self.outcome.error, self.outcome.error_kind = clean(said), type(error).__name__
        self.outcome.system_out = isinstance(error, TransportError) and not error.answered


def _batches(rows: Iterator[RawRow]) -> Iterator[list[RawRow]]:
    while batch := list(islice(rows, KEYS_AT_ONCE)):
        yield batch
