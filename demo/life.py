"""Life goes on: what was planned happens when its time has come, new orders are placed, faults come and
are healed.

One `tick` every few seconds of real time; no clock runs faster than the wall's. What was due while the
network was switched off happens at the next tick, entered then.
"""

from __future__ import annotations

import logging
import random
import threading
from contextlib import ExitStack
from datetime import UTC, datetime

from . import rhythms
from .appearing import CATEGORIES, appear
from .documents import Event, OrderLine, stamp
from .duties import approve_and_pay, fulfil
from .hr import payroll
from .invoice_faults import NOT_MAPPED
from .mending import repair
from .network import Network
from .systems import warehouse
from .trade import make_order
from .webhooks import Webhooks

_OPEN_FAULTS = 180
_log = logging.getLogger(__name__)


class Life:
    """The network's clockwork. `quiet` lets only happen what was planned and what is asked for."""

    def __init__(self, network: Network, *, quiet: bool = False, webhooks: Webhooks | None = None) -> None:
        self.network, self.is_quiet = network, quiet
        self._webhooks = webhooks or Webhooks(None, "")
        self._rng = random.Random(f"life {network.seed} {stamp(datetime.now(UTC))}")
        self._stopped = threading.Event()

    def run(self, every: float) -> None:
        """Tick until `stop`; an error is logged and the next tick comes all the same."""
        while not self._stopped.wait(every):
            try:
                self.tick(datetime.now(UTC))
            except Exception:
                _log.exception("this tick failed; the next one comes")

    def stop(self) -> None:
        self._stopped.set()

    def tick(self, now: datetime) -> None:
        """One step: planned events, a new order, a fault planted or healed, files dropped, numbers kept."""
        network = self.network
        with network.lock:
            fulfil(network, now)
            if not network.moods.holds("outage", "wms"):
                self._let_happen(now)
            if not self.is_quiet:
                self._live(now)
            rhythms.go_on(network, now)
            self.drop(now)
            network.remember("counts", network.numbers.counts)

    def live_on(self, now: datetime, orders: int) -> None:
        """What was planned by now happens, so many orders are placed, invoices are approved and paid; no faults."""
        with self.network.lock:
            fulfil(self.network, now)
            self._let_happen(now)
            for _ in range(orders):
                self._new_order(now)
            approve_and_pay(self.network, now)
            self.network.remember("counts", self.network.numbers.counts)

    def _live(self, now: datetime) -> None:
        if self._rng.random() < 0.5:
            self._new_order(now)
        if self._rng.random() < 0.03:
            approve_and_pay(self.network, now)
        open_faults = self.network.ledger.rows("fault", open_only=True)
        if self._rng.random() < 0.04 and len(open_faults) < _OPEN_FAULTS:
            appear(
                self.network,
                self._rng.choice([name for name in CATEGORIES if name != "unmapped_alias"]),
                now,
                self._rng,
            )
        healable = [row for row in open_faults if row["how"] != NOT_MAPPED]
        if self._rng.random() < 0.03 and healable:
            repair(self.network, self._rng.choice(healable)["id"], now)

    def _let_happen(self, now: datetime) -> None:
        """What is due by now happens, in order."""
        network, due = self.network, "SELECT id, event FROM plan WHERE at <= ? ORDER BY at, id LIMIT 500"
        while rows := network.life.rows(due, (stamp(now),)):
            with ExitStack() as all_or_nothing:
                for store in (network.erp, network.procurement, network.ap, network.wms, network.life):
                    all_or_nothing.enter_context(store.transaction())
                for row in rows:
                    network.happen(Event.from_json(row["event"]), now)
                    network.life.run("DELETE FROM plan WHERE id = ?", (row["id"],))

    def _new_order(self, now: datetime) -> None:
        """A new order; one in three by courier, here within the hour."""
        facilities = self.network.facilities
        facility = self._rng.choices(facilities, [facility.weight for facility in facilities])[0]
        order = make_order(self._rng, self.network.numbers, facility, now, stat=self._rng.random() < 0.35)
        for line in order.lines:
            line.changed_at = stamp(now)
        self.network.order(order.lines)
        self.network.intend(order.events)
        self._acknowledge(order.lines[0])

    def _acknowledge(self, line: OrderLine) -> None:
        """The supplier says that it has the order, and then by when it comes; now and then twice, or the other way."""
        told = {"order": line.order, "facility": line.facility, "supplier": line.supplier}
        promised = {**told, "status": "promised", "version": 2, "promised_on": line.promised_on}
        odd = int(line.order[-1])
        self._webhooks.tell("order.promised", promised, twice=odd == 1)
        self._webhooks.tell(
            "order.acknowledged",
            {**told, "status": "acknowledged", "version": 1},
            twice=odd == 2,
            first=odd != 3,
        )

    def drop(self, now: datetime) -> None:
        """The next files of the warehouse and of payroll, unless they are out of order."""
        if not self.network.moods.holds("outage", "wms"):
            warehouse.drop(self.network.wms, self.network.drop, now)
        if not self.network.moods.holds("outage", "payroll"):
            payroll.drop(self.network.payroll, self.network.payroll_drop, now)
