"""Life goes on in real time, survives a restart, and holds the warehouse's news back while it is out."""

from __future__ import annotations

from datetime import timedelta

from demo.life import Life
from demo.network import Network

from .conftest import NOW, Build


def _planned(network: Network) -> int:
    return int(network.life.rows("SELECT count(*) AS n FROM plan")[0]["n"])


def test_what_was_planned_happens_when_it_is_due_and_is_entered_then(build: Build) -> None:
    network = build(faults=False)
    planned, receipts = _planned(network), len(network.wms.rows("SELECT id FROM receipts"))
    Life(network, quiet=True).tick(NOW + timedelta(days=3))
    assert _planned(network) < planned
    new = network.wms.rows("SELECT posted_at FROM receipts ORDER BY id")[receipts:]
    assert new and {row["posted_at"] for row in new} == {"2026-11-21T15:30:00Z"}


def test_nothing_happens_before_its_time(build: Build) -> None:
    network = build(faults=False)
    planned = _planned(network)
    Life(network, quiet=True).tick(NOW)
    assert _planned(network) == planned


def test_new_orders_reach_both_order_systems(build: Build) -> None:
    network = build(faults=False)
    before, life = network.erp.rows("SELECT count(*) AS n FROM order_lines")[0]["n"], Life(network)
    for minute in range(12):
        life.tick(NOW + timedelta(minutes=minute))
    after = network.erp.rows("SELECT count(*) AS n FROM order_lines")[0]["n"]
    assert after > before
    assert network.procurement.rows("SELECT count(*) AS n FROM order_lines")[0]["n"] == after


def test_a_warehouse_that_is_out_drops_nothing_and_nothing_is_billed_meanwhile(build: Build) -> None:
    network = build(faults=False)
    network.moods.set("outage", "wms", 60)
    planned = _planned(network)
    Life(network, quiet=True).tick(NOW + timedelta(days=3))
    assert _planned(network) == planned
    assert list(network.drop.iterdir()) == []
    network.moods.set("outage", "wms", 0)
    Life(network, quiet=True).tick(NOW + timedelta(days=3))
    assert list(network.drop.iterdir()) != []


def test_a_restart_goes_on_with_the_same_documents_and_numbers(build: Build, tmp_path: object) -> None:
    first = build(faults=False)
    lines, counts = first.erp.rows("SELECT * FROM order_lines"), dict(first.numbers.counts)
    again = Network(first.home, first.seed, first.scale, calm=True)
    assert not again.is_new
    again.resume()
    assert again.erp.rows("SELECT * FROM order_lines") == lines
    assert dict(again.numbers.counts) == counts
    assert again.numbers.totals
    again.close()
