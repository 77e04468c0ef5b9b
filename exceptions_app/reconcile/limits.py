"""What the absolute limits of a tolerance are in the currency of a finding, by the site's dated rates.

Worked out here, exactly, and written into the statement as figures: the statement and the explanation judge by
the same limits, and neither divides. Knows nothing of sides or rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.expressions import literal
from exceptions_app.catalog.schema import Finding, MatchCheck, Tolerance

_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Limits:
    """A tolerance on money, whose `absolute` and `ignore_below` are in `currency`."""

    tolerance: Tolerance
    currency: str
    catalog: Catalog

    def on(self, currency: str | None, day: date | None) -> Tolerance:
        """The tolerance in another currency, by the rates of that day.

        What names no currency is in the tolerance's own. Where no rate is known only the percentage is left.
        """
        if not currency or currency == self.currency:
            return self.tolerance
        own = None if day is None else self.catalog.rate(self.currency, day)
        other = None if day is None else self.catalog.rate(currency, day)
        if own is None or not other:
            return self.by_percent
        absolute, ignored = (
            None if limit is None else (limit * own / other).quantize(_STEP, ROUND_HALF_EVEN)
            for limit in (self.tolerance.absolute, self.tolerance.ignore_below)
        )
        return self.tolerance.model_copy(update={"absolute": absolute, "ignore_below": ignored})

    @property
    def by_percent(self) -> Tolerance:
        """The tolerance less its absolute limits."""
        return self.tolerance.model_copy(update={"absolute": None, "ignore_below": Decimal(0)})

    def at_home(self, currency: str) -> str:
        """SQL: whether the currency that an SQL expression gives is the limits' own."""
        return f"COALESCE({currency}, '') IN ('', {literal(self.currency)})"

    def written(self, limit: str, currency: str, since: str) -> str | None:
        """SQL for `absolute` or `ignore_below` in another currency; NULL where no rate is known, None where none
        ever is: a branch that is never taken costs planning in every entity.
        """
        site = self.catalog.site
        whens = ""
        for other in sorted({site.reporting_currency, *(rate.currency for rate in site.rates)}):
            days = {rate.valid_from for rate in site.rates if rate.currency in (other, self.currency)}
            for day in sorted(days, reverse=True) if other != self.currency else ():
                known = self.on(other, day)
                figure = getattr(known, limit) if known != self.by_percent else None
                start = f"CAST('{day} 00:00:00+00' AS TIMESTAMPTZ)"
                said = "NULL" if figure is None else str(figure)
                whens += f" WHEN {currency} = {literal(other)} AND {since} >= {start} THEN {said}"
        return f"CAST(CASE{whens} END AS DECIMAL(18, 4))" if whens else None


def limits_of(check: MatchCheck, finding: Finding, catalog: Catalog) -> Limits | None:
    """None where the tolerance has nothing to convert: no money, no absolute limit, or no currency to ask."""
    use = finding.tolerance
    if use is None or finding.currency is None:
        return None
    tolerance = check.tolerances[use.name]
    if not tolerance.absolute and not tolerance.ignore_below:
        return None
    currency = tolerance.currency or (catalog.site.reporting_currency if use.format == "money" else None)
    return None if currency is None else Limits(tolerance, currency, catalog)
