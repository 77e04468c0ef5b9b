"""What would be opened, told before it is: how many, worth what, of which categories, and the first of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.instant import utc_now

from .placing import Placing

SAMPLE = 50


def told_openings(catalog: Catalog, found: Iterable[Discrepancy]) -> dict[str, Any]:
    """`count`, `worth_e4` (1/10,000 of the reporting currency), `by_category`, and a `sample` of the largest
    amounts. What stands in a sentence is open to all who see the entity and the queue.
    """
    placing, worth, by_category = Placing(catalog, utc_now()), 0, Counter[str]()
    sample: list[dict[str, Any]] = []
    for row in sorted(found, key=lambda row: abs(row.amount or Decimal(0)), reverse=True):
        amounts = placing.amounts(row)
        worth += amounts.reporting_e4 or 0
        by_category[row.category] += 1
        if len(sample) < SAMPLE:
            sample.append({
                "category": row.category, "entity": row.entity, "queue": placing.queue(row, amounts.reporting_e4),
                "reference": row.reference, "sentence": placing.sentence(row), "worth_e4": amounts.reporting_e4,
            })  # fmt: skip
    return {
        "count": by_category.total(),
        "worth_e4": worth,
        "by_category": dict(by_category),
        "sample": sample,
    }
