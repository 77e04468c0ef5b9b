"""Awards of the grants system and what the ERP booked on them: one award for each thing that can go wrong, and spares.

All in agreement. Accounts from 6610 on are outside the base of facilities and administration. Amounts are in cents.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ..documents import stamp
from ..ledger_systems.listed import Rows, table
from ..systems.store import Row

AWARDS = 54
"""The first 20 are planted on at the start, the others while the network runs."""
WORKERS, TRANSFERS = 12, 14
AWARDED, SPENT, OVERHEAD = 50_000_000, 1_000_000, 500_000
ENDED = 18
"""The award that is over; what was spent on it was paid in time."""
ENDING = (ENDED, 20, 21)
ELSEWHERE = 19
"""The award with nothing on it but one expense: another facility comes to hold it."""
LEAVING = (ELSEWHERE, 22, 23)
REVIEWED, NOT_ALLOWED, OUTSIDE = "6610", "6620", "6690"
ERP = {
    "expenses": table(
        "expenses",
        "document line award cost_center account budget_period budget_line kind description amount:cents incurred_on"
        " period status posted_at facility",
    ),
    "encumbrances": table(
        "encumbrances",
        "document line award account budget_period budget_line amount:cents obligated_on status entered_at facility",
    ),
    "cost_transfers": table(
        "cost_transfers",
        "transfer from_award to_award cost_kind amount:cents original_on discovered_on cause certifier status"
        " transferred_at facility",
    ),
}
GRANTS = {
    "awards": table(
        "awards",
        "award kind title sponsor sponsor_category status status_on starts_on ends_on preaward_from"
        " preaward_waiver:flag fixed_price:flag amount:cents rebudget_percent:whole facility shared:flag",
    ),
    "budgets": table("budgets", "award budget_period budget_line amount:cents"),
    "award_cost_centers": table("award_cost_centers", "award cost_center valid_from valid_to"),
    "cost_rules": table("cost_rules", "sponsor_category account treatment source"),
    "fa_rates": table("fa_rates", "award rate:whole valid_from valid_to"),
    "fa_exclusions": table("fa_exclusions", "award account"),
    "efforts": table(
        "efforts", "worker award slice_from slice_to pay_kind percent charged_rate:cents entered_at"
    ),
    "certifications": table("certifications", "worker period due_on certified_on certifier"),
    "salary_caps": table("salary_caps", "sponsor_category yearly:cents valid_from valid_to"),
}


def day(now: datetime, ago: int) -> str:
    """The date so many days before, negative: after."""
    return (now - timedelta(days=ago)).date().isoformat()


def award(number: int) -> str:
    return f"AW-{2000 + number}"


def grants_rows(now: datetime) -> Rows:
    """Awards that ended half a year ago or go on for years; two workers an award."""
    begin, numbers = day(now, 900), range(AWARDS)
    return {
        "awards": [_award_row(number, now) for number in numbers],
        "budgets": [
            {"award": award(number), "budget_period": "1", "budget_line": line, "amount": AWARDED // 4}
            for number in numbers
            for line in ("supplies", "overhead", "other")
        ],
        "award_cost_centers": [
            {"award": award(number), "cost_center": "10", "valid_from": day(now, 1000)} for number in numbers
        ],
        "cost_rules": [
            {"sponsor_category": "federal", "account": account, "treatment": treatment, "source": source}
            for account, treatment, source in (
                (REVIEWED, "review", "2 CFR 200.438"),
                (NOT_ALLOWED, "not_allowed", "2 CFR 200.423"),
            )
        ],
        "fa_rates": [{"award": award(number), "rate": 50, "valid_from": begin} for number in numbers],
        "fa_exclusions": [{"award": "*", "account": account} for account in (REVIEWED, NOT_ALLOWED, OUTSIDE)],
        "efforts": _efforts(now),
        "certifications": _certifications(now),
        "salary_caps": [{"sponsor_category": "federal", "yearly": 22_570_000, "valid_from": begin}],
    }


def _award_row(number: int, now: datetime) -> Row:
    return {
        "award": award(number),
        "kind": "grant",
        "title": f"Study {number}",
        "sponsor": "Agency",
        "sponsor_category": "federal",
        "status": "active",
        "starts_on": day(now, 900),
        "ends_on": day(now, 140 if number in ENDING else -900),
        "amount": AWARDED,
        "facility": "HMC",
    }


def _certifications(now: datetime) -> list[Row]:
    said = {"period": "H1", "due_on": day(now, 60), "certified_on": day(now, 70), "certifier": "P1"}
    return [{"worker": f"E{number}", **said} for number in range(WORKERS)]


def _incurred(number: int) -> int:
    """Days ago."""
    return 155 if number in ENDING else 100


def _efforts(now: datetime) -> list[Row]:
    return [
        {
            "worker": f"E{number}",
            "award": award(half),
            "slice_from": day(now, 200),
            "slice_to": day(now, 20),
            "pay_kind": "regular",
            "percent": "50",
            "charged_rate": 18_000_000,
            "entered_at": stamp(now - timedelta(days=40)),
        }
        for number in range(WORKERS)
        for half in (0, 1)
    ]


def erp_rows(now: datetime) -> Rows:
    """On each award a direct expense, what is booked on top, one outside the base, and an encumbrance."""
    numbers = range(AWARDS)
    return {
        "expenses": [row for number in numbers for row in _expenses(number, now)],
        "encumbrances": [_encumbrance(number, now) for number in numbers],
        "cost_transfers": [_transfer(number, now) for number in range(TRANSFERS)],
    }


def _expenses(number: int, now: datetime) -> list[Row]:
    ago = _incurred(number)
    lines = (
        ("1", "direct", "6100", SPENT, "supplies"),
        ("2", "facilities", "8000", OVERHEAD, "overhead"),
        ("3", "direct", OUTSIDE, 40_000, "other"),
    )
    return [
        {
            "document": f"XP-{number}",
            "line": line,
            "award": award(number),
            "cost_center": "10",
            "account": account,
            "budget_period": "1",
            "budget_line": budget,
            "kind": kind,
            "description": f"Supplies of study {number}",
            "amount": amount,
            "incurred_on": day(now, ago),
            "period": day(now, ago)[:7],
            "status": "posted",
            "posted_at": stamp(now - timedelta(days=ago - 5)),
            "facility": "HMC",
        }
        for line, kind, account, amount, budget in lines
        if number not in LEAVING or line == "3"
    ]


def _encumbrance(number: int, now: datetime) -> Row:
    return {
        "document": f"EN-{number}",
        "line": "1",
        "award": award(number),
        "account": "6100",
        "budget_period": "1",
        "budget_line": "supplies",
        "amount": 20_000,
        "obligated_on": day(now, _incurred(number) - 10),
        "status": "open",
        "entered_at": stamp(now - timedelta(days=90)),
        "facility": "HMC",
    }


def _transfer(number: int, now: datetime) -> Row:
    return {
        "transfer": f"CT-{number}",
        "from_award": award(number),
        "to_award": award(number + 1),
        "cost_kind": "direct",
        "amount": 30_000,
        "original_on": day(now, 150),
        "discovered_on": day(now, 100),
        "cause": "The sensors were ordered for the former study and used here",
        "certifier": "P1",
        "status": "posted",
        "transferred_at": stamp(now - timedelta(days=60)),
        "facility": "HMC",
    }
