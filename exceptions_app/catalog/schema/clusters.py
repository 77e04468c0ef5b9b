"""Kinds of check that find clusters: records of one type that are wrong together, anywhere in the network."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from .base import Code, Duration, Expression, Name, Shape, Span
from .check_base import BaseCheck, CompareRow


class ClusterCheck(BaseCheck):
    """Documents of one record type that are wrong together. A cluster is known by one of its members.

    `key` identifies a document inside the record type (lines are grouped by it); `lines` are the transaction
    lines that a document touches, so that what the cluster causes there is listed on it rather than raised again.
    """

    record: Name
    record_kind: Code | None = None
    where: Expression | None = None
    key: list[Name] = Field(min_length=1)
    columns: dict[Name, Expression]
    lines: list[Name] = Field(default_factory=list)
    line_type: Name = "order_line"
    reference: str
    amount: Expression | None = None
    currency: Expression | None = None
    counterparty: Expression | None = None
    critical_when: Expression | None = Field(
        None, description="over the aggregates `members` and `paid_members`"
    )
    compare: list[CompareRow] = Field(default_factory=list)

    @property
    def compared_in_full(self) -> bool:
        return True


class DuplicateRule(Shape):
    """Documents that agree on all `same` expressions (none NULL), and on `near` within some days."""

    title: str
    same: list[Expression] = Field(min_length=1)
    near: Expression | None = None
    within: Duration = timedelta(0)


class TakenBack(Shape):
    """Rows of the same record type that take documents back, such as credits. What was taken back in full is left out.

    A row belongs to the document that it `names`. One that names itself, where there is no such document, takes back
    the last document before it that is worth as much and agrees with it on `same`; each takes back one.
    """

    where: Expression = Field(description="over the record: which rows take back")
    names: dict[Name, Expression] = Field(
        min_length=1, description="key column -> expression over such a row; default: same name"
    )
    same: list[Expression] = Field(
        default_factory=list, description="over the document; none: only what is named is taken back"
    )


class _TwiceCheck(ClusterCheck):
    """Documents that occur more than once, across entities. `order_by` says which is oldest: the cluster's identity."""

    category: Code
    order_by: Expression
    paid: Expression | None = Field(None, description="a boolean over the document: has it been paid")
    one_per_key: bool = Field(
        False, description="what has the same key in another entity is no other document"
    )

    @property
    def categories(self) -> list[str]:
        return [self.category]


class DuplicateCheck(_TwiceCheck):
    """Documents that agree under a rule."""

    kind: Literal["duplicate"] = "duplicate"
    rules: list[DuplicateRule] = Field(min_length=1)
    taken_back: TakenBack | None = Field(None, description="what takes a document back; needs `amount`")

    @model_validator(mode="after")
    def _weighed(self) -> DuplicateCheck:
        if self.taken_back is not None and self.amount is None:
            raise ValueError("amount beside taken_back: what was taken back is told by what it is worth")
        return self


class Part(Shape):
    """One thing in which two documents may be alike, with what it is worth. Who does not say it is not judged by it.

    `name`: the words of an organisation's name, the rarer the weightier; `text`: letters; `code` and `date`: equal or
    one slip apart.
    """

    title: str
    of: Expression = Field(description="over the document")
    by: Literal["name", "text", "code", "date"] = "text"
    weight: Decimal = Field(Decimal(1), gt=0)
    least: Decimal = Field(
        Decimal(0), ge=0, le=1, description="where both say it, below this they are not alike"
    )
    noise: list[str] = Field(default_factory=list, description="words of a name that say nothing")

    @model_validator(mode="after")
    def _named(self) -> Part:
        if self.noise and self.by != "name":
            raise ValueError("noise is for `by: name`, expected no noise here")
        return self


class SimilarCheck(_TwiceCheck):
    """Documents that are alike without agreeing: every part is scored between 0 and 1, their weighted mean counts.

    Compared are those that share a rare word of a `name`, or a block. `besides` names the check that finds what is
    equal: what it puts together is left to it.
    """

    kind: Literal["similar"]
    parts: dict[Name, Part] = Field(min_length=1)
    threshold: Decimal = Field(gt=0, le=1, description="from this score on they are alike")
    known: Decimal = Field(
        Decimal("0.5"), gt=0, le=1, description="the share of the weights of which both must say something"
    )
    blocks: list[Expression] = Field(
        default_factory=list, description="over the document: what shares one of them is compared"
    )
    most: int = Field(
        50, ge=2, le=1000, description="a word or block of more documents brings nobody together"
    )
    besides: Code | None = None

    @model_validator(mode="after")
    def _compares(self) -> SimilarCheck:
        if not self.blocks and not any(part.by == "name" for part in self.parts.values()):
            raise ValueError("nothing brings documents together, expected blocks or a part by name")
        return self


class HierarchyCheck(ClusterCheck):
    """Records that name another one above them: who goes round in a cycle, and who is below nothing that holds.

    `parent` is the key of the one above, NULL at the top. A cycle is one exception, known by its least member,
    whatever its length; an orphan names a parent that is unknown, inactive or not valid as of the day. Records
    that are not in force themselves are left alone.
    """

    kind: Literal["hierarchy"]
    parent: Expression = Field(description="over the document; NULL or empty: it is at the top")
    within: Literal["network", "entity"] = Field("network", description="where the parent is looked for")
    active: Expression | None = Field(None, description="a boolean over the document: whether it is in force")
    valid_from: Expression | None = Field(None, description="the first day")
    valid_to: Expression | None = Field(None, description="the last day; NULL: without end")
    as_of: Expression = Field("CAST(now() AS date)", description="the day on which the structure must hold")
    since: Expression | None = Field(None, description="a timestamp: when the document was given its parent")
    grace: Span | None = None
    cycle: Code | None = Field(None, description="the category of a cycle")
    orphan: Code | None = Field(None, description="the category of an orphan")

    @property
    def categories(self) -> list[str]:
        return [code for code in (self.cycle, self.orphan) if code is not None]

    @model_validator(mode="after")
    def _of_one_column(self) -> HierarchyCheck:
        if len(self.key) != 1:
            raise ValueError("a hierarchy has a key of one column, expected the one that `parent` names")
        if not self.categories:
            raise ValueError("it raises nothing, expected cycle or orphan")
        return self
