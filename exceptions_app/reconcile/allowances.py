"""Wider limits for some: whether what is outside a tolerance is within one that is scoped to it.

Judged on the real figures of the few rows that are outside the general limit, so that the statement stays what it is.
A scoped limit never makes anything stricter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import MatchCheck, ScopedTolerance
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.domain.tolerance import assess

from .limits import Limits


@dataclass(frozen=True, slots=True)
class Judged:
    """What a finding judged: `since` is the time at the source since when it has been so; `stated` gives a fact."""

    difference: Decimal
    base: Decimal
    currency: str | None
    counterparty: str | None
    since: datetime
    stated: Callable[[str], str | None]


class Allowances:
    """The scoped limits of one check that hold in one entity now."""

    def __init__(self, check: MatchCheck, catalog: Catalog, entity: str | None, now: datetime) -> None:
        around = set(catalog.ancestors(entity)) if entity else {NETWORK_SCOPE}
        self._check = check
        self._held: Mapping[str, Sequence[ScopedTolerance]] = {
            name: held
            for name, tolerance in check.tolerances.items()
            if (held := [one for one in tolerance.scoped if _holds(one, around, now)])
        }

    def __bool__(self) -> bool:
        return bool(self._held)

    def allow(self, name: str, limits: Limits | None, judged: Judged) -> bool:
        """Whether a difference outside the tolerance `name` is within one that is scoped to it."""
        return any(
            self._within(name, one, limits, judged)
            for one in self._held.get(name, ())
            if (not one.counterparty or judged.counterparty in one.counterparty)
            and (one.since is None or judged.since >= one.since)
            and all(judged.stated(fact) in values for fact, values in one.facts.items())
        )

    def _within(self, name: str, one: ScopedTolerance, limits: Limits | None, judged: Judged) -> bool:
        general = self._check.tolerances[name]
        wider = general.model_copy(
            update={"absolute": one.absolute, "percent": one.percent, "combine": one.combine}
        )
        if limits is not None:
            wider = replace(limits, tolerance=wider).on(judged.currency, judged.since.date())
            if wider.absolute is None and wider.percent is None:
                return False  # no rate is known: the general limit has said all there is to say
        return not assess(wider, judged.difference, judged.base).outside


def _holds(one: ScopedTolerance, around: set[str], now: datetime) -> bool:
    return (not one.entity or bool(around & set(one.entity))) and (one.until is None or now < one.until)
