"""What is done every week and every month: settlement runs, leases, physicians' pay, approvals and payments.

Each is done once, however long the network was off. Plants nothing.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from .documents import Event, instant, stamp
from .history import leases
from .masters import months_before, physician_month, schedules, settlement_runs
from .network import Network

_BATCH = 20
_STEPS = (("ENTERED", "APPROVED", 4), ("APPROVED", "PAID", 26))


def fulfil(network: Network, now: datetime) -> None:
    """Whatever has fallen due since the last time."""
    _run_settlement(network, now)
    _begin_months(network, now)


def _run_settlement(network: Network, now: datetime) -> None:
    last = network.erp.rows("SELECT max(run_at) AS at FROM settlement_runs")[0]["at"]
    if last is not None:
        network.erp.add("settlement_runs", list(settlement_runs(network.facilities, instant(last), now)))


def _begin_months(network: Network, now: datetime) -> None:
    """A month that has begun: its leases are due, and physicians are paid for the month before."""
    before, month = months_before(now, 2)
    if network.erp.find("schedules", {"period": f"{month:%Y-%m}"}) or not network.erp.find(
        "schedules", {"gone": 0}
    ):
        return
    network.erp.add("schedules", schedules(network.facilities, month, stamp(now)))
    rng, due = (
        random.Random(f"leases {network.seed} {month}"),
        now.replace(day=5, hour=15, minute=0, second=0),
    )
    for facility in network.facilities:
        at = max(due, now)
        network.intend([Event(stamp(at), invoices=leases(rng, network.numbers, facility, month, at))])
    paid, worked = physician_month(network.facilities, before, stamp(now))
    network.erp.add("physician_payments", paid)
    network.erp.add("time_records", worked)


def approve_and_pay(network: Network, now: datetime) -> None:
    """The daily approval and payment runs, in small pieces: never to a supplier who is blocked or unknown, and never
    an invoice on whose status the ERP and AP automation do not agree.
    """
    stuck = {row["number"] for row in network.erp.rows("SELECT number FROM invoices WHERE stuck = 1")}
    known = {
        row["name"]
        for row in network.erp.rows("SELECT name FROM vendors WHERE status = 'Active' AND gone = 0")
    }
    for status, following, days in _STEPS:
        due = network.ap.rows(
            "SELECT * FROM invoice_lines WHERE status = ? AND entered_at < ? AND deleted = 0 ORDER BY id LIMIT 200",
            (status, stamp(now - timedelta(days=days))),
        )
        chosen = [row for row in due if row["number"] not in stuck and row["vendor_name"] in known][:_BATCH]
        for row in chosen:
            network.ap.alter(
                "invoice_lines", {"id": row["id"]}, {"status": following, "changed_at": stamp(now)}
            )
        network.post_invoices(chosen)
