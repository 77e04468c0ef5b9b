"""Record types: the canonical shape of a row, with sensitivity and retention per column."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from .base import Code, Name, Recipient, Shape

ColumnType = Literal["text", "integer", "decimal", "money", "quantity", "date", "timestamp", "boolean"]
Sensitivity = Literal["public", "internal", "hr", "patient", "bank"]


class Column(Shape):
    """A canonical column. `decimal`, `money` and `quantity` are exact: 18 digits, `scale` of them decimals."""

    type: ColumnType = "text"
    label: str = ""
    required: bool = False
    sensitivity: Sensitivity = "internal"
    retention: Literal["transaction", "master", "short"] = "transaction"
    crosswalk: Code | None = Field(
        None, description="translated to the canonical identifier before comparison"
    )
    description: str = ""
    scale: int = Field(4, ge=0, le=10, description="how many decimals a number keeps; more reject their row")
    words: list[str] = Field(
        default_factory=list,
        description="the words that it may hold, after its crosswalk; none given: any text",
    )

    @model_validator(mode="after")
    def _scale_is_a_numbers(self) -> Column:
        if "scale" in self.model_fields_set and self.type not in ("decimal", "money", "quantity"):
            raise ValueError(f"a column of type decimal, money or quantity beside scale; this is {self.type}")
        return self

    @model_validator(mode="after")
    def _words_are_texts(self) -> Column:
        if self.words and self.type != "text":
            raise ValueError(f"a column of type text beside words; this is {self.type}")
        if len(set(self.words)) < len(self.words) or not all(
            word and word == word.strip() for word in self.words
        ):
            raise ValueError("words that differ from each other, none empty or with spaces around it")
        return self


class Letters(Shape):
    """Letters about what a record names go to the address in one of its columns."""

    to: Recipient
    column: Name
    named_by: Code | None = Field(
        None,
        description="the crosswalk of columns that name such a record: their records lead to its address",
    )


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
    letters: Letters | None = Field(None, description="whom one writes to about it, and where that is said")
    system_of_record: Code | None = Field(None, description="a system's code, or a kind of system")
    versions_of: Name | None = Field(None, description="the type of which this keeps every version")
