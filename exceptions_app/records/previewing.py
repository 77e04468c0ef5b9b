"""What a feed's mapping makes of a few rows, shown side by side with them. Nothing is stored.

Values are shown by the sensitivity of the columns that they feed, as rejects are. A field that no mapping names
has no sensitivity yet: of it only the shape is shown, each letter as x and each digit as 9; of what is nested the names
as they are, since a mapping leads through them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Sensitivity
from exceptions_app.domain.wording import plural

from .layout import Layout
from .mapping import FeedMapper
from .masking import HIDDEN, masked
from .plan import MappingPlan
from .raw import RawRow, RowProblem, text_of
from .words import meant, told

_LONGEST = 80
_LONGEST_NESTED = 400
_SIGN = re.compile(r"[^\W\d_]|\d")
_NAME_OR_SIGN = re.compile(r'"[A-Za-z_@$][\w@$.\-]{0,60}"(?=:)|[^\W\d_]|\d')


@dataclass(frozen=True, slots=True)
class ShownField:
    """A field of the source. `feeds`: the canonical columns that read it; none: it is not stored."""

    name: str
    feeds: tuple[str, ...]
    sensitivity: Sensitivity | None


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One row, raw and mapped. `outcome`: stored, deleted, rejected, unreadable, repeated or left_out (the feed's
    `where` is not for it). `mapped` is empty where it is not stored.
    """

    position: str
    outcome: str
    reason: str = ""
    raw: dict[str, str | None] = field(default_factory=dict)
    mapped: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """The fields that the rows have, the canonical columns that the feed fills, the rows; and, said in `words`, what
    columns hold that their lists of words do not know.
    """

    fields: list[ShownField]
    columns: list[str]
    rows: list[ShownRow]
    words: list[str]


def preview_rows(
    con: DuckDBPyConnection,
    catalog: Catalog,
    feed_code: str,
    rows: Sequence[RawRow],
    problems: Iterable[RowProblem],
    now: datetime,
    *,
    plain: bool = False,
    look_ups: Callable[[], None] | None = None,
) -> Shown:
    """Map these rows. `plain` shows fields that no mapping names as they are. Raises `MappingError` where a field that
    the mapping needs is in none of them.
    """
    feed = catalog.feeds[feed_code]
    layout = Layout(catalog.record_types[feed.record_type])
    plan = MappingPlan(catalog, feed, layout, now)
    shown_fields = fields_of_rows(plan, rows)
    mapper = FeedMapper(con, catalog, feed_code, 0, now, look_ups=look_ups)
    batch = mapper.map(rows, ())
    rejected = {reject.position: reject for reject in batch.rejects}
    kept = {index: (deleted, values) for index, deleted, values in mapper.last_kept()}
    seen = mapper.last_seen()
    shown = []
    for index, row in enumerate(rows):
        raw = {each.name: _raw(row.values.get(each.name), each, plain=plain) for each in shown_fields}
        if row.position in rejected:
            shown.append(ShownRow(row.position, "rejected", rejected[row.position].reason, raw))
        elif index in kept:
            deleted, values = kept[index]
            outcome = "deleted" if deleted else "stored"
            shown.append(ShownRow(row.position, outcome, "", raw, _mapped(plan, values)))
        else:
            outcome = "repeated" if index in seen else "left_out"
            shown.append(ShownRow(row.position, outcome, _WHY[outcome], raw))
    unreadable = [ShownRow(problem.position, "unreadable", problem.reason) for problem in problems]
    unknown = [
        f"{one.column} says {one.shown} in {plural(one.rows, 'row')}; {meant(catalog, feed, one)}"
        for one in told(mapper.words.unknown)
    ]
    columns = [target.name for target in plan.targets]
    return Shown(shown_fields, columns, [*shown, *unreadable], unknown)


_WHY = {
    "repeated": "the same as a row before it, or older",
    "left_out": "the feed's 'where' is not true of it",
}


def fields_of_rows(plan: MappingPlan, rows: Sequence[RawRow]) -> list[ShownField]:
    """Every field that any of the rows has, in their order; those that the mapping names say what they feed."""
    names = dict.fromkeys(name for row in rows for name in row.values)
    feeds: dict[str, list[str]] = {name: [] for name in names}
    for target in plan.targets:
        for name in {column for _, column in target.expr.columns}:
            feeds.setdefault(name, []).append(target.name)
    sensitivities = plan.sensitivities
    return [ShownField(name, tuple(feeds[name]), sensitivities.get(name)) for name in names]


def _raw(value: Any, shown: ShownField, *, plain: bool) -> str | None:
    text = text_of(value)
    if text is None:
        return None
    if shown.sensitivity is not None:
        return HIDDEN if shown.sensitivity == "patient" else _cut(masked(text, shown.sensitivity))
    return _cut(text) if plain else shape_of(text)


def shape_of(text: str) -> str:
    """How a value looks, and nobody's data."""
    nested = _is_nested(text)

    def put(found: re.Match[str]) -> str:
        name = found[0]
        return name if len(name) > 1 else "9" if name.isdigit() else "x"

    return _cut((_NAME_OR_SIGN if nested else _SIGN).sub(put, text))


def _mapped(plan: MappingPlan, values: dict[str, str | None]) -> dict[str, str | None]:
    columns = plan.layout.record_type.columns
    found: dict[str, str | None] = {}
    for target in plan.targets:
        text = values.get(target.name)
        own = columns.get(target.name)
        found[target.name] = (
            None if text is None else _cut(masked(text, own.sensitivity if own else "internal"))
        )
    return found


def _cut(text: str) -> str:
    longest = _LONGEST_NESTED if _is_nested(text) else _LONGEST
    return text if len(text) <= longest else text[:longest] + "…"


def _is_nested(text: str) -> bool:
    return text[:2] in ('{"', "[{", '["')
