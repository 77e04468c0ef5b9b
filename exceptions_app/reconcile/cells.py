"""The cells of a row as JSON. Each is written once, however many objects show it: sides, key, facts.

Knows nothing of checks; what a kind looks like as JSON is in `values`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from .values import DOCUMENTS, JSON

Row = Sequence[Any]
Cell = tuple[int, str]
"""Position in the row, kind."""
Written = list[str]
"""What was worked out for a finding, and behind it every cell of the row, as JSON."""


class Cells:
    """Which cells are written, and where. All are asked for before the first row is written."""

    def __init__(self, figures: Sequence[str]) -> None:
        self._figures = list(figures)
        self._slots: dict[Cell, int] = {}

    def slot(self, cell: Cell) -> int:
        """Where a cell is among what is written."""
        return self._slots.setdefault(cell, len(self._figures) + len(self._slots))

    def figure(self, name: str) -> int:
        """Where a figure is that is worked out per finding."""
        return self._figures.index(name)

    def objects(self, cells: Mapping[str, Cell]) -> Callable[[Written], str]:
        """The canonical JSON object of these cells."""
        return object_of({name: self.slot(cell) for name, cell in cells.items()})

    def write(self, rows: Sequence[Row]) -> Iterator[Written]:
        """The cells of each row; figures are null."""
        columns, ahead = list(zip(*rows, strict=True)), ["null"] * len(self._figures)
        written = [_column(columns[position], kind) for position, kind in self._slots] if rows else []
        return ([*ahead, *cells] for cells in zip(*written, strict=True))


def _column(values: Sequence[Any], kind: str) -> list[str]:
    """A column as JSON. What repeats in it is written once."""
    encode = JSON[kind]
    if kind == DOCUMENTS.name:
        return ["null" if value is None else encode(value) for value in values]
    known = {value: encode(value) for value in set(values) - {None}}
    return [known.get(value, "null") for value in values]


def object_of(slots: Mapping[str, int]) -> Callable[[Written], str]:
    """The canonical JSON object of these slots. Names are fixed, so only values are put in per row."""
    names = sorted(slots)
    template = "{" + ",".join(f"{JSON['text'](name)}:%s" for name in names) + "}"
    pick = picker([slots[name] for name in names])
    return lambda written: template % pick(written)


def picker(places: Iterable[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """The values at these places, always as a tuple."""
    known = tuple(places)
    if len(known) > 1:
        return itemgetter(*known)
    return lambda values: tuple([values[place] for place in known])
