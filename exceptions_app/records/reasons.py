"""Why a value was refused, in words: what was found (as far as it may be shown) and what was expected."""

from __future__ import annotations

import re
from calendar import monthrange
from difflib import get_close_matches

from exceptions_app.catalog.expression_tree import Node

from .mapping_sql import (
    MISSING,
    NOT_KNOWN,
    OUT_OF_RANGE,
    SEVERAL,
    UNKNOWN_ENTITY,
    WRONG_SOURCE_TIME,
    WRONG_TYPE,
)
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
    expected = _expected(plan, code, column, found)
    return f"{column}: expected {expected}, found '{shown}'{_hint(plan, code, column, found)}"


_NUMBERS = ("money", "quantity", "decimal")
_WRITTEN = (
    (("timestamp",), r"[0-9]{13}", "parse_timestamp(…, 'UTC', 'epoch_ms')"),
    (("timestamp",), r"[0-9]{10}", "parse_timestamp(…, 'UTC', 'epoch')"),
    (("date",), r"[0-9]{1,2}[.][0-9]{1,2}[.][0-9]{4}", "parse_date(…, 'dd.mm.yyyy')"),
    (("date",), r"[0-9]{8}", "parse_date(…, 'yyyymmdd')"),
    (
        ("timestamp",),
        r"[0-9]{1,2}[.][0-9]{1,2}[.][0-9]{4} .*",
        "parse_timestamp(…, zone, 'dd.mm.yyyy hh:mi')",
    ),
    (("money", "quantity", "decimal"), r"[+-]?[0-9.]*,([0-9]{1,2}|[0-9]{4})", "parse_decimal(…, ',')"),
    (
        ("money", "quantity", "decimal"),
        r"[+-]?[0-9]{1,3}(,[0-9]{3})+([.][0-9]*)?|[0-9.]+-",
        "parse_decimal(…)",
    ),
)
"""Types, how a value may be written, and the expression that reads it."""


def _hint(plan: MappingPlan, code: str, column: str, found: str) -> str:
    """What may be written in the mapping instead, where only its plain column is there."""
    target = next((target for target in plan.targets if target.name == column), None)
    if code != WRONG_TYPE or target is None:
        return ""
    if target.kind in ("date", "timestamp") and _is_no_day(target.expr.tree, found):
        return "; there is no such day"
    if target.expr.tree.op != "column":
        return ""
    if target.kind in _NUMBERS and re.fullmatch(
        r"[+-]?[0-9]*[.][0-9]+([eE]-?[0-9]+)?|[0-9]+[eE]-[0-9]+", found
    ):
        said = f"; it has more than {target.scale} decimals or too many digits"
        return f"{said}: `scale` of the column keeps more, round(…, {target.scale}) in the mapping rounds"
    way = next((way for kinds, how, way in _WRITTEN if target.kind in kinds and re.fullmatch(how, found)), "")
    if re.match(r"[0-9]+[.](1[3-9]|[2-9][0-9])[.]", found):
        way = way.replace("dd.mm", "mm.dd")
    return f"; in the mapping, {way} reads that" if way else ""


_DAYS = ("%Y-%m-%d", "%d.%m.%Y", "%Y%m%d")
"""How days are written of which it is clear what is the day and what the month."""
_PARTS = {"%Y": "(?P<y>[0-9]{4})", "%m": "(?P<m>[0-9]{1,2})", "%d": "(?P<d>[0-9]{1,2})"}


def _is_no_day(tree: Node, found: str) -> bool:
    """Whether the text is written as a day is, and the calendar has none such, as the 31st of a short month."""
    for pattern in (str(tree.value),) if tree.op == "parse_date" else _DAYS:
        parts = re.split("(%[Ymd])", pattern)
        how = "".join(_PARTS.get(part, re.escape(part)) for part in parts)
        written = re.match(rf"\s*{how}(?![0-9])", found)
        if written and {"y", "m", "d"} <= written.groupdict().keys():
            year, month, day = (int(written[part]) for part in "ymd")
            if year and 1 <= month <= 12 and monthrange(year, month)[1] < day <= 31:
                return True
    return False


def _expected(plan: MappingPlan, code: str, column: str, found: str) -> str:
    if code == UNKNOWN_ENTITY:
        near = get_close_matches(found, list(plan.catalog.entities), n=1)
        return "the code of a known entity" + (f" (did they mean {near[0]}?)" if near else "")
    if code == WRONG_SOURCE_TIME:
        return EXPECTED_SOURCE_TIME
    if code == OUT_OF_RANGE:
        return EXPECTED_RANGE
    target = next(target for target in plan.targets if target.name == column)
    if target.look_up is not None and code in (NOT_KNOWN, SEVERAL):
        record, wanted = target.look_up.record, target.look_up.column
        by = target.look_up.by or plan.catalog.record_types[record].key[0]
        if code == SEVERAL:
            return f"a {by} of which all {record} records say the same {wanted}"
        return f"a {by} that {record} knows with its {wanted}"
    plain = target.expr.tree.op == "column"
    return EXPECTED[target.kind] + ("" if plain else f" from {target.expr.text}")
