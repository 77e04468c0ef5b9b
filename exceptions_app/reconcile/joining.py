"""The sides of a match joined on the key: the keys that a finding can start from, and what each side says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exceptions_app.catalog.expressions import PRESENT, Kind, quote
from exceptions_app.catalog.schema import MatchCheck

from .sides import ENTITY, SidePlan, source_key


def name_of(qualifier: str | None, name: str) -> str:
    """A column of the joined row, or whether a side has a row (`PRESENT`), in SQL."""
    if name == PRESENT:
        return f"({quote(f'{qualifier} present')} IS NOT NULL)"
    return quote(name if qualifier is None else f"{qualifier}.{name}")


def written_key(side: str, key: str) -> str:
    """The column of the joined row with the key as a side's source wrote it."""
    return quote(f"{side} {key} source")


def joined(
    check: MatchCheck, sides: Mapping[str, SidePlan], anchors: Sequence[str] = (), *, together: bool = False
) -> str:
    """The joined rows, of several entities where they are compared `together`. Only keys of the anchors can be hits, so
    only they are kept whole.
    """
    anchors = anchors or _anchors(check, sides)
    row_key = [*([ENTITY] if together else []), *check.row_key]
    others = [name for name, plan in sides.items() if plan.sql is not None and name not in anchors]
    tables = f"({sides[anchors[0]].sql}) AS {quote(anchors[0])}"
    for place, name in enumerate([*anchors[1:], *others], start=1):
        known = anchors[: min(place, len(anchors))]
        on = " AND ".join(f"{quote(name)}.{quote(key)} = {_first(known, key)}" for key in row_key)
        tables += (
            f" {'FULL' if name in anchors else 'LEFT'} JOIN ({sides[name].sql}) AS {quote(name)} ON {on}"
        )
    selected = [f"{_first(anchors, key)} AS {quote(key)}" for key in row_key]
    for name, plan in sides.items():
        selected += _columns(name, plan)
    return f"SELECT {', '.join(selected)} FROM {tables}"


def known_to(sides: Mapping[str, SidePlan]) -> tuple[str, int]:
    """SQL for how many sides know a key, and from how many on it has been compared."""
    fed = [name for name, plan in sides.items() if plan.sql is not None]
    count = " + ".join(f"CAST({name_of(name, PRESENT)} AS INTEGER)" for name in fed)
    return count, min(2, len(fed))


def _columns(name: str, plan: SidePlan) -> list[str]:
    if plan.sql is None:
        absent = [f"{null_sql(kind)} AS {name_of(name, column)}" for column, kind in plan.columns.items()]
        absent += [f"CAST(NULL AS STRING) AS {written_key(name, key)}" for key in plan.written_keys]
        return [*absent, f"CAST(NULL AS BOOLEAN) AS {quote(name + ' present')}"]
    side = quote(name)
    found = [f"{side}.{quote(column)} AS {name_of(name, column)}" for column in plan.columns]
    found += [f"{side}.{quote(source_key(key))} AS {written_key(name, key)}" for key in plan.written_keys]
    return [*found, f"{side}.present AS {quote(name + ' present')}"]


def _anchors(check: MatchCheck, sides: Mapping[str, SidePlan]) -> list[str]:
    """The fewest sides such that every finding needs one of them present."""
    fed = [name for name, plan in sides.items() if plan.sql is not None]
    uncovered = [{side for side in f.present if side in fed} or set(fed) for f in check.findings]
    anchors: list[str] = []
    while uncovered:
        best = max(fed, key=lambda name: sum(name in one for one in uncovered))
        anchors.append(best)
        uncovered = [one for one in uncovered if best not in one]
    return anchors


def null_sql(kind: Kind) -> str:
    """NULL of a kind."""
    return f"CAST(NULL AS {'STRING' if kind.name == 'unknown' else kind.sql})"


def _first(sides: Sequence[str], key: str) -> str:
    columns = [f"{quote(side)}.{quote(key)}" for side in sides]
    return columns[0] if len(columns) == 1 else f"COALESCE({', '.join(columns)})"
