"""Masters that the ERP shares with other systems, and the journals that they send back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from exceptions_app.catalog.catalog import Catalog

from .books import NOW, days_ago
from .flow_books import FlowBooks, flow_site

JOURNAL = "fin.journal"
MASTERS = ["account", "cost_center", "department", "location"]


def finance_site(folder: Path) -> Catalog:
    return flow_site(
        folder,
        "finance_masters",
        {
            "ERP": ("erp", [*MASTERS, "journal_line"]),
            "HCM": ("hcm", ["cost_center", "department"]),
            "PAY": ("payroll", [*MASTERS, "sent_journal"]),
            "WMS": ("wms", ["location", "cost_center", "sent_journal"]),
        },
        {"cost_center": [{"system": "PAY", "local": "P-10", "canonical": "10"}]},
    )


class FinanceBooks(FlowBooks):
    """Each row is the master 10, changed nine days ago; a journal of 500.00 sent two days ago."""

    usual: ClassVar = {
        **{
            master: {
                master: "10", "name": "Theatre", "status": "active", "parent": "1", "source_time": days_ago(9),
            }
            for master in MASTERS
        },
        "sent_journal": {
            "journal": "P-1", "amount": 500, "currency": "USD", "period": "2026-11", "status": "sent",
            "sent_at": days_ago(2),
        },
        "journal_line": {
            "journal": "GL-7", "line": "1", "source_journal": "P-1", "account": "6000", "amount": 500,
            "currency": "USD", "status": "posted", "entered_at": days_ago(2),
        },
    }  # fmt: skip

    def masters(self, master: str = "cost_center", **by_system: dict[str, Any] | None) -> None:
        """The master in each system, with what is said of it there; None: not there. Each holds another, too."""
        for system in ("ERP", "HCM", "PAY"):
            self.put(master, system, **{master: "99"})
            said = by_system.get(system, {})
            if said is not None:
                self.put(master, system, **said)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return finance_site(tmp_path_factory.mktemp("finance"))


@pytest.fixture
def books(catalog: Catalog) -> FinanceBooks:
    return FinanceBooks(catalog)


@pytest.mark.parametrize("master", ["cost_center", "department"])
def test_masters_that_agree_are_silent(books: FinanceBooks, master: str) -> None:
    books.masters(master)
    assert books.raised(f"fin.{master}") == []


def test_a_local_code_that_is_mapped_is_the_same(books: FinanceBooks) -> None:
    books.masters(PAY={"cost_center": "P-10"})
    assert books.raised("fin.cost_center") == []


@pytest.mark.parametrize(
    ("by_system", "told"),
    [
        ({"HCM": None}, "Cost center 10 Theatre has not reached HCM."),
        ({"HCM": None, "PAY": None}, "Cost center 10 Theatre has not reached HCM, payroll."),
        ({"ERP": None, "HCM": None}, "Cost center 10 Theatre is used in payroll and is not in the ERP."),
        ({"ERP": None}, "Cost center 10 Theatre is used in HCM, payroll and is not in the ERP."),
        (
            {"PAY": {"status": "inactive"}},
            "Cost center 10 Theatre is active in the ERP and not so in payroll.",
        ),
        (
            {"ERP": {"status": "inactive"}, "PAY": {"status": "closed"}},
            "Cost center 10 Theatre is inactive in the ERP and not so in HCM.",
        ),
        ({"HCM": {"parent": "2"}}, "Cost center 10 Theatre rolls up to 1 in the ERP and elsewhere in HCM."),
        (
            {"ERP": {"parent": None}, "PAY": {"parent": None}},
            "Cost center 10 Theatre rolls up to nothing in the ERP and elsewhere in HCM.",
        ),
        (
            {"PAY": {"name": "Surgery"}},
            "Cost center 10 is Theatre in the ERP and named otherwise in payroll.",
        ),
    ],
)
def test_what_differs(books: FinanceBooks, by_system: dict[str, Any], told: str) -> None:
    books.masters(**by_system)
    assert books.told("fin.cost_center") == [told]


@pytest.mark.parametrize(
    ("by_system", "category"),
    [
        ({"HCM": None}, "propagation_gap"),
        ({"ERP": None}, "master_missing"),
        ({"HCM": {"status": "inactive"}}, "master_inactive"),
        ({"HCM": {"parent": "2"}}, "master_rolled_up"),
        ({"HCM": {"name": "Surgery"}}, "master_renamed"),
    ],
)
def test_departments_are_compared_alike(
    books: FinanceBooks, by_system: dict[str, Any], category: str
) -> None:
    books.masters("department", **by_system)
    assert books.raised("fin.department") == [category]


@pytest.mark.parametrize(("gone", "wrote"), [({}, "hcm"), ({"HCM": None}, "payroll")])
def test_what_the_erp_lacks_names_the_side_that_wrote_it(
    books: FinanceBooks, gone: dict[str, Any], wrote: str
) -> None:
    books.masters("department", ERP=None, **gone)
    facts = json.loads(books.found("fin.department").facts)
    assert (facts["kind"], facts["wrote"]) == ("Department", wrote)


@pytest.mark.parametrize("master", ["account", "location"])
def test_accounts_and_locations_are_compared_alike(books: FinanceBooks, master: str) -> None:
    books.masters(master, PAY={"name": "Surgery"}, HCM=None)
    assert books.raised(f"fin.{master}") == ["master_renamed"]


@pytest.mark.parametrize(
    "by_system",
    [
        {"HCM": {"name": " THE ATRE"}},
        {"HCM": {"parent": None}},
        {"ERP": {"status": "inactive"}, "HCM": None, "PAY": None},
        {"ERP": None, "HCM": {"status": "inactive"}, "PAY": None},
        {"ERP": {"status": "inactive"}, "HCM": {"status": "closed", "name": "X"}, "PAY": {"status": "inactive"}},
    ],
    ids=["case and blanks", "no structure there", "ended, gone there", "ended there, never here", "ended everywhere"],
)  # fmt: skip
def test_what_does_not_differ(books: FinanceBooks, by_system: dict[str, Any]) -> None:
    books.masters(**by_system)
    assert books.raised("fin.cost_center") == []


def test_a_system_that_holds_none_does_not_subscribe(books: FinanceBooks) -> None:
    books.masters()
    assert books.raised("fin.cost_center") == []  # the warehouse sends cost centers and holds none
    books.put("cost_center", "WMS", cost_center="99")
    assert books.told("fin.cost_center") == ["Cost center 10 Theatre has not reached the warehouse."]


def test_a_gap_is_none_before_that_system_was_read_after_the_lag(books: FinanceBooks) -> None:
    books.masters(HCM=None)
    assert books.raised("fin.cost_center", read={"hcm": days_ago(9)}) == []
    assert books.raised("fin.cost_center", read={"hcm": None}) == []


def test_a_change_is_on_its_way_until_everybody_was_read_after_it(books: FinanceBooks) -> None:
    books.masters(ERP={"name": "Surgery", "source_time": NOW - timedelta(minutes=59)})
    assert books.raised("fin.cost_center") == []
    books.con.execute("UPDATE all_cost_center SET source_time = ? WHERE name = 'Surgery'", [days_ago(1 / 24)])
    assert books.raised("fin.cost_center") == ["master_renamed"]


JOURNALS: list[tuple[str, dict[str, Any], list[dict[str, Any]], str | None]] = [
    ("posted", {}, [{}, {"line": "2"}], None),
    ("rejected in the ERP", {}, [{"status": "rejected", "reason": "Period 10 is closed."}],
     "P-1 of PAY, $500.00, was rejected: Period 10 is closed."),
    ("one line rejected", {}, [{}, {"line": "2", "status": "rejected", "reason": "Account 9 is inactive."}],
     "P-1 of PAY, $500.00, was rejected: Account 9 is inactive."),
    ("rejected at the door", {"status": "rejected", "reason": "not balanced"}, [],
     "P-1 of PAY, $500.00, was rejected: not balanced"),
    ("rejected without a word", {"status": "rejected"}, [],
     "P-1 of PAY, $500.00, was rejected: no reason given"),
    ("never arrived", {}, [], "P-1 of PAY, $500.00, was sent on 22 Nov 2026 and is not in the ERP."),
    ("four hours ago", {"sent_at": days_ago(4 / 24)}, [],
     "P-1 of PAY, $500.00, was sent on 24 Nov 2026 and is not in the ERP."),
    ("less than four hours ago", {"sent_at": days_ago(3.9 / 24)}, [], None),
    ("held", {}, [{"status": "held", "reason": "approval"}],
     "P-1 of PAY, $500.00, was sent on 22 Nov 2026 and is still held, approval."),
    ("one line not posted", {}, [{}, {"line": "2", "status": "entered"}],
     "P-1 of PAY, $500.00, was sent on 22 Nov 2026 and is still entered."),
    ("held since this morning", {"sent_at": days_ago(0.9)}, [{"status": "held"}], None),
    ("cancelled", {"status": "cancelled"}, [], None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "lines", "told"), [row[1:] for row in JOURNALS], ids=[r[0] for r in JOURNALS]
)
def test_journals(
    books: FinanceBooks, sent: dict[str, Any], lines: list[dict[str, Any]], told: str | None
) -> None:
    books.put("sent_journal", "PAY", **sent)
    for line in lines:
        books.put("journal_line", "ERP", **line)
    assert books.told(JOURNAL) == ([told] if told else [])


def test_journals_of_two_systems_with_one_number_are_two(books: FinanceBooks) -> None:
    books.put("sent_journal", "PAY")
    books.put("sent_journal", "WMS")
    assert books.raised(JOURNAL) == ["journal_stuck", "journal_stuck"]


def test_a_journal_is_not_missed_before_the_erp_was_read(books: FinanceBooks) -> None:
    books.put("sent_journal", "PAY")
    assert books.raised(JOURNAL, read={"sent.booked": None}) == []
    assert books.raised(JOURNAL, read={"sent.booked": days_ago(2)}) == []
