"""From the name that one system uses for something to the canonical one, and to that of another system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from weakref import WeakKeyDictionary

from .catalog import Catalog

_Names = Mapping[tuple[str | None, str], list[str]]
"""(system, or None for every system; canonical) -> what it is called there."""
_known: WeakKeyDictionary[Catalog, dict[str, _Names]] = WeakKeyDictionary()


def canonical_name(catalog: Catalog, crosswalk: str, written: str, read_from: Iterable[str]) -> str:
    """What is meant by a name that one of these systems uses; as it is where none of them is known to."""
    entries = catalog.crosswalks.get(crosswalk, {})
    return next(
        (entries[place, written] for place in (*read_from, None) if (place, written) in entries), written
    )


def own_name(catalog: Catalog, crosswalk: str, system: str, canonical: str) -> str:
    """What a system calls it; empty where it has several names for it. As it is where nothing is known."""
    names = _names(catalog, crosswalk)
    own = names.get((system, canonical)) or names.get((None, canonical)) or [canonical]
    return own[0] if len(own) == 1 else ""


def _names(catalog: Catalog, crosswalk: str) -> _Names:
    """Turned round once for each catalog, when it is first asked for."""
    made = _known.setdefault(catalog, {})
    if crosswalk not in made:
        found: dict[tuple[str | None, str], list[str]] = defaultdict(list)
        for (system, local), canonical in catalog.crosswalks.get(crosswalk, {}).items():
            found[system, canonical].append(local)
        made[crosswalk] = dict(found)
    return made[crosswalk]
