"""Which queue an exception goes to, and which service level holds: the first rule that fits, top down.

Must not know how rules are written or stored; a rule is anything with these conditions, an empty one fits
all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Subject:
    """What rules look at. `entity_path` is the entity and all above it; `amount` is in reporting currency."""

    category: str
    entity_path: frozenset[str]
    severity: str
    amount: Decimal | None = None
    queue: str | None = None


class RuleLike(Protocol):
    @property
    def category(self) -> Sequence[str]: ...
    @property
    def entity(self) -> Sequence[str]: ...
    @property
    def severity(self) -> Sequence[str]: ...
    @property
    def amount_from(self) -> Decimal | None: ...


class RouteLike(RuleLike, Protocol):
    """A rule of routing: `queue` is where it leads."""

    @property
    def queue(self) -> str: ...


class PolicyLike(RuleLike, Protocol):
    """A rule of service levels: `queue` is one more condition."""

    @property
    def queue(self) -> Sequence[str]: ...


Policy = TypeVar("Policy", bound=PolicyLike)


def fits(rule: RuleLike, subject: Subject) -> bool:
    """Every condition that is given holds. An unknown amount fits no rule that asks for one."""
    return (
        (not rule.category or subject.category in rule.category)
        and (not rule.entity or not subject.entity_path.isdisjoint(rule.entity))
        and (not rule.severity or subject.severity in rule.severity)
        and (
            rule.amount_from is None
            or (subject.amount is not None and abs(subject.amount) >= rule.amount_from)
        )
    )


def route(subject: Subject, routes: Iterable[RouteLike], default: str) -> str:
    """The queue of the first route that fits, else the category's own (`default`)."""
    return next((rule.queue for rule in routes if fits(rule, subject)), default)


def policy(subject: Subject, policies: Iterable[Policy]) -> Policy | None:
    """The first service-level policy that fits; None where the category's own target holds."""
    return next((p for p in policies if fits(p, subject) and (not p.queue or subject.queue in p.queue)), None)
