"""Which cause an exception's facts lead to, by what its category declares. Asks no database.

A rule with a crosswalk leads to a cause only where that crosswalk does not know the identifier: it has no entry for
the system that wrote it, none for every system, and it is no canonical identifier itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exceptions_app.catalog.catalog import Catalog, canonical
from exceptions_app.catalog.schema import CausedBy, ClusterCheck

CAUSES_CHECK = "causes"
"""The check code of every cause; its scope is the cause's category."""

CROSSWALK, SYSTEM = "crosswalk", "system"
"""Parts of the key of a cause that a missing entry of a crosswalk is."""


@dataclass(frozen=True, slots=True)
class CauseKey:
    """What makes one cause: its category and its business key, as canonical JSON."""

    category: str
    business_key: str


def cause_categories(catalog: Catalog) -> list[str]:
    """The categories that are causes of others, in order of declaration."""
    named = {rule.category for category in catalog.categories.values() for rule in category.caused_by}
    return [code for code in catalog.categories if code in named]


class Missing:
    """Looks identifiers up in the crosswalks of one configuration."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._canonical = {code: frozenset(known.values()) for code, known in catalog.crosswalks.items()}
        self._systems: dict[tuple[str, str | None], tuple[str, ...]] = {}

    def cause(self, check: str, rule: CausedBy, facts: Mapping[str, str | None]) -> CauseKey | None:
        """The cause that a rule sees in these facts (by their names in the rule); None: it does not fit."""
        if any(facts.get(name) != wanted for name, wanted in rule.when.items()):
            return None
        key = {name: facts.get(fact) for name, fact in rule.key.items()}
        if not all(key.values()):
            return None
        if rule.crosswalk is not None:
            systems = self._of_side(check, facts.get(rule.side_fact) if rule.side_fact else rule.side)
            if self.knows(rule.crosswalk, systems, str(*key.values())):
                return None
            key |= {CROSSWALK: rule.crosswalk, SYSTEM: systems[0] if len(systems) == 1 else ""}
        return CauseKey(rule.category, canonical(key))

    def knows(self, crosswalk: str, systems: tuple[str, ...], local: str) -> bool:
        """Whether the crosswalk says what these systems mean by an identifier."""
        known = self._catalog.crosswalks.get(crosswalk, {})
        if local in self._canonical.get(crosswalk, ()) or (None, local) in known:
            return True
        return bool(systems) and all((system, local) in known for system in systems)

    def _of_side(self, code: str, side: str | None) -> tuple[str, ...]:
        """The systems that write a side of a check; of no side, nobody knows which."""
        found = self._systems.get((code, side))
        if found is None:
            check = self._catalog.checks.get(code)
            known = check is not None and (
                isinstance(check, ClusterCheck) or (side is not None and side in check.sides)
            )
            feeds = self._catalog.side_feeds(check, side or "") if check is not None and known else []
            found = self._systems[code, side] = tuple(dict.fromkeys(feed.system for feed in feeds))
        return found
