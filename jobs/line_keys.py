"""From the business key of an exception, in its source's own identifiers, to the lines that checks probe."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import product

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Check
from exceptions_app.reconcile.probing import Probing, probing_of

from .narrowed import Line, lines_in


class LineKeys:
    """The lines that the business keys of one check may mean: several where a crosswalk knows a name in several ways.

    `translated` says whether that can happen at all.
    """

    def __init__(self, catalog: Catalog, probing: Probing) -> None:
        self._columns = probing.among.columns
        self._meanings = {name: _meanings(catalog, probing, name) for name in self._columns}
        self.translated = any(self._meanings.values())

    def of(self, entity: str, business_key: str) -> list[Line]:
        """Every line that may be meant, what is written first."""
        key = json.loads(business_key)
        parts = [[key[name], *sorted(self._meanings[name].get(key[name], ()))] for name in self._columns]
        return [(entity, *values) for values in product(*parts)]


def translated(catalog: Catalog, checks: Iterable[Check]) -> list[str]:
    """The checks of which a name in a key may mean another."""
    found = [probing for check in checks if isinstance(probing := probing_of(check, catalog), Probing)]
    return [probing.check.code for probing in found if LineKeys(catalog, probing).translated]


def _meanings(catalog: Catalog, probing: Probing, name: str) -> dict[str, set[str]]:
    """Local -> canonical names, of every system: a line too many does no harm."""
    found: dict[str, set[str]] = {}
    for side in probing.sides.values():
        column = catalog.record_types[side.record].columns.get(side.key[name].text.strip())
        if column is not None and column.crosswalk is not None:
            for (_, local), canonical in catalog.crosswalks.get(column.crosswalk, {}).items():
                if local != canonical:
                    found.setdefault(local, set()).add(canonical)
    return found


class Probed:
    """Whether the lines of an exception's key were probed; looked up at the first question."""

    def __init__(self, con: DuckDBPyConnection, catalog: Catalog, probing: Probing, scope: str) -> None:
        self._con, self._table, self._scope = con, probing.among.table, scope
        self._keys = LineKeys(catalog, probing)
        self._lines: set[Line] | None = None

    def __call__(self, business_key: str) -> bool:
        if self._lines is None:
            self._lines = lines_in(self._con, self._table, self._scope)
        return any(line[1:] in self._lines for line in self._keys.of(self._scope, business_key))
