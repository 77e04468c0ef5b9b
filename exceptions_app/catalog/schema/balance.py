"""The kind `balance`: sums per key on two sides, and the documents that make the difference."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from .base import Expression, Name, Shape, Span
from .match import MatchCheck


class Documents(Shape):
    """What a balance is made of. Names in expressions: `side.column` of one document, key columns bare.

    Documents with different amounts, or known to one side only, make the difference. They count once both sides
    were read later than `since` plus their lag, and once `grace` has passed.
    """

    key: list[Name] = Field(min_length=1, description="what makes a document one, beside the check's key")
    amount: Name = Field(description="the column of both sides that is added up")
    when: Expression | None = Field(None, description="which documents count at all")
    since: Expression = Field(description="a timestamp: since when the other side may know the document")
    grace: Span | None = None
    show: list[Name] = Field(
        default_factory=list, description="columns of the sides, listed beside the amount"
    )
    most: int = Field(
        20, ge=1, le=200, description="at most so many are listed, the largest differences first"
    )


class BalanceCheck(MatchCheck):
    """Sums per key on two sides, and the documents that make the difference.

    Sides have a row per document. In `let` and findings `side.column` is the sum over the documents of a number,
    whether a boolean holds for any, and the smallest of anything else; `differing` is how many documents differ,
    `differing_since` since when the oldest of them does.
    """

    kind: Literal["balance", "allocation"]
    documents: Documents

    @property
    def row_key(self) -> list[str]:
        return [*self.key, *self.documents.key]

    @property
    def compared_in_full(self) -> bool:
        return True

    @model_validator(mode="after")
    def _two_sides(self) -> BalanceCheck:
        if len(self.sides) != 2 or any(side.optional for side in self.sides.values()):
            raise ValueError("a balance has two sides, and none is optional")
        return self


class AllocationCheck(BalanceCheck):
    """Documents of two sides that have no key in common, allocated by amount within a group (the check's key).

    Allocated is, in this order: a group that ties out as a whole; amounts that both sides have equally often; one
    document against several that sum up to it, where that is the only explanation. `ambiguous` is how many documents
    have several; they stay open and say their candidates.
    """

    kind: Literal["allocation"]
    searched: int = Field(
        16, ge=2, le=20, description="with more open documents on a side, no sums of several are looked for"
    )
    parts: int = Field(6, ge=2, le=8, description="at most so many documents make up one of the other side")
