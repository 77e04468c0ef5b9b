"""An incremental run leads to what a full sweep leads to: over random histories of records that come late, move, are
corrected, deleted and folded, of look-ups that change and of time that passes.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import connector_models

from .following import Following

SITE = Path(__file__).parent / "incremental_site"
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
ENTITIES, NUMBERS, RECEIPTS = (
    st.sampled_from(of) for of in (["H01", "H02"], ["O1", "O2", "O3"], ["R1", "R2", "R3"])
)
HOURS = st.sampled_from([0, 1, 30, 50, 80])


@cache
def site() -> Catalog:
    return load_catalog(SITE, connector_models())


class Histories(RuleBasedStateMachine):
    """What can happen to records and to time; after each comparison both ways must agree."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.all = Following(Path(self.folder.name), site(), "t", NOW)
        self.compared = False

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @rule(entity=ENTITIES, number=NUMBERS, item=st.sampled_from(["A", "B", "old-a"]),
          quantity=st.sampled_from([5, 6]), price=st.sampled_from([10, 12]), hours=HOURS,
          promised=st.sampled_from([-2, 0, 1, 3]), late=st.booleans())  # fmt: skip
    def order(
        self,
        entity: str,
        number: str,
        item: str,
        quantity: int,
        price: int,
        hours: int,
        promised: int,
        late: bool,
    ) -> None:
        row = {"entity": entity, "number": number, "item": item, "quantity": quantity, "price": price}
        row |= {"ordered_at": self._ago(hours), "promised_on": self._day(promised)}
        self.all.bring("orders", [row], finished=not late)

    @rule(entity=ENTITIES, receipt=RECEIPTS, number=st.one_of(st.none(), NUMBERS), hours=HOURS,
          item=st.sampled_from(["w-a", "w-b", "A"]), quantity=st.sampled_from([5, 6]), late=st.booleans())  # fmt: skip
    def receive(
        self, entity: str, receipt: str, number: str | None, hours: int, item: str, quantity: int, late: bool
    ) -> None:
        row = {"entity": entity, "receipt": receipt, "number": number, "item": item, "quantity": quantity}
        self.all.bring("receipts", [{**row, "arrived_at": self._ago(hours)}], finished=not late)

    @rule(
        item=st.sampled_from("AB"),
        price=st.sampled_from([9, 11, 13]),
        since=st.sampled_from([-5, 0, 2]),
        gone=st.booleans(),
    )
    def list_price(self, item: str, price: int, since: int, gone: bool) -> None:
        self.all.bring(
            "prices", [{"item": item, "price": price, "since_on": self._day(since), "_deleted": gone}]
        )

    @rule(entity=ENTITIES, number=NUMBERS)
    def delete_order(self, entity: str, number: str) -> None:
        self.all.bring("orders", [{"entity": entity, "number": number, "_deleted": True}])

    @rule(entity=ENTITIES, receipt=RECEIPTS)
    def delete_receipt(self, entity: str, receipt: str) -> None:
        self.all.bring("receipts", [{"entity": entity, "receipt": receipt, "_deleted": True}])

    @precondition(lambda self: self.all.running)
    @rule(data=st.data())
    def finish_a_late_run(self, data: st.DataObject) -> None:
        self.all.finish(data.draw(st.sampled_from(sorted(self.all.running))))

    @rule(minutes=st.sampled_from([3, 15, 60, 60 * 13, 60 * 24]),
          feeds=st.sets(st.sampled_from(["orders", "receipts", "prices"])),
          whole=st.sampled_from([True, True, True, False]))  # fmt: skip
    def time_passes(self, minutes: int, feeds: set[str], whole: bool) -> None:
        self.all.now += timedelta(minutes=minutes)
        for feed in feeds:
            self.all.read(feed, whole=whole)

    @rule(record=st.sampled_from(["bought", "arrived"]))
    def fold(self, record: str) -> None:
        self.all.store.fold(record, self.all.seen())

    @rule()
    def compare(self) -> None:
        self.all.run()
        self.compared = True

    @invariant()
    def both_agree(self) -> None:
        if getattr(self, "compared", False):
            self.compared = False
            assert self.all.stands == self.all.anew()

    def _ago(self, hours: int) -> datetime:
        return self.all.now - timedelta(hours=hours)

    def _day(self, days: int) -> str:
        return str((self.all.now + timedelta(days=days)).date())


