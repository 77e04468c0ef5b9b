"""People and their pay: what the jobs find in HCM, payroll, identity platform and ERP is what the ledger says."""

from __future__ import annotations

import json
from typing import Any

from exceptions_app.models import ExceptionCase

from .live import SimulatedNetwork, Site

Key = tuple[str, tuple[tuple[str, str], ...]]


def _key(category: str, business_key: dict[str, Any]) -> Key:
    return category, tuple(sorted((name, str(value)) for name, value in business_key.items()))


def _cases(site: Site, categories: set[str]) -> dict[Key, ExceptionCase]:
    cases = [case for case in site.cases() if case.category in categories]
    return {_key(case.category, json.loads(case.business_key)): case for case in cases}


def test_faults_among_people_are_found_one_and_all(seen: tuple[SimulatedNetwork, Site]) -> None:
    network, site = seen
    categories = site.categories("hire_to_retire")
    planted = {
        _key(row["category"], row["key"]): row
        for row in network.ledger("fault")
        if row["category"] in categories
    }
    assert {category for category, _ in planted} == categories, "every category is planted"
    found = _cases(site, categories)
    assert set(found) - set(planted) == set(), "invented"
    assert set(planted) - set(found) == set(), "missed"
    for key, case in found.items():
        assert (case.status, case.entity) == ("open", planted[key]["entity"]), key
    assert site.rejects() & {("hcm_workers", None)} == set()


def test_what_resembles_them_stays_silent(seen: tuple[SimulatedNetwork, Site]) -> None:
    network, site = seen
    categories = site.categories("hire_to_retire")
    named = {value for _, key in _cases(site, categories) for name, value in key if name == "worker"}
    silent = [row for row in network.ledger("look_alike") if row["category"] in categories]
    assert len(silent) == 28
    for row in silent:
        assert row["key"]["worker"] not in named, row["how"]
