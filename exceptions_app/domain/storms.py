"""What many discrepancies have in common, and whether two floods of them are the same one. Pure."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .discrepancy import Discrepancy

SKETCH = 256
_HALF = 2
_SAME = 0.9


@dataclass(frozen=True, slots=True)
class Shared:
    """`count` of all have this `value` of `attribute`: category, entity, counterparty, or since (a day)."""

    attribute: str
    value: str
    count: int


_ATTRIBUTES: dict[str, Callable[[Discrepancy], str]] = {
    "category": lambda one: one.category,
    "entity": lambda one: one.entity,
    "counterparty": lambda one: one.counterparty or "",
    "since": lambda one: one.since.date().isoformat(),
}


def shared(found: Sequence[Discrepancy]) -> list[Shared]:
    """What at least half of them have in common, the most common first."""
    common = []
    for attribute, value_of in _ATTRIBUTES.items():
        [(value, count)] = Counter(map(value_of, found)).most_common(1) or [("", 0)]
        if value and count * _HALF >= len(found):
            common.append(Shared(attribute, value, count))
    return sorted(common, key=lambda one: -one.count)


def sketch(found: Iterable[Discrepancy]) -> list[str]:
    """The smallest fingerprints: they are hashes, so these stand for all of them (bottom-k sampling, Cohen and
    Kaplan 2007).
    """
    return heapq.nsmallest(SKETCH, {one.fingerprint.hex() for one in found})


def same_flood(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether nine in ten of what either sketch stands for are in both, as far as the sketches can tell."""
    smallest = heapq.nsmallest(SKETCH, {*one, *other})
    both = set(one) & set(other)
    return sum(each in both for each in smallest) >= _SAME * len(smallest)
