"""What the jobs find in the simulated network is what its ledger says: nothing missed, nothing invented.

The network runs in its own process; the install polls it over HTTP and reads its files. No script inserts an
exception.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import time_machine

from demo.catalog_csv import CATALOG
from demo.documents import instant
from demo.planting import STATUSES
from demo.suppliers import BLOCKED_SUPPLIER, UNMAPPED_ALIAS
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import ExceptionCase
from jobs.install import opened

from .live import SimulatedNetwork, Site, settings_for

_NOT_FOUND_BY_CHECKS = {"rejected_rows", "system_out", "feed_failed", "check_failed"}
Key = tuple[tuple[str, str], ...]


def _key(business_key: dict[str, Any]) -> Key:
    return tuple(sorted((name, str(value)) for name, value in business_key.items()))


def _found(cases: list[ExceptionCase]) -> dict[str, dict[Key, ExceptionCase]]:
    found: dict[str, dict[Key, ExceptionCase]] = defaultdict(dict)
    for case in cases:
        if case.category not in _NOT_FOUND_BY_CHECKS:
            found[case.category][_key(json.loads(case.business_key))] = case
    return found


def _planted(
    network: SimulatedNetwork, only: Callable[[dict[str, Any]], bool] = lambda _: True
) -> dict[str, dict[Key, dict[str, Any]]]:
    planted: dict[str, dict[Key, dict[str, Any]]] = defaultdict(dict)
    for row in network.ledger("fault"):
        if row["category"] not in _NOT_FOUND_BY_CHECKS and only(row):
            planted[row["category"]][_key(row["key"])] = row
    return planted


def _shipped(site: Site) -> set[str]:
    """What procure-to-pay can open."""
    return site.categories("procure_to_pay")


def _due(row: dict[str, Any]) -> bool:
    """Whether the fault's grace has passed."""
    return instant(row["expected_from"]) <= utc_now()


def _assert_same(cases: list[ExceptionCase], planted: dict[str, dict[Key, dict[str, Any]]]) -> None:
    found = _found(cases)
    invented = {
        c: sorted(set(keys) - set(planted[c])) for c, keys in found.items() if set(keys) - set(planted[c])
    }
    missed = {
        c: sorted(set(keys) - set(found[c])) for c, keys in planted.items() if set(keys) - set(found[c])
    }
    assert not invented, f"invented: {invented}"
    assert not missed, f"missed: {missed}"


def test_found_exceptions_are_those_of_the_ledger_although_systems_err(
    seen: tuple[SimulatedNetwork, Site],
) -> None:
    network, site = seen
    cases, planted = site.cases(), _planted(network)
    assert set(planted) >= _shipped(site), "every category of procure-to-pay is planted"
    assert {case.status for case in cases} == {"open"}
    _assert_same(cases, planted)
    for category, keys in _found(cases).items():
        for key, case in keys.items():
            if category != "duplicate_invoice":
                assert case.entity == planted[category][key]["entity"], case.reference


def test_look_alikes_stay_silent(seen: tuple[SimulatedNetwork, Site]) -> None:
    network, site = seen
    named = [json.loads(case.business_key) for case in site.cases()]
    for row in network.ledger("look_alike"):
        assert row["key"] not in named, f"{row['how']}: {row['key']}"


def test_what_waiting_costs_is_planted_and_amounts_in_other_currencies_are_converted(
    seen: tuple[SimulatedNetwork, Site],
) -> None:
    cases = seen[1].cases()
    discounts = [case for case in cases if (case.delay_cost_e4 or 0) > 0]
    assert discounts and all("the discount ends on" in str(case.delay_why) for case in discounts)
    held = [case for case in cases if "the supplier holds deliveries" in str(case.delay_why)]
    assert any(case.category == "supplier_mismatch" for case in held)
    assert all(str(case.counterparty).startswith(BLOCKED_SUPPLIER.name) for case in held)
    foreign = [case for case in cases if case.category == "currency_mismatch"]
    assert foreign and {case.currency for case in foreign} == {"CAD"}
    assert all(case.rate_e8 == 72_850_000 and case.reporting_amount_e4 for case in foreign)


