"""Reads a feed from a system that answers over HTTP. Puts transport, paging, details, jobs and marks together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any

from exceptions_app.catalog.schema import Feed, System
from exceptions_app.domain.instant import utc_now

from ..base import (
    Again,
    CannotReadAgainError,
    FeedContentError,
    Notes,
    Page,
    RawRow,
)
from ..exact_json import dump
from ..marks import Mark
from ..quota import QuotaUse
from .ahead import ahead
from .allowance import Ledger, shared
from .asking import Part, Requests
from .bodies import Body, Reader
from .bulk import BulkRead
from .condition import Condition
from .delta import Delta
from .detail import Details
from .options import RestConnection, RestOne, RestPaging, RestRead
from .pages import Known, page_of, whole
from .paging import Ask, Batch, Step, Walk
from .refusals import NotFoundError
from .templates import UnfitValueError, entries, in_path, places, text, value
from .together import together
from .transport import HttpSource

_ALONE = RestPaging.model_validate({})
_PAST_THE_END, _UNCHANGED = 416, 304


class RestConnector:
    """One feed over REST. A snapshot feed always reads everything, whatever its watermark says."""

    def __init__(self, source: HttpSource, read: RestRead, *, label: str, snapshot: bool = False) -> None:
        self._source = source
        self._read = read
        self._label = label
        self._condition = Condition(read.watermark) if read.watermark and not snapshot else None
        self._reader = Reader.of(read)
        self._requests = Requests(read, source.reach.address_of, label)
        self._job_at: datetime | None = None
        self._delta = Delta(read.delta, source.reach.follow) if read.delta and not snapshot else None
        self.notes: Notes | None = None
        """Where a job that was submitted is kept, so that a run that is interrupted need not submit it anew."""

    def keep_in(self, ledger: Ledger) -> None:
        """What may be asked of the system is counted there from now on."""
        self._source.allowance.keep_in(ledger)

    @classmethod
    def of(cls, system: System, feed: Feed) -> RestConnector:
        connection = RestConnection.model_validate(system.connection)
        read = RestRead.model_validate(feed.read)
        source = HttpSource(connection, shared(system.code, connection))
        return cls(source, read, label=f"{system.code} {read.path}", snapshot=feed.mode == "snapshot")

    @property
    def bytes_read(self) -> int:
        """As they came over the wire."""
        return self._source.bytes_read

    @property
    def quota_use(self) -> QuotaUse | None:
        """How much of what the system allows is used."""
        return self._source.allowance.quota_use()

    def read(self, watermark: str | None) -> Iterator[Page]:
        if self._delta is not None:
            return together(self._since_told(self._delta, watermark), self._read.store_at_once)
        return together(self._pages(watermark), self._read.store_at_once)

    def read_again(self, again: Again) -> Iterator[Page]:
        if self._delta is not None:
            raise CannotReadAgainError(
                "the source alone says where a read begins: reread it from its beginning"
            )
        if self._condition is None:
            raise CannotReadAgainError("it reads everything every time: read it now")
        since, until = self._condition.again(again)
        part = self._since(None if since is None else self._condition.said(since), since)
        return together(self._those_before(part, self._condition, until), self._read.store_at_once)

    def _those_before(self, part: Part, condition: Condition, until: Mark | None) -> Iterator[Page]:
        for batch in self._detailed(self._batches(part)):
            rows = condition.until(batch.rows, until)
            yield page_of(replace(batch, rows=rows), None)
            if condition.options.ordered and batch.rows and not rows:
                return

    def all_keys(self) -> Iterator[RawRow] | None:
        keys = self._read.keys
        if keys is None:
            return None
        part = self._part(keys.path, keys.params, keys.body)
        return self._keys(self._walk(part, "keys of ").pages())

    def read_one(self, key: Mapping[str, str]) -> list[RawRow] | None:
        one = self._read.one
        if one is None or not _named(one) <= set(key):
            return None
        try:
            path = None if one.path is None else text(one.path, key, in_path)
        except UnfitValueError as error:
            raise FeedContentError(str(error), self._label, "a value that can stand in an address") from None
        body = None if one.body is None else value(one.body, key)
        part = self._part(path, dict(entries(one.params, key)), body)
        records = self._read.records if one.records is None else one.records
        place = replace(self._reader.place, path=records, single=True)
        walk = replace(self._walk(part, "one record of ", replace(self._reader, place=place)), paging=_ALONE)
        try:
            [batch] = self._detailed(walk.pages())
        except NotFoundError:
            return []
        return whole(page_of(batch, None), "a row that can be read")

    def read_through(self, began: datetime) -> datetime | None:
        """A job that was taken up tells what was known when it was submitted."""
        return began if self._job_at is None else min(began, self._job_at)

    def acknowledge(self) -> None:
        """Nothing is consumed by reading."""

    def close(self) -> None:
        self._source.close()

    def _pages(self, watermark: str | None) -> Iterator[Page]:
        started, condition = utc_now(), self._condition
        since = None if condition is None else condition.since(watermark)
        part = self._since(None if condition is None or since is None else condition.said(since), since)
        known = Known(watermark, part) if self._read.conditional else None
        if known is not None:
            part = replace(part, headers={**part.headers, **known.headers}, fine=frozenset({_UNCHANGED}))
        highest = None if condition is None else condition.kept(watermark)
        batches = self._detailed(self._batches(part))
        for batch in ahead(batches) if self._read.read_ahead else batches:
            if known is not None and batch.unchanged:
                return  # nothing was delivered: what is kept holds
            mark = None
            if condition is not None:
                begun = started if self._job_at is None else min(started, self._job_at)
                highest = condition.highest(condition.marks_in(batch.rows, batch.where), highest, begun)
                holds = batch.last or condition.options.ordered
                mark = condition.watermark(highest) if holds else watermark
            yield page_of(batch, mark if known is None else known.remembered(mark, batch.headers))

    def _since_told(self, delta: Delta, watermark: str | None) -> Iterator[Page]:
        """What changed since the source's own mark; everything where it does not know the mark any more."""
        kept, part = delta.kept(watermark), self._part(None, self._read.params, self._read.body)
        begun, begin = (part, None) if kept is None else delta.begun(part, kept)
        batches = self._detailed(replace(self._walk(begun), begin=begin, begin_as_given=True).pages())
        try:
            first = next(batches, None)
        except NotFoundError:
            if kept is None:
                raise
            batches = self._detailed(self._walk(part).pages())
            first = next(batches, None)
        found = batches if first is None else chain([first], batches)
        for batch in ahead(found) if self._read.read_ahead else found:
            yield page_of(batch, delta.watermark(batch, watermark))

    def _since(self, said: str | None, since: Any) -> Part:
        """The feed's own request, with the condition where it belongs."""
        condition, part = self._condition, self._part(None, self._read.params, self._read.body)
        if condition is None or said is None:
            return part
        param = condition.options.param or ""
        match condition.options.place:
            case "query":
                return replace(part, params={**part.params, param: said})
            case "header":
                return replace(part, headers={**part.headers, param: said})
            case "path":
                return replace(part, fields={"watermark": said})
            case "body":
                return replace(part, fields={"watermark": condition.in_body(since)})

    def _part(self, path: str | None, params: Mapping[str, str], body: Any) -> Part:
        posts = self._read.json_rpc is not None or (
            self._read.method == "POST" and (body is not None or not path)
        )
        fine = frozenset({_PAST_THE_END}) if self._read.paging.type == "range" else frozenset[int]()
        return Part(path or self._read.path, params, {}, body, {}, "POST" if posts else "GET", fine)

    def _batches(self, part: Part) -> Iterator[Batch]:
        walk = self._walk(part)
        if self._read.bulk is None:
            yield from walk.pages()
            return
        bulk = BulkRead(self._source, self._read.bulk, self._requests, walk, self._label, self.notes)
        for batch in bulk.pages(part):
            self._job_at = bulk.submitted_at
            yield batch

    def _detailed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        if self._read.detail is None:
            return batches
        return Details(self._source, self._read.detail, self._reader, self._read.headers).of(batches)

    def _keys(self, batches: Iterator[Batch]) -> Iterator[RawRow]:
        for batch in batches:
            yield from whole(page_of(batch, None), "every key, each readable")

    def _walk(self, part: Part, prefix: str = "", reader: Reader | None = None) -> Walk:
        ask = self._asking(part, reader or self._reader)
        return Walk(ask, self._source.reach.follow, self._read.paging, prefix + self._label)

    def _asking(self, part: Part, reader: Reader) -> Ask:
        def ask(step: Step, where: str) -> tuple[Body, str]:
            answer = self._source.ask(self._requests.call(part, step), where)
            if answer.status_code in part.fine:
                return Body([], None, answer.headers, answer.status_code), str(answer.url)
            body = reader.read(answer, where)
            if self._delta is not None:
                self._delta.look_at(body, str(answer.url), where)
            return body, str(answer.url)

        return ask


def _named(one: RestOne) -> set[str]:
    """The columns without which it cannot be asked."""
    body = (
        places(one.body if isinstance(one.body, str) else dump(one.body)) if one.body is not None else set()
    )
    return places(one.path or "").union(body, *map(places, one.params.values()))
