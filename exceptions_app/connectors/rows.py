"""The null twin of every connector: gives the rows it was told. For tests, and for trying out a mapping."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from exceptions_app.catalog.schema import Shape
from exceptions_app.domain.instant import iso

from .base import (
    Again,
    CannotReadAgainError,
    FeedContentError,
    Page,
    RawRow,
    RowProblem,
    TransportError,
)


class RowsConnection(Shape):
    """Nothing to connect to."""


class RowsRead(Shape):
    """The rows themselves."""

    rows: list[dict[str, Any]] = Field(
        default_factory=list, description="what the source holds; numbers as text or whole"
    )
    watermark: str | None = Field(
        None, description="a field that grows with every change; default: every read gives all"
    )
    keys: list[str] = Field(
        default_factory=list, description="key fields, for feeds of mode keys_and_changes"
    )
    one: dict[str, str] = Field(
        default_factory=dict, description="canonical column -> field: how one record is asked for again"
    )
    page_size: int = Field(1000, ge=1, description="rows per page")
    fail_after: int | None = Field(None, ge=0, description="the source breaks off after so many pages")
    garbage_after: int | None = Field(
        None, ge=0, description="the source answers nonsense after so many pages"
    )


class RowsConnector:
    """Rows given by the configuration, or handed in. `problems` come with the first page."""

    def __init__(self, options: RowsRead, problems: Sequence[RowProblem] = ()) -> None:
        self._options = options
        self._problems = list(problems)
        self.acknowledged = 0
        self.closed = False

    def read(self, watermark: str | None) -> Iterator[Page]:
        since = json.loads(watermark)["since"] if watermark else None
        rows = [row for row in self._rows() if since is None or str(row.values[self._field]) > since]
        size = self._options.page_size
        pages = [rows[start : start + size] for start in range(0, len(rows), size)] or [[]]
        for number, page in enumerate(pages):
            self._break_at(number)
            if self._options.watermark and page:
                since = max(str(row.values[self._field]) for row in rows[: number * size + len(page)])
            mark = json.dumps({"since": since}) if since is not None else None
            yield Page(list(page), self._problems if number == 0 else [], mark)
        self._break_at(len(pages))

    def read_again(self, again: Again) -> Iterator[Page]:
        if not self._options.watermark or again.file:
            raise CannotReadAgainError("it reads everything every time: read it now")
        since, until = (None if at is None else iso(at) for at in (again.since, again.until))
        if again.since is None:
            since, after = (
                json.loads(mark)["since"] if mark else None for mark in (again.before, again.after)
            )
            rows = [row for row in self._rows() if after is None or self._mark(row) <= after]
            return iter([Page([row for row in rows if since is None or self._mark(row) > since])])
        rows = [row for row in self._rows() if (since or "") <= self._mark(row) < (until or "~")]
        return iter([Page(rows)])

    def _mark(self, row: RawRow) -> str:
        return str(row.values[self._field])

    def all_keys(self) -> Iterator[RawRow] | None:
        if not self._options.keys:
            return None
        names = self._options.keys
        return (RawRow(row.position, {name: row.values[name] for name in names}) for row in self._rows())

    def read_one(self, key: Mapping[str, str]) -> list[RawRow] | None:
        asked = self._options.one
        if not asked or not set(asked) <= set(key):
            return None
        self._break_at(0)
        wanted = {field: key[column] for column, field in asked.items()}
        return [
            row for row in self._rows() if all(str(row.values.get(f)) == value for f, value in wanted.items())
        ]

    def read_through(self, began: datetime) -> datetime | None:
        return began

    def acknowledge(self) -> None:
        self.acknowledged += 1

    def close(self) -> None:
        self.closed = True

    @property
    def _field(self) -> str:
        return self._options.watermark or ""

    def _rows(self) -> list[RawRow]:
        return [
            RawRow(f"row {number}", _exact(values)) for number, values in enumerate(self._options.rows, 1)
        ]

    def _break_at(self, number: int) -> None:
        where = f"page {number + 1}"
        if self._options.fail_after == number:
            raise TransportError("the source broke off", permanent=False, where=where)
        if self._options.garbage_after == number:
            raise FeedContentError("the source answered nonsense", where, "rows")


def _exact(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: repr(value) if isinstance(value, float) else value for name, value in values.items()}
