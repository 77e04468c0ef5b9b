"""What the page of an exception shows of a check beside its sides: conversions, the chain of documents, and letters."""

from __future__ import annotations

from pydantic import Field, model_validator

from .base import Name, Recipient, Shape


class Conversion(Shape):
    """Quantities in different units that the check compares in base units; each part is side -> its column."""

    quantity: dict[Name, Name] = Field(min_length=1, description="as the document states it")
    unit: dict[Name, Name]
    base: dict[Name, Name] = Field(description="the same quantity in base units")
    unless: Name | None = Field(
        None, description="a `let`: where it holds, quantities are compared as stated"
    )

    @model_validator(mode="after")
    def _whole(self) -> Conversion:
        if not self.quantity.keys() == self.unit.keys() == self.base.keys():
            raise ValueError("quantity, unit and base of the same sides")
        return self


class ChainStep(Shape):
    """One document of the chain that a transaction goes through. Names are columns of the side, or of the key."""

    label: str
    side: Name
    record: Name | None = Field(
        None, description="whose address pattern leads to it; default: the side's record"
    )
    reference: Name = Field(description="its number; without one, there is no such document")
    present: Name | None = Field(
        None,
        description="what else must be stated and not false, as where the number is only what another names",
    )
    date: Name | None = None
    quantity: Name | None = None
    unit: Name | None = None
    counted_in: str = Field("", description="the unit in words, where no column has it")
    amount: Name | None = None
    status: Name | None = None
    address: dict[Name, Name] = Field(
        default_factory=dict, description="name in the address pattern -> column, where they differ"
    )


class Draft(Shape):
    """A letter that the natural next step takes. Placeholders are facts of the exception, as in the sentence."""

    to: Recipient
    address: Name | None = Field(
        None, description="the fact with the address, where it is not the one that the records lead to"
    )
    subject: str = Field(max_length=200)
    body: str = Field(max_length=2_000)
