"""All systems of one simulated network on disk: opened again after a restart, or built with their history.

Knows how documents enter the systems; serves nothing (that is `serve`) and plants nothing (that is `faults`).
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from . import history, interfaces, masters
from .consequences import Books, follow
from .documents import Event, OrderLine, instant, stamp
from .hr import lifecycle, workforce
from .hr import tables as people
from .ledger import Change, Ledger
from .ledger_systems import systems as listed
from .moods import Moods
from .places import FACILITIES, Facility
from .suppliers import SUPPLIERS
from .systems import ap_automation, erp, portal, procurement, warehouse, words
from .systems.ledgers import schema_of
from .systems.procurement import requisitions_of
from .systems.store import Row, Store
from .systems.writes import Mended
from .trade import Numbers

_LIFE = """
CREATE TABLE IF NOT EXISTS plan (id INTEGER PRIMARY KEY, at TEXT, event TEXT);
CREATE INDEX IF NOT EXISTS plan_at ON plan (at);
CREATE TABLE IF NOT EXISTS memory (name TEXT PRIMARY KEY, value TEXT);
"""
_CHANGED = {
    ("erp", "order_lines"): "modified_at", ("procurement", "order_lines"): "updated_at",
    ("ap_automation", "invoice_lines"): "changed_at", ("wms", "receipts"): "posted_at",
}  # fmt: skip
_REQUISITIONS = timedelta(days=45)
"""The procurement suite shows requisitions of so many days."""


class Network:
    """The four systems, the plan of what is still to come, the ledger, and the moods.

    `opened` says that applications may have read already: from then on whatever changes gets a new
    modified time.
    """

    def __init__(
        self,
        home: Path,
        seed: int = 1,
        scale: float = 1.0,
        *,
        calm: bool = False,
        facilities: Sequence[Facility] = FACILITIES,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.seed, self.scale, self.facilities = home, seed, scale, facilities
        self.drop = home / "wms-drop"
        self.drop.mkdir(exist_ok=True)
        self.payroll_drop = home / "payroll-drop"
        self.payroll_drop.mkdir(exist_ok=True)
        self.erp = Store(home / "erp.sqlite", erp.SCHEMA)
        self.procurement = Store(home / "procurement.sqlite", procurement.SCHEMA)
        self.ap = Store(home / "ap_automation.sqlite", ap_automation.SCHEMA)
        self.wms = Store(home / "wms.sqlite", warehouse.SCHEMA)
        self.portal = Store(home / "portal.sqlite", portal.SCHEMA)
        self.hcm = Store(home / "hcm.sqlite", schema_of(people.HCM))
        self.payroll = Store(home / "payroll.sqlite", schema_of(people.PAYROLL))
        self.identity = Store(home / "identity.sqlite", schema_of(people.IDENTITY))
        self.hcm_events = Store(home / "hcm_events.sqlite", schema_of(lifecycle.TABLES))
        self.broker = lifecycle.Broker(
            os.environ.get("DEMO_BROKER", lifecycle.FOLDER_BROKER), home / "broker"
        )
        self.listed = listed.stores(home)
        self.life = Store(home / "life.sqlite", _LIFE)
        self.ledger = Ledger(home / "ledger.sqlite")
        self.moods = Moods(home / "moods.json", seed, calm=calm)
        self.lock = threading.RLock()
        self.numbers = Numbers()
        self.opened = False

    @property
    def stores(self) -> dict[str, Store]:
        """Each system's database, by the system's name."""
        return {
            "erp": self.erp, "procurement": self.procurement, "ap_automation": self.ap, "wms": self.wms,
            "portal": self.portal, "hcm": self.hcm, "payroll": self.payroll, "identity": self.identity,
            lifecycle.SYSTEM: self.hcm_events, **self.listed,
        }  # fmt: skip

    @property
    def is_new(self) -> bool:
        """Whether this network has no past yet (or lost its making half-way)."""
        return self.recall("built") is None

    @property
    def built(self) -> datetime:
        """When its history ends."""
        return instant(self.recall("built"))

    def build(self, now: datetime) -> None:
        """Put the history into the empty systems."""
        for store, table in (
            (self.erp, "order_lines"),
            (self.procurement, "order_lines"),
            (self.ap, "invoice_lines"),
            (self.wms, "receipts"),
        ):
            store.run(f"DELETE FROM {table}")
        self.life.run("DELETE FROM plan")
        world = history.build(now, self.seed, self.scale, self.facilities)
        self.numbers = world.numbers
        lines = list(world.orders.values())
        for store, table, rows in (
            (self.erp, "order_lines", erp.rows_of(lines)),
            (self.procurement, "order_lines", procurement.rows_of(lines)),
            (self.ap, "invoice_lines", ap_automation.rows_of(world.invoices)),
            (self.wms, "receipts", warehouse.rows_of(world.receipts)),
        ):
            with store.transaction():
                store.add(table, rows)
        self.intend(world.plan)
        self._keep_books(world, now)
        self._employ(now)
        listed.build(self.listed, now)

    def _keep_books(self, world: history.World, now: datetime) -> None:
        """Everything beside orders, receipts and invoice lines."""
        long_ago = stamp(now - timedelta(days=400))
        with self.erp.transaction(), self.ap.transaction():
            interfaces.post_all_receipts(self.erp, self.wms.rows("SELECT * FROM receipts"))
            interfaces.post_all_invoices(
                self.erp, self.ap, self.ap.rows("SELECT * FROM invoice_lines ORDER BY id")
            )
            for table, rows in masters.of_erp(self.facilities, now).items():
                self.erp.add(table, rows)
            self.ap.add("bank_accounts", masters.bank_accounts(long_ago, by_alias=True))
        self.portal.add("bank_accounts", masters.bank_accounts(long_ago, by_alias=False))
        self.procurement.add("contract_prices", masters.contract_prices(long_ago))
        recent = stamp(now - _REQUISITIONS)
        lines = [line for line in world.orders.values() if line.ordered_at >= recent]
        with self.procurement.transaction(), self.wms.transaction():
            self.procurement.add("requisitions", requisitions_of(lines))
            self._write(world.books)

    def _employ(self, now: datetime) -> None:
        """Everybody who works here, in every system that knows them."""
        for (system, table), rows in workforce.build(self.facilities, now, self.seed).items():
            store = self.stores[system]
            store.run(f"DELETE FROM {table}")
            with store.transaction():
                store.add(table, rows)

    def _write(self, books: Books) -> None:
        self.wms.add("inspections", books.inspections)
        self.wms.add("usages", books.usages)
        self.procurement.add("confirmations", books.confirmations)

    def open(self, now: datetime) -> None:
        """From now on the world can read: remember it, with the running numbers."""
        self.opened = True
        self.remember("built", self.recall("built") or stamp(now))
        self.remember("counts", self.numbers.counts)

    def resume(self) -> None:
        """After a restart: take up the running numbers where they were."""
        self.numbers.counts = Counter(self.recall("counts") or {})
        totals = self.ap.rows(
            "SELECT vendor, sum(amount) AS total FROM invoice_lines GROUP BY vendor, number, facility"
        )
        by_alias = {supplier.payables: supplier.number for supplier in SUPPLIERS}
        self.numbers.totals = {(by_alias.get(str(row["vendor"]), ""), int(row["total"])) for row in totals}

    def remember(self, name: str, value: Any) -> None:
        self.life.run("INSERT OR REPLACE INTO memory VALUES (?, ?)", (name, json.dumps(value)))

    def recall(self, name: str) -> Any:
        row = self.life.row("SELECT value FROM memory WHERE name = ?", (name,))
        return json.loads(row["value"]) if row else None

    def order(self, lines: list[OrderLine]) -> None:
        """A new order reaches the ERP and the procurement suite."""
        self.erp.add("order_lines", erp.rows_of(lines))
        self.procurement.add("order_lines", procurement.rows_of(lines))
        self.procurement.add("requisitions", requisitions_of(lines))

    def happen(self, event: Event, now: datetime) -> None:
        """Goods arrive, an invoice is captured, statuses move: each in its system, entered now."""
        event = event.restamped(stamp(now))
        receipts, invoices = warehouse.rows_of(event.receipts), ap_automation.rows_of(event.invoices)
        self.wms.add("receipts", receipts)
        self.ap.add("invoice_lines", invoices)
        interfaces.post_receipts(self.erp, receipts)
        self.post_invoices(invoices)
        books = follow(event.receipts, event.invoices, self._orders(event), self.numbers)
        self._write(books)
        self.intend(books.settlements)
        for po, line, status in event.statuses:
            self.set_status(po, line, status, now)
        for step in event.steps:
            self.change(Change(*step), now)

    def _orders(self, event: Event) -> dict[tuple[str, int], Row]:
        """The ERP's rows of the order lines that an event speaks of."""
        lines = [key for key in event.keys() if key[0]]  # noqa: SIM118 - not a dictionary's
        found = [row for po, line in lines for row in self.erp.find("order_lines", {"po": po, "line": line})]
        return {(row["po"], row["line"]): row for row in found}

    def post_invoices(self, lines: Sequence[Row]) -> None:
        """The headers of these invoice lines follow them."""
        interfaces.post_invoices(self.erp, self.ap, [(line["vendor"], line["number"]) for line in lines])

    def set_status(self, po: str, line: int, status: str, now: datetime) -> None:
        """Move an order line's status in both systems that know it."""
        at = stamp(now)
        self.erp.alter(
            "order_lines", {"po": po, "line": line}, {"status": words.ERP[status], "modified_at": at}
        )
        self.procurement.alter(
            "order_lines",
            {"po": f"PO-{po}", "line": line},
            {"state": words.PROCUREMENT[status], "updated_at": at},
        )

    def intend(self, events: list[Event]) -> None:
        """Put what is still to come into the plan."""
        with self.life.transaction():
            self.life.add("plan", [{"at": event.at, "event": event.to_json()} for event in events])

    def change(self, change: Change, now: datetime) -> None:
        """Carry out one step: rows altered or inserted; once the world reads, with the time of now."""
        store = self.stores[change.system]
        values = dict(change.values)
        if self.opened:
            values[_CHANGED.get((change.system, change.table), "changed_at")] = stamp(now)
        if (change.system, change.table) == ("wms", "receipts"):
            values["sent"] = 0
            if values.get("received_local") == "":
                values["received_local"] = warehouse.local_time(stamp(now))
        before = [values] if change.verb == "insert" else store.find(change.table, change.key)
        if change.verb == "insert":
            store.add(change.table, [values])
        elif change.verb == "alter":
            store.alter(change.table, change.key, values)
        else:
            store.remove(change.table, change.key)
        after = [row for old in before if "id" in old for row in store.find(change.table, {"id": old["id"]})]
        if (change.system, change.table) == ("wms", "receipts"):
            interfaces.post_receipts(self.erp, [values] if change.verb == "insert" else after)
        elif change.table == "invoice_lines":
            self.post_invoices([*before, *after])
        elif change.system == lifecycle.SYSTEM:
            self.publish(now)

    def publish(self, now: datetime) -> None:
        """What HCM has to tell goes to the broker."""
        lifecycle.publish(self.hcm_events, self.broker, now)

    def mended(self, what: Mended) -> None:
        """A write has put an order line right: the ledger's fault of that kind is healed."""
        number = self.ledger.open_fault(what.category, what.order, what.line)
        if number is not None:
            self.ledger.heal(number, datetime.now(UTC))

    def close(self) -> None:
        for store in (*self.stores.values(), self.life):
            store.close()
        self.ledger.close()
