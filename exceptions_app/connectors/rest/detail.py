"""One further request for each row of a list, some at once. A row whose detail cannot be had stands aside.

A detail is one object, or a list of what belongs to the row: the lines of an order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from ..base import FeedContentError, cut
from ..exact_json import dump, find
from .bodies import Reader, Unreadable
from .masking import masked
from .options import RestDetail
from .paging import Batch
from .refusals import NotFoundError, RefusedError
from .templates import UnfitValueError, in_path, plain
from .transport import Call, HttpSource

_PLACE = re.compile(r"\{([^{}]+)\}")
_OF_THIS_ROW = frozenset({400, 409, 415, 422, 423, 451})
"""Refusals of one record; what else is refused will be for every record."""


class Details:
    """Asks for the details of pages. To be closed."""

    def __init__(
        self, source: HttpSource, options: RestDetail, reader: Reader, headers: Mapping[str, str]
    ) -> None:
        self._source, self._options, self._headers = source, options, headers
        self._reader = replace(reader, expected=None)
        self._pool = ThreadPoolExecutor(options.concurrency, thread_name_prefix="detail")

    def of(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same pages with the details in their rows, in the same order."""
        try:
            for batch in batches:
                yield self._with_details(batch)
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _with_details(self, batch: Batch) -> Batch:
        asked = [self._pool.submit(self._row, batch.where, n, row) for n, row in enumerate(batch.rows, 1)]
        try:
            rows = [each.result() for each in asked]
        except BaseException:
            for each in asked:
                each.cancel()
            raise
        wrong = [row for row in rows if isinstance(row, _Wrong)]
        if wrong and len(wrong) == len(rows):
            raise wrong[0].error  # none of them: that is no matter of single rows
        kept: list[Any] = []
        for given, row in zip(batch.rows, rows, strict=True):
            if isinstance(row, _Wrong):
                kept.append(Unreadable(f"its detail: {row.error.message}", cut(dump(given))))
            else:
                kept.extend(row)
        return replace(batch, rows=kept, repeats=True)

    def _row(self, where: str, number: int, row: Any) -> list[Any] | _Wrong:
        """The rows that come of one."""
        if not isinstance(row, dict):
            return [row]
        here = f"{where} row {number} detail"
        try:
            call = self._call(row)
            found = find(self._reader.value(self._source.ask(call, here), here), self._options.records)
        except UnfitValueError as error:
            return [Unreadable(f"its detail cannot be asked for: {error}", cut(dump(row)))]
        except NotFoundError:
            return self._missing(row)
        except RefusedError as error:
            if error.status not in _OF_THIS_ROW:
                raise
            return [Unreadable(f"its detail is refused: {error.message}", cut(dump(row)))]
        except FeedContentError as error:
            return _Wrong(error)
        return self._joined(row, found, here)

    def _call(self, row: Mapping[str, Any]) -> Call:
        url = self._source.reach.address_of(_filled(self._options.path, row, in_path))
        params = {name: _filled(text, row, _as_is) for name, text in self._options.params.items()}
        return Call(url, params=params, headers=self._headers)

    def _missing(self, row: Mapping[str, Any]) -> list[Any]:
        match self._options.missing:
            case "keep":
                return [row]
            case "skip":
                return []
            case "reject":
                return [Unreadable("the list names it, but it has no detail there (404)", cut(dump(row)))]

    def _joined(self, row: dict[str, Any], found: Any, here: str) -> list[Any] | _Wrong:
        into = self._options.into
        if self._options.shape == "list":
            items = [found] if isinstance(found, dict) and self._reader.format == "xml" else found
            if not isinstance(items, list):
                return self._unfit(found, here, "a list")
            return [self._with(row, item) for item in items]
        if into is not None:
            return [self._reader.clean({**row, into: found})]
        if isinstance(found, list) and len(found) == 1:
            [found] = found
        if isinstance(found, dict):
            return [self._with(row, found)]
        return self._unfit(found, here, "an object")

    def _with(self, row: dict[str, Any], item: Any) -> Any:
        if self._options.into is not None:
            return self._reader.clean({**row, self._options.into: item})
        if not isinstance(item, dict):
            return Unreadable(f"an item of its detail is no object: {masked(dump(item))}", cut(dump(row)))
        return self._reader.clean({**row, **item})

    def _unfit(self, found: Any, here: str, wanted: str) -> _Wrong:
        """Something else than `wanted` stands there."""
        place = f" at {self._options.records!r}" if self._options.records else ""
        rows = wanted == "an object" and isinstance(found, list)
        hint = " (where each item of the list is a row: detail.shape: list)" if rows else ""
        message = f"it holds {masked(dump(found))}{place}"
        return _Wrong(FeedContentError(f"{message}, not {wanted}{hint}", here, wanted))


class _Wrong:
    """A detail that is not what was agreed."""

    def __init__(self, error: FeedContentError) -> None:
        self.error = error


def _filled(template: str, row: Mapping[str, Any], write: Any) -> str:
    def put(place: re.Match[str]) -> str:
        found = find(row, place[1])
        if found is None or isinstance(found, dict | list):
            raise UnfitValueError(f"the row has no {place[1]}")
        return str(write(place[1], plain(found)))

    return _PLACE.sub(put, template)


def _as_is(_name: str, written: str) -> str:
    return written
