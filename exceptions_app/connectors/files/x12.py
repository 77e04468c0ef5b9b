"""X12 interchanges: the envelopes and what they promise, and one row for each line of a transaction set.

Read leniently where partners differ (an ISA that is not padded, tabs and line ends between segments, any
version) and strictly where it matters: a control number or a count that disagrees refuses what it encloses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from ..base import FeedContentError, RawRow, RowProblem, cut
from .content import Content, not_decodable
from .options import FilesRead
from .x12_rows import ROW_SEGMENTS, Segment, row_segment, rows_of

_ISA_ELEMENTS = 16


@dataclass(slots=True)
class Transaction:
    """One transaction set, ST to SE. `problems`: what its trailer says otherwise."""

    header: list[Segment]
    segments: list[Segment]
    problems: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return self.segments[0].element(1)

    @property
    def number(self) -> int:
        return self.segments[0].number


def read_x12(content: Content, options: FilesRead) -> Iterator[RawRow | RowProblem]:
    """The rows of the sets that the feed names. Raises FeedContentError before any row where an envelope lies."""
    text = content.text(options.encoding).read()
    if undecodable := not_decodable(text):
        raise FeedContentError(undecodable, content.name, options.encoding)
    reader = _Interchanges(content.name)
    reader.read(text)
    if reader.problems and options.envelope == "check":
        raise FeedContentError(
            "; ".join(reader.problems),
            content.name,
            "envelopes that agree (envelope: ignore reads it as it is)",
        )
    for transaction in reader.transactions:
        if transaction.kind not in options.transactions:
            continue
        where = f"{content.name}:segment {transaction.number}"
        begins = options.row or ROW_SEGMENTS.get(transaction.kind)
        if begins is None:
            message = f"which segment begins a row of a {transaction.kind} is not known"
            raise FeedContentError(message, where, "read.row, for example LIN")
        problems = [*transaction.problems, *_disagreements(transaction, begins)]
        if problems and options.envelope == "check":
            shown = cut(" ".join(map(str, transaction.segments[:6])))
            yield RowProblem(where, f"{transaction.kind} refused: {'; '.join(problems)}", shown)
            continue
        for number, values in rows_of(transaction.header, transaction.segments, begins):
            yield RawRow(f"{content.name}:segment {number}", values)


def _disagreements(transaction: Transaction, begins: str) -> Iterator[str]:
    """What CTT says otherwise: how many lines there are, and for orders and invoices the sum of quantities."""
    lines = [segment for segment in transaction.segments if segment.id == row_segment(begins)]
    totals = next((segment for segment in transaction.segments if segment.id == "CTT"), None)
    if totals is None:
        return
    said = totals.element(1)
    if not said.isdigit() or int(said) != len(lines):
        yield f"CTT01 counts {said or 'nothing'}, there are {len(lines)} {begins}"
    if totals.element(2) and begins in ("PO1", "IT1"):
        try:
            total = sum((Decimal(line.element(2)) for line in lines), Decimal(0))
            if Decimal(totals.element(2)) != total:
                yield f"CTT02 says {totals.element(2)}, the quantities add up to {total}"
        except InvalidOperation:
            yield "CTT02 cannot be compared: a quantity is no number"


class _Interchanges:
    """Takes a text apart. `problems` are those of the envelopes of groups and interchanges."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        self.transactions: list[Transaction] = []
        self.problems: list[str] = []

    def read(self, text: str) -> None:
        """All interchanges of a file; each may have separators of its own."""
        rest = text.strip("\0\x1a \t\r\n")
        if not rest:
            raise FeedContentError("the file is empty", self._name, "an interchange that begins with ISA")
        while rest:
            rest = self._interchange(rest).lstrip()

    def _interchange(self, text: str) -> str:
        """Read one; what follows it."""
        if not text.startswith("ISA") or len(text) < 20:
            where = f"{self._name}:segment {self._count + 1}"
            raise FeedContentError(f"begins with {text[:12]!r}", where, "an interchange that begins with ISA")
        mark = text[3]
        parts = text.split(mark, _ISA_ELEMENTS)
        if len(parts) <= _ISA_ELEMENTS or len(parts[-1]) < 2:
            raise FeedContentError(
                "the ISA has too few elements", f"{self._name}:segment 1", "an ISA with 16"
            )
        isa = Segment(self._next(), [*(part.strip() for part in parts[:-1]), parts[-1][0]])
        tail = parts[-1][1:].replace("\r\n", "\n") if parts[-1][1:3] == "\r\n" else parts[-1][1:]
        return self._groups(isa, tail[1:], mark, tail[0])

    def _groups(self, isa: Segment, text: str, mark: str, end: str) -> str:
        open_, groups, header = True, 0, [isa]
        transaction: Transaction | None = None
        sets = 0
        while open_ and text.strip():
            raw, found, text = text.partition(end)
            if not raw.strip():
                continue
            segment = Segment(self._next(), [part.strip() for part in raw.strip().split(mark)])
            if not found and segment.id != "IEA":
                self.problems.append(
                    f"segment {segment.number} ({segment.id}) is cut off: delivered by halves"
                )
            match segment.id:
                case "GS":
                    groups, sets, header = groups + 1, 0, [isa, segment]
                case "ST":
                    sets, transaction = sets + 1, Transaction(header, [segment])
                    self.transactions.append(transaction)
                case "SE" if transaction is not None:
                    _close(transaction, segment)
                    transaction = None
                case "GE":
                    self._agree(segment, "GE", "sets", sets, header[-1], 6)
                    header = [isa]
                case "IEA":
                    self._agree(segment, "IEA", "groups", groups, isa, 13)
                    open_ = False
                case _ if transaction is not None:
                    transaction.segments.append(segment)
                case _:
                    self.problems.append(f"segment {segment.number} ({segment.id}) stands outside of a set")
        if transaction is not None:
            self.problems.append(
                f"the set {transaction.segments[0].element(2)} has no SE: delivered by halves"
            )
        if open_:
            self.problems.append(f"the interchange {isa.element(13)} has no IEA: delivered by halves")
        return text

    def _agree(self, end: Segment, name: str, what: str, count: int, begin: Segment, at: int) -> None:
        said = end.element(1)
        if not said.isdigit() or int(said) != count:
            self.problems.append(f"{name}01 counts {said or 'no'} {what}, there are {count}")
        if end.element(2) != begin.element(at):
            own = f"{begin.id}{at:02}"
            self.problems.append(f"{name}02 is {end.element(2)}, {own} is {begin.element(at) or 'missing'}")

    def _next(self) -> int:
        self._count += 1
        return self._count


def _close(transaction: Transaction, segment: Segment) -> None:
    transaction.segments.append(segment)
    said, count = segment.element(1), len(transaction.segments)
    begin = transaction.segments[0].element(2)
    if not said.isdigit() or int(said) != count:
        transaction.problems.append(f"SE01 counts {said or 'no'} segments, there are {count}")
    if segment.element(2) != begin:
        transaction.problems.append(f"SE02 is {segment.element(2)}, ST02 is {begin}")
