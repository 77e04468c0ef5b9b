"""Books of invoices as a whole, suppliers, bank accounts, schedules and physicians, a row at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.merging import PACKS
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.wording import render

from .books import NOW, Books, days_ago

TODAY = NOW.date()
_KINDS = {"ERP": "erp", "AP": "ap_automation", "PORTAL": "supplier_portal", "COMPLIANCE": "other"}
_FEEDS = {
    "ERP": [
        "purchase_order_line", "item_unit", "supplier", "invoice", "tax_exemption", "supplier_bank_account",
        "supplier_payment", "recurring_schedule", "physician_contract", "physician_payment",
    ],
    "AP": ["invoice_line", "invoice_charge", "invoice", "supplier_bank_account"],
    "PORTAL": ["supplier_bank_account"],
    "COMPLIANCE": ["excluded_party", "approved_change", "time_record"],
}  # fmt: skip
_READ = {
    "text": "a", "integer": "CAST(a AS integer)", "decimal": "parse_decimal(a)", "money": "parse_decimal(a)",
    "quantity": "parse_decimal(a)", "date": "parse_date(a, 'yyyy-mm-dd')", "timestamp": "parse_timestamp(a)",
    "boolean": "CAST(a AS boolean)",
}  # fmt: skip


def site(folder: Path, more: Mapping[str, list[str]] | None = None) -> Catalog:
    """A site whose feeds bring every record type that the checks of this half read, and `more` of some systems."""
    types: dict[str, Any] = {}
    for path in sorted([*(PACKS / "foundation").glob("*.yaml"), *(PACKS / "procure_to_pay").glob("*.yaml")]):
        types |= {one["code"]: one for one in yaml.safe_load(path.read_text()).get("record_types") or []}
    document = {
        "site": {
            "name": "Test", "packs": ["procure_to_pay"],
            "rates": [{"currency": "CAD", "valid_from": "2026-01-01", "rate": 0.75}],
        },
        "entities": [{"code": "H1", "name": "North"}, {"code": "H2", "name": "South"}],
        "systems": [
            {"code": code, "name": code, "kind": kind, "connector": "rows"} for code, kind in _KINDS.items()
        ],
        "overrides": {
            "crosswalks": {"supplier": {"entries": [{"system": "AP", "local": "V1", "canonical": "S1"}]}}
        },
        "feeds": [
            {
                "code": f"{system.lower()}_{record}", "system": system, "record_type": record, "lag": "1h",
                "mapping": _mapping(types[record]),
            }
            for system, records in _FEEDS.items()
            for record in [*records, *(more or {}).get(system, [])]
        ],
    }  # fmt: skip
    (folder / "site.yaml").write_text(yaml.safe_dump(document))
    return load_catalog(folder, connector_models())


def _mapping(record: Mapping[str, Any]) -> dict[str, str]:
    mapping = {
        name: _READ[(column or {}).get("type", "text")]
        for name, column in record["columns"].items()
        if (column or {}).get("required")
    }
    return mapping if record.get("scope") == "network" else {"entity": "a", **mapping}


def sentence(books: Books, check: str, *, of: str | None = None, **options: Any) -> str:
    """The sentence of the only discrepancy that a check finds, or of the only one of a category."""
    (found,) = [one for one in books.run(check, **options).discrepancies if of in (None, one.category)]
    return render(books.catalog.categories[found.category].sentence, json.loads(found.facts), found.currency)


class InvoiceBooks(Books):
    """Each method writes one row; what it says is overridden by name."""

    def _put(self, record: str, system: str, usual: Mapping[str, Any], said: Mapping[str, Any]) -> None:
        self.add(
            record,
            said.get("system", system),
            **{**usual, **{k: v for k, v in said.items() if k != "system"}},
        )

    def supplier(self, **said: Any) -> None:
        usual = {"entity": None, "supplier_id": "S1", "name": "Acme Inc", "tax_id": "111", "status": "active"}
        self._put("supplier", "ERP", usual, said)

    def excluded(self, **said: Any) -> None:
        usual = {
            "entity": None, "list": "LEIE", "entry": "7", "name": "ACME, INC.", "match_name": "ACMEINC",
            "tax_id": "111", "excluded_on": date(2026, 1, 10),
        }  # fmt: skip
        self._put("excluded_party", "COMPLIANCE", usual, said)

    def account(self, system: str = "ERP", **said: Any) -> None:
        usual = {
            "entity": None, "supplier": "S1", "supplier_name": "Acme", "site": "main", "routing": "021000021",
            "account": "000111222", "changed_at": days_ago(400), "status": "active",
        }  # fmt: skip
        self._put("supplier_bank_account", system, usual, said)

    def was(self, system: str = "ERP", **said: Any) -> None:
        """A version of an account, as the store keeps it."""
        usual = {
            "entity": None, "supplier": "S1", "site": "main", "account": "000111222", "changed_at": days_ago(400),
            "status": "active",
        }  # fmt: skip
        self._put("supplier_bank_account_version", system, usual, said)

    def approval(self, **said: Any) -> None:
        usual = {
            "entity": None, "change": "C1", "subject": "bank_account", "supplier": "S1", "account": "000999888",
            "status": "approved", "approved_at": days_ago(5),
        }  # fmt: skip
        self._put("approved_change", "COMPLIANCE", usual, said)

    def payment(self, **said: Any) -> None:
        usual = {
            "payment_number": "P1", "supplier": "S1", "supplier_name": "Acme", "amount": 5000, "currency": "USD",
            "status": "scheduled", "pay_on": TODAY + timedelta(days=2),
        }  # fmt: skip
        self._put("supplier_payment", "ERP", usual, said)

    def charge(self, **said: Any) -> None:
        usual = {
            "supplier": "V1", "invoice_number": "I1", "charge": "1", "charge_type": "tax", "amount": 40,
            "tax_code": "TX",
        }  # fmt: skip
        self._put("invoice_charge", "AP", usual, said)

    def certificate(self, **said: Any) -> None:
        usual = {"certificate": "EX-1", "valid_from": date(2026, 1, 1), "valid_to": date(2026, 12, 31)}
        self._put("tax_exemption", "ERP", usual, said)

    def header(self, system: str, **said: Any) -> None:
        usual = {
            "supplier": "V1" if system == "AP" else "S1", "supplier_name": "Acme", "invoice_number": "I1",
            "amount": 600, "currency": "USD", "status": "approved", "entered_at": days_ago(20),
            "source_time": days_ago(9),
        }  # fmt: skip
        self._put("invoice", system, usual, said)

    def plan(self, **said: Any) -> None:
        usual = {
            "schedule": "RENT", "period": "2026-11", "supplier": "S1", "supplier_name": "Acme", "amount": 1000,
            "currency": "USD", "due_on": date(2026, 11, 10), "status": "active",
        }  # fmt: skip
        self._put("recurring_schedule", "ERP", usual, said)

    def rent(self, **said: Any) -> None:
        usual = {
            "invoice_type": "recurring", "order_number": None, "line_number": None, "quantity": 1, "unit_price": 1000,
            "schedule": "RENT", "invoice_date": date(2026, 11, 3),
        }  # fmt: skip
        self.invoice(**{**usual, **said})

    def contract(self, **said: Any) -> None:
        usual = {
            "contract": "K1", "physician": "D7", "physician_name": "Dr Who", "valid_from": date(2026, 1, 1),
            "valid_to": date(2026, 12, 31), "rate": 200, "period_cap": 4000, "status": "signed",
        }  # fmt: skip
        self._put("physician_contract", "ERP", usual, said)

    def time(self, **said: Any) -> None:
        usual = {
            "record": "T1", "physician": "D7", "period": "2026-10", "hours": 10, "status": "approved",
            "approved_at": days_ago(20),
        }  # fmt: skip
        self._put("time_record", "COMPLIANCE", usual, said)

    def fee(self, **said: Any) -> None:
        usual = {
            "payment": "F1", "payment_line": "1", "physician": "D7", "physician_name": "Dr Who", "period": "2026-10",
            "service_on": date(2026, 10, 31), "hours": 10, "amount": 2000, "currency": "USD", "status": "paid",
            "entered_at": days_ago(12),
        }  # fmt: skip
        self._put("physician_payment", "ERP", usual, said)
