"""A feed's mapping as SQL: raw text columns in; typed canonical columns, and what is wrong, out."""

from __future__ import annotations

from collections.abc import Iterable

from exceptions_app.catalog.expression_sql import write
from exceptions_app.catalog.expression_tree import Node
from exceptions_app.catalog.expressions import render
from exceptions_app.duck import literal, literals, quoted

from .plan import MappingPlan, Target
from .raw import RAW_TABLE
from .validation import out_of_range_sql, source_time_wrong_sql, typed_sql

DOOR_PREFIX = "door_"
"""`door_<column>(local, canonical)`: what a crosswalk at the door makes of that column."""

LOOK_PREFIX = "look_"
"""`look_<column>(local, found, several)`: what reference records say of the values of that column."""

KEY_PREFIX = "key_"
"""`key_<column>(key)`: what that column is hashed with."""

MISSING, WRONG_TYPE, OUT_OF_RANGE, UNKNOWN_ENTITY, WRONG_SOURCE_TIME, NOT_KNOWN, SEVERAL = (
    "missing",
    "type",
    "range",
    "entity",
    "time",
    "unknown",
    "several",
)
_CONVERTING = frozenset({"parse_date", "parse_timestamp", "parse_decimal", "cast", "round"})


def checked_sql(plan: MappingPlan) -> str:
    """A SELECT over `raw_page`: `_i` (row number), `_position`, `_deleted`; per column `found_name` (the text
    that was found) and `v_` (its value); and `_bad`: `<code>:<column>` of all that is wrong, NULL where
    nothing is.
    """
    found = ", ".join(text for target in plan.targets for text in _texts(plan, target))
    typed = ", ".join(text for target in plan.targets for text in _values(target))
    wrong = ", ".join(_problems(plan))
    deleted = f"coalesce({render(plan.deleted, plan.raw_name)}, false)" if plan.deleted else "false"
    where = f"WHERE coalesce({render(plan.where, plan.raw_name)}, false)" if plan.where else ""
    return (
        f"SELECT *, nullif(concat_ws(' ', {wrong}), '') AS _bad FROM (SELECT page.*, {typed} FROM ("
        f"SELECT rowid AS _i, position AS _position, {deleted} AS _deleted, {found} FROM {RAW_TABLE} {where}"
        f") AS page {_doors(plan)})"
    )


def records_sql(plan: MappingPlan) -> str:
    """A SELECT over `checked_page` of what is right: `_i`, `_position`, `_deleted`, and the record."""
    given = {target.name: _v(target) for target in plan.targets}
    key = ", ".join(given.get(name, "NULL") for name in plan.layout.record_type.key)
    values = {
        "source_system": literal(plan.feed.system),
        "source_id": f"coalesce({given.get('source_id', 'NULL')}, concat_ws('/', {key}))",
        "source_time": f"coalesce({given.get('source_time', 'NULL')}, {literal(plan.fetched_at)})",
        "fetched_at": literal(plan.fetched_at),
        "run_id": "NULL",
    }
    if not plan.layout.by_entity:
        values["entity"] = "NULL"
    columns = ", ".join(
        f"CAST({values.get(name) or given.get(name, 'NULL')} AS {kind}) AS {quoted(name)}"
        for name, kind in plan.layout.visible.items()
    )
    return f"SELECT _i, _position, _deleted, {columns} FROM checked_page WHERE _bad IS NULL"


def found_name(target: Target) -> str:
    """The column of `checked_page` with the text that was found."""
    return quoted(("f_" if _converting(target) else "x_") + target.name)


def _x(target: Target) -> str:
    return quoted("x_" + target.name)


def _v(target: Target) -> str:
    return quoted("v_" + target.name)


def _converting(target: Target) -> list[Node]:
    return [node for node in target.expr.tree.walk() if node.op in _CONVERTING]


