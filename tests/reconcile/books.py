"""The books of a small hospital network as tables in DuckDB, written a line at a time by each test."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Check
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.reconcile.closing import closed_through
from exceptions_app.reconcile.engine import CheckResult, run_check
from exceptions_app.reconcile.parameters import RunParameters
from exceptions_app.reconcile.primary import choose_primary
from exceptions_app.reconcile.probe import Probed, probe
from jobs.flows import can_run

from . import engines
from .engines import Engine

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
"""A Tuesday."""


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def _end(con: DuckDBPyConnection, engine: Engine) -> None:
    con.close()
    engines.give_back(engine)


class Books:
    """Rows to put in, checks to run. Everything starts in agreement: one order line, received and billed."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._engine = engines.take(catalog)
        self._con, self._touched = self._engine.con.cursor(), False
        self._ending = weakref.finalize(self, _end, self._con, self._engine)
        for unit, factor in (("EA", 1), ("CS", 12)):
            self.add("item_unit", "ERP", entity=None, item="glove", unit=unit, factor=factor)

    @property
    def con(self) -> DuckDBPyConnection:
        """For a test that does more than to add rows; the next one gets tables of its own."""
        self._touched = True
        self._ending.detach()
        return self._con

    def add(self, record: str, system: str, /, **values: Any) -> None:
        row = {
            "entity": "H1", "source_system": system, "source_id": f"{record}-{len(values)}", "run_id": 1,
            "source_time": days_ago(9), "fetched_at": NOW, **values,
        }  # fmt: skip
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" for _ in row)
        self._engine.written.add(record)
        self._con.execute(f'INSERT INTO "all_{record}" ({names}) VALUES ({marks})', list(row.values()))

    def order(self, system: str = "ERP", **values: Any) -> None:
        """10 cases of gloves at 60.00."""
        line = {
            "order_number": "PO1", "line_number": "1", "supplier": "S1", "supplier_name": "Acme",
            "item": "glove",
            "quantity": 10, "unit": "CS", "unit_price": 60, "currency": "USD", "status": "received",
            "ordered_at": days_ago(40), "match": 3,
        }  # fmt: skip
        self.add("purchase_order_line", system, **{**line, **values})

    def receipt(self, **values: Any) -> None:
        line = {
            "receipt_number": "R1", "receipt_line": "1", "order_number": "PO1", "line_number": "1",
            "item": "glove",
            "quantity": 10, "unit": "CS", "movement": "receipt", "received_at": days_ago(10),
        }  # fmt: skip
        system, posted = values.pop("system", "WMS"), values.pop("posted", True)
        self.add("receipt_line", system, **{**line, **values})
        if system == "WMS" and posted:
            self.add("receipt_line", "ERP", **{**line, **values})

    def invoice(self, **values: Any) -> None:
        line = {
            "supplier": "V1", "supplier_name": "Acme", "invoice_number": "I1", "invoice_line": "1",
            "invoice_type": "standard", "order_number": "PO1", "line_number": "1", "po_required": True,
            "item": "glove", "quantity": 10, "unit": "CS", "unit_price": 60, "currency": "USD",
            "status": "approved", "invoice_date": date(2026, 11, 16), "entered_at": days_ago(8),
        }  # fmt: skip
        line |= values
        line.setdefault("amount", Decimal(line["quantity"]) * Decimal(line["unit_price"]))
        self.add(
            "invoice_line", values.pop("system", "AP"), **{k: v for k, v in line.items() if k != "system"}
        )

    def run(
        self,
        check: str = "p2p.three_way",
        *,
        entity: str | None = "H1",
        now: datetime = NOW,
        read: Mapping[str, datetime | None] | None = None,
    ) -> CheckResult:
        """`read`: until when each side and look-up (`side.lookup`) was read; by default all until now."""
        self._view(entity)
        return self._run(self.catalog.checks[check], entity, now, read)

    def run_altered(self, check: Check, *, read: Mapping[str, datetime | None] | None = None) -> CheckResult:
        """A check that the catalogue does not hold, in H1."""
        self._view("H1")
        return self._run(check, "H1", NOW, read)

    def _run(
        self, check: Check, entity: str | None, now: datetime, read: Mapping[str, datetime | None] | None
    ) -> CheckResult:
        sides = getattr(check, "sides", {})
        through: dict[str, datetime | None] = dict.fromkeys(sides or ["documents"], now)
        through |= {f"{name}.{lookup}": now for name, side in sides.items() for lookup in side.lookups}
        through |= dict(read or {})
        # Business days here are days of the week, so that a test can count on its fingers.
        parameters = RunParameters(
            now, lambda days: now - timedelta(days=days), through,
            lambda category: closed_through(self.catalog, category, entity, now),
        )  # fmt: skip
        return run_check(self._con, check, self.catalog, entity, parameters)

    def _view(self, entity: str | None) -> None:
        if not self._touched:
            self._engine.see(self._con, entity)
            return
        for name, query in self._engine.views(entity).items():
            self._con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")

    def categories(self, check: str = "p2p.three_way", **options: Any) -> set[str]:
        return {one.category for one in self.run(check, **options).discrepancies}

    def only(self, check: str = "p2p.three_way", **options: Any) -> Discrepancy:
        found = self.run(check, **options).discrepancies
        assert len(found) == 1, [one.category for one in found]
        return found[0]

    def primary(self) -> list[Discrepancy]:
        """What the whole flow raises in H1 and over the network."""
        found = [
            one
            for code, check in self.catalog.checks.items()
            if check.flow == "procure_to_pay" and can_run(self.catalog, check)
            for one in self.run(code, entity=self._entity(check)).discrepancies
        ]
        return choose_primary(found, {code: c.rank for code, c in self.catalog.categories.items()})

    def _entity(self, check: Check) -> str | None:
        """Where a check runs here; those over the network have no entity."""
        return "H1" if getattr(check, "scope", "network") == "entity" else None

    def probe(
        self,
        keys: list[dict[str, str]],
        check: str = "p2p.three_way",
        read: Mapping[str, datetime] | None = None,
    ) -> dict[str, Probed]:
        """`read`: until when feeds were read completely."""
        entity = self._entity(self.catalog.checks[check])
        self._view(entity)
        return probe(self._con, self.catalog.checks[check], self.catalog, entity, keys, read or {})
