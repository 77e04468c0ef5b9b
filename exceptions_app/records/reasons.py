"""Why a value was refused, in words: what was found (as far as it may be shown) and what was expected."""

from __future__ import annotations

from difflib import get_close_matches

from .mapping_sql import MISSING, OUT_OF_RANGE, UNKNOWN_ENTITY, WRONG_SOURCE_TIME
from .masking import masked
from .plan import MappingPlan
from .validation import EXPECTED, EXPECTED_RANGE, EXPECTED_SOURCE_TIME


def reason(plan: MappingPlan, code: str, column: str, found: str | None) -> str:
    """One sentence for one column: `quantity: expected a quantity such as 12.5, found 'abc'`."""
    if code == MISSING or found is None:
        return f"{column}: expected a value, found nothing"
    own = plan.layout.record_type.columns.get(column)
    concealed = any(target.name == column and target.conceal for target in plan.targets)
    shown = masked(found, "patient" if concealed else own.sensitivity if own else "internal")
    return f"{column}: expected {_expected(plan, code, column, found)}, found '{shown}'"


def _expected(plan: MappingPlan, code: str, column: str, found: str) -> str:
    if code == UNKNOWN_ENTITY:
        near = get_close_matches(found, list(plan.catalog.entities), n=1)
        return "the code of a known entity" + (f" (did they mean {near[0]}?)" if near else "")
    if code == WRONG_SOURCE_TIME:
        return EXPECTED_SOURCE_TIME
    if code == OUT_OF_RANGE:
        return EXPECTED_RANGE
    target = next(target for target in plan.targets if target.name == column)
    plain = target.expr.tree.op == "column"
    return EXPECTED[target.kind] + ("" if plain else f" from {target.expr.text}")
