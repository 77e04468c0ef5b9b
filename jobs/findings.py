"""What a comparison found, and which of it becomes exceptions: on a line the most specific cause, less what cannot be
judged now. Compares nothing.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.reconcile.engine import CheckResult
from exceptions_app.reconcile.primary import choose_primary
from exceptions_app.services.live_lines import LiveLine

Place = tuple[str, str]
"""A check and a scope: an entity, or `*`."""


@dataclass(slots=True)
class Findings:
    """What a comparison found: counts per check and scope, what can be judged of it, the primary discrepancies, what
    gave way to them.
    """

    counts: dict[Place, CheckResult] = field(default_factory=dict)
    judged: dict[Place, list[Discrepancy]] = field(default_factory=dict)
    primary: dict[Place, list[Discrepancy]] = field(default_factory=lambda: defaultdict(list))
    superseded: dict[Place, frozenset[bytes]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


class Choosing:
    """Chooses what is primary under one configuration."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def winners(self, found: Mapping[Place, list[Discrepancy]]) -> list[Discrepancy]:
        ranks = {code: category.rank for code, category in self.catalog.categories.items()}
        return choose_primary([row for rows in found.values() for row in rows], ranks)

    def choose(self, found: dict[Place, list[Discrepancy]], findings: Findings) -> None:
        """What is primary on each line of what was found, and what gives way."""
        findings.judged = found
        findings.primary.clear()
        winners = self.winners(found)
        kept = {winner.fingerprint for winner in winners}
        for winner in winners:
            findings.primary[winner.check, winner.scope].append(winner)
        for place, rows in found.items():
            findings.superseded[place] = frozenset(r.fingerprint for r in rows if r.fingerprint not in kept)

    def leave_unjudged(self, findings: Findings, drops: Callable[[Discrepancy], bool]) -> None:
        """Drop what was found on keys that cannot be judged, and choose again: it displaces nothing either."""
        found = {
            place: result.discrepancies
            for place, result in findings.counts.items()
            if place[0] not in findings.errors
        }
        judged = {place: [row for row in rows if not drops(row)] for place, rows in found.items()}
        if any(len(judged[place]) != len(rows) for place, rows in found.items()):
            self.choose(judged, findings)

    def set_aside(self, findings: Findings, held: Collection[Place], live: Iterable[LiveLine]) -> None:
        """Of other places, what has a live exception stays found where it gave way only to what is `held`."""
        known = {one.fingerprint for one in live}
        there = {row.fingerprint for rows in findings.primary.values() for row in rows}
        for row in self.winners(
            {place: rows for place, rows in findings.judged.items() if place not in held}
        ):
            if row.fingerprint in known and row.fingerprint not in there:
                findings.primary[row.check, row.scope].append(row)

    def hold_back(
        self, findings: Findings, live: Iterable[LiveLine], unjudged: Callable[[LiveLine], bool]
    ) -> None:
        """Drop what is less specific than a live exception on its line that could not be judged now.

        What has a live exception of its own stays found. `unjudged` ones are those of checks that broke or of which
        a side was not read, and those on keys of which a row was rejected.
        """
        known = {one.fingerprint: one for one in live}
        found = {row.fingerprint for rows in findings.primary.values() for row in rows}
        best: dict[str, tuple[int, str]] = {}
        for one in known.values():
            if one.fingerprint not in found and unjudged(one):
                held = self._weight(one.category)
                best[one.line] = min(held, best.get(one.line, held))
        for place, rows in findings.primary.items():
            findings.primary[place] = [
                row for row in rows if row.fingerprint in known or not self._gives_way(row, best)
            ]

    def _gives_way(self, found: Discrepancy, best: Mapping[str, tuple[int, str]]) -> bool:
        """One category never displaces itself, as in `choose_primary`."""
        held = best.get(found.lines[0]) if found.lines else None
        return held is not None and held[1] != found.category and held < self._weight(found.category)

    def _weight(self, category: str) -> tuple[int, str]:
        declared = self.catalog.categories.get(category)
        return (sys.maxsize if declared is None else declared.rank), category
