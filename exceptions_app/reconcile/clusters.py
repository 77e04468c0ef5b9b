"""Documents that hang together, and what is said of such a cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from exceptions_app.catalog.schema import ClusterCheck
from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy
from exceptions_app.domain.fingerprint import evidence_hash, fingerprint

from .values import exact, exact_text, instant, json_object, json_of

_SIDES = "abcdefghijklmnopqrstuvwxyz"
Identity = tuple[str, ...]
"""Entity, and key as the source wrote it."""
Identities = Collection[Identity]


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a cluster."""

    identity: Identity
    lines: tuple[str, ...]
    since: datetime | None
    paid: bool
    amount: Decimal | None
    currency: str | None
    counterparty: str | None
    values: Mapping[str, tuple[str | None, str]] = field(compare=False)

    @classmethod
    def of(cls, check: ClusterCheck, row: Sequence[Any], shown: Sequence[tuple[str, str]]) -> Document:
        """From a row as `CompiledCluster` describes it."""
        entity, lines, since, paid, amount, currency, counterparty = row[:7]
        entity = NETWORK_SCOPE if entity is None else entity
        key, values = row[7 : 7 + len(check.key)], row[7 + len(check.key) :]
        touched = sorted(f"{check.line_type}|{entity}|{line}" for line in lines or () if line)
        return cls(
            (entity, *key),
            tuple(touched) or ("|".join(["document", entity, *key]),),
            None if since is None else instant(since),
            bool(paid),
            None if amount is None else exact(Decimal(amount)),
            currency,
            counterparty,
            {name: (value, kind) for (name, kind), value in zip(shown, values, strict=True)},
        )


class Clusters:
    """Union of documents that were found side by side."""

    def __init__(self) -> None:
        self._parent: dict[Identity, Identity] = {}
        self._documents: dict[Identity, Document] = {}

    def add(self, document: Document) -> None:
        """Put a document in; of one that is known, what was said first stands."""
        self._documents.setdefault(document.identity, document)
        self._parent.setdefault(document.identity, document.identity)

    def join(self, one: Identity, other: Identity) -> None:
        """Two documents that were put in belong together."""
        self._parent[self._root(one)] = self._root(other)

    def _root(self, identity: Identity) -> Identity:
        while self._parent[identity] != identity:
            self._parent[identity] = identity = self._parent[self._parent[identity]]
        return identity

    def found(self) -> list[Cluster]:
        """Every cluster, its oldest member first; the same whatever the order of rows."""
        members: dict[Identity, list[Document]] = {}
        for identity, document in self._documents.items():
            members.setdefault(self._root(identity), []).append(document)
        clusters = [Cluster(sorted(documents, key=_age)) for documents in members.values()]
        return sorted(clusters, key=lambda cluster: cluster.members[0].identity)


def _age(document: Document) -> tuple[str, Identity]:
    return document.since.isoformat() if document.since else "", document.identity


@dataclass(frozen=True, slots=True)
class Said:
    """What a kind says of one cluster: facts as texts, beside those that every cluster has, and its verdicts as JSON
    of the evidence's `tolerance`.
    """

    since: datetime
    critical: bool
    facts: Mapping[str, str | None]
    tolerance: str = "null"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Documents that are wrong together; the first of `members` is the identity."""

    members: Sequence[Document]

    def has(self, some: Identities) -> bool:
        """Whether one of these documents is a member."""
        return any(member.identity in some for member in self.members)

    def figures(self) -> dict[str, int]:
        """What `critical_when` may ask."""
        return {"members": len(self.members), "paid_members": sum(member.paid for member in self.members)}

    def discrepancy(
        self, check: ClusterCheck, category: str, told: Collection[str], said: Said
    ) -> Discrepancy:
        """The cluster as one discrepancy. At stake is what all but the first bill, in its currency. Of the columns
        only those `told` become facts: facts are read by everybody.
        """
        first, *others = self.members
        entity, *key = first.identity
        business_key = json_object({n: json_of(v, "text") for n, v in zip(check.key, key, strict=True)})
        sides = json_object(
            {side: _values(member) for side, member in zip(_SIDES, self.members, strict=False)}
        )
        evidence = f'{{"key":{business_key},"let":{{}},"sides":{sides},"tolerance":{said.tolerance}}}'
        amounts = [m.amount for m in others if m.amount is not None and m.currency == first.currency]
        amount = exact(sum(amounts, Decimal(0))) if amounts else None
        return Discrepancy(
            fingerprint=fingerprint(check.code, category, entity, key),
            check=check.code,
            scope=NETWORK_SCOPE,
            category=category,
            entity=entity,
            reference=_name(check, first),
            business_key=business_key,
            lines=tuple(dict.fromkeys(line for member in self.members for line in member.lines)),
            counterparty=first.counterparty,
            facts=self._facts(check, amount, told, said.facts),
            evidence=evidence,
            evidence_hash=evidence_hash(f'{{"key":{business_key},"sides":{sides}}}'),
            amount=amount,
            currency=first.currency,
            since=said.since,
            critical=said.critical,
        )

    def names(self, check: ClusterCheck) -> list[str]:
        """How each member is called; with its facility, where there are several."""
        elsewhere = len({member.identity[0] for member in self.members}) > 1
        return [_name(check, member, elsewhere=elsewhere) for member in self.members]

    def _facts(
        self,
        check: ClusterCheck,
        amount: Decimal | None,
        told: Collection[str],
        also: Mapping[str, str | None],
    ) -> str:
        first, (a, *others) = self.members[0], self.names(check)
        facts = {name: json_of(*value) for name, value in first.values.items() if name in told}
        texts = {
            "a": a,
            "b": ", ".join(others),
            "currency": first.currency,
            "counterparty": first.counterparty,
            "amount": exact_text(amount),
            **also,
        }
        facts |= {name: json_of(text, "text") for name, text in texts.items()}
        facts["members"] = str(len(self.members))
        return json_object(facts)


def _name(check: ClusterCheck, document: Document, *, elsewhere: bool = False) -> str:
    known = {name: value or "" for name, (value, _) in document.values.items()}
    text = check.reference.format_map(known)
    return f"{text} ({document.identity[0]})" if elsewhere else text


def _values(document: Document) -> str:
    return json_object({name: json_of(*value) for name, value in document.values.items()})


def paid_words(members: int, paid_members: int) -> str:
    """How many of a cluster's documents are paid, in words."""
    pair = members == 2
    if paid_members == 0:
        return "neither is paid" if pair else "none is paid"
    if paid_members == members:
        return "both are paid" if pair else "all are paid"
    return f"{paid_members if paid_members > 1 else 'one'} of them {'are' if paid_members > 1 else 'is'} paid"