def _texts(plan: MappingPlan, target: Target) -> Iterable[str]:
    """The value as text; where a conversion may fail and leave none, also the text it could not convert."""
    value = f"nullif(trim(CAST({render(target.expr, plan.raw_name)} AS VARCHAR)), '')"
    yield f"{value} AS {_x(target)}"
    failed = [
        f"CASE WHEN {write(node, plan.raw_name)} IS NULL "
        f"THEN CAST({write(node.args[0], plan.raw_name)} AS VARCHAR) END"
        for node in _converting(target)
    ]
    if failed:
        yield f"coalesce({', '.join([value, *failed])}) AS {found_name(target)}"


def _values(target: Target) -> Iterable[str]:
    """The value, typed; of one that is looked up also what was found of it."""
    yield f"{_typed_sql(target)} AS {_v(target)}"
    if target.look_up:
        look = quoted(LOOK_PREFIX + target.name)
        yield f"{look}.found AS {_found(target)}"
        yield f"coalesce({look}.several, false) AS {_several(target)}"


def _found(target: Target) -> str:
    return quoted("l_" + target.name)


def _several(target: Target) -> str:
    return quoted("m_" + target.name)


def _translated(target: Target) -> str:
    text = _x(target)
    return f"coalesce({quoted(DOOR_PREFIX + target.name)}.canonical, {text})" if target.crosswalk else text


def _typed_sql(target: Target) -> str:
    text = f"{quoted(LOOK_PREFIX + target.name)}.found" if target.look_up else _translated(target)
    if target.conceal == "hash":
        text = f"sha256((SELECT key FROM {quoted(KEY_PREFIX + target.name)}) || {text})"
    elif target.conceal == "last4":
        text = (
            f"CASE WHEN length({text}) > 8 THEN '…' || right({text}, 4) WHEN {text} IS NOT NULL THEN '…' END"
        )
    return typed_sql(text, target.kind, target.scale)


def _doors(plan: MappingPlan) -> str:
    through = [(quoted(DOOR_PREFIX + target.name), _x(target)) for target in plan.targets if target.crosswalk]
    through += [(quoted(LOOK_PREFIX + t.name), _translated(t)) for t in plan.targets if t.look_up]
    return " ".join(f"LEFT JOIN {door} ON {text} = {door}.local" for door, text in through)


def _problems(plan: MappingPlan) -> list[str]:
    given = {target.name for target in plan.targets}
    unmapped = [literal(f"{MISSING}:{name}") for name in plan.required if name not in given]
    return [*unmapped, *(problem for target in plan.targets for problem in _problems_of(plan, target))]


def _problems_of(plan: MappingPlan, target: Target) -> Iterable[str]:
    tests = {WRONG_TYPE: f"{found_name(target)} IS NOT NULL AND {_v(target)} IS NULL"}
    if target.name in plan.required:
        tests[MISSING] = f"{found_name(target)} IS NULL"
    if target.look_up:
        given = f"{found_name(target)} IS NOT NULL"
        tests[WRONG_TYPE] = f"{_found(target)} IS NOT NULL AND {_v(target)} IS NULL"
        tests[SEVERAL] = _several(target)
        if target.look_up.absent == "reject" or target.name in plan.required:
            tests[NOT_KNOWN] = f"{given} AND {_found(target)} IS NULL AND NOT {_several(target)}"
    if target.name == "entity" and plan.layout.by_entity:
        known = literals(plan.catalog.entities)
        tests[UNKNOWN_ENTITY] = f"{_v(target)} NOT IN ({known})" if known else "true"
    if target.name == "source_time":
        tests[WRONG_SOURCE_TIME] = source_time_wrong_sql(_v(target), plan.fetched_at)
    elif (outside := out_of_range_sql(_v(target), target.kind)) is not None:
        tests[OUT_OF_RANGE] = outside
    excused = "" if target.name in (*plan.key, "source_time") else " AND NOT _deleted"
    for code, test in tests.items():
        yield f"CASE WHEN ({test}){excused} THEN {literal(f'{code}:{target.name}')} END"
