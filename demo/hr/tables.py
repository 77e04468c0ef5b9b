"""The tables of HCM, payroll, the identity platform, and what the ERP holds of people. Each system has its own words.

Days are ISO dates, hours and shares texts of a decimal; pay is in cents.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..systems.store import Row
from ..systems.tables import Kind, Table

_WORKER: Mapping[str, Kind] = {
    **dict.fromkeys(("worker", "person", "facility", "given", "family", "born", "last_four"), "text"),
    **dict.fromkeys(("kind", "status", "manager", "hired_on", "left_on", "access_ends_at", "entered_at"), "text"),
    "works_on": "flag",
}  # fmt: skip
_ASSIGNMENT: Mapping[str, Kind] = {
    **dict.fromkeys(("worker", "assignment", "facility", "valid_from", "valid_to"), "text"),
    "sequence": "whole",
    **dict.fromkeys(("status", "pay_group", "cost_center", "in_center_since", "department", "manager"), "text"),
    **dict.fromkeys(("is_head", "is_float", "changes_pay"), "flag"),
    **dict.fromkeys(("fte", "hours", "pay_basis", "entered_at"), "text"),
    "rate": "cents",
}  # fmt: skip
_ALLOCATION: Mapping[str, Kind] = dict.fromkeys(
    ("worker", "assignment", "facility", "cost_center", "valid_from", "valid_to", "percent", "split", "pay_group",
     "entered_at"),
    "text",
)  # fmt: skip
_TIME: Mapping[str, Kind] = dict.fromkeys(
    ("entry", "worker", "assignment", "facility", "pay_group", "period", "hours", "worked_on", "status", "approved_at"),
    "text",
)  # fmt: skip
_PERIOD: Mapping[str, Kind] = dict.fromkeys(
    ("pay_group", "period", "begins", "ends", "inputs_from", "inputs_to", "status", "calculated_at"), "text"
)
_LINE: Mapping[str, Kind] = {
    **dict.fromkeys(("run", "worker", "line", "assignment", "facility", "pay_group", "period"), "text"),
    **dict.fromkeys(("begins", "ends", "earning", "earned_from", "earned_to", "hours"), "text"),
    "amount": "cents",
    **dict.fromkeys(("cost_center", "worked_unit", "status", "calculated_at"), "text"),
}  # fmt: skip
_POSTING: Mapping[str, Kind] = {
    **dict.fromkeys(("facility", "pay_group", "period", "cost_center", "account", "posted_at"), "text"),
    "amount": "cents",
}
_ACCOUNT: Mapping[str, Kind] = {
    **dict.fromkeys(("account", "worker", "kind", "created_at"), "text"),
    "enabled": "flag",
}

HCM = {
    "workers": Table("workers", _WORKER, "worker"),
    "assignments": Table("assignments", _ASSIGNMENT, "worker"),
    "allocations": Table("allocations", _ALLOCATION, "worker"),
    "time": Table("time_entries", _TIME, "worker"),
}
PAYROLL = {
    "workers": Table("workers", _WORKER, "worker"),
    "assignments": Table("assignments", _ASSIGNMENT, "worker"),
    "allocations": Table("allocations", _ALLOCATION, "worker"),
    "calendar": Table("periods", _PERIOD),
    "register": Table("pay_lines", _LINE, "worker"),
    "summary": Table("postings", _POSTING, "cost_center"),
}
IDENTITY = {"accounts": Table("accounts", _ACCOUNT, "worker")}
ERP = {
    "WorkerAssignments": Table("worker_assignments", _ASSIGNMENT, "worker"),
    "PayrollPostings": Table("payroll_postings", _POSTING, "cost_center"),
}
"""Name in the interface -> table."""


def blank(table: Table, row: Row) -> Row:
    """A row with every column of its table; what is not said is empty."""
    empty = {name: "" if kind == "text" else 0 for name, kind in table.columns.items()}
    return {**empty, "gone": 0, **row}
