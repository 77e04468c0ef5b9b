"""Drains the inbox: which events a run of a feed has taken, which it must leave to a person.

Handed to the run of a feed of events; `settle` is part of the transaction that marks the run finished, so that an
event leaves the inbox exactly when its records are seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from exceptions_app.catalog.schema import Feed
from exceptions_app.connectors.base import Again, Connector, Page
from exceptions_app.connectors.events.connector import EventsConnector, EventsPage, KeptAgain
from exceptions_app.connectors.events.event import Event
from exceptions_app.connectors.events.options import EventsRead
from exceptions_app.connectors.events.said import Kept
from exceptions_app.domain.instant import utc_now
from exceptions_app.records.converging import Newest
from exceptions_app.records.layout import Layout
from exceptions_app.records.mapping import RejectedRow
from exceptions_app.records.plan import MappingPlan
from exceptions_app.records.replayed import values_again, why_not_kept
from exceptions_app.services import feed_warnings, inbox, tasks

from .feed_outcome import Outcome
from .scheduler import events_of
from .work import Work


class InboxRun:
    """The events of one run of one feed. What landed is `taken` or, where a row of it was refused, `refused`."""

    def __init__(self, work: Work, feed: Feed) -> None:
        self._work, self._feed = work, feed
        self._page: dict[str, int] = {}
        self._at: dict[int, str] = {}
        self.taken: set[int] = set()
        self.refused: dict[int, str] = {}
        self.newest: dict[str, Newest] = {}
        self._said: dict[int, _Said] = {}
        options = EventsRead.model_validate(feed.read)
        self.keeps = bool(options.kept_for) and not why_not_kept(work.runtime.catalog, feed)
        """Whether what was taken can be replayed."""

    # -- what the connector asks

    def waiting(self, after: int, limit: int) -> Sequence[Kept]:
        with self._work.reading() as session:
            return inbox.waiting(session, self._feed.code, after, limit)

    def keep(self, events: Sequence[Event], unreadable: Sequence[tuple[Event, str]]) -> None:
        """Committed when it returns: only then is the broker told."""
        with self._work.transaction() as session:
            inbox.append(session, self._feed.code, events, utc_now())
            inbox.append_dead(session, self._feed.code, unreadable, utc_now())

    def again(self, again: Again, after: int, limit: int) -> Sequence[KeptAgain]:
        code = self._feed.code
        with self._work.reading() as session:
            if again.since is not None:
                found = inbox.taken_between(session, code, again.since, again.until, after, limit)
            else:
                found = inbox.taken_by(session, code, again.run or 0, after, limit)
        return [self._kept_again(event) for event in found]

    def _kept_again(self, event: Kept) -> KeptAgain:
        said = json.loads(event.body)
        return KeptAgain(event, said["version"], [(row["row"], self._values(row)) for row in said["rows"]])

    def _values(self, row: Mapping[str, Any]) -> Mapping[str, Any] | str:
        try:
            return values_again(self._plan, row)
        except ValueError as error:
            return str(error)

    @cached_property
    def _plan(self) -> MappingPlan:
        catalog = self._work.runtime.catalog
        layout = Layout(catalog.record_types[self._feed.record_type])
        return MappingPlan(catalog, self._feed, layout, utc_now(), replaying=True)

    # -- what the run tells

    def newest_known(self, keys: Sequence[str]) -> Sequence[Newest]:
        """What earlier runs know of these records."""
        if not keys:
            return []
        with self._work.reading() as session:
            return inbox.newest_of(session, self._feed.code, keys)

    def takes(self, page: Page) -> None:
        """This page is being mapped; until it has landed its events are suspects."""
        places = [row.position for row in page.rows] + [problem.position for problem in page.problems]
        self._page = {place: _number(place) for place in places}
        if isinstance(page, EventsPage):
            self._page |= {f"event {number}": number for number in page.without_rows}

    def landed(
        self,
        rejects: Sequence[RejectedRow],
        newest: Sequence[Newest],
        rows: Sequence[Any] = (),
        to_keep: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> None:
        """The page is in the record store, but for what was refused; of `rows`, `to_keep` is kept by their number."""
        for index, said in (to_keep or {}).items():
            row = rows[index]
            number, _, nth = row.position.rpartition(" row ")
            own = self._said.setdefault(row.inbox_id, _Said(row.version))
            own.rows.append({"row": int(nth) if number and nth.isdecimal() else 0, **said})
        for reject in rejects:
            number = self._page[reject.position]
            before = self.refused.get(number)
            self.refused[number] = f"{before}; {reject.reason}" if before else reject.reason
        self.taken |= {number for number in self._page.values() if number not in self.refused}
        self.newest |= {one.key: one for one in newest}
        self._page = {}

    def settle(self, session: Session, run_id: int, outcome: Outcome) -> None:
        """Events leave the inbox with the run that made records of them."""
        now, code = utc_now(), self._feed.code
        done = [*self.taken, *self.refused]
        again = inbox.replayed_among(session, done) if done else []
        inbox.settle_rejects(session, again, code, now, run_id)
        inbox.remember(session, code, run_id, self.newest.values())
        kept = {number: said.text for number, said in self._said.items() if number in self.taken}
        inbox.take(session, sorted(self.taken), run_id, now, kept)
        inbox.give_up(session, self.refused, run_id, now)
        if outcome.unexpected is not None and self._page:
            suspects = sorted(set(self._page.values()))
            inbox.broke_at(session, suspects, outcome.error or "the run broke", run_id, now)
        outcome.given_up = feed_warnings.given_up(session, code)

    def settle_again(self, session: Session, run_id: int) -> None:
        """Of events that were replayed nothing changes; what they changed is the newest of its record."""
        inbox.remember(session, self._feed.code, run_id, self.newest.values())


@dataclass(slots=True)
class _Said:
    """What is kept of one event."""

    version: int
    rows: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return json.dumps({"version": self.version, "rows": self.rows}, ensure_ascii=False)


def inbox_of(work: Work, feed: Feed, connector: Connector) -> InboxRun | None:
    """What a run of this feed drains; None for a feed that is read otherwise."""
    if not isinstance(connector, EventsConnector):
        return None
    found = InboxRun(work, feed)
    connector.inbox = found
    return found


def drain(work: Work) -> Mapping[str, Any]:
    """The handler of `drain` tasks: feeds of which events wait are read at once, not only when they are due."""
    with work.reading() as session:
        feeds = inbox.feeds_waiting(session)
    known = [code for code in feeds if code in work.runtime.catalog.feeds]
    if known:
        with work.transaction() as session:
            for code in known:
                tasks.request(session, "poll", f"poll:{code}", {"feed": code}, None, utc_now())
    return {"feeds": known}


def forget(work: Work) -> int:
    """Taken events whose time is over; how many."""
    count = 0
    for feed in events_of(work.runtime.catalog):
        options, now = EventsRead.model_validate(feed.read), utc_now()
        with work.transaction() as session:
            count += inbox.forget(session, feed.code, now - options.remember)
            inbox.forget_said(session, feed.code, now - options.kept_for)
    return count


def _number(place: str) -> int:
    """The inbox's number in a place such as `event 12 (E-1) row 3`."""
    return int(place.split(" ", 2)[1])
