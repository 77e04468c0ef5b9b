"""Books of HCM, payroll, the ERP and the identity platform, a row at a time: everything starts in agreement."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.merging import PACKS
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.wording import render
from exceptions_app.reconcile.primary import choose_primary

from .books import NOW, Books, days_ago

TODAY = NOW.date()
"""24 November 2026: in the open period, which is 15 to 28 November."""
Said = dict[str, Any]
_SYSTEMS = {
    "HCM": ("hcm", ["worker", "worker_listing", "assignment", "labor_allocation", "time_entry"]),
    "PAY": ("payroll", ["worker", "assignment", "labor_allocation", "pay_period", "pay_line", "payroll_posting"]),
    "ERP": ("erp", ["assignment", "payroll_posting", "cost_center", "department"]),
    "IDM": ("identity", ["identity_account"]),
}  # fmt: skip
_READ = {
    "text": "a", "integer": "CAST(a AS integer)", "decimal": "parse_decimal(a)", "money": "parse_decimal(a)",
    "quantity": "parse_decimal(a)", "date": "parse_date(a, 'yyyy-mm-dd')", "timestamp": "parse_timestamp(a)",
    "boolean": "CAST(a AS boolean)",
}  # fmt: skip


_MAPPED = {"hcm_assignment": {"manager": "a"}}
"""What a feed maps beside the required columns, where a check asks whether it does."""


def site(folder: Path, without: Collection[str] = ()) -> Catalog:
    """A site whose feeds bring every record type of hire-to-retire; `without`: but for these feeds and columns."""
    types = {
        one["code"]: one
        for pack in ("foundation", "hire_to_retire")
        for one in yaml.safe_load((PACKS / pack / "records.yaml").read_text())["record_types"]
    }
    document = {
        "site": {"name": "Test", "packs": ["hire_to_retire"]},
        "entities": [{"code": "H1", "name": "North"}, {"code": "H2", "name": "South"}],
        "systems": [
            {"code": code, "name": code, "kind": kind, "connector": "rows"}
            for code, (kind, _) in _SYSTEMS.items()
        ],
        "feeds": [
            {
                "code": f"{system.lower()}_{record}", "system": system, "record_type": record, "lag": "1h",
                "mapping": {**_mapping(types[record]), **_also(f"{system.lower()}_{record}", without)},
            }
            for system, (_, records) in _SYSTEMS.items()
            for record in records
            if f"{system.lower()}_{record}" not in without
        ],
    }  # fmt: skip
    (folder / "site.yaml").write_text(yaml.safe_dump(document))
    return load_catalog(folder, connector_models())


def _mapping(record: Mapping[str, Any]) -> dict[str, str]:
    mapping = {
        name: _READ[column.get("type", "text")]
        for name, column in record["columns"].items()
        if column.get("required")
    }
    return mapping if record.get("scope") == "network" else {"entity": "a", **mapping}


def _also(feed: str, without: Collection[str]) -> dict[str, str]:
    return {name: text for name, text in _MAPPED.get(feed, {}).items() if f"{feed}.{name}" not in without}


def sentence(books: Books, check: str, **options: Any) -> str:
    """What a specialist reads of the only thing that a check finds."""
    found = books.only(check, **options)
    return render(books.catalog.categories[found.category].sentence, json.loads(found.facts), found.currency)


def on(month: int, day: int) -> date:
    return date(2026, month, day)


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


class PeopleBooks(Books):
    """Each method writes one row; what it says is overridden by name."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        periods = [
            ("2026-23", on(11, 1), on(11, 14), on(10, 29), on(11, 11), "calculated", at(11, 16)),
            ("2026-24", on(11, 15), on(11, 28), on(11, 12), on(11, 25), "open", None),
        ]
        for code, begin, end, inputs_from, inputs_to, status, calculated_at in periods:
            self.add(
                "pay_period", "PAY", entity=None, pay_group="BW", pay_period=code, period_begin=begin,
                period_end=end, inputs_from=inputs_from, inputs_to=inputs_to, status=status,
                calculated_at=calculated_at,
            )  # fmt: skip

    def _put(self, record: str, system: str, usual: Said, said: Said) -> None:
        told = {name: value for name, value in said.items() if name != "system"}
        self.add(record, said.get("system", system), **{**usual, **told})

    def worker(self, *systems: str, **said: Any) -> None:
        """An employee since March, in HCM and its listing, on payroll, with an account; or only in `systems`."""
        usual = {
            "worker": "W1", "person": "P1", "given_name": "Ada", "family_name": "Byrd", "birth_date": on(1, 2),
            "last_four": "1234", "worker_type": "employee", "status": "active", "hired_on": on(3, 1),
            "entered_at": days_ago(260),
        }  # fmt: skip
        told = {**usual, **said}
        for system in systems or ("HCM", "LIST", "PAY", "IDM"):
            if system == "IDM":
                self.account(account=f"a{told['worker']}", worker=told["worker"])
            elif system == "LIST":
                self.listed(**{name: told[name] for name in ("worker", "person", "worker_type", "status")})
            else:
                self.add("worker", system, **told)

    def listed(self, **said: Any) -> None:
        usual = {
            "entity": None,
            "worker": "W1",
            "person": "P1",
            "worker_type": "employee",
            "status": "active",
        }
        self._put("worker_listing", "HCM", usual, said)

    def account(self, **said: Any) -> None:
        usual = {
            "entity": None, "account": "aW1", "worker": "W1", "account_type": "person", "enabled": True,
            "created_at": days_ago(200),
        }  # fmt: skip
        self._put("identity_account", "IDM", usual, said)

    def slice(self, *systems: str, **said: Any) -> None:
        """A slice since March, in HCM, payroll and the ERP; or only in `systems`."""
        usual = {
            "worker": "W1", "assignment": "1", "valid_from": on(3, 1), "sequence": 0, "status": "active",
            "pay_group": "BW", "cost_center": "4100", "department": "ICU", "manager": "M1", "fte": 1,
            "standard_hours": 40, "pay_rate": 50, "entered_at": at(2, 20),
        }  # fmt: skip
        for system in systems or ("HCM", "PAY", "ERP"):
            self.add("assignment", system, **{**usual, **said})

    def share(self, *systems: str, **said: Any) -> None:
        """All of W1's labor to 4100 since March, in HCM and payroll; or only in `systems`."""
        usual = {
            "worker": "W1", "assignment": "1", "cost_center": "4100", "valid_from": on(3, 1), "percent": 100,
            "pay_group": "BW", "entered_at": at(2, 20),
        }  # fmt: skip
        for system in systems or ("HCM", "PAY"):
            self.add("labor_allocation", system, **{**usual, **said})

    def pay(self, **said: Any) -> None:
        """80 regular hours of the calculated period, at home."""
        usual = {
            "run": "R23", "worker": "W1", "line": "1", "assignment": "1", "pay_group": "BW",
            "pay_period": "2026-23", "period_begin": on(11, 1), "period_end": on(11, 14), "earning": "regular",
            "earning_begin": on(11, 1), "earning_end": on(11, 14), "hours": 80, "amount": 4000,
            "currency": "USD", "cost_center": "4100", "status": "calculated", "calculated_at": at(11, 16),
        }  # fmt: skip
        self._put("pay_line", "PAY", usual, said)

    def time(self, **said: Any) -> None:
        """80 approved hours of the calculated period."""
        usual = {
            "entry": "T1", "worker": "W1", "assignment": "1", "pay_group": "BW", "pay_period": "2026-23",
            "hours": 80, "worked_on": on(11, 14), "status": "approved", "approved_at": at(11, 15),
        }  # fmt: skip
        self._put("time_entry", "HCM", usual, said)

    def posting(self, *systems: str, **said: Any) -> None:
        """10,000.00 of wages, in the register and the ledger; or only in `systems`."""
        usual = {
            "pay_group": "BW", "pay_period": "2026-23", "cost_center": "4100", "account": "60100",
            "amount": 10_000, "currency": "USD", "posted_at": at(11, 17),
        }  # fmt: skip
        for system in systems or ("PAY", "ERP"):
            self.add("payroll_posting", system, **{**usual, **said})

    def primaries(self, check: str) -> list[Discrepancy]:
        """What a check raises in H1, one of each line."""
        rank = {code: category.rank for code, category in self.catalog.categories.items()}
        return choose_primary(self.run(check).discrepancies, rank)


def ended(day: date, **said: Any) -> Said:
    """What is said of somebody whose last day was `day`."""
    access = datetime(day.year, day.month, day.day, 5, tzinfo=UTC) + timedelta(days=1)
    usual = {"status": "terminated", "terminated_on": day, "access_ends_at": access}
    return {**usual, "entered_at": access - timedelta(days=3), **said}
