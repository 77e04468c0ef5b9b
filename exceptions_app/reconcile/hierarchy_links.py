"""The links of a hierarchy, and what is wrong among them: the same whatever their order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from exceptions_app.catalog.schema import HierarchyCheck

from .clusters import Identity
from .cycles import cycles

Node = tuple[str, str]
"""The entity within which a key is one (empty: the network), and the key."""


@dataclass(frozen=True, slots=True)
class Link:
    """A document in the hierarchy; `why` says what keeps it from being in force."""

    place: int
    identity: Identity
    node: Node
    above: Node | None
    since: datetime | None
    why: str | None


class Wrong:
    """Finds cycles and orphans. Links younger than `until` are left alone; until `known_until` all is known."""

    def __init__(
        self, check: HierarchyCheck, links: Sequence[Link], until: datetime, known_until: datetime | None
    ) -> None:
        self.check, self.until, self.known_until = check, until, known_until
        self.in_force = [link for link in links if link.why is None]
        self.by_node: dict[Node, list[Link]] = defaultdict(list)
        for link in links:
            self.by_node[link.node].append(link)

    def rounds(self) -> list[list[Link]]:
        """Per cycle the links of its members, the least first."""
        if self.check.cycle is None:
            return []
        above: dict[Node, set[Node]] = defaultdict(set)
        for link in self.in_force:
            if link.above is not None:
                above[link.node].add(link.above)
        members: dict[Node, list[Link]] = defaultdict(list)
        for link in self.in_force:
            members[link.node].append(link)
        rounds = [[min(members[node], key=_order) for node in sorted(ring)] for ring in cycles(above)]
        return sorted(
            (ring for ring in rounds if all(map(self._is_old, ring))), key=lambda ring: ring[0].node
        )

    def orphans(self) -> list[tuple[Link, list[Link], str]]:
        """A link, the parent as far as it is known, and what is wrong with it."""
        if self.check.orphan is None:
            return []
        found: list[tuple[Link, list[Link], str]] = []
        for link in sorted(self.in_force, key=_order):
            if link.above is None or not self._is_old(link):
                continue
            above = self.by_node.get(link.above, [])
            if not above and self._is_settled(link):
                found.append((link, [], "is unknown"))
            elif above and all(one.why is not None for one in above):
                parent = min(above, key=_order)
                found.append((link, [parent], str(parent.why)))
        return found

    def _is_old(self, link: Link) -> bool:
        return link.since is None or link.since <= self.until

    def _is_settled(self, link: Link) -> bool:
        """What is not there is said to be unknown only once it must have been read."""
        if self.known_until is None:
            return False
        return link.since is None or link.since <= self.known_until


def _order(link: Link) -> tuple[Node, int]:
    return link.node, link.place


def upwards(link: Link, by_node: Mapping[Node, list[Link]]) -> Iterable[Link]:
    """A link and all above it, as far as they are known."""
    seen: dict[Node, Link] = {}
    while link.node not in seen:
        seen[link.node] = link
        above = by_node.get(link.above, []) if link.above is not None else []
        if above:
            link = min(above, key=_order)
    return seen.values()
