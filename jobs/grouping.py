"""Which entities are compared in one statement. Planning one for each costs more than running it where they are small.

Together go those that are compared alike, up to so many rows: memory stays bounded, and every lane has work. Knows
neither checks nor records.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

Group = tuple[str, ...]
"""Scopes that are compared together: several entities, or one scope alone."""
LEAST, MOST = 100_000, 200_000
"""Rows in a group. Fewer are not shared out among lanes: planning a statement (7 to 20 ms) takes as long as comparing
some 40,000 rows. More cost no less a row, and more memory (bench/three_way.py); an entity that has more is alone."""
LARGE = 1_000_000
"""With more rows an entity is compared by itself, with all threads: several such at once need too much memory."""
_SLACK = 1.1
"""So much more than its share a lane may get, rather than leaving a small group over."""


def grouped(
    scopes: Sequence[str],
    alike: Callable[[str], Hashable],
    rows: Callable[[Sequence[str]], Mapping[str, int]],
    lanes: int,
) -> list[Group]:
    """Each scope in one group, in the order of their first. Scopes of one group are `alike`; `rows` says of such scopes
    how many rows of each are compared.
    """
    kinds: dict[Hashable, list[str]] = {}
    for scope in scopes:
        kinds.setdefault(alike(scope), []).append(scope)
    size = {scope: count for kind in kinds.values() for scope, count in rows(kind).items()}
    most = max(LEAST, min(MOST, _SLACK * sum(size.values()) / lanes))
    groups = [group for kind in kinds.values() for group in _packed(kind, size, most)]
    place = {scope: index for index, scope in enumerate(scopes)}
    return sorted(groups, key=lambda group: place[group[0]])


def apart(
    groups: Sequence[Group], rows: Callable[[Sequence[str]], Mapping[str, int]]
) -> tuple[list[Group], list[Group]]:
    """The groups that are compared one after another, and those that are compared side by side."""
    large: list[Group] = [group for group in groups if len(group) == 1 and rows(group)[group[0]] > LARGE]
    return large, [group for group in groups if group not in large]


def _packed(scopes: Sequence[str], size: Mapping[str, int], most: float) -> Iterator[Group]:
    group, rows = list[str](), 0
    for scope in scopes:
        if group and rows + size[scope] > most:
            yield tuple(group)
            group, rows = [], 0
        group.append(scope)
        rows += size[scope]
    if group:
        yield tuple(group)
