"""The kind `match`: sides joined on one key, and what is found wrong with a key."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from exceptions_app.domain.delay import PREFIX

from .base import Code, Expression, Name, Shape, Span
from .check_base import BaseCheck, CompareRow
from .shown import ChainStep, Conversion
from .sides import Side, SideOrLookup
from .tolerances import Tolerance, ToleranceUse


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


class Ignored(Shape):
    """A difference that is too small to be marked: what a tolerance ignores. `one` and `other` are the figures that are
    held against each other, names of `let`; both may be `scale` times as large.
    """

    tolerance: Name
    one: Name
    other: Name
    scale: Name | None = None


class MatchRow(CompareRow):
    """One line of the side-by-side of sides that are joined on a key."""

    ignored: Ignored | None = Field(default=None, description="a difference that is so small is not marked")


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


class MatchCheck(BaseCheck):
    """One to n sides joined on one key, inside one entity. (One side: a rule about records by themselves.)

    With `scope: network` it runs once over the records of all entities, for what belongs to none of them: a
    supplier, a bank account.

    `let` names computed columns (in order; usable in later ones and in findings). Names in expressions:
    `side.column`, key columns bare, `let` names bare.
    """

    kind: Literal["match", "balance", "messages", "allocation"] = "match"
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
    compare: list[MatchRow] = Field(default_factory=list)
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
    def categories(self) -> list[str]:
        return list(dict.fromkeys(finding.category for finding in self.findings))

    def states(self, tolerance: str, fact: str) -> bool:
        """Whether what a tolerance decides over states a fact, or has it in its key."""
        using = [
            one for one in self.findings if one.tolerance is not None and one.tolerance.name == tolerance
        ]
        return fact in self.key or any(fact in one.facts for one in using)

    @property
    def row_key(self) -> list[str]:
        """What makes a row of a side one row: sides are joined on it."""
        return self.key
