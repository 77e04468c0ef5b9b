"""Judges what is shown beside the sides of a check: conversions, the chain of documents, and letters."""

from __future__ import annotations

from .catalog import Catalog
from .judging import Judge, Path
from .schema import Draft, MatchCheck
from .verify_work import needed_facts

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
    for index, row in enumerate(check.compare):
        if row.ignored is not None:
            at: Path = ("compare", index, "ignored")
            judge.choose(
                "checks", check.code, at, row.ignored.tolerance, check.tolerances, "of its tolerances"
            )
            for name in filter(None, [row.ignored.one, row.ignored.other, row.ignored.scale]):
                judge.choose("checks", check.code, at, name, check.let, "of its `let`")
    for index, step in enumerate(check.chain):
        if step.record is not None:
            judge.refer("checks", check.code, ["chain", index, "record"], "record_types", step.record)
        named = [step.reference, step.present, step.date, step.quantity, step.unit, step.amount, step.status]
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


def letter_facts(draft: Draft) -> set[str]:
    """The facts that a letter needs beside what it may say of any exception."""
    named = needed_facts(f"{draft.subject} {draft.body} {{{draft.address or 'with'}}}")
    return set(named) - DRAFT_FACTS


def verify_shared(judge: Judge, catalog: Catalog) -> None:
    """Report what a category declares as shared and no finding of it states, and words that do not say the value."""
    for code, category in catalog.categories.items():
        for name, said in category.shared.items():
            if "{value}" not in said:
                judge.report(
                    "categories", code, ["shared", name], "the words do not say the value", "{value} in them"
                )
            raised = judge.given.get(code, [])
            if raised and not any(name in given for _, given in raised):
                wrong = f"no finding of this category states '{name}'"
                known = ", ".join(sorted(set().union(*(given for _, given in raised))))
                judge.report("categories", code, ["shared", name], wrong, f"one of {known}")


def verify_letters(judge: Judge, catalog: Catalog) -> None:
    """Report a letter that no finding of its category has the facts for; where only some have, it is offered there."""
    for code, raised in judge.given.items():
        draft = catalog.categories[code].draft
        if draft is None or any(letter_facts(draft) <= given for _, given in raised):
            continue
        check, given = raised[0]
        fact = min(letter_facts(draft) - given)
        said = f"the letter needs the fact '{fact}', which no finding of this category gives"
        judge.report(
            "categories", code, ["draft"], said, f"'{fact}:' among the facts of {check}, or another letter"
        )
