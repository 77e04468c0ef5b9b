"""What the checks of a comparison read of a scope, so that no more of it is shown. Opens nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Check
from exceptions_app.reconcile.sides import Among
from exceptions_app.records.store import RecordSnapshot

from .flows import columns_read, records_read, sides_read
from .scope_views import Showing


class ShownScopes:
    """`of_scope`: which checks run in a scope, and among which lines (None: all of it). `near`: the record types of
    which the records near what is probed were kept.
    """

    def __init__(self, catalog: Catalog, records: RecordSnapshot, checks: Sequence[Check]) -> None:
        self._catalog, self._records, self._checks = catalog, records, checks
        self.near: frozenset[str] = frozenset()
        self.of_scope: dict[str, dict[str, Among | None]] = {}
        self._showings: dict[Hashable, Showing] = {}

    def showing(self, scope: str) -> Showing:
        """What the checks that run in a scope read of it."""
        of_scope = self.of_scope.get(scope)
        if of_scope is None:
            return Showing(dict.fromkeys(self._records.types, 2))
        asked = (self.near, *of_scope.items())
        if asked not in self._showings:
            self._showings[asked] = self._worked_out(of_scope)
        return self._showings[asked]

    def _worked_out(self, of_scope: Mapping[str, Among | None]) -> Showing:
        whole: Counter[str] = Counter()
        near, lines = set[str](), set[str]()
        checks = [check for check in self._checks if check.code in of_scope]
        for check in checks:
            among = of_scope[check.code]
            of_sides = sides_read(check) if among else []
            near.update(name for name in of_sides if name in self.near)
            lines.update([among.table] if among else [])
            whole.update(
                name for name in records_read(check) if name not in of_sides or name not in self.near
            )
        columns = columns_read(self._catalog, self._records, checks)
        return Showing(whole, frozenset(near - whole.keys()), frozenset(lines), columns)
