"""The places between the first and the last cell of a sheet that hold anything: as many as its reader lays out."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

MOST_PLACES = 50_000_000
"""Rows times columns between the first and the last cell of a sheet that hold anything."""
MOST_BYTES = 4 << 30
"""Of one part of a workbook, unpacked."""
_CHUNK = 1 << 20


@dataclass(slots=True)
class Spread:
    """The rows and columns between which the cells of a sheet lie; none so far where `bottom` is below `top`."""

    top: int = 1 << 62
    bottom: int = -1
    left: int = 1 << 62
    right: int = -1

    def take(self, top: int, bottom: int, left: int, right: int) -> None:
        """Cells from `top` to `bottom` and from `left` to `right`, each with the last."""
        self.top, self.bottom = min(self.top, top), max(self.bottom, bottom)
        self.left, self.right = min(self.left, left), max(self.right, right)

    @property
    def rows(self) -> int:
        return max(0, self.bottom - self.top + 1)

    @property
    def columns(self) -> int:
        return max(0, self.right - self.left + 1)


def chunks(book: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """A part of the archive, piece by piece. Raises ValueError where it unpacks without end."""
    taken = 0
    with book.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            taken += len(chunk)
            if taken > MOST_BYTES:
                raise ValueError(f"{part} unpacks to more than {MOST_BYTES:,} bytes")
            yield chunk
