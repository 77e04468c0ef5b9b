"""Trying a check before it is put in force: what it would open and clear now, and on the days before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from exceptions_app.catalog.load import CatalogError, load_catalog
from exceptions_app.connectors.registry import connector_models
from exceptions_app.models import ExceptionCase
from jobs.cli import tieout

from .conftest import SITE, Hospital, order, receipt

STRICTER = """
overrides:
  checks:
    goods.received: {findings: [{category: quantity_differs, present: [ordered, received], \
when: ordered.quantity <> received.quantity, since: received.first_at, \
facts: {order: order_number, ordered: ordered.quantity, received: received.quantity}}]}
"""
LARGE = """
categories:
  - {code: large, title: Large, rank: 300, sentence: "{order} is large.", cause: x, guidance: [Look.],
     owner: buyer, queue: goods_desk, target: 2 days}
checks:
  - code: goods.large
    title: Large orders
    flow: goods
    key: [order_number]
    reference: "{order_number}"
    sides: {ordered: {record: goods_order, columns: {quantity: quantity, ordered_at: ordered_at}}}
    findings:
      - {category: large, present: [ordered], when: ordered.quantity > 100, since: ordered.ordered_at,
         facts: {order: order_number}}
"""
KINDS = """
categories:
  - {code: found, title: Found, rank: 300, sentence: "Found.", cause: x, guidance: [Look.],
     owner: buyer, queue: goods_desk, target: 2 days}
checks:
"""
ALIKE = """
  - {code: goods.alike, title: Alike, kind: similar, flow: goods, record: goods_order, key: [order_number],
     columns: {name: "MIN(order_number)", at: MIN(ordered_at)}, blocks: ["substring(name, 1, 2)"],
     parts: {name: {title: number, of: name}}, threshold: 0.6, order_by: at, category: found,
     reference: "{order_number}"}
"""
TREE = """
  - {code: goods.tree, title: Tree, kind: hierarchy, flow: goods, record: goods_order, key: [order_number],
     columns: {at: MIN(ordered_at)}, parent: order_number, cycle: found, reference: "{order_number}"}
"""
ALLOCATED = """
  - code: goods.allocated
    title: Allocated
    kind: allocation
    flow: goods
    key: [place]
    reference: "{place}"
    sides:
      ordered:
        record: goods_order
        key: {place: entity, number: order_number}
        columns: {quantity: quantity, at: ordered_at}
      received:
        record: goods_receipt
        key: {place: entity, number: receipt_number}
        columns: {quantity: quantity, at: received_at}
    documents: {key: [number], amount: quantity, since: "COALESCE(ordered.at, received.at)"}
    findings: [{category: found, when: differing > 0, since: differing_since}]
"""
MESSAGES = """
  - {code: goods.message, title: Messages, kind: messages, flow: goods, key: [order_number],
     reference: "{order_number}", line_type: message, record: goods_order, status: "'failed'", error: order_number,
     failed: [failed],
     sent_at: ordered_at,
     errors: [{pattern: "PO-(?P<number>[0-9])", category: found, means: x}], otherwise: found}
