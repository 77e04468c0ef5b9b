"""Who is here: known where they must be, gone where they left, and nobody twice."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from .books import NOW, days_ago
from .people_books import PeopleBooks, Said, ended, on, sentence, site

PRESENCE, OWNER, IDENTITY, DUPLICATE = (
    "h2r.presence", "h2r.account_owner", "h2r.terminated_identity", "h2r.duplicate_worker",
)  # fmt: skip

KNOWN: list[tuple[str, list[tuple[tuple[str, ...], Said]], set[str]]] = [
    ("everywhere", [((), {})], set()),
    ("not on payroll", [(("HCM", "LIST", "IDM"), {})], {"missing_worker"}),
    ("without an account", [(("HCM", "LIST", "PAY"), {})], {"missing_worker"}),
    ("a contingent", [(("HCM", "LIST", "IDM"), {"worker_type": "contingent"})], set()),
    ("a contingent on payroll", [((), {"worker_type": "contingent"})], set()),
    ("a contingent without account", [(("HCM", "LIST"), {"worker_type": "contingent"})], {"missing_worker"}),
    ("an affiliate", [(("HCM", "LIST"), {"worker_type": "affiliate"})], set()),
    ("a volunteer", [(("HCM", "LIST"), {"worker_type": "volunteer"})], set()),
    ("on leave", [(("HCM", "LIST", "IDM"), {"status": "leave"})], {"missing_worker"}),
    ("left", [(("HCM", "LIST"), ended(on(10, 1)))], set()),
    ("to start tomorrow", [(("HCM", "LIST"), {"hired_on": on(11, 25)})], set()),
    ("started today", [(("HCM", "LIST", "IDM"), {"hired_on": on(11, 24)})], {"missing_worker"}),
    ("entered within the lag", [(("HCM", "LIST", "IDM"), {"entered_at": NOW - timedelta(minutes=59)})], set()),
    ("after the lag", [(("HCM", "LIST", "IDM"), {"entered_at": NOW - timedelta(minutes=61)})], {"missing_worker"}),
    ("account within a day", [(("HCM", "LIST", "PAY"), {"entered_at": days_ago(0.9)})], set()),
    ("account after a day", [(("HCM", "LIST", "PAY"), {"entered_at": days_ago(1.1)})], {"missing_worker"}),
    ("on payroll alone", [(("PAY",), {})], {"ghost_worker"}),
    ("ended on payroll", [(("PAY",), {"status": "terminated"})], set()),
    ("moved to another facility", [(("PAY",), {}), (("LIST", "IDM"), {}), (("HCM",), {"entity": "H2"})], set()),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "wanted"), [row[1:] for row in KNOWN], ids=[row[0] for row in KNOWN])
def test_presence(people: PeopleBooks, rows: list[tuple[tuple[str, ...], Said]], wanted: set[str]) -> None:
    for systems, said in rows:
        people.worker(*systems, **said)
    assert people.categories(PRESENCE) == wanted


def test_nobody_is_missed_before_the_other_side_was_read(people: PeopleBooks) -> None:
    people.worker("HCM", "LIST", "IDM")
    assert people.categories(PRESENCE, read={"payroll": None}) == set()
    people.worker("PAY", worker="W2")
    assert people.categories(PRESENCE, read={"payroll": None, "hcm": None}) == set()


def test_nobody_lacks_an_account_where_no_feed_brings_accounts(tmp_path: Path) -> None:
    people = PeopleBooks(site(tmp_path, without=["idm_identity_account"]))
    people.worker("HCM", "LIST", "PAY")
    people.worker("HCM", "LIST", worker="W2", person="P2")
    assert sentence(people, PRESENCE) == "W2 (employee, since 1 Mar 2026) is not known in payroll."


def test_presence_says_who_and_where(people: PeopleBooks) -> None:
    people.worker("HCM", "LIST", "IDM")
    assert sentence(people, PRESENCE) == "W1 (employee, since 1 Mar 2026) is not known in payroll."


def test_a_ghost_says_its_number(people: PeopleBooks) -> None:
    people.worker("PAY", worker="W9")
    assert sentence(people, PRESENCE) == "W9 is active on payroll; HCM does not know this number."


ACCOUNTS: list[tuple[str, Said, bool]] = [
    ("of a worker", {}, False),
    ("of nobody", {"worker": None}, True),
    ("of a number nobody has", {"worker": "W9"}, True),
    ("of a service", {"worker": None, "account_type": "service"}, False),
    ("of an affiliate", {"worker": "X7", "account_type": "affiliate"}, False),
    ("shared", {"worker": None, "account_type": "shared"}, False),
    ("disabled", {"worker": "W9", "enabled": False}, False),
    ("made within a day", {"worker": "W9", "created_at": days_ago(0.9)}, False),
    ("made before a day", {"worker": "W9", "created_at": days_ago(1.1)}, True),
]


@pytest.mark.parametrize(("said", "raised"), [row[1:] for row in ACCOUNTS], ids=[row[0] for row in ACCOUNTS])
def test_account_without_worker(people: PeopleBooks, said: Said, raised: bool) -> None:
    people.listed()
    people.account(**said)
    assert people.categories(OWNER, entity=None) == ({"account_without_worker"} if raised else set())


def test_an_account_waits_until_workers_were_read(people: PeopleBooks) -> None:
    people.account(worker="W9")
    assert people.categories(OWNER, entity=None, read={"account.listed": None}) == set()
    assert sentence(people, OWNER, entity=None) == "The enabled account aW1 names W9, whom HCM does not know."


LEFT = on(11, 20)
LEAVERS: list[tuple[str, Said, Said, bool]] = [
    ("left", ended(LEFT), {}, True),
    ("left, disabled", ended(LEFT), {"enabled": False}, False),
    ("still here", {}, {}, False),
    ("rescinded", {"terminated_on": LEFT}, {}, False),
    ("on leave", {"status": "leave"}, {}, False),
    ("an affiliate account", ended(LEFT), {"account_type": "affiliate"}, False),
    ("a service account", ended(LEFT), {"account_type": "service"}, False),
    ("an affiliate", ended(LEFT, worker_type="affiliate"), {}, False),
    ("a contingent", ended(LEFT, worker_type="contingent"), {}, True),
    ("within the hour", ended(LEFT, access_ends_at=NOW - timedelta(minutes=59)), {}, False),
    ("after the hour", ended(LEFT, access_ends_at=NOW - timedelta(minutes=61)), {}, True),
    ("entered within the hour", ended(LEFT, entered_at=NOW - timedelta(minutes=59)), {}, False),
    ("last day to come", ended(on(11, 30)), {}, False),
]


@pytest.mark.parametrize(
    ("who", "account", "raised"), [row[1:] for row in LEAVERS], ids=[row[0] for row in LEAVERS]
)
def test_terminated_identity(people: PeopleBooks, who: Said, account: Said, raised: bool) -> None:
    people.worker("HCM", "LIST", **who)
    people.account(**account)
    assert people.categories(IDENTITY) == ({"terminated_identity"} if raised else set())


@pytest.mark.parametrize(("status", "raised"), [("active", False), ("leave", False), ("terminated", True)])
def test_a_converted_contingent_keeps_the_account(people: PeopleBooks, status: str, raised: bool) -> None:
    people.worker("HCM", "LIST", **ended(LEFT, worker_type="contingent"))
    people.listed(worker="W2", status=status)
    people.account()
    assert bool(people.categories(IDENTITY)) == raised


def test_a_leaver_is_found_at_the_facility_of_the_worker_only(people: PeopleBooks) -> None:
    people.worker("HCM", "LIST", **ended(LEFT))
    people.account()
    people.account(account="aW1-adm")
    assert people.categories(IDENTITY, entity="H2") == set()
    assert sentence(people, IDENTITY) == "W1 left on 20 Nov 2026; still enabled: aW1, 2 in all."
    assert (
        people.catalog.categories["terminated_identity"].target
        == people.catalog.categories["feed_failed"].target
    )
    queue = people.catalog.queues["identity"]
    assert people.catalog.calendars[queue.calendar].always_open


SECOND: list[tuple[str, Said, bool]] = [
    ("all alike", {}, True),
    ("as another clerk types it", {"given_name": "ADA ", "family_name": "byrd"}, True),
    ("another given name", {"given_name": "Adele"}, True),
    ("another family name", {"family_name": "King"}, True),
    ("both names differ", {"given_name": "Eve", "family_name": "King"}, False),
    ("a twin", {"given_name": "Eve", "last_four": "9876"}, False),
    ("a namesake", {"last_four": "9876"}, False),
    ("another birthday", {"birth_date": on(1, 3)}, False),
    ("unknown last four", {"last_four": ""}, False),
    ("unknown birthday", {"birth_date": None}, False),
    ("the same person", {"person": "P1"}, False),
    ("the same person, with a job at another facility", {"person": "P1", "entity": "H2"}, False),
    ("at another facility", {"entity": "H2"}, True),
    ("who left", ended(on(6, 1)), True),
]


@pytest.mark.parametrize(("said", "raised"), [row[1:] for row in SECOND], ids=[row[0] for row in SECOND])
def test_duplicate_worker(people: PeopleBooks, said: Said, raised: bool) -> None:
    people.worker("HCM")
    people.worker("HCM", **{"worker": "W2", "person": "P2", "entered_at": days_ago(5), **said})
    assert people.categories(DUPLICATE, entity=None) == ({"duplicate_worker"} if raised else set())


def test_who_has_two_jobs_and_was_entered_again_is_one_duplicate_with_all_of_them(
    people: PeopleBooks,
) -> None:
    people.worker("HCM")
    people.worker("HCM", worker="W2", entity="H2", entered_at=days_ago(9))
    people.worker("HCM", worker="W3", person="P3", entered_at=days_ago(5))
    [found] = people.run(DUPLICATE, entity=None).discrepancies
    assert json.loads(found.facts)["members"] == 3


def test_two_on_payroll_are_no_duplicate(people: PeopleBooks) -> None:
    people.worker("HCM")
    people.worker("PAY", worker="W2", person="P2")
    assert people.categories(DUPLICATE, entity=None) == set()


def test_a_duplicate_names_numbers_and_never_names(people: PeopleBooks) -> None:
    people.worker("HCM")
    people.worker("HCM", worker="W2", person="P2", entered_at=days_ago(5), family_name="King")
    assert sentence(people, DUPLICATE, entity=None) == "W1 and W2 share given name, birth date and last four."


def test_what_is_hidden_stays_out_of_facts(people: PeopleBooks) -> None:
    people.worker("HCM")
    people.worker("HCM", worker="W2", person="P2", entered_at=days_ago(5))
    found: Any = people.only(DUPLICATE, entity=None)
    for secret in ("1234", "BYRD", "2026-01-02"):
        assert secret not in found.facts
