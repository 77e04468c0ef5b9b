"""Where labor is charged: in full, alike in HCM and payroll, split on the day of a transfer, and at home or lent."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from exceptions_app.domain.cutoffs import Schedule

from .books import NOW
from .people_books import PeopleBooks, Said, on, sentence

TOTAL, ALIKE, TRANSFER, UNIT = (
    "h2r.allocation_total",
    "h2r.allocation",
    "h2r.transfer_share",
    "h2r.worked_unit",
)


def part(cost_center: str, percent: str, **said: Any) -> Said:
    return {"cost_center": cost_center, "percent": Decimal(percent), **said}


PARTED = [part("4100", "60"), part("4200", "40", valid_to=on(11, 20))]
SHARES: list[tuple[str, list[Said], bool]] = [
    ("one", [part("4100", "100")], False),
    ("two", [part("4100", "60"), part("4200", "40")], False),
    ("a hundredth off", [part("4100", "60"), part("4200", "39.99")], False),
    ("more off", [part("4100", "60"), part("4200", "39.9899")], True),
    ("too much by a hundredth", [part("4100", "60"), part("4200", "40.01")], False),
    ("too much", [part("4100", "60"), part("4200", "40.0101")], True),
    ("one ended before", [part("4100", "60"), part("4200", "40", valid_to=on(11, 1))], True),
    ("one ends on the last day", [part("4100", "60"), part("4200", "40", valid_to=on(11, 28))], False),
    ("one ends the day before", [part("4100", "60"), part("4200", "40", valid_to=on(11, 27))], True),
    ("replaced at once", [*PARTED, part("4300", "40", valid_from=on(11, 21))], False),
    ("replaced a day late", [*PARTED, part("4300", "40", valid_from=on(11, 22))], True),
    ("replaced a day early", [*PARTED, part("4300", "40", valid_from=on(11, 20))], True),
    ("another one in future", [part("4100", "100"), part("4200", "40", valid_from=on(11, 29))], False),
    ("ended long ago", [part("4100", "100"), part("4200", "40", valid_to=on(6, 30))], False),
    ("by hours", [part("4100", "60"), part("4200", "0", split="hours")], False),
    ("what remains", [part("4100", "60", split="remainder")], False),
    ("none at all", [], False),
    ("entered within the lag", [part("4100", "60", entered_at=NOW - timedelta(minutes=59))], True),
]  # fmt: skip


@pytest.mark.parametrize(("shares", "raised"), [row[1:] for row in SHARES], ids=[row[0] for row in SHARES])
def test_allocated_in_full(people: PeopleBooks, shares: list[Said], raised: bool) -> None:
    people.slice("HCM")
    for said in shares:
        people.share("HCM", **said)
    assert people.categories(TOTAL) == ({"allocation_not_100"} if raised else set())


@pytest.mark.parametrize(
    ("said", "raised"),
    [({"status": "terminated"}, False), ({"valid_to": on(11, 27)}, False), ({"status": "leave"}, True)],
)
def test_who_has_left_needs_no_whole(people: PeopleBooks, said: Said, raised: bool) -> None:
    people.slice("HCM", **said)
    people.share("HCM", percent=100, valid_to=on(11, 20))
    assert bool(people.categories(TOTAL)) == raised


def test_an_allocation_says_period_and_percent(people: PeopleBooks) -> None:
    people.slice("HCM")
    people.share("HCM", percent=Decimal("87.5"))
    assert sentence(people, TOTAL) == "W1, 2026-24: 87.5 % allocated at its end."
    assert people.catalog.categories["allocation_not_100"].severity == "high"


def test_a_gap_says_that_the_end_is_whole(people: PeopleBooks) -> None:
    people.slice("HCM")
    people.share("HCM", valid_to=on(11, 20))
    people.share("HCM", cost_center="4200", valid_from=on(11, 22))
    assert sentence(people, TOTAL) == "W1, 2026-24: 100 % allocated at its end, and not on all of its days."


@pytest.mark.parametrize("check", [TOTAL, ALIKE])
def test_an_allocation_is_due_by_the_cutoff_of_the_open_run(people: PeopleBooks, check: str) -> None:
    people.slice("HCM")
    people.share("HCM", percent=60)
    facts = json.loads(people.only(check).facts)
    assert (facts["period"], facts["inputs_to"]) == ("2026-24", "2026-11-25")
    [declared] = [one for one in people.catalog.cutoffs if one.code == "payroll_inputs"]
    due = Schedule(declared, people.catalog.calendar(declared.calendar)).of(facts).after(NOW)
    assert due is not None and due.astimezone(ZoneInfo("America/New_York")).strftime("%d %H:%M") == "25 17:00"


AGAINST: list[tuple[str, list[tuple[str, Said]], set[str]]] = [
    ("alike", [("HCM", part("4100", "60")), ("PAY", part("4100", "60"))], set()),
    ("by a hundredth", [("HCM", part("4100", "60")), ("PAY", part("4100", "59.99"))], set()),
    ("by more", [("HCM", part("4100", "60")), ("PAY", part("4100", "59.9899"))], {"4100"}),
    ("in HCM alone", [("HCM", part("4100", "60"))], {"4100"}),
    ("in payroll alone", [("PAY", part("4100", "40"))], {"4100"}),
    ("all to one in payroll alone", [("PAY", part("4100", "100"))], set()),
    ("all, to different ones", [("HCM", part("4100", "100")), ("PAY", part("4200", "100"))], {"4100"}),
    ("ended in HCM", [("HCM", part("4100", "60", valid_to=on(11, 20))), ("PAY", part("4100", "60"))], {"4100"}),
    ("to come in HCM", [("HCM", part("4100", "60", valid_from=on(11, 29)))], set()),
    ("by hours", [("HCM", part("4100", "0", split="hours")), ("PAY", part("4100", "0", split="hours"))], set()),
    ("entered within the lag", [("HCM", part("4100", "60", entered_at=NOW - timedelta(minutes=59)))], set()),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "wanted"), [row[1:] for row in AGAINST], ids=[row[0] for row in AGAINST])
def test_allocated_alike(people: PeopleBooks, rows: list[tuple[str, Said]], wanted: set[str]) -> None:
    for system, said in rows:
        people.share(system, **said)
    found = people.run(ALIKE).discrepancies
    assert {one.reference.split()[1] for one in found} == wanted
    assert {one.category for one in found} <= {"allocation_mismatch"}


def test_an_unread_payroll_misses_no_share(people: PeopleBooks) -> None:
    people.share("HCM", percent=60)
    assert people.categories(ALIKE, read={"payroll": None}) == set()
    assert sentence(people, ALIKE) == "W1, 2026-24: 4100 bears 60 % in HCM, 0 % in payroll."


def moved(people: PeopleBooks, day: int = 8) -> None:
    """W1 moves from 4100 to 4200 within the calculated period, 1 to 14 November."""
    people.slice("HCM", valid_to=on(11, day - 1))
    people.slice("HCM", valid_from=on(11, day), cost_center="4200", cost_center_since=on(11, day))


def spent(hours: str, cost_center: str, line: str = "1", **said: Any) -> Said:
    return {"hours": Decimal(hours), "cost_center": cost_center, "line": line, **said}


FIRST: Said
SECOND: Said
FIRST, SECOND = {"earning_end": on(11, 7)}, {"earning_begin": on(11, 8)}
ACROSS: Said = {"earning_begin": on(11, 5), "earning_end": on(11, 10)}
LATE = spent("20", "4200", "2", **SECOND)
SPLITS: list[tuple[str, list[Said], bool]] = [
    ("by days", [spent("40", "4100"), spent("40", "4200", "2")], False),
    ("all to the old one", [spent("80", "4100")], True),
    ("all to the new one", [spent("80", "4200")], True),
    ("a hundredth of the period off", [spent("40.8", "4100"), spent("39.2", "4200", "2")], False),
    ("more off", [spent("40.81", "4100"), spent("39.19", "4200", "2")], True),
    ("by the day worked", [spent("60", "4100", **FIRST), spent("20", "4200", "2", **SECOND)], False),
    ("late shifts to the old one", [spent("60", "4100", **FIRST), spent("20", "4100", "2", **SECOND)], True),
    ("paid time off by its day", [spent("60", "4100", earning="leave", **FIRST), LATE], False),
    ("a void line", [spent("40", "4100"), spent("40", "4200", "2"), spent("9", "4100", "3", status="void")], False),
    ("a bonus", [spent("40", "4100"), spent("40", "4200", "2"), spent("9", "4100", "3", earning="bonus")], False),
    ("a span across the day", [spent("80", "4100", earning_begin=on(11, 5))], False),
    ("a span that may hold all that moved", [spent("40", "4100", **FIRST), spent("40", "4200", "2", **ACROSS)], False),
    ("a span that may hold none of it", [spent("60", "4100", **ACROSS), LATE], False),
    ("a span in parts", [spent("30", "4100", **ACROSS), spent("30", "4200", "2", **ACROSS)], False),
    ("late shifts and a span to the old one", [spent("60", "4100", **ACROSS), {**LATE, "cost_center": "4100"}], True),
    ("early shifts and a span to the new one", [spent("60", "4200", **FIRST), spent("9", "4200", "2", **ACROSS)], True),
    ("a span taken back", [spent("40", "4100"), spent("40", "4200", "2"), spent("-8", "4100", "3", **ACROSS)], False),
    ("no span explains it", [spent("60", "4100"), spent("20", "4200", "2"), spent("-8", "4100", "3", **ACROSS)], True),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "raised"), [row[1:] for row in SPLITS], ids=[row[0] for row in SPLITS])
def test_transfer_share(people: PeopleBooks, lines: list[Said], raised: bool) -> None:
    moved(people)
    for said in lines:
        people.pay(**said)
    assert people.categories(TRANSFER) == ({"transfer_share"} if raised else set())


def test_who_is_allocated_by_percent_is_charged_by_that(people: PeopleBooks) -> None:
    moved(people)
    people.pay()
    people.share("HCM", percent=60)
    assert people.categories(TRANSFER) == set()


@pytest.mark.parametrize(
    ("since", "raised"), [(on(11, 1), False), (on(11, 2), True), (on(11, 14), True), (on(11, 15), False)]
)
def test_only_a_transfer_within_the_period_splits_it(
    people: PeopleBooks, since: object, raised: bool
) -> None:
    people.slice("HCM", cost_center="4200", cost_center_since=since)
    people.pay()
    assert bool(people.categories(TRANSFER)) == raised


def test_a_later_slice_does_not_move_the_transfer(people: PeopleBooks) -> None:
    moved(people)
    people.slice(
        "HCM", valid_from=on(11, 11), cost_center="4200", cost_center_since=on(11, 8), fte=Decimal("0.5")
    )
    people.pay(hours=40)
    people.pay(hours=40, cost_center="4200", line="2")
    assert people.categories(TRANSFER) == set()


def test_a_split_says_its_hours(people: PeopleBooks) -> None:
    moved(people)
    people.pay()
    assert sentence(people, TRANSFER) == (
        "W1, 2026-23: moved to 4200 on 8 Nov 2026, 0 hours charged there, -40 off, limit 0.8."
    )


AWAY = {"worked_unit": "4200"}
UNITS: list[tuple[str, Said, list[Said], bool]] = [
    ("at home", {}, [{}], False),
    ("named home", {}, [{"worked_unit": "4100"}], False),
    ("elsewhere", {}, [{"worked_unit": "4200"}], True),
    ("elsewhere in part", {}, [{"worked_unit": "4200", "hours": 72}, {"line": "2", "hours": 8}], False),
    ("in two other units", {}, [{"worked_unit": "4200"}, {"line": "2", "worked_unit": "4300"}], False),
    ("elsewhere, overtime too", {}, [AWAY, {**AWAY, "line": "2", "earning": "overtime"}], True),
    ("a float", {"is_float": True}, [{"worked_unit": "4200"}], False),
    ("moved within the period", {"cost_center_since": on(11, 2)}, [{"worked_unit": "4200"}], False),
    ("taken back", {}, [{"worked_unit": "4200"}, {"line": "2", "worked_unit": "4200", "hours": -80}], False),
    ("void", {}, [{"worked_unit": "4200", "status": "void"}], False),
    ("on leave", {}, [{"worked_unit": "4200", "earning": "leave"}], False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "lines", "raised"), [row[1:] for row in UNITS], ids=[row[0] for row in UNITS]
)
def test_worked_unit(people: PeopleBooks, said: Said, lines: list[Said], raised: bool) -> None:
    people.slice("HCM", **said)
    for line in lines:
        people.pay(**line)
    assert people.categories(UNIT) == ({"worked_unit_differs"} if raised else set())


def test_where_one_works_is_no_cost_center_mismatch(people: PeopleBooks) -> None:
    people.slice()
    people.pay(worked_unit="4200")
    assert people.categories("h2r.payroll_assignment") == set()
    assert sentence(people, UNIT) == "W1, 2026-23: all 80 hours worked in 4200, home is 4100."
