"""Whether a check can be judged on a part of its keys, and how those keys are found in the records.

What is probed is the transaction line, the key or the part of it that a check names: on a line the findings of all
checks of a flow compete. So what changed for one of them is asked of each. Knows neither files nor databases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.check_expressions import read_check
from exceptions_app.catalog.expressions import Expr
from exceptions_app.catalog.schema import BalanceCheck, BaseCheck, MatchCheck

from .moments import Moment, UndatedError, moments_of
from .sides import Among
from .sources import systems_of

ALWAYS_FULL = "full each time: "


@dataclass(frozen=True, slots=True)
class Asked:
    """A look-up of a side: the record type and its systems, and per column of it what of the side's row is asked."""

    record: str
    systems: Sequence[str]
    on: Mapping[str, Expr]


@dataclass(frozen=True, slots=True)
class ProbedSide:
    """The rows of a side: per column of the line what gives it, and what is looked up for them."""

    record: str
    systems: Sequence[str]
    key: Mapping[str, Expr]
    lookups: Mapping[str, Asked]


@dataclass(frozen=True, slots=True)
class Probing:
    """How a check is asked about some lines only. Checks of one `among.table` share their lines."""

    check: MatchCheck
    among: Among
    sides: Mapping[str, ProbedSide]
    moments: Sequence[Moment]


_KEPT: dict[tuple[str, str], Probing | str] = {}
_MOST_KEPT = 256


def probing_of(check: BaseCheck, catalog: Catalog) -> Probing | str:
    """Or why it can only be judged as a whole. Worked out once per configuration."""
    key = (catalog.digest, check.model_dump_json())
    if key not in _KEPT:
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.clear()
        _KEPT[key] = _probing_of(check, catalog)
    return _KEPT[key]


def _probing_of(check: BaseCheck, catalog: Catalog) -> Probing | str:
    if isinstance(check, BalanceCheck):
        return f"{ALWAYS_FULL}it adds up documents"
    if check.compared_in_full or not isinstance(check, MatchCheck):
        return f"{ALWAYS_FULL}it compares documents with each other"
    accepted = read_check(check, catalog.record_types).accepted
    columns = tuple(check.line or check.key)
    sides = {}
    fed: dict[str, bool] = {}
    for name, side in check.sides.items():
        systems = systems_of(catalog, side.record, side.kind, side.systems)
        fed[name] = bool(systems)
        lookups = {}
        for code, lookup in side.lookups.items():
            of = systems_of(catalog, lookup.record, lookup.kind, None)
            fed[f"{name}.{code}"] = bool(of)
            on = {column: accepted["sides", name, "lookups", code, "on", column] for column in lookup.on}
            if any(qualifier is not None for each in on.values() for qualifier, _ in each.columns):
                return f"{ALWAYS_FULL}a look-up asks for what another one found"
            if of and systems:
                lookups[code] = Asked(lookup.record, of, on)
        key = {column: accepted["sides", name, "key", column] for column in columns}
        if any(expression.parameters for expression in key.values()):
            return f"{ALWAYS_FULL}its key depends on the time"
        if systems:
            sides[name] = ProbedSide(side.record, systems, key, lookups)
    try:
        moments = moments_of(check, accepted, fed)
    except UndatedError as error:
        return f"{ALWAYS_FULL}{error}"
    among = Among(f"probed {check.scope} {check.line_type} {len(columns)}", columns)
    return Probing(check, among, sides, moments)
