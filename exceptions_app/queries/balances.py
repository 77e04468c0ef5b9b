"""The documents that make the difference of a balance, as its page lists them.

Works on the evidence kept with the exception. What is listed is open to everybody: the configuration is refused
where a document would show a sensitive column. Must not know who is looking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import BalanceCheck, Check
from exceptions_app.domain import wording

_STYLES = {
    "money": "money", "quantity": "quantity", "decimal": "number", "integer": "number", "date": "date",
    "timestamp": "timestamp",
}  # fmt: skip
Say = Callable[[Any, str], str]
"""Words a value in a style."""


@dataclass(frozen=True, slots=True)
class DocumentSide:
    """What one system says of a document: its amount, and the rest in words. Both empty where it has none."""

    amount: str
    rest: str


@dataclass(frozen=True, slots=True)
class DocumentRow:
    name: str
    sides: tuple[DocumentSide, ...]
    difference: str


@dataclass(frozen=True, slots=True)
class DocumentList:
    """The largest differences first; `more` documents differ, too, and are not listed."""

    rows: tuple[DocumentRow, ...]
    more: int


def documents(
    catalog: Catalog, check: Check | None, let: Mapping[str, Any], names: Sequence[str], say: Say
) -> DocumentList | None:
    """From what a balance's evidence keeps in `let`; `names` are the sides in the order of the page's columns.

    None for any other check, and where the check is no balance any more.
    """
    listed = let.get("documents")
    if not isinstance(check, BalanceCheck) or not listed:
        return None
    rows = tuple(_row(catalog, check, document, names, say) for document in listed)
    return DocumentList(rows, max(0, int(let.get("differing") or 0) - len(rows)))


def _row(
    catalog: Catalog, check: BalanceCheck, document: Mapping[str, Any], names: Sequence[str], say: Say
) -> DocumentRow:
    name, said = check.documents.amount, document["sides"]
    amounts = [_exact((said.get(side) or {}).get(name)) for side in check.sides]
    return DocumentRow(
        " ".join(str(value) for value in document["key"].values()),
        tuple(_side(catalog, check, side, said.get(side), say) for side in names),
        say(amounts[0] - amounts[1], "money"),
    )


def _side(
    catalog: Catalog, check: BalanceCheck, side: str, said: Mapping[str, Any] | None, say: Say
) -> DocumentSide:
    if said is None or side not in check.sides:
        return DocumentSide("", "")
    party, name = check.sides[side], check.documents.amount
    columns = catalog.record_types[party.record].columns
    rest = []
    for shown in check.documents.show:
        column = columns.get(party.columns.get(shown, "").strip())
        if said.get(shown) is not None:
            rest.append(say(said[shown], _STYLES.get(column.type if column else "", "text")))
    if said.get("candidates"):
        rest.append(f"belongs to {said['candidates']}")
    return DocumentSide(say(said.get(name, 0), "money"), wording.plain(rest))


def _exact(value: Any) -> Decimal:
    try:
        return Decimal(str(value or 0))
    except InvalidOperation:
        return Decimal(0)
