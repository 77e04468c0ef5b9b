"""Rows that were read column by column: a large clean stretch of a file, at the speed of the engine.

Looks like the list of rows that it stands for; who can take whole columns asks for `columns`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from arro3.core import Table

from .base import RawRow

POSITION = "position"


class ColumnRows(Sequence[RawRow]):
    """Rows of texts. `columns` holds `position` first, then a text column for each of `names`."""

    def __init__(self, columns: Table, names: Sequence[str]) -> None:
        self.columns = columns
        self.names = tuple(names)

    def __len__(self) -> int:
        return self.columns.num_rows

    @overload
    def __getitem__(self, index: int) -> RawRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[RawRow]: ...
    def __getitem__(self, index: int | slice) -> RawRow | list[RawRow]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return next(_rows(self.columns.slice(index % len(self), 1), self.names))

    def __iter__(self) -> Iterator[RawRow]:
        return _rows(self.columns, self.names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def _rows(columns: Table, names: Sequence[str]) -> Iterator[RawRow]:
    held = [columns.column(number).to_pylist() for number in range(len(names) + 1)]
    for position, *values in zip(*held, strict=True):
        yield RawRow(position, dict(zip(names, values, strict=True)))
