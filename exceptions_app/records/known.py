"""What of a rejected row could be read of its key, and which rejected rows a page has set right.

While such a row is missing, nothing can be said of the documents that it belongs to: whoever compares must
know which ones those are. Sensitive columns are never kept. Stores nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.match_keys import matched_columns
from exceptions_app.catalog.sensitivity import is_open
from exceptions_app.duck import quoted

from .crosswalk import load_texts
from .plan import MappingPlan, Target, fields_of

Known = Mapping[str, str | None]
"""Column -> text, None: empty at the source. What could not be read is not there."""

_LONGEST = 200
"""No key is longer: such a text is something else."""
_OPEN = "open_rejects"


@dataclass(frozen=True, slots=True)
class OpenReject:
    """A rejected row that is still missing. `after`: where it stood in this page; -1, if it came before. `checks`: the
    codes of those that cannot judge it; None: none can.
    """

    id: int
    feed: str
    source_id: str | None
    known: Known
    after: int = -1
    checks: frozenset[str] | None = None


def known_json(known: Known) -> str:
    """As it is kept."""
    return json.dumps(dict(known), sort_keys=True, ensure_ascii=False)


class KnownKeys:
    """Asks the tables that the mapping of a page leaves behind. Costs nothing until the first reject."""

    def __init__(self, con: DuckDBPyConnection, plan: MappingPlan) -> None:
        self._con, self._plan = con, plan

    @cached_property
    def _matched(self) -> list[str]:
        """The columns that say where a row belongs: what checks match on, else the record's own key."""
        catalog, record = self._plan.catalog, self._plan.layout.record_type
        return matched_columns(catalog.checks.values(), record, catalog.record_types) or list(record.key)

    @cached_property
    def _kept(self) -> list[str]:
        wanted = dict.fromkeys([*self._plan.key, *self._matched])
        return [name for name in wanted if self._is_open(name)]

    @cached_property
    def _targets(self) -> dict[str, Target]:
        return {target.name: target for target in self._plan.targets}

    def _is_open(self, name: str) -> bool:
        column, target = self._plan.layout.record_type.columns.get(name), self._targets.get(name)
        fields = fields_of(target.expr) if target else []
        return (column is None or is_open(column.sensitivity)) and all(
            is_open(self._plan.sensitivities[field]) for field in fields
        )

    def of(self, refused: Mapping[int, Collection[str]]) -> dict[int, Known]:
        """Of these rows of `checked_page` (with the columns that are wrong in each), what is known of the key;
        rows of which nothing is known that says where they belong are left out.
        """
        if not refused:
            return {}
        values = [
            f"CAST({quoted('v_' + n)} AS VARCHAR)" if n in self._targets else "NULL" for n in self._kept
        ]
        rows = self._con.execute(
            f"SELECT {', '.join(['_i', *values])} FROM checked_page WHERE list_contains($asked, _i)",
            {"asked": list(refused)},
        ).fetchall()
        found: dict[int, Known] = {}
        for index, *texts in rows:
            known = {
                name: text
                for name, text in zip(self._kept, texts, strict=True)
                if name not in refused[index] and len(text or "") <= _LONGEST
            }
            if any(name in known for name in self._matched):
                found[index] = known
        return found

    def mended(self, rejects: Sequence[OpenReject]) -> set[int]:
        """Those whose row this page brought again, and whole: by the same key, or the source's identifier."""
        if not rejects:
            return set()
        self._load(rejects)
        key = self._plan.layout.record_type.key
        alike = [f"CAST(p.{quoted(name)} AS VARCHAR) = o.{quoted(name)}" for name in key]
        same = [f"({' AND '.join(alike)})"]
        if "source_id" in self._targets:
            same.append("p.source_id = o._source_id")
        where = f"({' OR '.join(same)}) AND p._i > CAST(o._after AS BIGINT)"
        if self._plan.layout.by_entity:
            where += " AND (o.entity IS NULL OR p.entity = o.entity)"
        return self._ids("record_page AS p", f"p._i IN (SELECT _i FROM kept_page) AND {where}")

    def gone(self, rejects: Sequence[OpenReject], seen_table: str) -> set[int]:
        """Those whose whole key is known and not among the keys that the source still holds."""
        whole = [each for each in rejects if all(each.known.get(name) for name in self._plan.key)]
        if not whole:
            return set()
        self._load(whole)
        same = " AND ".join(f"CAST(p.{quoted(n)} AS VARCHAR) = o.{quoted(n)}" for n in self._plan.key)
        return {each.id for each in whole} - self._ids(f"{quoted(seen_table)} AS p", same)

    def _load(self, rejects: Sequence[OpenReject]) -> None:
        columns: dict[str, list[str | None]] = {
            "_id": [str(each.id) for each in rejects],
            "_after": [str(each.after) for each in rejects],
            "_source_id": [each.source_id for each in rejects],
        }
        columns |= {name: [each.known.get(name) for each in rejects] for name in self._plan.key}
        load_texts(self._con, _OPEN, columns)

    def _ids(self, table: str, where: str) -> set[int]:
        rows = self._con.execute(f"SELECT DISTINCT o._id FROM {_OPEN} AS o JOIN {table} ON {where}")
        return {int(found) for (found,) in rows.fetchall()}