"""


@pytest.fixture
def busy(hospital: Hospital) -> Hospital:
    """Nothing was received for one order, too little for another; a third is large and right."""
    hospital.source("orders", [order("PO-1"), order("PO-2"), order("PO-3", "500")])
    hospital.source("receipts", [receipt("PO-2", "9"), receipt("PO-3", "500")])
    hospital.tick()
    return hospital


def tried(hospital: Hospital, text: str, days: int = 0) -> dict[str, Any]:
    task_id = hospital.request("try", "test", text=text, days=days)
    hospital.runner("try").drain()
    return hospital.result(task_id)


def test_a_new_check_says_what_it_would_open_and_opens_nothing(busy: Hospital) -> None:
    before = len(busy.all(ExceptionCase))
    found = tried(busy, LARGE)
    assert (found["open"]["count"], found["clear"]["count"]) == (1, 0)
    assert found["open"]["by_category"] == {"large": 1}
    assert found["open"]["sample"][0]["sentence"] == "PO-3 is large."
    assert len(busy.all(ExceptionCase)) == before
    assert "goods.large" not in busy.runtime.catalog.checks


@pytest.mark.parametrize(
    ("kind", "opens"),
    [(ALIKE, 1), (TREE, 3), (ALLOCATED, 1), (MESSAGES, 3)],
    ids=["similar", "hierarchy", "allocation", "messages"],
)
def test_every_kind_can_be_tried(busy: Hospital, kind: str, opens: int) -> None:
    found = tried(busy, KINDS + kind.lstrip("\n"))
    assert (found.get("refused"), found["open"]["by_category"]) == (None, {"found": opens})


def test_a_changed_check_says_what_it_would_clear_and_clears_nothing(busy: Hospital) -> None:
    found = tried(busy, STRICTER)
    assert (found["clear"]["count"], found["open"]["count"]) == (1, 0)
    assert found["clear"]["by_category"] == {"nothing_received": 1}
    assert {case.status for case in busy.cases()} == {"open"}


def test_what_is_wrong_with_it_is_said_with_its_line(busy: Hospital) -> None:
    [problem] = tried(busy, "overrides:\n  checks:\n    goods.received:\n      titel: x\n")["refused"]
    assert problem.startswith("(tried):4:")
    assert "title" in problem


def test_what_no_check_looks_at_is_said_to_change_nothing(busy: Hospital) -> None:
    text = "overrides: {checks: {goods.received: {storm: {at_least: 9}}}}"
    assert tried(busy, text)["refused"] == ["it changes nothing that any check finds"]


@pytest.mark.parametrize(
    "text", ["systems: []", "overrides: {feeds: {orders: {every: 1m}}}", "site: {name: X}"]
)
def test_only_checks_and_categories_can_be_tried(text: str) -> None:
    with pytest.raises(CatalogError, match="only checks and categories"):
        load_catalog(SITE, connector_models(), text)


def test_a_feed_that_was_not_read_whole_lets_nothing_be_said(busy: Hospital) -> None:
    busy.source("receipts", fail_after=0)
    busy.tick()
    found = tried(busy, STRICTER)
    assert list(found["partial"]) == ["goods.received"]
    assert found["clear"]["count"] == 0


def test_the_days_before_are_told_as_far_as_they_were_kept(
    busy: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delta dates its versions by the real clock, which is not the frozen one: the days are looked for there."""
    import jobs.twice

    seen = []
    real = jobs.twice.both

    def both(look: Any, before: Any, after: Any, flows: Any, at: Any = None) -> Any:
        seen.append(at)
        return real(look, before, after, flows, None if at is None or len(seen) < 4 else at)

    monkeypatch.setattr(jobs.twice, "both", both)
    found = tried(busy, LARGE, 3)
    told = [(day.get("more"), bool(day["missing"])) for day in found["days"]]
    assert told == [(1, False), (1, False), (None, True)]
    assert all(later is None or later < busy.clock_now() for later in seen)


def test_what_feeds_bring_between_the_two_comparisons_is_no_effect(
    busy: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of what is open would agree, something else would open, and two days pass: neither comparison sees it."""
    import jobs.twice

    alone = tried(busy, STRICTER)
    real, asked = jobs.twice.compare, []

    def compare(*given: Any) -> Any:
        asked.append(real(*given))
        if len(asked) == 1:
            busy.source("orders", [order("PO-1"), order("PO-2"), order("PO-3", "500"), order("PO-4", "40")])
            busy.source("receipts", [receipt("PO-2"), receipt("PO-3", "499"), receipt("PO-4", "4")])
            busy.clock.forward(days=2)
            busy.poll()
        return asked[-1]

    monkeypatch.setattr(jobs.twice, "compare", compare)
    between = tried(busy, STRICTER)
    assert len(asked) == 2
    for told in ("clear", "open", "change"):
        assert between[told] == alone[told]
    assert between["clear"]["count"] == 1
    busy.compare()
    assert {case.reference for case in busy.cases("quantity_differs", "open")} == {"PO-3", "PO-4"}


def test_facts_and_runs_are_those_of_the_time_that_is_looked_at(busy: Hospital) -> None:
    from exceptions_app.services import runs

    first = busy.runs("orders")[0]
    then = busy.clock_now()
    busy.tick()
    with busy.install.transaction() as session:
        facts = runs.facts_at(session, ["orders", "none"], then)
        unseen = runs.unfinished_at(session, then)
    assert (facts["orders"].run_id, facts["orders"].read_through) == (first.id, first.read_started_at)
    assert facts["none"].status == "never"
    assert first.id not in unseen
    assert busy.runs("orders")[-1].id in unseen


def test_the_command_tells_all_that_a_check_finds(busy: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.commands import checks

    monkeypatch.setattr(checks, "opened", lambda: _Opened(busy))
    answer = CliRunner().invoke(tieout, ["check", "try", "goods.received"])
    assert answer.exit_code == 0, answer.output
    assert "would open 2 worth" in answer.output
    assert "2 of them open already" in answer.output
    assert "nothing was taken in" in answer.output
    assert CliRunner().invoke(tieout, ["check", "try", "no.such"]).exit_code == 2


def test_the_command_compares_with_a_configuration_beside_it(
    busy: Hospital, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from jobs.commands import checks

    (tmp_path / "site.yaml").write_text((SITE / "site.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "stricter.yaml").write_text(STRICTER, encoding="utf-8")
    monkeypatch.setattr(checks, "opened", lambda: _Opened(busy))
    answer = CliRunner().invoke(tieout, ["check", "try", "goods.received", "--catalog", str(tmp_path)])
    assert answer.exit_code == 0, answer.output
    assert "would clear 1 worth" in answer.output
    assert "nothing_received: 1" in answer.output


class _Opened:
    def __init__(self, hospital: Hospital) -> None:
        self.install = replace(hospital.install)

    def __enter__(self) -> Any:
        return self.install

    def __exit__(self, *_: object) -> None:
        return None
