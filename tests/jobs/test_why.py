# ruff: noqa: E501 - one row of a table is one line
"""`tieout check why` says what is known of a key, why something is raised or not, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from exceptions_app.models import ExceptionCase
from jobs.cli import tieout
from jobs.commands import checks

from .conftest import NOW, SITE, Clock, Hospital, order, receipt
from .test_words import changed

Ask = Callable[..., str]


class _Opened:
    def __init__(self, hospital: Hospital) -> None:
        self.install = replace(hospital.install)

    def __enter__(self) -> Any:
        return self.install

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def site(hospital: Hospital, clock: Clock, tmp_path: Path) -> Hospital:
    """Orders have a status and a secret; small differences are tolerated, and Medline may differ by more."""
    assert clock
    text = (SITE / "site.yaml").read_text(encoding="utf-8")
    for before, after in (
        ("supplier: {label: Supplier}", "supplier: {label: Supplier, crosswalk: vendor}\n      status: {label: Status, words: [open, cancelled]}\n      bank: {sensitivity: bank}"),
        ("supplier: supplier, quantity", "supplier: supplier, status: status, bank: bank, quantity"),
        ("record: goods_order\n        columns: {", "record: goods_order\n        where: status <> 'cancelled'\n        columns: {bank: bank, "),
        ("when: ordered.quantity <> received.quantity", "when: ordered.bank <> 'X' AND ordered.supplier <> 'none'\n        tolerance: {name: few, difference: ordered.quantity - received.quantity, base: ordered.quantity, format: quantity}\n        grace: 2 days"),
        ("    findings:\n      - category: nothing_received", "    tolerances: {few: {absolute: 2, scoped: [{counterparty: [Medline], absolute: 4, until: 2027-01-01T00:00:00Z}]}}\n    findings:\n      - category: nothing_received"),
    ):  # fmt: skip
        assert before in text
        text = text.replace(before, after, 1)
    text += "\ncrosswalks:\n  - {code: vendor, entries: [{system: ERP, local: V-7, canonical: Medline}]}\n"
    (tmp_path / "site").mkdir()
    (tmp_path / "site/site.yaml").write_text(text, encoding="utf-8")
    return changed(hospital, tmp_path / "site")


def line(number: str, **more: Any) -> dict[str, Any]:
    return {**order(number), "status": "open", "bank": "SECRET-1", "supplier": "Acme", **more}


@pytest.fixture
def ask(site: Hospital, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setattr(checks, "opened", lambda: _Opened(site))

    def asked(*given: str) -> str:
        answer = CliRunner().invoke(tieout, ["check", "why", "goods.received", *given])
        assert answer.exit_code == 0, answer.output
        return answer.output

    return asked


def test_what_is_raised_is_told_with_its_rows_and_its_exception(site: Hospital, ask: Ask) -> None:
    site.source("orders", [line("PO-1", supplier="V-7")])
    site.source("receipts", [])
    site.tick()
    told = ask("PO-1")
    assert "ordered: 1 row" in told and "received: no row" in told
    assert "supplier 'V-7' is compared as 'Medline'" in told
    assert "nothing_received (Nothing received): yes" in told
    assert "yes: received has no row" in told
    assert "found: nothing_received, 10 ordered on PO-1; nothing received." in told
    [case] = site.cases("nothing_received")
    assert f"{case.category}: open, first seen" in told
    assert "complete, full" in told


def test_row_that_its_side_leaves_out_says_by_which_condition(site: Hospital, ask: Ask) -> None:
    site.source("orders", [line("PO-1", status="cancelled"), line("PO-2", status=None)])
    site.source("receipts", [])
    site.tick()
    assert "left out: no: status <> 'cancelled' (status = cancelled)" in ask("order_number=PO-1")
    told = ask("PO-2")
    assert "left out: unknown: status <> 'cancelled' (status is empty)" in told
    assert "the comparison finds nothing" in told


def test_tolerance_and_whoever_has_a_wider_one_are_told(site: Hospital, ask: Ask) -> None:
    site.source(
        "orders", [line("PO-1"), line("PO-2", supplier="V-7"), line("PO-3"), line("PO-4", supplier=None)]
    )
    got = [
        receipt("PO-1", "9", name="R1"),
        receipt("PO-2", "7", name="R2"),
        receipt("PO-3", "7", name="R3"),
        receipt("PO-4", "7", name="R4"),
    ]
    at = (NOW - timedelta(days=3)).isoformat()
    site.source("receipts", [{**row, "received_at": at} for row in got])
    site.tick()
    within = ask("PO-1")
    assert "no: the difference is outside few" in within
    assert "limit few: absolute 2 (any); " in within
    wider = ask("PO-2")
    assert "quantity_differs (Quantity differs): yes" in wider
    assert "wider for Medline until" in wider
    assert "finds nothing: quantity_differs is within a wider limit" in wider
    assert "found: quantity_differs" in ask("PO-3")
    unknown = ask("PO-4")
    assert "quantity_differs (Quantity differs): unknown" in unknown
    assert "unknown: ordered.supplier <> 'none' (ordered.supplier is empty)" in unknown


def test_grace_that_has_not_passed_is_told(site: Hospital, ask: Ask) -> None:
    site.source("orders", [line("PO-1")])
    site.source("receipts", [receipt("PO-1", "1")])
    site.tick()
    assert "no: grace has passed: so since 23 Nov 2026" in ask("PO-1")


def test_side_that_was_not_read_whole_is_told(site: Hospital, ask: Ask) -> None:
    site.source("orders", [line("PO-1")])
    site.source("receipts", [])
    site.tick()
    site.source("receipts", fail_after=0)
    site.tick()
    told = ask("PO-1")
    assert "feed receipts: read through" in told
    assert "Until it is complete nothing is found missing" in told
    assert "unknown: received is read whole at all" in told


def test_bank_data_is_hidden_in_values_and_operands(site: Hospital, ask: Ask) -> None:
    site.source("orders", [line("PO-1")])
    site.source("receipts", [receipt("PO-1")])
    site.tick()
    told = ask("PO-1")
    assert "SECRET" not in told
    assert "ordered.bank = ••• (hidden as bank data)" in told


def test_key_that_is_held_says_because_of_which_row(site: Hospital, ask: Ask) -> None:
    site.source("orders", [line("PO-1"), line("PO-2", status="parked")])
    site.source("receipts", [{**receipt("PO-1"), "quantity": "many"}])
    site.tick()
    assert "not judged, so that nothing opens, changes or closes: a row of receipts was rejected" in ask(
        "PO-1"
    )
    assert "a row of orders says a word that no list knows" in ask("PO-2")


def test_what_waits_and_what_it_follows_from_are_told(site: Hospital, ask: Ask) -> None:
    site.source("orders", [line("PO-1"), line("PO-2")])
    site.source("receipts", [])
    site.tick()
    first, second = site.cases("nothing_received")
    with site.install.transaction() as session:
        waived = {"status": "waived", "waiver_expires_at": NOW + timedelta(days=9), "parent_id": second.id}
        session.execute(update(ExceptionCase).where(ExceptionCase.id == first.id).values(waived))
    told = ask("PO-1", "--entity", "H01")
    assert "nothing_received: waived until 3 Dec 2026" in told
    assert "follows from" in told and second.sentence in told


def test_key_that_nobody_has_and_what_cannot_be_asked(site: Hospital, ask: Ask) -> None:
    site.source("orders", [])
    site.source("receipts", [])
    site.tick()
    assert "no side holds a row with this key" in ask("PO-9")
    assert "nobody has the key" in ask("PO-9", "--entity", "H02")
    run = CliRunner().invoke
    assert (
        "the key of goods.received is order_number"
        in run(tieout, ["check", "why", "goods.received", "a", "b"]).output
    )
    assert run(tieout, ["check", "why", "no.such", "a"]).exit_code == 2
    assert run(tieout, ["check", "why", "goods.received", "a", "--entity", "H9"]).exit_code == 2
