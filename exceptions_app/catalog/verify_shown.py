"""Judges what a check shows beside its sides: conversions, and the chain of documents."""

from __future__ import annotations

from .judging import Judge, Path
from .schema import MatchCheck

DRAFT_FACTS = frozenset({"reference", "sentence", "entity", "counterparty", "amount", "currency", "with"})
"""What a letter may say of any exception, beside the facts of its finding."""


def verify(judge: Judge, check: MatchCheck) -> None:
    """Report names that are no side, no column and no `let`, and records that do not exist."""
    for index, shown in enumerate(check.conversions):
        for part in ("quantity", "unit", "base"):
            for side, column in getattr(shown, part).items():
                _column(judge, check, ("conversions", index, part, side), side, column)
        if shown.unless is not None:
            path: Path = ("conversions", index, "unless")
            judge.choose("checks", check.code, path, shown.unless, check.let, "of its `let`")
    for index, step in enumerate(check.chain):
        if step.record is not None:
            judge.refer("checks", check.code, ["chain", index, "record"], "record_types", step.record)
        named = [step.reference, step.date, step.quantity, step.unit, step.amount, step.status]
        for column in [*filter(None, named), *step.address.values()]:
            _column(judge, check, ("chain", index), step.side, column)
    for name, side in check.sides.items():
        for index, column in enumerate(side.told):
            judge.choose(
                "checks", check.code, ("sides", name, "told", index), column, side.columns, "of its columns"
            )


def _column(judge: Judge, check: MatchCheck, path: Path, side: str, column: str) -> None:
    if judge.choose("checks", check.code, path, side, check.sides, "of the sides"):
        known = [*check.sides[side].columns, *check.key]
        judge.choose("checks", check.code, path, column, known, "of its columns")
