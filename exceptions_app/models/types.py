"""Column types that behave alike on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, cast

from sqlalchemy import BigInteger, DateTime, Integer, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import mapped_column
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite stores microseconds as text without a zone; naive times are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive time cannot be stored: {value!r}; expected an aware UTC time")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        result: datetime = value
        return result.replace(tzinfo=UTC) if result.tzinfo is None else result.astimezone(UTC)


CONDITION = cast("TypeEngine[bool]", NullType())
"""What a condition of our own is of, as it stands: SQLite has no booleans, and `IN (…) = 1`, which one becomes there,
is served by no index.
"""
Big = BigInteger().with_variant(Integer, "sqlite")

Id = Annotated[int, mapped_column(Big, primary_key=True, autoincrement=True)]
CodeText = Annotated[str, mapped_column(String(64))]
ShortText = Annotated[str, mapped_column(String(200))]
LongText = Annotated[str, mapped_column(Text)]
Utc = Annotated[datetime, mapped_column(UtcDateTime)]
AmountE4 = Annotated[int, mapped_column(Big)]
"""Money as a scaled integer: units of 1/10,000 of the currency's main unit."""
