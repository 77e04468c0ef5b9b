"""The network's last 120 days: orders, receipts and invoices as they would have come, ready to be put into
systems.

Deterministic by seed and by `now`. All in memory and consistent; what lies after `now` is returned as the
plan.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from .consequences import Books, follow
from .documents import Event, InvoiceLine, OrderLine, Receipt, instant, stamp
from .masters import lease_of, months_before, schedule_code
from .places import FACILITIES, Facility
from .suppliers import Supplier, of_trade
from .systems import erp
from .trade import Numbers, business_moment, make_order

DAYS = 120
ORDER_LINES = 20_000


@dataclass(slots=True)
class World:
    """All documents up to now, the plan of what is still to come, and the running numbers."""

    orders: dict[tuple[str, int], OrderLine] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    invoices: list[InvoiceLine] = field(default_factory=list)
    plan: list[Event] = field(default_factory=list)
    numbers: Numbers = field(default_factory=Numbers)
    books: Books = field(default_factory=Books)


def build(now: datetime, seed: int, scale: float, facilities: Sequence[Facility] = FACILITIES) -> World:
    """The history of some facilities up to `now`: about 20,000 order lines times `scale`."""
    rng, world, wanted = random.Random(f"history {seed}"), World(), int(ORDER_LINES * scale)
    weights, events = [facility.weight for facility in facilities], list[Event]()
    while len(world.orders) < wanted:
        facility = rng.choices(facilities, weights)[0]
        at = business_moment(rng, now - timedelta(days=rng.uniform(0.5, DAYS)), facility)
        if at >= now - timedelta(hours=2):
            continue
        order = make_order(rng, world.numbers, facility, at)
        world.orders.update((line.key, line) for line in order.lines)
        events += order.events
    _postpone_some(rng, now, events)
    _put(world, sorted(events, key=lambda event: event.at), now)
    for facility in facilities:
        _bills_without_order(rng, world, facility, now, scale)
    _settle_receipts(world, now)
    _settle_statuses(world, now)
    return world


def _settle_receipts(world: World, now: datetime) -> None:
    """What follows in other books; receipts that pay by themselves were settled, or will be."""
    orders = {(row["po"], row["line"]): row for row in erp.rows_of(list(world.orders.values()))}
    world.books = follow(world.receipts, world.invoices, orders, world.numbers)
    for event in world.books.settlements:
        if event.at <= stamp(now):
            world.invoices += event.invoices
        else:
            world.plan.append(event)


def _postpone_some(rng: random.Random, now: datetime, events: list[Event]) -> None:
    """Six deliveries in a hundred are on back order: they, and their invoices, come in the weeks ahead."""
    late = {
        (row.order, row.order_line)
        for event in events
        if event.receipts and event.receipts[0].received_at < stamp(now) and rng.random() < 0.06
        for row in event.receipts
    }
    delays: dict[str, timedelta] = {}
    for event in events:
        if not event.keys() & late:
            continue
        order = next(iter(event.keys()))[0]
        delays.setdefault(order, now - instant(event.at) + timedelta(days=rng.uniform(1, 40)))
        event.at = stamp(instant(event.at) + delays[order])


def _put(world: World, events: list[Event], now: datetime) -> None:
    """Let everything happen that is due by `now`, in order; keep the rest as the plan."""
    due = stamp(now)
    for event in events:
        if event.at > due:
            world.plan.append(event)
            continue
        world.receipts += event.receipts
        world.invoices += event.invoices
        for order, line, status in event.statuses:
            row = world.orders[order, line]
            row.status, row.changed_at = status, event.at


def _bills_without_order(
    rng: random.Random, world: World, facility: Facility, now: datetime, scale: float
) -> None:
    """Utilities and leases month by month, refunds, and small bills that need no order."""
    for months in range(4, 0, -1):
        at = business_moment(rng, now - timedelta(days=30 * months - 12), facility)
        for supplier in of_trade("utilities"):
            world.invoices.append(
                _bill(rng, world, facility, supplier, "utility", rng.randint(180_000, 4_200_000), at)
            )
    for month in months_before(now, 4):
        at = datetime(month.year, month.month, 5, 15, 0, tzinfo=UTC)
        bills = leases(rng, world.numbers, facility, month, at)
        if at <= now:
            world.invoices += bills
        else:
            world.plan.append(Event(stamp(at), invoices=bills))
    for _ in range(max(2, int(18 * scale))):
        at = business_moment(rng, now - timedelta(days=rng.uniform(4, DAYS - 4)), facility)
        kind = "refund" if rng.random() < 0.2 else "standard"
        supplier = rng.choice(of_trade("services") + of_trade("general"))
        amount = rng.randint(4_000, 180_000) * (-1 if kind == "refund" else 1)
        world.invoices.append(_bill(rng, world, facility, supplier, kind, amount, at))


def _bill(
    rng: random.Random,
    world: World,
    facility: Facility,
    supplier: Supplier,
    kind: str,
    amount: int,
    at: datetime,
) -> InvoiceLine:
    while (supplier.number, amount) in world.numbers.totals:
        amount += 1
    world.numbers.totals.add((supplier.number, amount))
    return bill_without_order(rng, world.numbers, facility, supplier, kind, amount, at)


def bill_without_order(
    rng: random.Random,
    numbers: Numbers,
    facility: Facility,
    supplier: Supplier,
    kind: str,
    amount: int,
    at: datetime,
) -> InvoiceLine:
    """A one-line invoice, amount in cents, that names no order because it needs none."""
    dated = (at - timedelta(days=rng.randint(0, 2))).date()
    quantity = -1 if amount < 0 else 1
    about = {
        "utility": "Utility charges",
        "recurring": "Lease installment",
        "refund": "Patient account refund",
    }
    return InvoiceLine(
        supplier.number, supplier.payables, numbers.invoice(supplier.number), 1, facility.code, kind, "",
        "", 0, False, "", about.get(kind, "Incidental services"), quantity, "EA", abs(amount) * 100, 1,
        amount, "entered", dated.isoformat(), stamp(at), (dated + timedelta(days=30)).isoformat(), stamp(at),
    )  # fmt: skip


def leases(
    rng: random.Random, numbers: Numbers, facility: Facility, month: date, at: datetime
) -> list[InvoiceLine]:
    """The month's leases of a facility, as scheduled."""
    found = []
    for lessor in of_trade("leasing"):
        bill = bill_without_order(rng, numbers, facility, lessor, "recurring", lease_of(facility), at)
        bill.more = {"schedule": schedule_code(lessor, facility), "period": f"{month:%Y-%m}"}
        found.append(bill)
    return found


def _settle_statuses(world: World, now: datetime) -> None:
    """Invoices are approved after four days and paid after 26."""
    approved, paid = stamp(now - timedelta(days=4)), stamp(now - timedelta(days=26))
    for invoice in world.invoices:
        if invoice.entered_at < approved:
            invoice.status = "paid" if invoice.entered_at < paid else "approved"
