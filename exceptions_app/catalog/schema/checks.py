"""Checks: what is compared, within what tolerance, and which category it raises."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Discriminator, Field, StringConstraints, Tag, model_validator

from exceptions_app.domain.delay import PREFIX

from .base import Code, Duration, Expression, Name, Shape, Span
from .shown import ChainStep, Conversion
from .storm import Storm


class ScopedTolerance(Shape):
    """A wider limit for some: what is within it is not raised either. It never makes anything stricter.

    In the currency and the direction of the tolerance that it belongs to. `since` leaves alone what has been so
    for longer (a closed period); after `until` it no longer holds. Both are instants.
    """

    entity: list[Code] = Field(default_factory=list, description="an entity or any below it")
    counterparty: list[str] = Field(default_factory=list, description="as exceptions name it")
    absolute: Decimal | None = Field(None, ge=0)
    percent: Decimal | None = Field(None, ge=0)
    combine: Literal["any", "all", "max", "sum"] = "any"
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _limited(self) -> ScopedTolerance:
        if self.absolute is None and self.percent is None:
            raise ValueError("absolute or percent")
        if not self.entity and not self.counterparty:
            raise ValueError("entity or counterparty; what is for all is the tolerance itself")
        return self


class Tolerance(Shape):
    """A limit that explains itself. Outside means: over `ignore_below`, and over the combined limit.

    `any`: outside when over the absolute or the percent limit; `all`: only when over both; `max`: the
    larger of the two is the limit; `sum`: both together are the limit. `percent` is of the base that the
    check names. `over`/`under` restrict the direction (difference > 0 is over).
    """

    absolute: Decimal | None = None
    currency: str | None = None
    percent: Decimal | None = None
    combine: Literal["any", "all", "max", "sum"] = "any"
    ignore_below: Decimal = Decimal(0)
    over: bool = True
    under: bool = True
    scoped: list[ScopedTolerance] = Field(default_factory=list, description="wider limits for some")


SideOrLookup = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$", max_length=127)
]
"""`side`, or `side.lookup`."""


class Lookup(Shape):
    """Reference data joined to each row of a side before it aggregates; of several, `pick` decides.

    With `as_of`, only what holds on that day counts: from `valid_from` to `valid_to`, both inclusive, an empty
    `valid_to` without end. Of several that hold, those that began last do.
    """

    record: Name
    kind: Code | None = None
    on: dict[Name, Expression] = Field(description="lookup column -> expression over the side's row")
    where: Expression | None = Field(None, description="which reference rows count, over the lookup's record")
    columns: list[Name] = Field(min_length=1)
    pick: Literal["min", "max"] = "min"
    as_of: Expression | None = Field(None, description="a date, over the side's row")
    valid_from: Name | None = Field(None, description="the column with the first day; needed with `as_of`")
    valid_to: Name | None = Field(None, description="the column with the last day")
    sequence: Name | None = Field(None, description="of several that began on one day, the highest counts")
    needed: bool = Field(False, description="without a feed that brings it the check does not run")

    @model_validator(mode="after")
    def _dated(self) -> Lookup:
        if (self.as_of is None) != (self.valid_from is None):
            raise ValueError("as_of together with valid_from")
        if self.valid_to is not None and self.as_of is None:
            raise ValueError("as_of and valid_from beside valid_to")
        if self.sequence is not None and self.as_of is None:
            raise ValueError("as_of and valid_from beside sequence")
        return self


class Side(Shape):
    """One party to the comparison: records of one type, from systems of one kind, or named ones.

    Where it names neither, it reads the type's system of record, or every system where that one has no
    feed.

    `columns` are expressions over the record (its columns by name, look-ups as `lookup.column`); when any
    of them aggregates, the side is grouped by the check's key. A column with a crosswalk is canonical; what
    the source wrote is `<column>_source`.
    """

    record: Name
    kind: Code | None = None
    systems: list[Code] | None = None
    where: Expression | None = None
    key: dict[Name, Expression] = Field(
        default_factory=dict, description="key column -> expression; default: same name"
    )
    latest: list[Name] = Field(
        default_factory=list, description="of several rows with one key, the one with the highest of these"
    )
    lookups: dict[Name, Lookup] = Field(default_factory=dict)
    columns: dict[Name, Expression]
    told: list[Name] = Field(
        default_factory=list,
        description="columns that are shown and never compared: no change of theirs is news",
    )
    optional: bool = Field(False, description="the check also runs where no feed provides this side")


class ToleranceUse(Shape):
    """`difference` and `base` are expressions over the sides; percent means percent of `base`.

    Both may be multiples of the real figures, `scale` times as large (a price per hundred, a price per
    case), so that the verdict needs no division. In the finding's `facts` and `amount`, the bare names
    `difference` and `base` are the real figures; the facts `tolerance` and `excess` are filled without
    being asked for.
    """

    name: Name
    difference: Expression
    base: Expression = "0"
    scale: Expression = "1"
    format: Literal["money", "quantity", "number"] = "money"


class CostOfDelay(Shape):
    """What waiting costs, as expressions over the sides: a discount that ends, a payment that falls due, deliveries
    that the supplier holds. What is not known of an exception costs nothing; see `domain.delay`.
    """

    discount_until: Expression | None = Field(None, description="a date: the last day of the discount")
    discount_percent: Expression | None = Field(None, description="percent of `of`")
    discount_amount: Expression | None = Field(
        None, description="the discount itself, instead of a percentage"
    )
    of: Expression | None = Field(None, description="what the percentage is of, in the finding's currency")
    due: Expression | None = Field(None, description="a date: the last day to pay")
    credit_hold: Expression | None = Field(None, description="true while the supplier holds deliveries")

    @model_validator(mode="after")
    def _whole(self) -> CostOfDelay:
        if (self.discount_percent is None) != (self.of is None):
            raise ValueError("discount_percent together with of")
        if self.discount_until is None and (self.discount_percent or self.discount_amount):
            raise ValueError("discount_until beside the discount")
        return self

    def parts(self) -> dict[str, str]:
        """The expressions that are given, by their names."""
        return {name: text for name in type(self).model_fields if (text := getattr(self, name)) is not None}


class Finding(Shape):
    """One category that the check can raise. The first finding that holds is primary, the others are listed
    on it.

    `missing` sides must be absent, and (like `settled` sides) read later than `since` plus their feed's
    lag. A look-up may be `settled` too, as `side.lookup`: what it does not know is then known to be absent, and
    where no feed brings it nothing is raised. `grace` must have passed since `since`. `critical_when` raises
    the severity.
    """

    category: Code
    present: list[Name] = Field(default_factory=list)
    missing: list[Name] = Field(default_factory=list)
    settled: list[SideOrLookup] = Field(default_factory=list)
    when: Expression | None = None
    tolerance: ToleranceUse | None = None
    since: Expression = Field(description="a timestamp: since when it has been so at the source")
    grace: Span | None = None
    amount: Expression | None = None
    amount_per: Expression | None = Field(None, description="the amount is `amount` divided by this")
    currency: Expression | None = None
    counterparty: Expression | None = None
    critical_when: Expression | None = None
    facts: dict[Name, Expression] = Field(
        default_factory=dict, description="values for the category's sentence"
    )


class CompareRow(Shape):
    """One line of the side-by-side on screen: the same fact as each side says it."""

    label: str
    format: Literal["text", "number", "quantity", "money", "price", "date", "timestamp"] = "text"
    comparable: bool = Field(default=True, description="false: may differ without being wrong, never marked")
    cells: dict[Name, Name] = Field(description="side -> its column")


class _Check(Shape):
    code: Code
    title: str
    flow: Code
    description: str = ""
    enabled: bool = True
    storm: Storm | None = Field(default_factory=Storm, description="when a run is held; null: never")


class MatchCheck(_Check):
    """One to n sides joined on one key, inside one entity. (One side: a rule about records by themselves.)

    With `scope: network` it runs once over the records of all entities, for what belongs to none of them: a
    supplier, a bank account.

    `let` names computed columns (in order; usable in later ones and in findings). Names in expressions:
    `side.column`, key columns bare, `let` names bare.
    """

    kind: Literal["match", "balance"] = "match"
    scope: Literal["entity", "network"] = "entity"
    key: list[Name] = Field(min_length=1)
    reference: str = Field(description="the business reference, e.g. '{order_number}/{line_number}'")
    line: list[Name] | None = Field(
        None, description="the key columns that are the transaction line; default: the key"
    )
    line_type: Name = "order_line"
    sides: dict[Name, Side] = Field(min_length=1)
    let: dict[Name, Expression] = Field(default_factory=dict)
    tolerances: dict[Name, Tolerance] = Field(default_factory=dict)
    pairs: dict[Name, list[tuple[str, str]]] = Field(
        default_factory=dict, description="for allowed(name, a, b)"
    )
    findings: list[Finding] = Field(min_length=1)
    cost_of_delay: CostOfDelay | None = Field(None, description="what waiting costs, for each finding")
    compare: list[CompareRow] = Field(default_factory=list)
    conversions: list[Conversion] = Field(default_factory=list)
    chain: list[ChainStep] = Field(
        default_factory=list, description="the documents of the transaction, in their order"
    )

    @model_validator(mode="after")
    def _delayed(self) -> MatchCheck:
        """What waiting costs travels among the facts of each finding."""
        if self.cost_of_delay is not None:
            told = {f"{PREFIX}{name}": text for name, text in self.cost_of_delay.parts().items()}
            for finding in self.findings:
                finding.facts.update(told)
        return self

    @property
    def row_key(self) -> list[str]:
        """What makes a row of a side one row: sides are joined on it."""
        return self.key


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

    kind: Literal["balance"]
    documents: Documents

    @property
    def row_key(self) -> list[str]:
        return [*self.key, *self.documents.key]

    @model_validator(mode="after")
    def _two_sides(self) -> BalanceCheck:
        if len(self.sides) != 2 or any(side.optional for side in self.sides.values()):
            raise ValueError("a balance has two sides, and none is optional")
        return self


class DuplicateRule(Shape):
    """Documents that agree on all `same` expressions (none NULL), and on `near` within some days."""

    title: str
    same: list[Expression] = Field(min_length=1)
    near: Expression | None = None
    within: Duration = timedelta(0)


class DuplicateCheck(_Check):
    """Documents that occur more than once, across entities. The cluster's identity is its oldest member.

    `key` identifies a document inside the record type (lines are grouped by it); `order_by` says which is
    oldest; `lines` are the transaction lines that a document touches, so that what the duplicate causes
    there is listed on it rather than raised again.
    """

    kind: Literal["duplicate"] = "duplicate"
    record: Name
    record_kind: Code | None = None
    where: Expression | None = None
    key: list[Name] = Field(min_length=1)
    columns: dict[Name, Expression]
    rules: list[DuplicateRule] = Field(min_length=1)
    order_by: Expression
    lines: list[Name] = Field(default_factory=list)
    line_type: Name = "order_line"
    category: Code
    reference: str
    amount: Expression | None = None
    currency: Expression | None = None
    counterparty: Expression | None = None
    critical_when: Expression | None = Field(
        None, description="over the aggregates `members` and `paid_members`"
    )
    paid: Expression | None = Field(None, description="a boolean over the document: has it been paid")
    compare: list[CompareRow] = Field(default_factory=list)


def _which(value: Any) -> str:
    """`match` where a check does not say what kind it is."""
    kind = value.get("kind", "match") if isinstance(value, dict) else getattr(value, "kind", "")
    return str(kind)


Check = Annotated[
    Annotated[MatchCheck, Tag("match")]
    | Annotated[BalanceCheck, Tag("balance")]
    | Annotated[DuplicateCheck, Tag("duplicate")],
    Discriminator(_which),
]
