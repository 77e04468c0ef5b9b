"""One primary exception per transaction line: the most specific cause wins, the others are listed on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from exceptions_app.domain.discrepancy import Discrepancy

_UNRANKED = 1_000_000


def choose_primary(found: Iterable[Discrepancy], rank: Mapping[str, int]) -> list[Discrepancy]:
    """Of all discrepancies of a flow, those that become exceptions; `also`: what else holds on their lines.

    The lowest rank on a line wins; a winner takes every line it touches (a duplicate invoice all its order
    lines). One category never displaces itself: two different duplicates on one line are two problems. The
    result does not depend on the order of `found`.
    """

    def weight(one: Discrepancy) -> tuple[int, str, bytes]:
        return rank.get(one.category, _UNRANKED), one.category, one.fingerprint

    winners: list[Discrepancy] = []
    owners: dict[str, int] = {}
    also: dict[int, list[str]] = {}
    for one in sorted(found, key=weight):
        owner = owners.get(one.lines[0])
        if owner is not None and winners[owner].category != one.category:
            also.setdefault(owner, []).append(one.category)
            continue
        for line in one.lines:
            owners.setdefault(line, len(winners))
        winners.append(one)
    return [
        one._replace(also=tuple(dict.fromkeys(also[place]))) if place in also else one
        for place, one in enumerate(winners)
    ]
