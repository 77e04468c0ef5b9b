"""Record types: the canonical shape of a row, with sensitivity and retention per column."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Code, Name, Shape

ColumnType = Literal["text", "integer", "decimal", "money", "quantity", "date", "timestamp", "boolean"]
Sensitivity = Literal["public", "internal", "hr", "patient", "bank"]


class Column(Shape):
    """A canonical column. `decimal`, `money` and `quantity` are exact, DECIMAL(18,4)."""

    type: ColumnType = "text"
    label: str = ""
    required: bool = False
    sensitivity: Sensitivity = "internal"
    retention: Literal["transaction", "master", "short"] = "transaction"
    crosswalk: Code | None = Field(
        None, description="translated to the canonical identifier before comparison"
    )
    description: str = ""


class RecordType(Shape):
    """A canonical record. Every record also carries entity, source_system, source_id, source_time,
    fetched_at.

    The stored identity is (source_system, entity, *key). `scope: network` records belong to no entity. With
    `versions_of` it is what records of another type said at each time: whatever a feed brings of them lands here as
    well, under this key, which holds what tells one version from the next.
    """

    code: Name
    title: str
    key: list[Name] = Field(min_length=1)
    scope: Literal["entity", "network"] = "entity"
    columns: dict[Name, Column]
    system_of_record: Code | None = Field(None, description="a system's code, or a kind of system")
    versions_of: Name | None = Field(None, description="the type of which this keeps every version")
