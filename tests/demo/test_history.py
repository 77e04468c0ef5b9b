"""The history is the same for the same seed, full of everyday variety, and agrees with itself."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from demo import history
from demo.documents import stamp
from demo.history import World

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return history.build(NOW, seed=3, scale=0.25)


def _received_and_billed(world: World) -> tuple[Counter[tuple[str, int]], Counter[tuple[str, int]]]:
    received: Counter[tuple[str, int]] = Counter()
    billed: Counter[tuple[str, int]] = Counter()
    for receipt in world.receipts:
        received[receipt.order, receipt.order_line] += receipt.quantity
    for invoice in world.invoices:
        billed[invoice.order, invoice.order_line] += invoice.quantity
    return received, billed


def test_same_seed_gives_same_history(world: World) -> None:
    again = history.build(NOW, seed=3, scale=0.25)
    assert again.orders == world.orders
    assert again.receipts == world.receipts
    assert again.invoices == world.invoices
    assert again.plan == world.plan


def test_full_scale_is_as_large_as_promised() -> None:
    full = history.build(NOW, seed=1, scale=1.0)
    assert 20_000 <= len(full.orders) <= 20_010
    assert 14_000 <= len(full.receipts) <= 17_500
    assert 11_000 <= len(full.invoices) <= 15_500


def test_all_facilities_order_and_nothing_lies_in_the_future(world: World) -> None:
    assert len({line.facility for line in world.orders.values()}) == 12
    assert max(row.received_at for row in world.receipts) <= stamp(NOW)
    assert max(row.entered_at for row in world.invoices) <= stamp(NOW)
    assert max(line.changed_at for line in world.orders.values()) <= stamp(NOW)
    assert min(event.at for event in world.plan) > stamp(NOW)


def test_three_way_lines_are_never_billed_beyond_what_was_received(world: World) -> None:
    received, billed = _received_and_billed(world)
    for key, line in world.orders.items():
        if line.match == 3 and line.basis == "quantity" and not {"bill_only", "drop_ship"} & set(line.flags):
            assert billed[key] <= received[key] <= line.quantity, line
        else:
            assert billed[key] <= line.quantity, line


def test_what_was_received_is_billed_within_a_month(world: World) -> None:
    received, billed = _received_and_billed(world)
    old = stamp(NOW - timedelta(days=29))
    for receipt in world.receipts:
        key = receipt.order, receipt.order_line
        if receipt.received_at < old and not {"ers", "consigned", "no_charge"} & set(world.orders[key].flags):
            assert billed[key] == received[key], receipt


def test_prices_stay_within_tolerance_unless_they_were_estimated(world: World) -> None:
    for invoice in world.invoices:
        if not invoice.order or "price_estimated" in world.orders[invoice.order, invoice.order_line].flags:
            continue
        line = world.orders[invoice.order, invoice.order_line]
        expected = line.price * invoice.quantity / line.per / 100
        assert abs(invoice.amount - expected) <= max(0.011 * expected, 5), invoice
        assert abs(invoice.amount - expected) < 9_500, invoice


def test_no_two_invoices_look_like_duplicates_by_accident(world: World) -> None:
    totals: Counter[tuple[str, str, str]] = Counter()
    for invoice in world.invoices:
        totals[invoice.supplier, invoice.number, invoice.kind] += invoice.amount
    standard = Counter(
        (supplier, total) for (supplier, _, kind), total in totals.items() if kind == "standard"
    )
    assert max(standard.values()) == 1
    numbers = {"".join(c for c in number if c.isalnum()).lstrip("0") for _, number, _ in totals}
    assert len(numbers) == len(totals)
