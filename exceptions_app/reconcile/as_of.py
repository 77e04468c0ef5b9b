"""Reference data that holds from a day to a day, as periods that never overlap: what holds on a day is one period.

A price list for the whole year and an offer for March both hold in March; the one that began last wins, and in
April the year's price holds again. Knows nothing of sides or checks.
"""

from __future__ import annotations

from collections.abc import Sequence

from exceptions_app.catalog.expressions import quote

FROM, UNTIL = quote("holds from"), quote("holds until")


def periods_sql(
    rows: str,
    keys: Sequence[str],
    columns: Sequence[str],
    valid: tuple[str, str | None],
    picked: Sequence[str],
    sequence: str | None = None,
) -> str:
    """SQL for the keys, the period (`FROM` inclusive, `UNTIL` exclusive or NULL) and `picked` aggregates.

    `rows` selects the reference data with its `columns`; `valid` names the columns of its first day (or the time at
    which it began: the day of it in UTC) and of its last, both inclusive; a row without a first day never holds, one
    without a last day always from then on. Of what began on the same day the highest `sequence` counts, where there is
    one; among the rest `picked` chooses. A period may hold nothing: what has ended ends.
    """
    names = ", ".join(map(quote, keys))
    first = f"CAST({quote(valid[0])} AS DATE)"
    last = quote(valid[1]) if valid[1] else "CAST(NULL AS DATE)"
    same = " AND ".join(f"k.{quote(key)} = s.{quote(key)}" for key in keys)
    per_key = ", ".join(f"s.{quote(key)}" for key in keys)
    told = ", ".join(f"k.{quote(column)}" for column in columns)
    order = 'k."first day" DESC' + (f", k.{quote(sequence)} DESC NULLS LAST" if sequence else "")
    return (
        f'WITH known AS (SELECT *, {first} AS "first day", {last} AS "last day" FROM ({rows}) AS r'
        f" WHERE {first} IS NOT NULL),"
        f' starts AS (SELECT {names}, "first day" AS {FROM} FROM known'
        f' UNION SELECT {names}, "last day" + 1 AS {FROM} FROM known WHERE "last day" IS NOT NULL),'
        f" holding AS (SELECT {per_key}, s.{FROM}, {told},"
        f' RANK() OVER (PARTITION BY {per_key}, s.{FROM} ORDER BY {order}) AS "newest row"'
        f' FROM starts AS s LEFT JOIN known AS k ON {same} AND k."first day" <= s.{FROM}'
        f' AND (k."last day" IS NULL OR k."last day" >= s.{FROM}))'
        f" SELECT {names}, {FROM}, LEAD({FROM}) OVER (PARTITION BY {names} ORDER BY {FROM}) AS {UNTIL},"
        f' {", ".join(picked)} FROM holding WHERE "newest row" = 1 GROUP BY {names}, {FROM}'
    )


def holds_on(alias: str, day: str) -> str:
    """SQL: whether the period of an alias holds on the day that an SQL expression gives."""
    return f"{alias}.{FROM} <= {day} AND ({alias}.{UNTIL} IS NULL OR {day} < {alias}.{UNTIL})"
