"""What HCM says of an assignment against payroll and the ERP, each as of its day; and who reports to whom."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from .books import NOW
from .people_books import PeopleBooks, Said, at, on, sentence, site

PAYROLL, ERP, MANAGER = "h2r.payroll_assignment", "h2r.erp_assignment", "h2r.manager"

DIFFERENT: list[tuple[str, Said, set[str]]] = [
    ("alike", {}, set()),
    ("cost center", {"cost_center": "4200"}, {"cost_center_mismatch"}),
    ("department", {"department": "ER"}, {"department_mismatch"}),
    ("manager", {"manager": "M2"}, {"manager_mismatch"}),
    ("unknown cost center", {"cost_center": None}, set()),
    ("FTE by a hundredth", {"fte": Decimal("0.99")}, set()),
    ("FTE by more", {"fte": Decimal("0.9899")}, {"fte_mismatch"}),
    ("hours by a hundredth", {"standard_hours": Decimal("40.01")}, set()),
    ("hours by more", {"standard_hours": Decimal("40.0101")}, {"standard_hours_mismatch"}),
    ("rate by a cent", {"pay_rate": Decimal("50.01")}, set()),
    ("rate by more", {"pay_rate": Decimal("49.98")}, {"pay_rate_mismatch"}),
    ("ended there", {"status": "terminated", "cost_center": "4200"}, set()),
    ("until before the period's end", {"valid_to": on(11, 13), "cost_center": "4200"}, set()),
    ("until the period's end", {"valid_to": on(11, 14), "cost_center": "4200"}, {"cost_center_mismatch"}),
    ("on leave", {"status": "leave", "cost_center": "4200"}, {"cost_center_mismatch"}),
    ("entered within the lag", {"cost_center": "4200", "entered_at": NOW - timedelta(minutes=59)}, set()),
    ("another pay group", {"pay_group": "MONTHLY", "cost_center": "4200"}, set()),
    ("another assignment", {"assignment": "2", "cost_center": "4200"}, set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "wanted"), [row[1:] for row in DIFFERENT], ids=[row[0] for row in DIFFERENT]
)
def test_hcm_against_payroll(people: PeopleBooks, said: Said, wanted: set[str]) -> None:
    people.slice("HCM")
    people.slice("PAY", **said)
    assert people.categories(PAYROLL) == wanted


SECOND = {"valid_from": on(11, 2)}
LATER: list[tuple[str, list[Said], set[str]]] = [
    ("on the last day of the period", [{"valid_from": on(11, 14)}], {"cost_center_mismatch"}),
    ("from the next period on", [{"valid_from": on(11, 15)}], set()),
    ("next year", [{"valid_from": on(12, 1)}], set()),
    ("corrected on the same day", [SECOND, {**SECOND, "sequence": 1, "cost_center": "4100"}], set()),
    ("the first sequence was right", [{"sequence": 1}], {"cost_center_mismatch"}),
    ("there and back", [{"valid_from": on(5, 1)}, {"valid_from": on(6, 1), "cost_center": "4100"}], set()),
    ("an older slice read later", [{"valid_from": on(2, 1), "source_time": NOW}], set()),
]  # fmt: skip


@pytest.mark.parametrize(("slices", "wanted"), [row[1:] for row in LATER], ids=[row[0] for row in LATER])
def test_the_slice_that_counts(people: PeopleBooks, slices: list[Said], wanted: set[str]) -> None:
    people.slice()
    for said in slices:
        people.slice("HCM", **{"cost_center": "4200", "entered_at": at(2, 1), **said})
    assert people.categories(PAYROLL) == wanted


def test_nothing_is_compared_before_a_period_is_calculated(people: PeopleBooks) -> None:
    people.con.execute("UPDATE all_pay_period SET status = 'open'")
    people.slice("HCM")
    people.slice("PAY", cost_center="4200")
    assert people.categories(PAYROLL) == set()


def test_nothing_is_compared_before_the_calendar_was_read(people: PeopleBooks) -> None:
    people.slice("HCM")
    people.slice("PAY", cost_center="4200")
    assert people.categories(PAYROLL, read={"hcm.period": None, "payroll.period": None}) == set()


def test_one_exception_an_assignment(people: PeopleBooks) -> None:
    people.slice("HCM")
    people.slice("PAY", cost_center="4200", department="ER", fte=Decimal("0.5"))
    (found,) = people.primaries(PAYROLL)
    assert (found.category, found.also) == ("cost_center_mismatch", ("department_mismatch", "fte_mismatch"))
    assert found.reference == "W1/1"


def test_a_cost_center_says_both_sides_and_since_when(people: PeopleBooks) -> None:
    people.slice("HCM")
    people.slice("PAY", cost_center="4200")
    assert sentence(people, PAYROLL) == "W1: HCM says 4100, payroll 4200, from 1 Mar 2026."


def test_pay_rates_are_never_said(people: PeopleBooks) -> None:
    people.slice("HCM", pay_rate=Decimal("61.37"))
    people.slice("PAY", pay_rate=Decimal("58.11"))
    found = people.only(PAYROLL)
    assert sentence(people, PAYROLL) == (
        "W1: HCM and payroll have different pay rates from 1 Mar 2026, as of the end of 2026-23."
    )
    assert "61.37" not in found.facts + found.reference and found.amount is None
    assert "61.37" in found.evidence


ON_THE_DAY: list[tuple[str, Said, set[str]]] = [
    ("alike", {}, set()),
    ("from today", {"valid_from": on(11, 24)}, {"cost_center_mismatch"}),
    ("from tomorrow", {"valid_from": on(11, 25)}, set()),
    ("ended yesterday", {"valid_to": on(11, 23), "valid_from": on(4, 1)}, set()),
    ("ends today", {"valid_to": on(11, 24), "valid_from": on(4, 1)}, {"cost_center_mismatch"}),
]


@pytest.mark.parametrize(
    ("said", "wanted"), [row[1:] for row in ON_THE_DAY], ids=[row[0] for row in ON_THE_DAY]
)
def test_hcm_against_the_erp(people: PeopleBooks, said: Said, wanted: set[str]) -> None:
    people.slice()
    if said:
        people.slice("HCM", cost_center="4200", **said)
    assert people.categories(ERP) == wanted


@pytest.mark.parametrize(
    ("said", "category"),
    [({"department": "ER"}, "department_mismatch"), ({"manager": "M2"}, "manager_mismatch")],
)
def test_the_erp_s_department_and_manager(people: PeopleBooks, said: Said, category: str) -> None:
    people.slice("HCM")
    people.slice("ERP", **said)
    assert people.categories(ERP) == {category}
    assert "the ERP" in sentence(people, ERP)


GONE = {"worker": "M1", "status": "terminated"}
BOSSES: list[tuple[str, Said, list[Said], set[str]]] = [
    ("who is here", {}, [{"worker": "M1", "manager": "M2"}], set()),
    ("at another facility", {"manager": "M9"}, [{"worker": "M9"}], set()),
    ("on leave", {}, [{"worker": "M1", "status": "leave"}], set()),
    ("nobody", {"manager": None}, [], {"manager_missing"}),
    ("a blank", {"manager": ""}, [], {"manager_missing"}),
    ("unknown", {}, [], {"manager_missing"}),
    ("the head", {"manager": None, "is_head": True}, [], set()),
    ("who left yesterday", {}, [{**GONE, "terminated_on": on(11, 23)}], {"manager_terminated"}),
    ("whose last day is today", {}, [{**GONE, "terminated_on": on(11, 24)}], set()),
    ("one has left oneself", {"manager": None, "status": "terminated"}, [], set()),
    ("from tomorrow", {"manager": None, "valid_from": on(11, 25)}, [], set()),
    ("entered within the lag", {"manager": None, "entered_at": NOW - timedelta(minutes=59)}, [], set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "listed", "wanted"), [row[1:] for row in BOSSES], ids=[row[0] for row in BOSSES]
)
def test_manager(people: PeopleBooks, said: Said, listed: list[Said], wanted: set[str]) -> None:
    people.slice("HCM", **said)
    for one in listed:
        people.listed(**{"person": one["worker"], **one})
    assert people.categories(MANAGER) == wanted


def test_nobody_lacks_a_manager_where_no_feed_maps_managers(tmp_path: Path) -> None:
    people = PeopleBooks(site(tmp_path, without=["hcm_assignment.manager"]))
    people.slice("HCM", manager=None)
    people.listed(worker="M2")
    assert people.categories(MANAGER) == set()


def test_managers_are_told_by_number(people: PeopleBooks) -> None:
    people.slice("HCM")
    assert sentence(people, MANAGER) == "W1 reports to nobody: manager M1 is unknown."
    people.listed(worker="M1", status="terminated", terminated_on=on(11, 1), manager="W1")
    people.con.execute("DELETE FROM all_assignment")
    people.slice("HCM", is_head=True)
    assert sentence(people, MANAGER) == "W1 reports to M1, who left on 1 Nov 2026."


def _facts(people: PeopleBooks, check: str) -> dict[str, str | None]:
    facts: dict[str, str | None] = json.loads(people.only(check).facts)
    return facts


MASTERS: list[tuple[str, list[str], str | None, str | None]] = [
    ("both are known", ["4100", "PX-9"], None, None),
    ("payroll's is not", ["4100", "7000"], None, "PX-9"),
    ("HCM's is not", ["PX-9"], "4100", None),
    ("neither is: no master tells", [], None, None),
]


@pytest.mark.parametrize(
    ("held", "hcm", "payroll"), [row[1:] for row in MASTERS], ids=[row[0] for row in MASTERS]
)
@pytest.mark.parametrize("column", ["cost_center", "department"])
def test_a_code_that_the_masters_lack_is_unmapped(
    people: PeopleBooks, column: str, held: list[str], hcm: str | None, payroll: str | None
) -> None:
    for code in held:
        people.add(column, "ERP", entity=None, name=code, status="active", **{column: code})
    # What another system's list holds says nothing of the ERP's.
    people.add(column, "PAY", entity=None, name="PX-9", status="active", **{column: "PX-9"})
    people.slice("HCM", **{column: "4100"})
    people.slice("PAY", **{column: "PX-9"})
    facts = _facts(people, PAYROLL)
    assert (facts.get("hcm_unmapped"), facts.get("payroll_unmapped")) == (hcm, payroll)


@pytest.mark.parametrize(
    ("held", "hcm"), [(["4100"], "HX-9"), (["4100", "HX-9"], None), (["HX-9"], None), ([], None)]
)
@pytest.mark.parametrize("column", ["cost_center", "department"])
def test_a_code_of_hcm_that_the_masters_lack_is_unmapped_in_the_erp(
    people: PeopleBooks, column: str, held: list[str], hcm: str | None
) -> None:
    for code in held:
        people.add(column, "ERP", entity=None, name=code, status="active", **{column: code})
    people.slice("HCM", **{column: "HX-9"})
    people.slice("ERP", **{column: "4100"})
    facts = _facts(people, ERP)
    assert facts.get("hcm_unmapped") == hcm
    assert "payroll_unmapped" not in facts
