"""What a fault has touched is left alone by the next one, at whatever hour a network is made."""

from __future__ import annotations

import json
import random

from demo.candidates import Candidates, anything

from .conftest import NOW, Build


def test_a_lease_that_was_billed_twice_is_reserved_under_both_numbers(build: Build) -> None:
    network = build()
    faults = [row for row in network.ledger.rows("fault") if row["category"] == "recurring_repeated"]
    bills = network.ap.rows("SELECT number, more FROM invoice_lines WHERE kind = 'RECURRING' AND deleted = 0")
    assert faults
    for fault in faults:
        wanted = json.loads(fault["business_key"]).items()
        numbers = [row["number"] for row in bills if wanted <= json.loads(row["more"]).items()]
        assert len(numbers) == 2
        assert all(network.ledger.taken(number, 0) for number in numbers)


def test_a_bill_that_is_removed_while_others_are_chosen_is_passed_over(build: Build) -> None:
    network = build(faults=False)
    found = Candidates(network, random.Random(1), NOW).settled(1, 100, anything)
    assert next(found)
    network.ap.run("DELETE FROM invoice_lines")
    assert list(found) == []
