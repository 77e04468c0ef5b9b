"""The segments of a transaction set as rows: one for each line, with what its header and its end say.

An element is named by its segment and place (`BEG_03`), one of a segment that says what it is by its first
element also by that (`REF_DP_02`, `N1_ST_04`, and in that party's loop `N4_ST_01`). What stands under a line
is prefixed (`line_PID_05`). A line's product identifiers come by their qualifier (`PO1_VN`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

ROW_SEGMENTS = {
    "850": "PO1",
    "855": "PO1",
    "860": "POC",
    "810": "IT1",
    "832": "LIN",
    "846": "LIN",
    "867": "PTD",
}
"""Which segment begins a line, by transaction set."""

_QUALIFIED = frozenset({"REF", "DTM", "AMT", "PER", "N1", "SAC", "TXI", "DTP", "CUR", "QTY", "CTP"})
_PARTY = frozenset({"N2", "N3", "N4", "PER", "REF"})
_SUMMARY = frozenset({"TDS", "CTT"})
_FIRST_IDENTIFIER = {"PO1": 6, "IT1": 6, "POC": 8, "LIN": 2}


@dataclass(frozen=True, slots=True)
class Segment:
    """`parts[0]` is its name; `number` is where it stands in the file, from 1."""

    number: int
    parts: list[str]

    @property
    def id(self) -> str:
        return self.parts[0]

    def element(self, at: int) -> str:
        """Empty where it is not there."""
        return self.parts[at] if len(self.parts) > at else ""

    def __str__(self) -> str:
        return "*".join(self.parts)


def row_segment(begins: str) -> str:
    """The segment's own name."""
    return begins.upper()


def rows_of(
    header: list[Segment], segments: list[Segment], begins: str
) -> Iterator[tuple[int, dict[str, str | None]]]:
    """The number of each line's first segment, and its values. A set without lines has no rows."""
    begins = row_segment(begins)
    starts = [at for at, segment in enumerate(segments) if segment.id == begins]
    if not starts:
        return
    ends = [at for at, segment in enumerate(segments) if segment.id in _SUMMARY and at > starts[-1]]
    end = ends[0] if ends else len(segments)
    common: dict[str, str | None] = {}
    for segment in header:
        _put(common, segment, "")
    _put_all(common, segments[: starts[0]], "")
    _put_all(common, segments[end:], "")
    for at, following in zip(starts, [*starts[1:], end], strict=True):
        row = dict(common)
        line = segments[at]
        _put(row, line, "")
        _put_identifiers(row, line)
        _put_all(row, segments[at + 1 : following], "line_")
        yield line.number, row


def _put_all(into: dict[str, str | None], segments: list[Segment], prefix: str) -> None:
    party = ""
    for segment in segments:
        if segment.id == "N1":
            party = segment.element(1)
        elif segment.id not in _PARTY:
            party = ""
        _put(into, segment, prefix)
        if party and segment.id in _PARTY:
            _put_elements(into, segment, f"{prefix}{segment.id}_{party}")


def _put(into: dict[str, str | None], segment: Segment, prefix: str) -> None:
    name = f"{prefix}{segment.id}"
    _put_elements(into, segment, name)
    if segment.id in _QUALIFIED and segment.element(1):
        _put_elements(into, segment, f"{name}_{segment.element(1)}")


def _put_elements(into: dict[str, str | None], segment: Segment, name: str) -> None:
    """The first of its name keeps it; a second is `PID#2`, and so on."""
    count, free = 1, name
    while f"{free}_01" in into:
        count += 1
        free = f"{name}#{count}"
    for at in range(1, max(len(segment.parts), 2)):
        into[f"{free}_{at:02}"] = segment.element(at) or None


def _put_identifiers(into: dict[str, str | None], line: Segment) -> None:
    first = _FIRST_IDENTIFIER.get(line.id)
    if first is None:
        return
    for at in range(first, len(line.parts) - 1, 2):
        if line.element(at):
            into.setdefault(f"{line.id}_{line.element(at)}", line.element(at + 1) or None)
