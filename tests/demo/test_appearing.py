"""Faults among people, and where rows are only listed, appear while the network runs."""

from __future__ import annotations

import json
import random
from datetime import timedelta

import pytest

from demo.appearing import CATEGORIES, PEOPLE, appear
from demo.documents import stamp
from demo.ledger_systems import systems
from demo.mending import relapse, repair

from .conftest import NOW, Build

_LATER = NOW + timedelta(days=12)


def test_each_category_appears_heals_and_comes_back_on_its_own_row(build: Build) -> None:
    network = build()
    for category in (*PEOPLE, *systems.LATER):
        (number,) = appear(network, category, _LATER, random.Random(category))
        row = network.ledger.entry(number)
        assert row is not None and (row["category"], row["planted_at"]) == (category, stamp(_LATER))
        (undo, *_) = network.ledger.steps(row, "undo")
        planted = network.stores[undo.system].find(undo.table, undo.key)
        if undo.system != "hcm_events":  # which has no time of its own
            assert [one["changed_at"] for one in planted] == [row["planted_at"]]
        repair(network, number, _LATER)
        assert network.stores[undo.system].find(undo.table, undo.key) != planted
        relapse(network, number, _LATER)
        (wrong,) = planted
        found = network.stores[undo.system].find(undo.table, undo.key)[0]
        assert {name: found[name] for name in undo.values} == {name: wrong[name] for name in undo.values}


def test_what_appears_has_a_key_of_its_own(build: Build) -> None:
    network = build()
    for category in (*PEOPLE, *systems.LATER):
        appear(network, category, _LATER, random.Random(category))
    keys = [(row["category"], row["entity"], row["business_key"]) for row in network.ledger.rows("fault")]
    feeds = [key for key in keys if key[0] != "rejected_rows"]
    assert len(feeds) == len(set(feeds))


def test_who_left_on_account_of_a_fault_is_told_of(build: Build) -> None:
    network = build()
    told = {row["worker"] for row in network.hcm_events.rows("SELECT worker FROM told")}
    (number,) = appear(network, "terminated_paid", _LATER, random.Random(1))
    row = network.ledger.entry(number)
    assert row is not None
    left = json.loads(row["business_key"])["worker"]
    now = {row["worker"]: row["lost"] for row in network.hcm_events.rows("SELECT worker, lost FROM told")}
    assert left not in told and now[left] == 0


def test_a_row_that_is_used_up_is_not_planted_on_again(build: Build) -> None:
    network = build()
    planted = [appear(network, "valuation_differs", _LATER, random.Random(1)) for _ in range(3)]
    assert [len(each) for each in planted] == [1, 0, 0]


def test_an_unknown_category_is_refused_with_those_that_are_known(build: Build) -> None:
    with pytest.raises(ValueError, match=r"no category 'x'; known are unmapped_alias, .*valuation_differs"):
        appear(build(), "x", _LATER, random.Random(1))
    assert len(CATEGORIES) == len(set(CATEGORIES))
