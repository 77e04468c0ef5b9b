"""Which keys of a check cannot be judged, because a row of one of its sides was rejected and is still missing.

On such a key nothing opens, changes or closes: what looks missing may have been sent, and a sum may lack a part.
Compares what the sources wrote, and what their crosswalk makes of it. Asks no database.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.expressions import Expr, quote, render
from exceptions_app.catalog.match_keys import columns_of, side_key
from exceptions_app.catalog.schema import Check, ClusterCheck, Feed
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.reconcile.values import text_sql
from exceptions_app.records.crosswalk import for_system
from exceptions_app.records.known import OpenReject
from exceptions_app.records.layout import sql_type
from exceptions_app.services.live_lines import LiveLine

from .flows import sides_of

ENTITY = "entity"
Part = str | None
"""A part of a key as text; None: the row has none, and takes part in no comparison."""
Patterns = Mapping[tuple[str, ...], set[tuple[str, ...]]]
"""The names of the parts that are known -> their values, one tuple per rejected row."""


@dataclass(frozen=True, slots=True)
class UnjudgedKeys:
    """The keys of one check, as far as they are known; looked up in sets."""

    check: Check
    patterns: Patterns

    def has(self, entity: str, business_key: str, evidence: str = "") -> bool:
        """Whether the key is one of them; of a cluster of duplicates, the key of any member."""
        if self._fits({**json.loads(business_key), ENTITY: entity}):
            return True
        clustered = isinstance(self.check, ClusterCheck) and evidence
        return bool(clustered) and any(map(self._fits, json.loads(evidence)["sides"].values()))

    def _fits(self, key: Mapping[str, str]) -> bool:
        return any(
            tuple(key.get(name, "") for name in names) in values for names, values in self.patterns.items()
        )


class Unjudged:
    """The keys of all checks of one comparison, and in which places something was held back on them."""

    def __init__(self, keys: Mapping[str, UnjudgedKeys]) -> None:
        self._keys = keys
        self._dropped: set[bytes] = set()
        self._held: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def drops(self, found: Discrepancy) -> bool:
        """Whether this must not reach intake; noted, if so."""
        if not self.holds(found.check, found.scope, found.entity, found.business_key, found.evidence):
            return False
        self._dropped.add(found.fingerprint)
        return True

    def holds(self, check: str, scope: str, entity: str, business_key: str, evidence: str) -> bool:
        """Whether nothing may be done on this key; noted, if so."""
        keys = self._keys.get(check)
        if keys is None or not keys.has(entity, business_key, evidence):
            return False
        self._held[check, scope].add((entity, business_key))
        return True

    def covers(self, live: LiveLine) -> bool:
        """Whether a live exception is one that cannot be judged now."""
        keys = self._keys.get(live.check)
        return keys is not None and (
            live.fingerprint in self._dropped or keys.has(live.entity, live.business_key)
        )

    def held_back(self, check: str, scope: str) -> frozenset[tuple[str, str]]:
        """On which keys (entity, business key) something was held back."""
        return frozenset(self._held.get((check, scope), ()))


def unjudged_keys(
    con: DuckDBPyConnection, catalog: Catalog, checks: Iterable[Check], rejects: Sequence[OpenReject]
) -> Unjudged:
    """What these open rejects leave unjudged. Nothing is asked or parsed where there are none."""
    by_feed: dict[str, list[OpenReject]] = defaultdict(list)
    for reject in rejects:
        by_feed[reject.feed].append(reject)
    found: dict[str, UnjudgedKeys] = {}
    for check in checks if rejects else ():
        patterns: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
        for side, feeds in sides_of(catalog, check).items():
            for feed in feeds:
                missing = [
                    each for each in by_feed[feed.code] if each.checks is None or check.code in each.checks
                ]
                if missing:
                    for names, values in _Side(con, catalog, check, side, feed).keys_of(missing):
                        patterns[names].add(values)
        if patterns:
            found[check.code] = UnjudgedKeys(check, patterns)
    return Unjudged(found)


class _Side:
    """One feed of one side of a check: what the key of its rows is."""

    def __init__(
        self, con: DuckDBPyConnection, catalog: Catalog, check: Check, side: str, feed: Feed
    ) -> None:
        self._con, self._catalog, self._check, self._feed = con, catalog, check, feed
        self._record = catalog.record_types[feed.record_type]
        self._key = side_key(check, side, catalog.record_types)

    def keys_of(self, rejects: Sequence[OpenReject]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Per rejected row the names and values of the parts that are known, as written and as translated."""
        parts = {name: self._values(expr, rejects) for name, expr in self._key.items()}
        for reject in rejects:
            known = {name: values[reject.id] for name, values in parts.items() if reject.id in values}
            whole = {name: value for name, value in known.items() if value is not None}
            if len(whole) < len(known) or not self._says_enough(whole):
                continue
            entity = reject.known.get(ENTITY) if self._record.scope == "entity" else None
            where = {} if entity is None else {ENTITY: entity}
            names = (*whole, *where)
            yield names, (*whole.values(), *where.values())
            translated = [self._canonical(self._key[name], value) for name, value in whole.items()]
            yield names, (*translated, *where.values())

    def _says_enough(self, known: Mapping[str, str]) -> bool:
        """Half a key holds back all that begin alike, where sides are compared; a document is whole or none."""
        if len(known) == len(self._check.key):
            return True
        compared = not isinstance(self._check, ClusterCheck) and len(self._check.sides) > 1
        return compared and self._check.key[0] in known

    def _values(self, expr: Expr, rejects: Sequence[OpenReject]) -> dict[int, Part]:
        """Reject -> this part of its key; rejects of which it could not be read are left out."""
        needed = columns_of(expr)
        readable = [each for each in rejects if needed <= each.known.keys() and not expr.parameters]
        name = self._column(expr)
        if name is not None and expr.type == "text":
            return {each.id: each.known[name] for each in readable}
        return self._evaluated(expr, sorted(needed), readable) if readable else {}

    def _evaluated(self, expr: Expr, needed: Sequence[str], rejects: Sequence[OpenReject]) -> dict[int, Part]:
        def typed(_: str | None, name: str) -> str:
            column = self._record.columns.get(name.removesuffix("_source"))
            kind = sql_type(column) if column else "VARCHAR"
            return f"CAST({quote(name.removesuffix('_source'))} AS {kind})"

        unnested = [
            f"UNNEST(CAST(${i} AS VARCHAR[])) AS {quote(n)}" for i, n in enumerate(["_id", *needed], 1)
        ]
        value = text_sql(render(expr, typed), expr.kind)
        given = [[each.known[name] for each in rejects] for name in needed]
        rows = self._con.execute(
            f"SELECT _id, {value} FROM (SELECT {', '.join(unnested)})",  # noqa: S608 - names are quoted
            [[str(each.id) for each in rejects], *given],
        )
        return {int(reject): text for reject, text in rows.fetchall()}

    def _column(self, expr: Expr) -> str | None:
        """The column that the part is, where it is nothing else."""
        return str(expr.tree.value[1]).removesuffix("_source") if expr.tree.op == "column" else None

    def _canonical(self, expr: Expr, value: str) -> str:
        column = self._record.columns.get(self._column(expr) or "")
        if column is None or column.crosswalk is None:
            return value
        known = self._catalog.crosswalks.get(column.crosswalk, {})
        return for_system(known, self._feed.system).get(value, value)
