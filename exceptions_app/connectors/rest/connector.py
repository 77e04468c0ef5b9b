"""Reads a feed from a system that answers JSON over HTTP. Puts transport, paging and marks together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from exceptions_app.catalog.schema import Feed, System
from exceptions_app.domain.instant import utc_now

from ..base import FeedContentError, Page, RawRow, RowProblem, cut
from ..exact_json import dump, find, flat, repeated_key
from ..marks import Mark, Marks
from .options import RestConnection, RestOne, RestPaging, RestRead
from .paging import Batch, Walk
from .templates import entries, in_path, places, text
from .transport import HttpSource, NotFoundError


class RestConnector:
    """One feed over REST. A snapshot feed always reads everything, whatever its watermark says."""

    def __init__(self, source: HttpSource, read: RestRead, *, label: str, snapshot: bool = False) -> None:
        self._source = source
        self._read = read
        self._label = label
        self._condition = None if snapshot else read.watermark

    @classmethod
    def of(cls, system: System, feed: Feed) -> RestConnector:
        connection = RestConnection.model_validate(system.connection)
        read = RestRead.model_validate(feed.read)
        label = f"{system.code} {read.path}"
        return cls(HttpSource(connection), read, label=label, snapshot=feed.mode == "snapshot")

    def read(self, watermark: str | None) -> Iterator[Page]:
        started = utc_now()
        condition = self._condition
        url, params = self._source.address_of(self._read.path), dict(self._read.params)
        if condition is None:
            for batch in self._walk().pages(url, params):
                yield _page(batch, None)
            return
        marks = Marks(condition.format, condition.overlap)
        since = marks.since(watermark, condition.initial)
        if since is not None:
            params[condition.param] = condition.template.replace("{watermark}", marks.write(since))
        highest = marks.kept(watermark)
        for batch in self._walk().pages(url, params):
            highest = marks.highest(_marks_in(batch, condition.field, marks), highest, started)
            whole = batch.last or condition.ordered
            yield _page(batch, marks.watermark(highest) if whole else watermark)

    def all_keys(self) -> Iterator[RawRow] | None:
        keys = self._read.keys
        if keys is None:
            return None
        return self._keys(self._source.address_of(keys.path or self._read.path), keys.params)

    def read_one(self, key: Mapping[str, str]) -> list[RawRow] | None:
        one = self._read.one
        if one is None or not _named(one) <= set(key):
            return None
        path = text(one.path or self._read.path, key, in_path)
        params = dict(entries(one.params, key))
        records = self._read.records if one.records is None else one.records
        walk = replace(
            self._walk("one record of "), records=records, paging=RestPaging.model_validate({}), single=True
        )
        try:
            [batch] = walk.pages(self._source.address_of(path), params)
        except NotFoundError:
            return []
        page = _page(batch, None)
        if page.problems:
            problem = page.problems[0]
            raise FeedContentError(problem.reason, problem.position, "a row that can be read")
        return list(page.rows)

    def read_through(self, began: datetime) -> datetime | None:
        return began

    def acknowledge(self) -> None:
        """Nothing is consumed by reading."""

    def close(self) -> None:
        self._source.close()

    def _keys(self, url: str, params: Mapping[str, str]) -> Iterator[RawRow]:
        for batch in self._walk("keys of ").pages(url, params):
            page = _page(batch, None)
            if page.problems:
                problem = page.problems[0]
                raise FeedContentError(problem.reason, problem.position, "every key, each readable")
            yield from page.rows

    def _walk(self, prefix: str = "") -> Walk:
        read = self._read
        return Walk(self._source.get, self._source.follow, read.records, read.paging, prefix + self._label)


def _named(one: RestOne) -> set[str]:
    """The columns without which it cannot be asked."""
    return places(one.path or "").union(*map(places, one.params.values()))


def _page(batch: Batch, watermark: str | None) -> Page:
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    for number, row in enumerate(batch.rows, 1):
        position = f"{batch.where} row {number}"
        twice = repeated_key(row) if batch.repeats else None
        if twice is not None:
            problems.append(RowProblem(position, f"says {twice!r} twice; which one holds?", cut(dump(row))))
        elif isinstance(row, dict):
            rows.append(RawRow(position, flat(row)))
        else:
            problems.append(
                RowProblem(position, f"expected an object, got {type(row).__name__}", cut(dump(row)))
            )
    return Page(rows, problems, watermark)


def _marks_in(batch: Batch, field: str, marks: Marks) -> list[Mark]:
    """The marks of a page's rows. One without counts for nothing; a page of them is refused."""
    found: list[Mark] = []
    error: FeedContentError | None = None
    for number, row in enumerate(batch.rows, 1):
        value: Any = find(row, field) if isinstance(row, dict) else None
        try:
            found.append(marks.read(value, f"{batch.where} row {number} {field}"))
        except FeedContentError as unusable:
            error = error or unusable
    if error and not found:
        raise FeedContentError(f"no row says when it changed ({error.message})", error.where, error.expected)
    return found