def test_rows_that_break_their_contract_are_rejects_of_their_feed(
    seen: tuple[SimulatedNetwork, Site],
) -> None:
    network, site = seen
    planted = network.ledger("fault", category="rejected_rows")
    short = [row for row in planted if row["how"] == "too few fields"]
    expected = {(row["key"]["feed"], row["key"]["source_id"]) for row in planted if row not in short}
    expected |= {(row["key"]["feed"], None) for row in short}
    assert site.rejects() == expected
    told = [case for case in site.cases() if case.category == "rejected_rows"]
    assert len(told) == len({feed for feed, _ in expected})


def test_what_is_planted_while_polling_goes_on_is_found_by_the_next_pass(
    network: SimulatedNetwork, site: Site
) -> None:
    # Some need a document of an age that this small network may have used up; which ones, depends on the hour.
    shipped = _shipped(site)
    dry = {name for name in sorted(shipped) if not network.ask("plant", category=name)["planted"]}
    assert len(dry) <= len(shipped) // 4, f"of too many there is no document left to plant them on: {dry}"
    site.one_pass("procure_to_pay")
    planted = _planted(network, only=lambda row: row["category"] in shipped)
    in_grace = {name for name, keys in planted.items() if not all(_due(row) for row in keys.values())}
    assert in_grace | dry >= STATUSES and in_grace <= STATUSES
    cases = [case for case in site.cases() if case.category in shipped]
    _assert_same(cases, _planted(network, only=lambda row: row["category"] in shipped and _due(row)))


def test_an_outage_is_one_exception_for_integration_and_closes_nothing(
    network: SimulatedNetwork, site: Site
) -> None:
    before = {case.id: case.status for case in site.cases()}
    network.ask("outage", system="wms", seconds=0)
    network.ask("outage", system="ap_automation", seconds=3600)
    site.one_pass(systems=("wms", "ap_automation"))
    cases = site.cases()
    assert {case.id: case.status for case in cases if case.id in before} == before
    (out,) = [case for case in cases if case.id not in before]
    feeds = [feed for feed in site.install.runtime.catalog.feeds.values() if feed.system == "ap_automation"]
    assert len(feeds) > 1 and (out.category, out.reference) == ("system_out", "ap_automation")
    assert f"all {len(feeds)} of its feeds" in out.sentence
    network.ask("outage", system="ap_automation", seconds=0)
    with time_machine.travel(utc_now() + timedelta(minutes=2)):  # it is left in peace for a while
        site.one_pass(systems=("ap_automation",))
    told = [case for case in site.cases() if case.id not in before]
    assert [case.status for case in told] == ["resolved"]


def test_mapping_the_alias_closes_every_invoice_that_it_blocked(
    network: SimulatedNetwork, site: Site, tmp_path: Path
) -> None:
    blocked = {case.id for case in site.cases() if UNMAPPED_ALIAS in case.facts}
    planted = [row for row in network.ledger("fault") if "not mapped" in row["how"]]
    assert len(blocked) == len(planted) > 0
    shutil.copytree(CATALOG, tmp_path / "catalog")
    with (tmp_path / "catalog" / "crosswalk_supplier.csv").open("a", encoding="utf-8") as crosswalk:
        crosswalk.write(f"ap_automation,{UNMAPPED_ALIAS},{BLOCKED_SUPPLIER.number}\n")
    with opened(settings_for(tmp_path / "instance", tmp_path / "catalog")) as mapped:
        again = Site(mapped)
        again.reconcile()
        closed = {case.id: case.end_reason for case in again.cases() if case.status == "resolved"}
    assert closed == dict.fromkeys(blocked, "rule_changed")
