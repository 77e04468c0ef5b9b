"""What a value must look like to be a date, a number, …: as SQL over the text that was found, and in words."""

from __future__ import annotations

from datetime import datetime, timedelta

from exceptions_app.catalog.schema import ColumnType
from exceptions_app.catalog.text_values import decimal_sql, read_sql
from exceptions_app.duck import literal

EXPECTED: dict[ColumnType, str] = {
    "text": "a text",
    "integer": "a whole number such as 12",
    "decimal": "a number such as 1234.5",
    "money": "an amount such as 1234.50",
    "quantity": "a quantity such as 12.5",
    "date": "a date such as 2026-01-31",
    "timestamp": "a time such as 2026-01-31T08:30:00Z",
    "boolean": "true or false, yes or no, 1 or 0",
}
EARLIEST_SOURCE_TIME = "1990-01-01"
EXPECTED_SOURCE_TIME = f"a time from {EARLIEST_SOURCE_TIME} to one day from now"
EXPECTED_RANGE = "a year from 1900 to 2199"


def typed_sql(text: str, kind: ColumnType, scale: int) -> str:
    """SQL for the value of a text (trimmed, never empty); NULL where the text is not of that kind.

    Of a number `scale` says how many decimals are kept; one with more is none: nothing is rounded unsaid.
    """
    if kind == "text":
        return text
    if kind in ("money", "quantity", "decimal"):
        return decimal_sql(text, 18 - scale, scale)
    return read_sql(text, kind)


def out_of_range_sql(value: str, kind: ColumnType) -> str | None:
    """SQL that is true for a date or time too far off to be meant; None for what has no range."""
    if kind == "date":
        return f"{value} NOT BETWEEN DATE '1900-01-01' AND DATE '2199-12-31'"
    if kind == "timestamp":
        first, last = (f"TIMESTAMPTZ '{day} 00:00:00+00'" for day in ("1900-01-01", "2200-01-01"))
        return f"({value} < {first} OR {value} >= {last})"
    return None


def source_time_wrong_sql(value: str, fetched_at: datetime) -> str:
    """SQL that is true for a time at which no source can have written the row."""
    latest = literal(fetched_at + timedelta(days=1))
    return f"{value} NOT BETWEEN TIMESTAMPTZ '{EARLIEST_SOURCE_TIME} 00:00:00+00' AND {latest}"
