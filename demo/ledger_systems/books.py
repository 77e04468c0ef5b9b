"""Ledger balances, journals and finance masters: the ERP's, and what warehouse and grants system hold of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ..documents import stamp
from ..supply.stock import ACCOUNT, FACILITIES, LOCATIONS, cost, place, worth
from ..systems.store import Row
from .listed import Planted, Rows, table

_MASTER = "code name status parent"
MASTERS = {name: table(name, _MASTER) for name in ("accounts", "cost_centers", "departments", "locations")}
ERP = {
    **MASTERS,
    "balances": table("balances", "account location period subledger balance:cents facility"),
    "journal_lines": table(
        "journal_lines",
        "journal line source_journal document account amount:cents status reason entered_at facility",
    ),
}
SENDER = {
    "locations": MASTERS["locations"],
    "journals": table("journals", "journal amount:cents period status reason sent_at facility"),
}
SUBSCRIBER = {name: MASTERS[name] for name in ("accounts", "cost_centers", "departments")}
_CODES = {
    "accounts": range(6100, 6110),
    "cost_centers": range(10, 20),
    "departments": range(70, 77),
    "locations": range(1, 7),
}


_CHAIN = {"17": "18", "18": "19", "19": "0"}
"""Cost centers that roll up to each other in the ERP; other systems hold no structure of them."""
_ENDED = "76"
"""A department that has ended everywhere."""


def masters(*names: str) -> Rows:
    """Masters in agreement, all directly below the top."""
    return {
        name: [
            {
                "code": str(code),
                "name": f"{name[:-1].replace('_', ' ').title()} {code}",
                "status": "inactive" if (name, str(code)) == ("departments", _ENDED) else "active",
                "parent": "0" if code else "",
            }
            for code in (0, *_CODES[name])
        ]
        for name in names
    }


def erp_rows(now: datetime) -> Rows:
    """Balances that are what stock is worth, and both halves of every journal."""
    balances: list[Row] = [
        {
            "account": ACCOUNT,
            "location": place(facility, location),
            "period": "current",
            "subledger": "inventory",
            "balance": worth(),
            "facility": facility,
        }
        for facility in FACILITIES
        for location in LOCATIONS
    ]
    lines: list[Row] = []
    for number in range(4):
        lines += _journal(
            f"GL-ADJ-{number}", 2 * cost(number), stamp(now - timedelta(days=6)), document=f"ADJ-{number}"
        )
        lines += _journal(
            f"GL-{number}", 50_000, stamp(now - timedelta(days=4)), source_journal=f"WJ-{number}"
        )
    return {**_structured(masters(*MASTERS)), "balances": balances, "journal_lines": lines}


def _structured(rows: Rows) -> Rows:
    """Masters of the ERP, where some roll up to others."""
    for row in rows["cost_centers"]:
        row["parent"] = _CHAIN.get(row["code"], row["parent"])
    return rows


def held_elsewhere(*names: str) -> Rows:
    """Masters as a system holds them that knows nothing of the structure of some."""
    rows = masters(*names)
    for row in [*rows.get("cost_centers", ()), *rows.get("departments", ())]:
        if row["code"] in (*_CHAIN, _ENDED, "75"):
            row["parent"] = ""
    return rows


def _journal(number: str, amount: int, at: str, **also: str) -> list[Row]:
    both = ((1, "5100", amount), (2, ACCOUNT, -amount))
    return [
        {
            "journal": number,
            "line": str(line),
            "source_journal": "",
            "document": "",
            "account": account,
            "amount": value,
            "status": "posted",
            "reason": "",
            "entered_at": at,
            "facility": "HMC",
            **also,
        }
        for line, account, value in both
    ]


def sender_rows(now: datetime) -> Rows:
    """What the warehouse sent, and the locations it knows."""
    at = stamp(now - timedelta(days=4))
    journals: list[Row] = [
        {
            "journal": f"WJ-{number}",
            "amount": 50_000,
            "period": at[:7],
            "status": "sent",
            "sent_at": at,
            "facility": "HMC",
        }
        for number in range(4)
    ]
    return {**masters("locations"), "journals": journals}


def _master(system: str, name: str, code: str, category: str, values: dict[str, object], how: str) -> Planted:
    return Planted(category, "*", system, name, {"code": code}, values, {"code": code}, how)


def _journal_line(number: int, line: str, category: str, values: dict[str, object], how: str) -> Planted:
    """The ERP's line of a journal that the warehouse sent."""
    row, key = {"journal": f"GL-{number}", "line": line}, {"system": "wms_stock", "journal": f"WJ-{number}"}
    return Planted(category, "HMC", "erp_ledger", "journal_lines", row, values, key, how)


def faults() -> Iterator[Planted]:
    """Everything that must be found."""
    ended: dict[str, object] = {"status": "inactive"}
    moved: dict[str, object] = {"parent": "70"}
    yield _master("grants", "cost_centers", "11", "propagation_gap", {"gone": 1}, "the message failed")
    yield _master("erp_ledger", "accounts", "6105", "master_missing", {"gone": 1}, "removed while in use")
    yield _master("grants", "departments", "71", "master_inactive", ended, "ended there only")
    yield _master("grants", "departments", "72", "master_rolled_up", moved, "reorganised in one system")
    yield from _wrong_structure()
    yield _master("wms_stock", "locations", "3", "master_renamed", {"name": "Annex"}, "renamed there only")
    refused: dict[str, object] = {"status": "rejected", "reason": "Account 5100 is closed for this period."}
    yield _journal_line(0, "1", "journal_rejected", refused, "refused by the ERP")
    held: dict[str, object] = {"status": "held", "reason": "approval"}
    yield _journal_line(1, "2", "journal_stuck", held, "waits for an approval")


def _wrong_structure() -> Iterator[Planted]:
    row, key = {"code": "19"}, {"cost_center": "17"}
    values, how = {"parent": "17"}, "goes round"
    yield Planted("master_cycle", "*", "erp_ledger", "cost_centers", row, values, key, how)
    row, key = {"code": "75"}, {"department": "75"}
    values, how = {"parent": "79"}, "79 was removed"
    yield Planted("master_orphan", "*", "erp_ledger", "departments", row, values, key, how)


def look_alikes() -> Iterator[Planted]:
    """Everything that must not be found."""
    spelled: dict[str, object] = {"name": "COST  CENTER 14"}
    yield _master("grants", "cost_centers", "14", "master_renamed", spelled, "case and blanks")
    ended: dict[str, object] = {"parent": "79"}
    yield _master("erp_ledger", "departments", _ENDED, "master_orphan", ended, "it has ended, too")
    yield _master("grants", "departments", "74", "master_rolled_up", {"parent": ""}, "no structure there")
    row, key = {"journal": "WJ-3"}, {"system": "wms_stock", "journal": "WJ-3"}
    cancelled, how = {"status": "cancelled"}, "cancelled"
    yield Planted("journal_stuck", "HMC", "wms_stock", "journals", row, cancelled, key, how)
