"""What the jobs find in the simulated network is what its ledger says: nothing missed, nothing invented.

The network runs in its own process; the install polls it over HTTP and reads its files. No script inserts an
exception.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from demo.catalog_csv import CATALOG
from demo.suppliers import BLOCKED_SUPPLIER, UNMAPPED_ALIAS
from exceptions_app.models import ExceptionCase
from jobs.install import opened

from .live import SimulatedNetwork, Site, settings_for

_NOT_FOUND_BY_CHECKS = {"rejected_rows", "feed_failed", "check_failed"}
Key = tuple[tuple[str, str], ...]


def _key(business_key: dict[str, Any]) -> Key:
    return tuple(sorted((name, str(value)) for name, value in business_key.items()))


def _found(cases: list[ExceptionCase]) -> dict[str, dict[Key, ExceptionCase]]:
    found: dict[str, dict[Key, ExceptionCase]] = defaultdict(dict)
    for case in cases:
        if case.category not in _NOT_FOUND_BY_CHECKS:
            found[case.category][_key(json.loads(case.business_key))] = case
    return found


def _planted(network: SimulatedNetwork, **columns: Any) -> dict[str, dict[Key, dict[str, Any]]]:
    planted: dict[str, dict[Key, dict[str, Any]]] = defaultdict(dict)
    for row in network.ledger("fault", **columns):
        if row["category"] not in _NOT_FOUND_BY_CHECKS:
            planted[row["category"]][_key(row["key"])] = row
    return planted


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


@pytest.mark.parametrize("network", ["erring"], indirect=True)
def test_found_exceptions_are_those_of_the_ledger_and_repairs_close_them(
    network: SimulatedNetwork, site: Site
) -> None:
    site.one_pass()
    cases, planted = site.cases(), _planted(network)
    assert len(planted) == 10
    assert {case.status for case in cases} == {"open"}
    _assert_same(cases, planted)
    for category, keys in _found(cases).items():
        for key, case in keys.items():
            if category != "duplicate_invoice":
                assert case.entity == planted[category][key]["entity"], case.reference

    # One of each is repaired at its source, and nobody touches the application.
    repaired = {category: next(iter(keys.items())) for category, keys in planted.items()}
    for _, row in repaired.values():
        network.ask("repair", id=row["id"])
    site.one_pass()
    after = _found(site.cases())
    for category, keys in planted.items():
        for key in keys:
            case = after[category][key]
            if key == repaired[category][0]:
                assert (category, case.status, case.end_reason) == (category, "resolved", "agrees_now")
            else:
                assert (category, case.reference, case.status) == (category, case.reference, "open")
    assert sum(map(len, after.values())) == sum(map(len, planted.values())), "a repair opened something else"


def test_look_alikes_stay_silent(network: SimulatedNetwork, site: Site) -> None:
    site.one_pass()
    named = [json.loads(case.business_key) for case in site.cases()]
    for row in network.ledger("look_alike"):
        assert row["key"] not in named, f"{row['how']}: {row['key']}"


def test_rows_that_break_their_contract_are_rejects_of_their_feed(
    network: SimulatedNetwork, site: Site
) -> None:
    site.one_pass()
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
    site.one_pass()
    categories = [category for category in _planted(network) if category != "order_status_mismatch"]
    for category in categories:
        assert network.ask("plant", category=category)["planted"], category
    site.one_pass()
    planted = _planted(network)
    _assert_same(site.cases(), planted)


def test_an_outage_is_one_exception_for_integration_and_closes_nothing(
    network: SimulatedNetwork, site: Site
) -> None:
    site.one_pass()
    before = {case.id: case.status for case in site.cases()}
    network.ask("outage", system="wms", seconds=0)
    network.ask("outage", system="ap_automation", seconds=3600)
    site.one_pass()
    cases = site.cases()
    assert {case.id: case.status for case in cases if case.id in before} == before
    assert [case.category for case in cases if case.id not in before] == ["feed_failed"]
    network.ask("outage", system="ap_automation", seconds=0)
    site.one_pass()
    told = [case for case in site.cases() if case.category == "feed_failed"]
    assert [case.status for case in told] == ["resolved"]


def test_mapping_the_alias_closes_every_invoice_that_it_blocked(
    network: SimulatedNetwork, site: Site, tmp_path: Path
) -> None:
    site.one_pass()
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
