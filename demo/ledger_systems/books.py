"""Ledger balances, journals and finance masters: the ERP's, and what warehouse and grants system hold of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ..documents import stamp
from ..supply.stock import ACCOUNT, FACILITIES, LOCATIONS, MOVED, cost, place, worth
from ..systems.store import Row
from .listed import Planted, Rows, table

_MASTER = "code name status parent"
MASTERS = {name: table(name, _MASTER) for name in ("accounts", "cost_centers", "departments", "locations")}
ERP = {
    **MASTERS,
    "balances": table("balances", "account location period subledger balance:cents facility"),
    "journal_lines": table(
        "journal_lines",
        "journal line source_journal document account subledger location period amount:cents status reason"
        " entered_at facility",
    ),
}
SENDER = {
    "locations": MASTERS["locations"],
    "journals": table("journals", "journal amount:cents period status reason sent_at facility"),
}
SUBSCRIBER = {name: MASTERS[name] for name in ("accounts", "cost_centers", "departments")}
_CODES = {
    "accounts": range(6100, 6110),
    "cost_centers": range(10, 30),
    "departments": (*range(70, 77), *range(80, 88)),  # 79 was removed
    "locations": range(1, 9),
}


_CHAIN = {"17": "18", "18": "19", "19": "0", "27": "28", "28": "29", "29": "0"}
"""Cost centers that roll up to each other in the ERP; other systems hold no structure of them."""
_PLAIN = ("75", "86", "87")
"""Departments of whose place other systems know nothing."""
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
    for number in range(MOVED):
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
        if row["code"] in (*_CHAIN, *_PLAIN, _ENDED):
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
        for number in range(MOVED)
    ]
    return {**masters("locations"), "journals": journals}


def _master(
    system: str,
    name: str,
    code: str,
    category: str,
    values: dict[str, object],
    how: str,
    worse: dict[str, object] | None = None,
) -> Planted:
    return Planted(category, "*", system, name, {"code": code}, values, {"code": code}, how, worse or {})


def _journal_line(
    number: int,
    line: str,
    category: str,
    values: dict[str, object],
    how: str,
    worse: dict[str, object] | None = None,
) -> Planted:
    """The ERP's line of a journal that the warehouse sent."""
    row, key = {"journal": f"GL-{number}", "line": line}, {"system": "wms_stock", "journal": f"WJ-{number}"}
    return Planted(category, "HMC", "erp_ledger", "journal_lines", row, values, key, how, worse or {})


def faults() -> Iterator[Planted]:
    """Everything that must be found."""
    ended: dict[str, object] = {"status": "inactive"}
    moved: dict[str, object] = {"parent": "70"}
    yield _master("grants", "cost_centers", "11", "propagation_gap", {"gone": 1}, "the message failed")
    yield _master("erp_ledger", "accounts", "6105", "master_missing", {"gone": 1}, "removed while in use")
    yield _master("grants", "departments", "71", "master_inactive", ended, "ended there only")
    yield _master(
        "grants", "departments", "72", "master_rolled_up", moved, "reorganised there", {"parent": "73"}
    )
    yield from _wrong_structure()
    yield _master(
        "wms_stock",
        "locations",
        "3",
        "master_renamed",
        {"name": "Annex"},
        "renamed there only",
        {"name": "Hall"},
    )
    refused: dict[str, object] = {"status": "rejected", "reason": "Account 5100 is closed for this period."}
    other: dict[str, object] = {"reason": "Cost center 12 is unknown."}
    yield _journal_line(0, "1", "journal_rejected", refused, "refused by the ERP", other)
    held: dict[str, object] = {"status": "held", "reason": "approval"}
    longer: dict[str, object] = {"reason": "a second approval"}
    yield _journal_line(1, "2", "journal_stuck", held, "waits for an approval", longer)


def _wrong_structure() -> Iterator[Planted]:
    yield _round("17", "19")
    yield _orphan("75")


def _round(first: str, last: str) -> Planted:
    """Cost centers that roll up to each other: the `last` of them to the `first`."""
    row, key = {"code": last}, {"cost_center": first}
    return Planted(
        "master_cycle", "*", "erp_ledger", "cost_centers", row, {"parent": first}, key, "goes round"
    )


def _orphan(code: str) -> Planted:
    row, key = {"code": code}, {"department": code}
    values, how = {"parent": "79"}, "79 was removed"
    return Planted("master_orphan", "*", "erp_ledger", "departments", row, values, key, how, {"parent": "78"})


def later() -> Iterator[Planted]:
    """What may go wrong once the network runs."""
    ended: dict[str, object] = {"status": "inactive"}
    for code in ("13", "20"):
        yield _master("grants", "cost_centers", code, "propagation_gap", {"gone": 1}, "the message failed")
    for code in ("6106", "6107"):
        yield _master("erp_ledger", "accounts", code, "master_missing", {"gone": 1}, "removed while in use")
    for code in ("80", "81"):
        yield _master("grants", "departments", code, "master_inactive", ended, "ended there only")
    for code in ("82", "83"):
        rolled, again = "master_rolled_up", {"parent": "71"}
        yield _master("grants", "departments", code, rolled, {"parent": "70"}, "reorganised there", {**again})
    for code in ("4", "5"):
        named, again = {"name": f"Annex {code}"}, {"name": f"Former annex {code}"}
        yield _master("wms_stock", "locations", code, "master_renamed", {**named}, "renamed there", {**again})
    yield _round("27", "29")
    yield from (_orphan(code) for code in _PLAIN[1:])
    for number in (4, 5):
        refused = {"status": "rejected", "reason": f"Account 51{number}0 is closed for this period."}
        other = {"reason": f"Cost center 51{number} is unknown."}
        yield _journal_line(number, "1", "journal_rejected", {**refused}, "refused by the ERP", {**other})
    for number in (6, 7):
        held = {"status": "held", "reason": "approval"}
        again = {"reason": "a second approval"}
        yield _journal_line(number, "2", "journal_stuck", {**held}, "waits for an approval", {**again})


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
