"""What goes to the queue, its search and exports may not read a sensitive column, however it gets there."""

from __future__ import annotations

import pytest

from exceptions_app.catalog.problems import Problem

from .test_refusals import DUPLICATE, Problems

HIDE_QUANTITY = ("quantity: {type: quantity, required: true}", "quantity: {type: quantity, sensitivity: hr}")
HIDE_UNIT = ("unit: {crosswalk: unit}", "unit: {crosswalk: unit, sensitivity: bank}")
SHOW_UNIT = ("seen: max(seen_at)}", "seen: max(seen_at), unit: min(unit)}")
LOOKUP = (
    "{record: line, kind: erp, columns: {quantity: sum(quantity)",
    "{record: line, kind: erp, lookups: {other: {record: line, on: {order_number: order_number},"
    " columns: [unit]}}, columns: {unit: min(other.unit), quantity: sum(quantity)",
)


def _paths(found: list[Problem]) -> set[str]:
    assert all("would be read by everybody" in str(problem) for problem in found), found
    return {problem.path.partition("checks.")[2] for problem in found}


def test_a_sensitive_figure_is_refused_in_facts_and_tolerances(problems: Problems) -> None:
    assert _paths(problems(HIDE_QUANTITY)) == {
        "lines.differ.findings.0.facts.a",
        "lines.differ.findings.0.facts.b",
        "lines.differ.findings.0.tolerance.difference",
    }


def test_a_sensitive_column_that_is_only_compared_is_accepted(problems: Problems) -> None:
    compared = ("compare:", "compare:\n      - {label: Unit, cells: {erp: unit}}")
    assert problems(HIDE_UNIT, SHOW_UNIT, compared) == []


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("facts: {unit: erp.unit, ", "findings.0.facts.unit"),
        ("counterparty: erp.unit\n        facts: {", "findings.0.counterparty"),
        ("currency: upper(erp.unit)\n        facts: {", "findings.0.currency"),
        ("amount: case when erp.unit = 'EA' then 1 else 2 end\n        facts: {", "findings.0.amount"),
        ("facts: {unit: written, ", "findings.0.facts.unit"),
    ],
)
def test_a_sensitive_text_is_refused_wherever_everybody_reads_it(
    line: str, path: str, problems: Problems
) -> None:
    let = ("tolerances:", "let: {written: upper(erp.unit)}\n    tolerances:")
    assert _paths(problems(HIDE_UNIT, SHOW_UNIT, let, ("facts: {", line))) == {f"lines.differ.{path}"}


def test_a_sensitive_column_is_refused_through_a_look_up(problems: Problems) -> None:
    fact = ("facts: {", "facts: {unit: erp.unit, ")
    assert _paths(problems(HIDE_UNIT, LOOKUP, fact)) == {"lines.differ.findings.0.facts.unit"}


def test_a_sensitive_key_is_refused_with_the_reference_that_shows_it(problems: Problems) -> None:
    hidden = ("order_number: {required: true}", "order_number: {required: true, sensitivity: hr}")
    assert _paths(problems(hidden)) == {
        "lines.differ.sides.erp.key.order_number",
        "lines.differ.sides.suite.key.order_number",
        "lines.differ.reference",
        "lines.differ.findings.0.facts.order",
    }


def test_a_sensitive_amount_of_a_duplicate_is_refused(problems: Problems) -> None:
    found = problems(HIDE_QUANTITY, more=DUPLICATE)
    assert "lines.twice.amount" in _paths(found)


DELAY = "findings:"
DUE = "cost_of_delay: {discount_until: cast(erp.seen as date), discount_amount: %s}\n    findings:"


def test_what_waiting_costs_is_read_by_everybody(problems: Problems) -> None:
    cost = (DELAY, DUE % "erp.quantity")
    assert "lines.differ.cost_of_delay.discount_amount" in _paths(problems(HIDE_QUANTITY, cost))
