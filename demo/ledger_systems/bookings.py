"""Adjustments that the ERP books several at a time, or one in several writes, by journals that name none of them.

Each place and period is a story of its own: six adjustments and the journals over them, which tie out. Amounts are in
cents, and no sum of some of them is another one by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

from ..documents import stamp
from ..supply.stock import ACCOUNT, FACILITIES, LOCATIONS, local_item, local_place, place
from ..systems.store import Row
from .listed import Planted

_PERIODS = 3
_AMOUNTS = (-10_137, -20_311, -4_073, -40_709, -81_517, -2_029)
_EQUAL = (-10_137, -20_311, -4_073, -7_300, -7_300, -2_029)
"""Two that are worth the same."""
_SUMMED: tuple[tuple[int, ...], ...] = ((0, 1, 2), (3, 4, 5))
"""Two journals over three each."""
_ONE_EACH: tuple[tuple[int, ...], ...] = ((0, 1, 2), (3,), (4,), (5,))
_NOT_BOOKED, _UNCLEAR = "adjustments_not_booked", "adjustment_booking_unclear"


@dataclass(frozen=True, slots=True)
class _Group:
    """What is adjusted at a place in a period, and of which of it each journal is the sum."""

    number: int
    facility: str
    location: str
    months_ago: int

    @property
    def is_equal(self) -> bool:
        return self.number in (1, 4, 5, 8)

    @property
    def amounts(self) -> Sequence[int]:
        return _EQUAL if self.is_equal else _AMOUNTS

    @property
    def journals(self) -> dict[str, int]:
        """The line of stock of each journal -> its amount."""
        sums = _ONE_EACH if self.is_equal else _SUMMED
        booked = [sum(self.amounts[one] for one in several) for several in sums]
        if self.number == 6:  # in several writes, which cut through what was adjusted
            booked = [booked[0] - 1_111, booked[1] - 2_222, 3_333]
        return {self.journal(number): amount for number, amount in enumerate(booked)}

    def journal(self, number: int) -> str:
        return f"GL-SUM-{self.number}{'ABCD'[number]}"

    def period(self, now: datetime) -> str:
        day = now - timedelta(days=6)
        months = day.year * 12 + day.month - 1 - self.months_ago
        return f"{months // 12}-{months % 12 + 1:02d}"

    def at(self, now: datetime) -> str:
        return stamp(now - timedelta(days=6 + 31 * self.months_ago))


_GROUPS = tuple(
    _Group(number, facility, location, ago)
    for number, (ago, facility, location) in enumerate(product(range(_PERIODS), FACILITIES, LOCATIONS))
)


def adjustments(now: datetime) -> list[Row]:
    """What the warehouse adjusted; one more of each place was never posted."""
    return [
        {
            "adjustment": f"ADT-{group.number}{number}",
            "item": local_item(number),
            "location": local_place(group.facility, group.location),
            "quantity": amount // 100,
            "unit": "EA",
            "amount": amount,
            "reason": "cycle count",
            "booked": "together",
            "period": group.period(now),
            "status": "posted" if number < len(group.amounts) else "pending",
            "adjusted_at": group.at(now),
            "facility": group.facility,
        }
        for group in _GROUPS
        for number, amount in enumerate([*group.amounts, -5_003])
    ]


def journal_lines(now: datetime) -> list[Row]:
    """Both halves of each journal; only the line of the stock says of which place it is."""
    return [
        {
            "journal": journal,
            "line": str(line),
            "account": account,
            "subledger": "inventory" if line == 1 else "",
            "location": place(group.facility, group.location) if line == 1 else "",
            "period": group.period(now),
            "amount": value,
            "status": "posted",
            "entered_at": group.at(now),
            "facility": group.facility,
        }
        for group in _GROUPS
        for journal, amount in group.journals.items()
        for line, account, value in ((1, ACCOUNT, amount), (2, "5100", -amount))
    ]


def _line(
    number: int,
    journal: int,
    category: str,
    now: datetime,
    values: dict[str, object],
    how: str,
    worse: dict[str, object] | None = None,
) -> Planted:
    """The line of the stock of one of a place's journals."""
    group = _GROUPS[number]
    row = {"journal": group.journal(journal), "line": "1"}
    where = {"location": local_place(group.facility, group.location), "period": group.period(now)}
    key = {**where, "currency": "USD"}
    return Planted(
        category, group.facility, "erp_ledger", "journal_lines", row, values, key, how, worse or {}
    )


def _left_out(number: int, now: datetime) -> Planted:
    wrong, worse = {"amount": -83_546}, {"amount": -61_021}
    return _line(number, 1, _NOT_BOOKED, now, {**wrong}, "its journal leaves an adjustment out", {**worse})


def _one_of_two(number: int, now: datetime) -> Planted:
    how = "of two of the same worth one journal was rejected"
    return _line(number, 1, _UNCLEAR, now, {"status": "rejected"}, how)


def faults(now: datetime) -> Iterator[Planted]:
    """Everything that must be found."""
    yield _left_out(0, now)
    yield _one_of_two(1, now)


def later(now: datetime) -> Iterator[Planted]:
    """What may go wrong once the network runs; `now` is when it was built."""
    for number in (2, 3):
        yield _left_out(number, now)
    for number in (4, 5):
        yield _one_of_two(number, now)


def look_alikes(now: datetime) -> Iterator[Planted]:
    """Everything that must not be found. What is altered of most changes nothing: they look wrong as they stand."""
    yield _line(6, 0, _NOT_BOOKED, now, {"reason": "booked again"}, "in writes that cut through adjustments")
    yield _line(7, 1, _NOT_BOOKED, now, {"amount": -124_290}, "rounded by 35 cents in all")
    yield _line(8, 1, _UNCLEAR, now, {"reason": "count of May"}, "two of the same worth, and both are booked")
    yield _line(
        9, 0, _NOT_BOOKED, now, {"reason": "count"}, "one journal over several; another is not posted"
    )
