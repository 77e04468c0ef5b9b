"""The columns that a statement selects of its hits, each once however many findings say it. Knows no check."""

from __future__ import annotations

from collections.abc import Sequence


class Columns:
    """The columns of a hit behind column 0. What several findings say alike is selected once."""

    def __init__(self, first: Sequence[str]) -> None:
        self._places = {sql: place for place, sql in enumerate(first, start=1)}
        self._needed_by: dict[str, list[str]] = {}

    def always(self, sql: str) -> int:
        """The place of a column that every hit has."""
        return self._places.setdefault(sql, len(self._places) + 1)

    def when(self, holds: str, sql: str | None) -> int:
        """The place of a column that is worked out only where a finding that needs it holds."""
        if sql is None:
            return 0
        if sql not in self._places or sql in self._needed_by:
            self._needed_by.setdefault(sql, []).append(holds)
        return self.always(sql)

    def sql(self) -> list[str]:
        """What to select, in order of place."""
        return [
            f"CASE WHEN {' OR '.join(dict.fromkeys(self._needed_by[sql]))} THEN {sql} END"
            if sql in self._needed_by
            else sql
            for sql in self._places
        ]
