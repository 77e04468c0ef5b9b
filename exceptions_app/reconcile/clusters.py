"""Documents that hang together through any rule, and what is said of such a cluster."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from exceptions_app.catalog.schema import DuplicateCheck
from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy
from exceptions_app.domain.fingerprint import evidence_hash, fingerprint

from .values import exact, exact_text, instant, json_object, json_of

_SIDES = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a cluster, as one rule found it. Identity: entity, and key as the source wrote it."""

    identity: tuple[str, ...]
    rule: int
    agreed: tuple[int, str]
    lines: tuple[str, ...]
    since: datetime | None
    paid: bool
    amount: Decimal | None
    currency: str | None
    counterparty: str | None
    values: Mapping[str, tuple[str | None, str]] = field(compare=False)

    @classmethod
    def of(cls, check: DuplicateCheck, row: Sequence[Any], shown: Sequence[tuple[str, str]]) -> Document:
        """From a row as `CompiledDuplicate` describes it."""
        rule, agreed, entity, lines, since, paid, amount, currency, counterparty = row[:9]
        key, values = row[9 : 9 + len(check.key)], row[9 + len(check.key) :]
        touched = sorted(f"{check.line_type}|{entity}|{line}" for line in lines or () if line)
        return cls(
            (entity, *key),
            rule,
            (rule, agreed),
            tuple(touched) or ("|".join(["document", entity, *key]),),
            None if since is None else instant(since),
            bool(paid),
            None if amount is None else exact(Decimal(amount)),
            currency,
            counterparty,
            {name: (value, kind) for (name, kind), value in zip(shown, values, strict=True)},
        )


class Clusters:
    """Union of documents that were found side by side. Rows come in order: rule, agreement, oldest first."""

    def __init__(self) -> None:
        self._parent: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._documents: dict[tuple[str, ...], Document] = {}
        self._rules: dict[tuple[str, ...], int] = {}

    def add(self, document: Document, beside: Document | None) -> None:
        """Put a document in, and together with the one it agrees with."""
        identity = document.identity
        self._documents.setdefault(identity, document)
        self._parent.setdefault(identity, identity)
        if beside is not None:
            self._parent[self._root(identity)] = self._root(beside.identity)

    def _root(self, identity: tuple[str, ...]) -> tuple[str, ...]:
        while self._parent[identity] != identity:
            self._parent[identity] = identity = self._parent[self._parent[identity]]
        return identity

    def found(self) -> Iterable[Cluster]:
        """Every cluster, its oldest member first; the same whatever the order of rows."""
        members: dict[tuple[str, ...], list[Document]] = {}
        for identity, document in self._documents.items():
            members.setdefault(self._root(identity), []).append(document)
        clusters = [Cluster(sorted(documents, key=_age)) for documents in members.values()]
        return sorted(clusters, key=lambda cluster: cluster.members[0].identity)


def _age(document: Document) -> tuple[str, tuple[str, ...]]:
    return document.since.isoformat() if document.since else "", document.identity


@dataclass(frozen=True, slots=True)
class Cluster:
    """Two documents or more that are suspected to be the same; `members` oldest first."""

    members: Sequence[Document]

    def figures(self) -> dict[str, int]:
        """What `critical_when` may ask."""
        return {"members": len(self.members), "paid_members": sum(member.paid for member in self.members)}

    def discrepancy(
        self, check: DuplicateCheck, now: datetime, told: Collection[str], *, critical: bool
    ) -> Discrepancy:
        """The cluster as one discrepancy. At stake is what all but the oldest bill, in its currency. Of the columns
        only those `told` become facts: facts are read by everybody.
        """
        oldest, *others = self.members
        entity, *key = oldest.identity
        business_key = json_object({n: json_of(v, "text") for n, v in zip(check.key, key, strict=True)})
        sides = json_object(
            {side: _values(member) for side, member in zip(_SIDES, self.members, strict=False)}
        )
        evidence = f'{{"key":{business_key},"let":{{}},"sides":{sides},"tolerance":null}}'
        amounts = [m.amount for m in others if m.amount is not None and m.currency == oldest.currency]
        amount = exact(sum(amounts, Decimal(0))) if amounts else None
        return Discrepancy(
            fingerprint=fingerprint(check.code, check.category, entity, key),
            check=check.code,
            scope=NETWORK_SCOPE,
            category=check.category,
            entity=entity,
            reference=self._name(check, oldest),
            business_key=business_key,
            lines=tuple(dict.fromkeys(line for member in self.members for line in member.lines)),
            counterparty=oldest.counterparty,
            facts=self._facts(check, amount, told),
            evidence=evidence,
            evidence_hash=evidence_hash(f'{{"key":{business_key},"sides":{sides}}}'),
            amount=amount,
            currency=oldest.currency,
            since=others[0].since or now,
            critical=critical,
        )

    def _facts(self, check: DuplicateCheck, amount: Decimal | None, told: Collection[str]) -> str:
        oldest, *others = self.members
        facts = {name: json_of(*value) for name, value in oldest.values.items() if name in told}
        elsewhere = len({member.identity[0] for member in self.members}) > 1
        texts = {
            "a": self._name(check, oldest, elsewhere=elsewhere),
            "b": ", ".join(self._name(check, other, elsewhere=elsewhere) for other in others),
            "keys": check.rules[min(member.rule for member in self.members)].title,
            "paid": _paid(**self.figures()),
            "currency": oldest.currency,
            "counterparty": oldest.counterparty,
            "amount": exact_text(amount),
        }
        facts |= {name: json_of(text, "text") for name, text in texts.items()}
        facts["members"] = str(len(self.members))
        return json_object(facts)

    def _name(self, check: DuplicateCheck, document: Document, *, elsewhere: bool = False) -> str:
        known = {name: value or "" for name, (value, _) in document.values.items()}
        text = check.reference.format_map(known)
        return f"{text} ({document.identity[0]})" if elsewhere else text


def _values(document: Document) -> str:
    return json_object({name: json_of(*value) for name, value in document.values.items()})


def _paid(members: int, paid_members: int) -> str:
    pair = members == 2
    if paid_members == 0:
        return "neither is paid" if pair else "none is paid"
    if paid_members == members:
        return "both are paid" if pair else "all are paid"
    return f"{paid_members if paid_members > 1 else 'one'} of them {'are' if paid_members > 1 else 'is'} paid"
