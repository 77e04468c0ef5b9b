"""How an order lives: what is ordered, when it arrives, when it is invoiced. Every story it tells is
consistent.

Shared by the history and by the life that goes on. It plants no fault: whatever disagrees was altered
afterwards, by `faults`. Knows no database and no server; randomness and the running numbers are given.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from .documents import Event, InvoiceLine, OrderLine, Receipt, cents, stamp, total
from .goods import Item, items_of
from .places import Facility
from .suppliers import BLOCKED_SUPPLIER, SUPPLIER, Supplier, of_trade

_TRADES = {"general": 34, "surgical": 24, "laboratory": 16, "pharmacy": 13, "cardiology": 9, "services": 4}
_MODES = {
    "three_way": 690, "ers": 64, "two_way": 42, "bill_only": 16, "drop_ship": 18, "consigned": 85,
    "no_charge": 14, "price_estimated": 22, "cancelled": 26,
    "four_way": 18,
}  # fmt: skip
_RECEIVED_MODES = frozenset({"three_way", "four_way", "ers", "consigned", "no_charge", "price_estimated"})
_MATCH = {"two_way": 2, "four_way": 4}
_UNINVOICED_MODES = frozenset({"ers", "consigned", "no_charge"})


@dataclass(slots=True)
class Numbers:
    """The running document numbers, and the invoice totals already used per supplier.

    Two invoices of one supplier never have the same total by accident: that would look like a duplicate.
    """

    counts: Counter[str] = field(default_factory=Counter)
    totals: set[tuple[str, int]] = field(default_factory=set)

    def next(self, series: str) -> int:
        self.counts[series] += 1
        return self.counts[series]

    def order(self) -> str:
        return f"4500{self.next('order') + 117000:06d}"

    def receipt(self) -> str:
        return f"R{self.next('receipt') + 20600000:08d}"

    def invoice(self, supplier: str) -> str:
        """The next number in the supplier's own style; unique, also without punctuation and leading zeros."""
        sequence, style, digits = self.next(f"invoice {supplier}"), int(supplier[1:]) % 4, supplier[-2:]
        if style == 0:
            return f"INV-{digits}{sequence + 3041:05d}"
        if style == 1:
            return f"9{digits}{40000 + sequence}"
        if style == 2:
            return f"SI/{digits}/{sequence + 1200:05d}"
        return f"{digits}-{sequence + 7000}-A"


@dataclass(slots=True)
class Order:
    """A new order, and all that will happen to it."""

    lines: list[OrderLine]
    events: list[Event]


def business_moment(rng: random.Random, near: datetime, facility: Facility) -> datetime:
    """A time on the same local day, or the Monday after a weekend, between 7 and 17 o'clock."""
    local = near.astimezone(facility.zone)
    day = local.date() + timedelta(days=max(0, 7 - local.weekday()) if local.weekday() >= 5 else 0)
    clock = time(rng.randint(7, 16), rng.randint(0, 59), rng.randint(0, 59))
    return datetime.combine(day, clock, facility.zone)