EXAMPLES = (300, 40) if os.environ.get("TESTS") == "all" else (6, 14)
TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=EXAMPLES[0],
    stateful_step_count=EXAMPLES[1],
    deadline=None,
    derandomize=os.environ.get("TESTS") != "all",
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def followed(tmp_path: Path) -> Following:
    """Ten orders that were received, and one that was not; compared once."""
    found = Following(tmp_path, site(), "t", NOW)
    ordered = [bought(f"O{n}") for n in range(11)]
    found.bring("orders", ordered)
    found.bring("receipts", [arrived(f"R{n}", f"O{n}") for n in range(10)])
    found.run()
    found.now += timedelta(hours=1)
    for feed in ("orders", "receipts", "prices"):
        found.read(feed)
    return found


def bought(number: str, **given: object) -> dict[str, object]:
    row = {"entity": "H01", "number": number, "item": "A", "quantity": 5, "price": 10}
    return {**row, "ordered_at": NOW - timedelta(days=6), "promised_on": "2026-11-20", **given}


def arrived(receipt: str, number: str, **given: object) -> dict[str, object]:
    row = {"entity": "H01", "receipt": receipt, "number": number, "item": "w-a", "quantity": 5}
    return {**row, "arrived_at": NOW - timedelta(days=5), **given}


def test_only_what_changed_is_probed(followed: Following) -> None:
    followed.bring("receipts", [arrived("R3", "O3", quantity=4)])
    followed.run()
    assert set(followed.modes) == {("t.twice", "*")}
    assert followed.probed["t.received", "H01"] == 1
    assert followed.probed["t.received", "H02"] == 0
    assert followed.stands == followed.anew()


def test_a_receipt_that_moves_to_another_order_is_asked_of_both(followed: Following) -> None:
    followed.bring("receipts", [arrived("R3", "O10")])
    followed.run()
    assert followed.probed["t.received", "H01"] == 2
    assert {row[0] for row in followed.stands["t.received", "H01"].values()} == {"O3"}
    assert followed.stands == followed.anew()
    followed.store.fold("arrived", followed.seen())
    followed.bring("receipts", [arrived("R3", "O3"), arrived("R4", "O4", quantity=4)])
    followed.run()
    assert followed.probed["t.received", "H01"] == 3, "what it said before it was folded, too"
    assert followed.stands == followed.anew()


def test_the_passing_of_time_is_followed_without_any_change(followed: Following) -> None:
    followed.bring("orders", [bought("O20", ordered_at=followed.now, promised_on="2026-12-24")])
    followed.run()
    assert "O20" not in {row[0] for row in followed.stands["t.received", "H01"].values()}
    followed.now += timedelta(days=3)
    followed.read("receipts")
    followed.run()
    assert set(followed.modes) == {("t.twice", "*")}
    assert "O20" in {row[0] for row in followed.stands["t.received", "H01"].values()}
    assert followed.stands == followed.anew()


def test_a_price_that_changes_is_asked_of_every_order_of_the_item(followed: Following) -> None:
    followed.bring("prices", [{"item": "A", "price": 9, "since_on": "2026-01-01"}])
    followed.run()
    assert set(followed.modes) == {("t.twice", "*")}
    assert (
        len(followed.stands["t.price", "H01"]) == 11 - 1
    )  # on O10 nothing was received: that is more specific
    assert followed.stands == followed.anew()


def test_changes_that_were_folded_unseen_are_swept(followed: Following) -> None:
    followed.bring("receipts", [{"entity": "H01", "receipt": "R3", "_deleted": True}])
    followed.store.fold("arrived", followed.seen())
    followed.run()
    assert followed.modes["t.received", "H01"] == "changes of arrived were folded before they were compared"
    assert followed.stands == followed.anew()


def test_what_is_due_is_swept(followed: Following) -> None:
    followed.run(every=timedelta(minutes=30))
    assert followed.modes["t.received", "H01"] == "the time for a full sweep has come"


def test_after_an_incomplete_run_everything_is_swept(followed: Following) -> None:
    followed.read("receipts", whole=False)
    followed.run()
    assert followed.modes["t.received", "H01"] == "a side was not read completely"
    followed.read("receipts")
    followed.run()
    assert followed.modes["t.received", "H01"] == "the run before was not complete"
    followed.run()
    assert ("t.received", "H01") not in followed.modes
