"""The books of awards and other projects: a grants system, an ERP and an HCM."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import ClassVar

from exceptions_app.catalog.catalog import Catalog

from .books import days_ago
from .flow_books import FlowBooks, flow_site

ENDED = date(2026, 6, 30)
"""The last day of the award that everything is on."""


def grants_site(folder: Path) -> Catalog:
    return flow_site(
        folder,
        "projects_and_grants",
        {
            "GRANTS": (
                "grants",
                [
                    "award",
                    "award_budget",
                    "award_cost_center",
                    "cost_rule",
                    "fa_rate",
                    "fa_exclusion",
                    "salary_cap",
                    "sponsor_cap",
                    "sponsor_rule",
                ],
            ),
            "ERP": ("erp", ["expense", "encumbrance", "cost_transfer", "cost_center"]),
            "HCM": ("hcm", ["effort", "effort_certification"]),
        },
        {"award": [{"system": "ERP", "local": "FUND-1", "canonical": "A1"}]},
    )


class GrantsBooks(FlowBooks):
    """A federal grant of 100,000 to the end of June, and 500 spent on it in time."""

    usual: ClassVar = {
        "award": {
            "award": "A1", "kind": "grant", "title": "Sleep", "sponsor_category": "federal", "status": "active",
            "starts_on": date(2025, 7, 1), "ends_on": ENDED, "amount": 100000, "currency": "USD", "facility": "H1",
            "source_time": days_ago(400),
        },
        "award_budget": {
            "award": "A1", "budget_period": "1", "budget_line": "supplies", "amount": 1000, "currency": "USD",
        },
        "award_cost_center": {"award": "A1", "cost_center": "C1", "valid_from": date(2025, 7, 1)},
        "expense": {
            "expense": "E1", "expense_line": "1", "award": "A1", "cost_center": "C1", "account": "6100",
            "budget_period": "1", "budget_line": "supplies", "kind": "direct", "description": "Sensors",
            "amount": 500, "currency": "USD", "incurred_on": date(2026, 6, 10), "status": "posted",
            "posted_at": days_ago(150),
        },
        "encumbrance": {
            "encumbrance": "PO9", "encumbrance_line": "1", "award": "A1", "account": "6100", "budget_period": "1",
            "budget_line": "supplies", "amount": 400, "currency": "USD", "obligated_on": date(2026, 6, 20),
            "status": "open", "entered_at": days_ago(140),
        },
        "cost_rule": {
            "sponsor_category": "federal", "account": "6100", "treatment": "not_allowed", "source": "2 CFR 200.423",
        },
        "sponsor_rule": {"sponsor": "NHF", "account": "6100", "treatment": "allowed", "source": "NHF terms 4"},
        "sponsor_cap": {"sponsor": "NHF", "yearly": 190000, "currency": "USD", "valid_from": date(2025, 1, 1)},
        "fa_rate": {"award": "A1", "rate": 50, "valid_from": date(2025, 7, 1), "valid_to": date(2026, 5, 31)},
        "fa_exclusion": {"award": "A1", "account": "6900"},
        "effort": {
            "worker": "W1", "award": "A1", "slice_from": date(2026, 1, 1), "slice_to": date(2026, 6, 30),
            "pay_kind": "regular", "percent": 60, "charged_rate": 200000, "entered_at": days_ago(90),
        },
        "effort_certification": {
            "worker": "W1", "period": "2026-H1", "due_on": date(2026, 9, 30), "certifier": "P1",
        },
        "salary_cap": {
            "sponsor_category": "federal", "yearly": 225700, "currency": "USD", "valid_from": date(2025, 1, 1),
        },
        "cost_transfer": {
            "transfer": "T1", "from_award": "A2", "to_award": "A1", "amount": 300, "currency": "USD",
            "original_on": date(2026, 6, 10), "discovered_on": date(2026, 8, 1),
            "cause": "Sensors of the sleep laboratory were ordered on the former award", "certifier": "P1",
            "status": "posted", "transferred_at": days_ago(60),
        },
    }  # fmt: skip