def _pick(rng: random.Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def make_order(
    rng: random.Random, numbers: Numbers, facility: Facility, at: datetime, *, stat: bool = False
) -> Order:
    """An order placed at `at`. A `stat` order is a courier's: it arrives and is invoiced within the hour."""
    trade = _pick(rng, _TRADES)
    if trade == "services" and not stat:
        return _service_order(rng, numbers, facility, at)
    supplier = rng.choice(_sellers("surgical" if trade == "services" else trade))
    mode = "three_way" if stat else _pick(rng, _MODES)
    lines = _goods_lines(rng, numbers, facility, supplier, mode, at)
    return Order(lines, _Course(rng, numbers, facility, supplier, mode, stat).run(lines, at))


def _sellers(trade: str) -> tuple[Supplier, ...]:
    """Who is ordered from; the main supplier of implants three times as often as any other."""
    return of_trade(trade) + ((BLOCKED_SUPPLIER,) * 2 if trade == BLOCKED_SUPPLIER.trade else ())


def _goods_lines(
    rng: random.Random, numbers: Numbers, facility: Facility, supplier: Supplier, mode: str, at: datetime
) -> list[OrderLine]:
    order, offered = numbers.order(), items_of(supplier.number)
    most = 1 if supplier is BLOCKED_SUPPLIER else rng.choices(range(1, 7), (22, 16, 18, 18, 14, 12))[0]
    items = rng.sample(offered, k=min(len(offered), most))
    match = _MATCH.get(mode, 3)
    flags = [] if mode in {"three_way", "two_way", "four_way", "cancelled"} else [mode]
    terms = _terms(mode, order)
    promised = (at + timedelta(days=rng.randint(3, 10))).date().isoformat()
    requisition = f"RQ-{numbers.next('requisition') + 880000}"
    return [
        OrderLine(
            order, 10 * (index + 1), facility.code, requisition, supplier.number, item.number,
            item.description, _quantity(rng, item), item.unit, item.price * item.factor * item.per,
            item.per, match, "quantity", list(flags), "ordered", stamp(at), promised,
            stamp(at + timedelta(minutes=3)), dict(terms),
        )
        for index, item in enumerate(items)
    ]  # fmt: skip


def _terms(mode: str, order: str) -> dict[str, Any]:
    """Who pays the freight, and that what went to a patient's home has come."""
    freight = "PREPAID_ADD" if int(order) % 3 else "PREPAID"
    return {"FreightTerms": freight} | ({"DeliveryConfirmed": True} if mode == "drop_ship" else {})


def _quantity(rng: random.Random, item: Item) -> int:
    if item.per > 1:
        return item.per * rng.randint(5, 60)
    return rng.randint(2, 6) if item.pack_price > 5_000_000 else rng.randint(4, 36)


@dataclass(slots=True)
class _Course:
    """What happens to the lines of one goods order after it is placed."""

    rng: random.Random
    numbers: Numbers
    facility: Facility
    supplier: Supplier
    mode: str
    stat: bool

    def run(self, lines: list[OrderLine], at: datetime) -> list[Event]:
        if self.mode == "cancelled":
            for line in lines:
                line.status = "cancelled"
            return []
        if self.mode not in _RECEIVED_MODES:
            return [
                self._invoice([(line, line.quantity) for line in lines], self._later(at, 4, 14), last=True)
            ]
        events: list[Event] = []
        shares = self._shares(lines)
        arrived = at
        for wave, share in enumerate(shares):
            last = wave == len(shares) - 1
            arrived = self._later(arrived, 3, 15) if wave == 0 else self._later(arrived, 3, 6)
            events.append(self._receive(share, arrived, last=last))
            if self.mode not in _UNINVOICED_MODES:
                events.append(self._invoice(share, self._later(arrived, 2, 19), last=last))
        return events

    def _later(self, at: datetime, least: int, most: int) -> datetime:
        if self.stat:
            return at + timedelta(minutes=self.rng.randint(4, 20))
        return business_moment(self.rng, at + timedelta(days=self.rng.randint(least, most)), self.facility)

    def _shares(self, lines: list[OrderLine]) -> list[list[tuple[OrderLine, int]]]:
        """The whole order in one delivery, or in two: each line's first part, then the rest."""
        if self.stat or self.rng.random() > 0.08:
            return [[(line, line.quantity) for line in lines]]
        first = [(line, max(1, line.quantity * self.rng.randint(40, 70) // 100)) for line in lines]
        return [first, [(line, line.quantity - part) for line, part in first]]

    def _receive(self, share: list[tuple[OrderLine, int]], at: datetime, *, last: bool) -> Event:
        number, when = self.numbers.receipt(), stamp(at)
        receipts = [
            Receipt(number, index + 1, line.order, line.line, line.facility, line.item, quantity,
            line.unit, "receipt", when, when)
            for index, (line, quantity) in enumerate(share)
        ]  # fmt: skip
        status = (
            ("closed" if self.mode in _UNINVOICED_MODES else "received") if last else "partially_received"
        )
        return Event(when, receipts=receipts, statuses=[(line.order, line.line, status) for line, _ in share])

    def _invoice(self, share: list[tuple[OrderLine, int]], at: datetime, *, last: bool) -> Event:
        lines = invoice_for(self.rng, self.numbers, share, at)
        if self.mode == "bill_only":
            case = f"C{at:%y}-{self.numbers.next('case') + 10400}"
            for line in lines:
                line.more = {"caseNumber": case, "lot": f"L{line.item}{at:%j}"}
        if self.mode == "price_estimated":
            for line in lines:
                line.price = line.price * self.rng.randint(107, 121) // 100
                line.amount = cents(line.price, line.quantity, line.per)
        while (self.supplier.number, total(lines)) in self.numbers.totals:
            lines[0].price += 1
            lines[0].amount += 1
        self.numbers.totals.add((self.supplier.number, total(lines)))
        statuses = [(line.order, line.line, "closed") for line, _ in share] if last else []
        return Event(stamp(at), invoices=lines, statuses=statuses)


def invoice_for(
    rng: random.Random,
    numbers: Numbers,
    share: list[tuple[OrderLine, int]],
    at: datetime,
    kind: str = "standard",
) -> list[InvoiceLine]:
    """An invoice that bills these quantities, at the order's prices or a little beside them."""
    supplier = SUPPLIER[share[0][0].supplier]
    number = numbers.invoice(supplier.number)
    dated = (at - timedelta(days=rng.randint(0, 2))).date()
    found = []
    for index, (line, quantity) in enumerate(share):
        price = line.price + (
            _drift(rng, line, quantity) if line.basis == "quantity" and kind == "standard" else 0
        )
        found.append(
            InvoiceLine(
                supplier.number, supplier.payables, number, index + 1, line.facility, kind, "", line.order,
                line.line, True, line.item, line.description, quantity, line.unit, price, line.per,
                cents(price, quantity, line.per), "entered", dated.isoformat(), stamp(at),
                (dated + timedelta(days=30)).isoformat(), stamp(at),
            )
        )  # fmt: skip
    return found


def _drift(rng: random.Random, line: OrderLine, quantity: int) -> int:
    """One price in nine drifts, by at most 1 % and at most 90 dollars on the line: within every tolerance."""
    if rng.random() > 0.11:
        return 0
    ceiling = min(line.price // 100, 900_000 * line.per // max(quantity, 1))
    return rng.randint(-ceiling, ceiling)


def _service_order(rng: random.Random, numbers: Numbers, facility: Facility, at: datetime) -> Order:
    """A service by amount: the quantity is dollars at a price of one; half of them are blanket orders."""
    supplier, blanket = rng.choice(of_trade("services")), rng.random() < 0.5
    dollars = rng.randint(40, 400) * 100
    line = OrderLine(
        numbers.order(), 10, facility.code, f"RQ-{numbers.next('requisition') + 880000}", supplier.number, "",
        f"{supplier.name.split()[-1]} service, {'annual blanket' if blanket else 'per agreement'}",
        dollars, "USD", 10_000, 1, 2 if blanket else 3, "amount", ["blanket"] if blanket else [],
        "ordered", stamp(at), (at + timedelta(days=30)).date().isoformat(), stamp(at + timedelta(minutes=3)),
        _service_terms(at, dollars) if blanket else {"NeedsConfirmation": True} if rng.random() < 0.5 else {},
    )  # fmt: skip
    events, due = [], at
    for _ in range(rng.randint(1, 4)):
        due = business_moment(rng, due + timedelta(days=rng.randint(12, 33)), facility)
        billed = dollars * rng.randint(9, 22) // 100
        while (supplier.number, billed * 100) in numbers.totals:
            billed += 1
        numbers.totals.add((supplier.number, billed * 100))
        bill = invoice_for(rng, numbers, [(line, billed)], due, "standard")
        bill[0].more = {"serviceDate": (due - timedelta(days=3)).date().isoformat()}
        events.append(Event(stamp(due), invoices=bill))
    return Order([line], events)


def _service_terms(at: datetime, dollars: int) -> dict[str, Any]:
    """What a blanket order may be billed in all, and for which days."""
    ends = (at + timedelta(days=400)).date().isoformat()
    return {
        "LimitAmount": f"{dollars:.2f}",
        "ValidFrom": (at - timedelta(days=30)).date().isoformat(),
        "ValidTo": ends,
    }
