"""Allocates documents of two sides to each other by their amounts, where no line key does: n:m, never by guessing.

In this order: where all of a group ties out, all is allocated, with or without what is young (the other side may get to
know it later); then amounts that both sides have equally often; then one document against several whose sum it is. What
has two explanations that share a document is ambiguous and stays open, with every candidate. The search is bounded:
among at most `searched` open documents of a side, in sets of at most `parts`. Amounts are whole numbers, so sums are
exact. Pure; the same whatever the order of documents.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

Place = tuple[int, str]
"""A side (0 or 1) and a document of it."""
Solution = frozenset[Place]
MOST_CANDIDATES = 10
"""So many sets of one sum are kept: more say nothing more."""


@dataclass(frozen=True, slots=True)
class Allocated:
    """What is allocated, and of what could be the candidates: the documents of the other side that would explain it."""

    done: frozenset[Place]
    candidates: Mapping[Place, Sequence[tuple[str, ...]]]


def allocate(
    sides: Sequence[Mapping[str, int]], searched: int, parts: int, young: Set[Place] = frozenset()
) -> Allocated:
    """`sides`: per side document -> amount, signed alike: what belongs together has the same sum on both."""
    if (whole := _whole(sides, young)) is not None:
        return Allocated(whole, {})
    left = [{document: amount for document, amount in side.items() if amount} for side in sides]
    done = {(side, document) for side in (0, 1) for document in sides[side] if not sides[side][document]}
    done |= _take(left, _equal(left))
    while True:
        solutions = _solutions(left, searched, parts)
        used = Counter(place for solution in solutions for place in solution)
        sure = {place for one in solutions if all(used[place] == 1 for place in one) for place in one}
        if not sure:
            return Allocated(frozenset(done), _candidates(solutions))
        done |= _take(left, sure)


def _whole(sides: Sequence[Mapping[str, int]], young: Set[Place]) -> frozenset[Place] | None:
    """All documents of a group that ties out, or all but the young ones of a side or of both."""
    every = [[(side, document) for document in sides[side]] for side in (0, 1)]
    old = [[place for place in places if place not in young] for places in every]
    for chosen in ((every[0], every[1]), (old[0], old[1]), (old[0], every[1]), (every[0], old[1])):
        totals = [sum(sides[side][document] for side, document in places) for places in chosen]
        if totals[0] == totals[1]:
            return frozenset(place for places in chosen for place in places)
    return None


def _take(left: Sequence[dict[str, int]], places: set[Place]) -> set[Place]:
    for side, document in places:
        del left[side][document]
    return places


def _equal(left: Sequence[Mapping[str, int]]) -> set[Place]:
    """Documents of amounts that both sides have equally often: whichever belongs to which, none is left over."""
    counts = [Counter(side.values()) for side in left]
    alike = {amount for amount, count in counts[0].items() if counts[1][amount] == count}
    return {(side, document) for side in (0, 1) for document, amount in left[side].items() if amount in alike}


def _solutions(left: Sequence[Mapping[str, int]], searched: int, parts: int) -> set[Solution]:
    """One document, and those of the other side whose sum it is."""
    found: set[Solution] = set()
    for side in (0, 1):
        others = sorted(left[1 - side].items())
        sums = _sums(others, set(left[side].values()), 1 if len(others) > searched else parts)
        for document, amount in left[side].items():
            for chosen in sums.get(amount, ()):
                found.add(frozenset({(side, document), *((1 - side, other) for other in chosen)}))
    return found


def _sums(
    documents: Sequence[tuple[str, int]], wanted: set[int], parts: int
) -> Mapping[int, Sequence[tuple[str, ...]]]:
    """Wanted sum -> the smallest sets of documents that have it."""
    found: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for size in range(1, min(parts, len(documents)) + 1):
        for chosen in combinations(documents, size):
            total = sum(amount for _, amount in chosen)
            if total in wanted and len(found[total]) < MOST_CANDIDATES:
                found[total].append(tuple(document for document, _ in chosen))
    return found


def _candidates(solutions: set[Solution]) -> dict[Place, list[tuple[str, ...]]]:
    found: dict[Place, set[tuple[str, ...]]] = defaultdict(set)
    for solution in solutions:
        for side, document in solution:
            found[side, document].add(tuple(sorted(other for of, other in solution if of != side)))
    return {place: sorted(sets) for place, sets in found.items()}


def told(candidates: Sequence[tuple[str, ...]]) -> str:
    """`A-1, or A-2 and A-3`."""
    return ", or ".join(" and ".join(documents) for documents in candidates[:MOST_CANDIDATES])
