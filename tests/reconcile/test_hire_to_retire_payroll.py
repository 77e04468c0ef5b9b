"""What is paid: to whom, for which hours, with what is owed from before, and how it reaches the general ledger."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from .books import NOW, days_ago
from .people_books import PeopleBooks, Said, at, ended, on, sentence

PAID, HOURS, RETRO, LEDGER = "h2r.terminated_paid", "h2r.hours_paid", "h2r.retro", "h2r.register_ledger"
LEFT = ended(on(11, 4))
AFTER = {"earning_begin": on(11, 5)}

PAY: list[tuple[str, Said, list[Said], bool]] = [
    ("for days after the last", LEFT, [AFTER], True),
    ("for the last day", LEFT, [{"earning_begin": on(11, 4)}], False),
    ("for the whole period", LEFT, [{}], False),
    ("overtime", LEFT, [{**AFTER, "earning": "overtime"}], True),
    ("leave", LEFT, [{**AFTER, "earning": "leave"}], True),
    ("a payout of paid time off", LEFT, [{**AFTER, "earning": "pto_payout"}], False),
    ("severance", LEFT, [{**AFTER, "earning": "severance"}], False),
    ("final pay", LEFT, [{**AFTER, "earning": "final"}], False),
    ("retro", LEFT, [{**AFTER, "earning": "retro"}], False),
    ("still here", {}, [AFTER], False),
    ("rescinded", {"terminated_on": on(11, 4)}, [AFTER], False),
    ("rehired", {"hired_on": on(11, 20), "terminated_on": on(11, 4)}, [AFTER], False),
    ("works on under another number", {**LEFT, "person_active": True}, [AFTER], False),
    ("does not work on", {**LEFT, "person_active": False}, [AFTER], True),
    ("void", LEFT, [{**AFTER, "status": "void"}], False),
    ("taken back", LEFT, [AFTER, {**AFTER, "line": "2", "hours": -80, "amount": -4000}], False),
    ("taken back in part", LEFT, [AFTER, {**AFTER, "line": "2", "hours": -40, "amount": -2000}], True),
    ("unpaid hours", LEFT, [{**AFTER, "amount": 0}], False),
]  # fmt: skip


@pytest.mark.parametrize(("who", "lines", "raised"), [row[1:] for row in PAY], ids=[row[0] for row in PAY])
def test_terminated_but_paid(people: PeopleBooks, who: Said, lines: list[Said], raised: bool) -> None:
    people.worker("HCM", **who)
    for said in lines:
        people.pay(**said)
    assert people.categories(PAID) == ({"terminated_paid"} if raised else set())


@pytest.mark.parametrize(("other", "raised"), [("active", False), ("terminated", True)])
def test_another_number_of_the_person_goes_on_and_nobody_marked_it(
    people: PeopleBooks, other: str, raised: bool
) -> None:
    people.worker("HCM", "LIST", **LEFT)
    people.worker("LIST", worker="W2", status=other)
    people.worker("LIST", worker="W3", person="P3")
    people.pay(**AFTER)
    assert people.categories(PAID) == ({"terminated_paid"} if raised else set())


def test_another_job_goes_on(people: PeopleBooks) -> None:
    people.worker("HCM")
    people.slice("HCM", status="terminated")
    people.slice("HCM", assignment="2")
    people.pay(**AFTER)
    assert people.categories(PAID) == set()


def test_pay_after_the_end_says_hours_and_never_money(people: PeopleBooks) -> None:
    people.worker("HCM", **LEFT)
    people.pay(**AFTER, hours=24, amount=1234)
    people.pay(run="R22", pay_period="2026-22", earning_begin=on(10, 18), earning_end=on(10, 31))
    found = people.only(PAID)
    assert sentence(people, PAID) == (
        "W1 left on 4 Nov 2026 and is paid from 5 Nov 2026 in 2026-23: 24 hours of regular pay."
    )
    assert json.loads(found.business_key) == {"pay_period": "2026-23", "worker": "W1"}
    assert found.amount is None and "1234" not in found.facts
    assert people.catalog.categories["terminated_paid"].severity == "critical"


TIME: list[tuple[str, list[Said], list[Said], set[str]]] = [
    ("alike", [{}], [{}], set()),
    ("nothing paid", [{}], [], {"hours_not_paid"}),
    ("paid for another period", [{}], [{"pay_period": "2026-22"}], {"hours_not_paid"}),
    ("paid and taken back", [{}], [{}, {"line": "2", "hours": -80}], {"hours_not_paid"}),
    ("a bonus only", [{}], [{"earning": "bonus", "hours": None}], {"hours_not_paid"}),
    ("void", [{}], [{"status": "void"}], {"hours_not_paid"}),
    ("by a hundredth", [{}], [{"hours": Decimal("79.99")}], set()),
    ("fewer", [{}], [{"hours": Decimal("79.9899")}], {"hours_mismatch"}),
    ("more", [{}], [{"hours": 84}], {"hours_mismatch"}),
    ("regular and overtime", [{"hours": 90}], [{}, {"line": "2", "hours": 10, "earning": "overtime"}], set()),
    ("two entries", [{"hours": 50}, {"entry": "T2", "hours": 30}], [{}], set()),
    ("submitted only", [{"status": "submitted"}], [], set()),
    ("rejected", [{"status": "rejected"}], [], set()),
    ("approved after the run", [{"approved_at": at(11, 17)}], [], set()),
    ("of the open period", [{"pay_period": "2026-24"}], [], set()),
    ("no hours", [{"hours": 0}], [], set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "lines", "wanted"), [row[1:] for row in TIME], ids=[row[0] for row in TIME]
)
def test_hours(people: PeopleBooks, entries: list[Said], lines: list[Said], wanted: set[str]) -> None:
    people.slice("HCM")
    for said in entries:
        people.time(**said)
    for said in lines:
        people.pay(**said)
    assert people.categories(HOURS) == wanted


def test_salaried_hours_are_not_paid_by_the_hour(people: PeopleBooks) -> None:
    people.slice("HCM", pay_basis="salaried")
    people.time(hours=92)
    people.pay()
    assert people.categories(HOURS) == set()


def test_hours_say_their_figures(people: PeopleBooks) -> None:
    people.time(hours=36)
    assert sentence(people, HOURS) == "W1, 2026-23: 36 approved hours, nothing paid."
    assert people.categories(HOURS, read={"pay": None}) == set()
    assert "2026-11-25" in people.only(HOURS).facts, "the cut-off of the run that is open"
    people.pay(hours=34)
    assert "2026-11-25" in people.only(HOURS).facts
    assert sentence(people, HOURS) == "W1, 2026-23: 36 hours approved, 34 paid."


# The run of 2026-23 takes what is entered from 29 October to 11 November, and pays from 1 November on.
CHANGE = {"valid_from": on(10, 20), "entered_at": at(11, 5), "changes_pay": True}
CHANGES: list[tuple[str, Said, list[Said], bool]] = [
    ("late, and no retro", {}, [], True),
    ("made good", {}, [{"earning": "retro"}], False),
    ("made good by a later run", {}, [{"earning": "retro", "period_end": on(11, 28), "run": "R24"}], False),
    ("a retro of an earlier run", {}, [{"earning": "retro", "period_end": on(10, 31), "run": "R22"}], True),
    ("a void retro", {}, [{"earning": "retro", "status": "void"}], True),
    ("somebody else's retro", {}, [{"earning": "retro", "worker": "W2"}], True),
    ("another assignment's retro", {}, [{"earning": "retro", "assignment": "2"}], True),
    ("from the run's first day on", {"valid_from": on(11, 1)}, [], False),
    ("from the day before", {"valid_from": on(10, 31)}, [], True),
    ("pays the same", {"changes_pay": False}, [], False),
    ("not known what it changes", {"changes_pay": None}, [], False),
    ("entered on the day of the cut-off", {"entered_at": at(11, 11)}, [], True),
    ("entered after the cut-off, run to come", {"entered_at": at(11, 12)}, [], False),
    ("entered in time", {"entered_at": at(10, 19)}, [], False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "lines", "raised"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES]
)
def test_retro(people: PeopleBooks, said: Said, lines: list[Said], raised: bool) -> None:
    people.slice("HCM", **{**CHANGE, **said})
    for line in lines:
        people.pay(**line)
    assert people.categories(RETRO) == ({"retro_missed"} if raised else set())


EARLIER, LATER = on(10, 15), on(10, 25)
OTHERS: list[tuple[str, date, list[tuple[date, date]], bool]] = [
    ("for a later change", LATER, [(on(10, 25), on(10, 31))], True),
    ("for a later change, from a day that was worked", LATER, [(on(10, 27), on(10, 31))], True),
    ("for both in one line", LATER, [(on(10, 20), on(10, 31))], False),
    ("for both, from a day that was worked", LATER, [(on(10, 22), on(10, 31))], False),
    ("for both in two lines", LATER, [(on(10, 20), on(10, 24)), (on(10, 25), on(10, 31))], False),
    ("for an earlier change", EARLIER, [(on(10, 15), on(10, 19))], True),
    ("for an earlier one and this", EARLIER, [(on(10, 15), on(10, 31))], False),
    ("for days of its own period", LATER, [(on(11, 1), on(11, 14))], False),
    ("for a later one, and not said", LATER, [(on(10, 25), on(10, 31)), (on(11, 1), on(11, 14))], False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("other", "lines", "raised"), [row[1:] for row in OTHERS], ids=[row[0] for row in OTHERS]
)
def test_retro_that_was_paid_for_another_change(
    people: PeopleBooks, other: date, lines: list[tuple[date, date]], raised: bool
) -> None:
    people.slice("HCM", **CHANGE)
    people.slice("HCM", **{**CHANGE, "valid_from": other})
    for number, (first, last) in enumerate(lines):
        people.pay(earning="retro", earning_begin=first, earning_end=last, line=str(number + 2))
    missed = {json.loads(one.business_key)["effective"] for one in people.run(RETRO).discrepancies}
    assert (str(CHANGE["valid_from"]) in missed) == raised


def test_the_highest_sequence_says_what_was_changed(people: PeopleBooks) -> None:
    people.slice("HCM", **CHANGE)
    people.slice("HCM", **{**CHANGE, "sequence": 1, "changes_pay": False})
    assert people.categories(RETRO) == set()


def test_retro_waits_for_the_register_and_says_its_run(people: PeopleBooks) -> None:
    people.slice("HCM", **CHANGE)
    assert people.categories(RETRO, read={"hcm.retro": None}) == set()
    assert sentence(people, RETRO) == (
        "W1: change of pay effective 20 Oct 2026, entered 5 Nov 2026; 2026-23 paid no retro."
    )
    assert json.loads(people.only(RETRO).facts)["inputs_to"] == "2026-11-25", "the open run's cut-off"


LEDGERS: list[tuple[str, list[tuple[str, Said]], set[str]]] = [
    ("alike", [("PAY", {}), ("ERP", {})], set()),
    ("by one", [("PAY", {}), ("ERP", {"amount": 9_999})], set()),
    ("by more", [("PAY", {}), ("ERP", {"amount": Decimal("9998.99")})], {"4100"}),
    ("not posted", [("PAY", {})], {"4100"}),
    ("posted and not in the register", [("ERP", {})], {"4100"}),
    ("to another cost center", [("PAY", {}), ("ERP", {"cost_center": "4200"})], {"4100", "4200"}),
    ("to another account of the cost center", [("PAY", {}), ("ERP", {"account": "60200"})], set()),
    ("another period", [("PAY", {}), ("ERP", {"pay_period": "2026-22"})], {"4100"}),
    ("calculated yesterday", [("PAY", {"posted_at": days_ago(1.9)})], set()),
    ("calculated two days ago", [("PAY", {"posted_at": NOW - timedelta(days=2, hours=1)})], {"4100"}),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "wanted"), [row[1:] for row in LEDGERS], ids=[row[0] for row in LEDGERS])
def test_register_against_ledger(people: PeopleBooks, rows: list[tuple[str, Said]], wanted: set[str]) -> None:
    for system, said in rows:
        people.posting(system, **said)
    found = people.run(LEDGER).discrepancies
    assert {one.reference.split()[2] for one in found} == wanted
    assert {one.category for one in found} <= {"payroll_not_in_ledger"}


def test_the_ledger_lists_the_accounts_that_differ(people: PeopleBooks) -> None:
    people.posting()
    people.posting(account="61000", amount=800)
    people.posting("ERP", account="62000", amount=50)
    people.con.execute("DELETE FROM all_payroll_posting WHERE account = '61000' AND source_system = 'ERP'")
    assert (
        sentence(people, LEDGER)
        == "BW 2026-23, 4100: register $10,800.00, ledger $10,050.00; 2 accounts differ."
    )
    assert people.only(LEDGER).amount == 750
    assert "61000" in people.only(LEDGER).evidence
