"""Judges what categories say of their causes, and the rows of reference data that the configuration holds."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from .catalog import Catalog
from .judging import Judge
from .problems import closest, listing
from .schema import Category, ClusterCheck, Column, ReferenceRow

OWN_KEY = "key."
"""Before the name of a part of an exception's business key, where a fact is asked for."""


def verify(judge: Judge, catalog: Catalog) -> None:
    """Report causes that nothing can lead to, and rows that no look-up could read."""
    for category in catalog.categories.values():
        known = known_facts(catalog, category.code)
        for index, rule in enumerate(category.caused_by):
            at: list[str | int] = ["caused_by", index]
            code = category.code
            if judge.refer("categories", code, [*at, "category"], "categories", rule.category):
                if rule.category == code:
                    judge.report(
                        "categories", code, [*at, "category"], "nothing causes itself", "another one"
                    )
                elif catalog.categories[rule.category].caused_by:
                    said = f"'{rule.category}' follows from something itself"
                    judge.report("categories", code, [*at, "category"], said, "a cause that has none")
            if rule.crosswalk is not None:
                judge.refer("categories", code, [*at, "crosswalk"], "crosswalks", rule.crosswalk)
            for name, fact in rule.key.items():
                if known is not None:
                    judge.choose("categories", code, [*at, "key", name], fact, known, "of its facts")
            if rule.side_fact is not None and known is not None:
                judge.choose("categories", code, [*at, "side_fact"], rule.side_fact, known, "of its facts")
            for fact in rule.when:
                if known is not None:
                    judge.choose("categories", code, [*at, "when", fact], fact, known, "of its facts")
        _supplies(judge, catalog, category)
    for index, row in enumerate(catalog.reference_rows):
        _row(judge, catalog, index, row)


def known_facts(catalog: Catalog, category: str) -> list[str] | None:
    """The facts that every exception of a category may have; None where no check raises it."""
    found: dict[str, None] = {}
    raised = False
    for check in catalog.checks.values():
        keys = [OWN_KEY + name for name in check.key]
        if isinstance(check, ClusterCheck):
            if category in check.categories:
                raised, found = True, found | dict.fromkeys(keys)
            continue
        for finding in check.findings:
            if finding.category == category:
                raised, found = True, found | dict.fromkeys([*finding.facts, *keys])
    return list(found) if raised else None


def is_of(column: Column, value: str) -> bool:
    """Whether a text can be a value of a column, as far as a configuration needs it: numbers are checked, with as many
    decimals as are kept.
    """
    if column.type not in ("integer", "decimal", "money", "quantity"):
        return bool(value.strip())
    scale = 0 if column.type == "integer" else column.scale
    try:
        number = Decimal(value)
    except InvalidOperation:
        return False
    if not number.is_finite() or abs(number) >= 10 ** (18 - scale):
        return False
    return number == round(number, scale)


def _supplies(judge: Judge, catalog: Catalog, category: Category) -> None:
    wanted = category.supplies
    if wanted is None or not judge.refer(
        "categories", category.code, ["supplies", "record"], "record_types", wanted.record
    ):
        return
    columns = catalog.record_types[wanted.record].columns
    for name in wanted.columns:
        judge.choose(
            "categories", category.code, ["supplies", "columns", name], name, columns, "of its columns"
        )
    for index, name in enumerate(wanted.ask):
        judge.choose("categories", category.code, ["supplies", "ask", index], name, columns, "of its columns")


def _row(judge: Judge, catalog: Catalog, index: int, row: ReferenceRow) -> None:
    blocks = judge.merged.uncoded["reference_rows"]
    block = blocks[index] if index < len(blocks) else None
    name = f"reference_rows[{index}]"
    record = catalog.record_types.get(row.record)
    if record is None:
        known = listing(catalog.record_types)
        judge.report_in(
            block, name, ["record"], f"'{row.record}' is none of record_types", known,
            closest(row.record, catalog.record_types),
        )  # fmt: skip
        return
    if record.scope != "network":
        said = f"'{row.record}' belongs to entities"
        judge.report_in(block, name, ["record"], said, "a record type with 'scope: network'")
    for column, value in row.values.items():
        known_column = record.columns.get(column)
        if known_column is not None and not is_of(known_column, value):
            said = f"got '{value}'"
            kept = f" with at most {known_column.scale} decimals" if "." in value else ""
            judge.report_in(block, name, ["values", column], said, f"a {known_column.type}{kept}")
        if known_column is None:
            said = f"'{column}' is no column of {row.record}"
            judge.report_in(
                block,
                name,
                ["values", column],
                said,
                listing(record.columns),
                closest(column, record.columns),
            )
    missing = [column for column in record.key if column not in row.values]
    if missing:
        judge.report_in(block, name, ["values"], f"the key's '{missing[0]}' is missing", listing(record.key))
