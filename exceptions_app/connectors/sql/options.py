"""What the `sql` connector can be told. Read by the catalog; names here are what integrators write."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from exceptions_app.catalog.schema import Duration, Interval, SecretRef, Shape, TimeZone


class SqlConnection(Shape):
    """A database, read only. The whole address is a secret, since it holds the password."""

    url: SecretRef = Field(description="a reference to a SQLAlchemy URL, e.g. postgresql://reader:…@host/wms")
    timeout: Interval = Field(
        timedelta(seconds=60),
        description="for connecting, and for one statement where the database can limit it",
    )


class SqlWatermark(Shape):
    """How changed rows are asked for: those whose column is at or after the mark, less the overlap."""

    column: str = Field(min_length=1, description="a column of the query that grows with every change")
    format: Literal["timestamp", "date", "number"] = "timestamp"
    zone: TimeZone = Field("UTC", description="the zone of times that the database keeps without one")
    overlap: Duration = Field(
        timedelta(seconds=60), description="read again so far back, for what committed late"
    )
    lag: Duration = Field(
        timedelta(0),
        description="the mark stays so far behind the read's start: longer than transactions stay open",
    )
    step_back: int = Field(
        0, ge=0, description="number: read again so many numbers back, for what committed late"
    )
    initial: str | None = Field(None, description="the first read starts here; default: everything")


class SqlRead(Shape):
    """What one feed reads: a table or view, or a SELECT."""

    table: str | None = Field(None, description="a table or view, with its schema: wms.receipts")
    query: str | None = Field(None, description="a SELECT; the watermark's condition is put around it")
    watermark: SqlWatermark | None = None
    keys: list[str] = Field(
        default_factory=list, description="key columns, for feeds of mode keys_and_changes"
    )
    one: dict[str, str] = Field(
        default_factory=dict,
        description="canonical column -> column of the query: how one record is asked for again",
    )
    page_size: int = Field(5000, ge=1, le=100_000, description="rows fetched at a time")

    @model_validator(mode="after")
    def _one_source(self) -> SqlRead:
        if (self.table is None) == (self.query is None):
            raise ValueError("give either table or query")
        if self.query and not self.query.lstrip("( \n\t").lower().startswith(("select", "with")):
            raise ValueError("query must be a SELECT")
        return self
