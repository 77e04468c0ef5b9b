"""A story in which exceptions are sent again: operations to systems of every kind, people who ask and approve, and a
target that keeps its own books.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, viewer_for
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Operation
from exceptions_app.domain.retry import Outcome
from exceptions_app.models import Attempt, Delivery, RetryBatch, User
from exceptions_app.services import outbox, retry_asking, retry_preparing
from exceptions_app.services.context import ActionContext, Actor
from exceptions_app.services.outbox import Claimed, Result
from tests.services.story import Story, discrepancy

LEASE = timedelta(minutes=1)

OPERATION: dict[str, Any] = {
    "code": "price_again",
    "title": "Send the price again",
    "system": "KEYED",
    "category": ["test_price"],
    "fields": {
        "order": {"source": "key.order_number"},
        "line": {"source": "key.line_number"},
        "price": {"source": "invoice.price", "type": "money", "edit": True, "label": "Unit price"},
        "method": {"source": "let.method", "required": False, "edit": True, "one_of": ["A", "B"]},
        "account": {"source": "let.account", "required": False, "edit": True, "sensitivity": "bank"},
    },
    "order_key": ["order", "line"],
    "submit": {},
    "backoff": {"max_tries": 3, "first_wait": "10s", "shortest_wait": "1s", "longest_wait": "60s"},
    "approve_above": "1000",
}
READ_BACK: dict[str, Any] = {"path": "/seen"}
KINDS: dict[str, dict[str, Any]] = {
    "KEYED": {"delivery": {"idempotent": True}},
    "LOOKED": {"read_back": READ_BACK},
    "BLIND": {},
}
"""A system that honours idempotency keys, one that does not but can be read back, one that can do neither."""


def with_operations(catalog: Catalog, system: str = "KEYED", **changed: Any) -> Catalog:
    """The test network, able to send prices to one kind of system. `changed`: other options of the operation."""
    erp = catalog.systems["TEST_ERP"]
    systems = {
        code: erp.model_validate({**erp.model_dump(), "code": code, "delivery": kind.get("delivery", {})})
        for code, kind in KINDS.items()
    }
    given = {**OPERATION, "system": system, "read_back": KINDS[system].get("read_back"), **changed}
    operation = Operation.model_validate(given)
    return replace(catalog, systems={**catalog.systems, **systems}, operations={operation.code: operation})


@dataclass
class Target:
    """A system with its own books: what arrived, and how often each write took effect."""

    idempotent: bool = True
    effects: Counter[str] = field(default_factory=Counter)
    keys: set[str] = field(default_factory=set)
    arrived: list[Claimed] = field(default_factory=list)

    def submit(self, claimed: Claimed) -> None:
        """The request arrives. Whoever honours keys does the write of a key once."""
        self.arrived.append(claimed)
        if not (self.idempotent and claimed.idempotency_key in self.keys):
            self.effects[claimed.idempotency_key] += 1
        self.keys.add(claimed.idempotency_key)

    def has(self, claimed: Claimed) -> bool:
        return claimed.idempotency_key in self.keys


class RetryStory(Story):
    """Story in which the person, a specialist and another manager retry. Statements commit one by one."""

    def __init__(
        self, session: Session, catalog: Catalog, person: User, system: str = "KEYED", **changed: Any
    ) -> None:
        super().__init__(session, with_operations(catalog, system, **changed), person)
        self.system, self._tokens = system, count(1)

    def begin(self, user: Callable[..., Any], *numbers: int) -> None:
        """People, and these exceptions."""
        self.sam = user("specialist", name="Sam Ortiz")
        self.max = user("manager", name="Max Lee")
        self.run([discrepancy(number) for number in numbers or (1,)])
        self.session.commit()

    def viewer_of(self, person: User) -> Viewer:
        return viewer_for(person, self.catalog)

    def by(self, person: User) -> ActionContext:
        return replace(self.ctx, actor=Actor("user", person.name, person.id))

    @property
    def deliver(self) -> ActionContext:
        return replace(self.ctx, actor=Actor("job", "deliver"))

    # -- asking

    def ask(
        self, *numbers: int, by: User | None = None, token: str | None = None, **given: Any
    ) -> RetryBatch:
        """A selection, by its asker (default: Sam)."""
        person = by or self.sam
        edits = {self.case(n).id: edit for n, edit in given.pop("edits", {}).items()}
        batch = retry_asking.start(
            self.session, self.by(person), self.viewer_of(person), token=token or f"token-{next(self._tokens)}",
            case_ids=[self.case(n).id for n in numbers], title="Again", edits=edits or None, **given,
        )  # fmt: skip
        self.session.commit()
        return batch

    def prepare(
        self, batch: RetryBatch, *, agree: Sequence[int] = (), found: Mapping[int, Any] | None = None
    ) -> Any:
        """What the task does. `agree`: numbers that the newest records show in agreement; `found`: what else they
        show.
        """
        ids = retry_preparing.selected(self.session, self.ctx, batch)
        wrong = {self.case(n).id: None for n in agree}
        wrong |= {self.case(n).id: each for n, each in (found or {}).items()}
        done = retry_preparing.prepare(self.session, self.ctx, batch, wrong, case_ids=ids, read_at=self.now)
        self.session.commit()
        retry_preparing.complete(self.session, self.ctx, batch)
        self.session.commit()
        return done

    def send(self, *numbers: int, **given: Any) -> Delivery:
        """Ask and prepare; the newest delivery of the first one."""
        self.prepare(self.ask(*numbers, **given))
        return self.delivery(numbers[0])

    def delivery(self, number: int) -> Delivery:
        found = select(Delivery).where(Delivery.case_id == self.case(number).id).order_by(Delivery.id.desc())
        return self.session.scalars(found.limit(1).execution_options(populate_existing=True)).one()

    def attempts(self, number: int) -> list[tuple[int, str, str | None]]:
        """(number, kind, outcome) of its newest delivery."""
        found = select(Attempt).where(Attempt.delivery_id == self.delivery(number).id).order_by(Attempt.id)
        rows = self.session.scalars(found.execution_options(populate_existing=True))
        return [(each.number, each.kind, each.outcome) for each in rows]

    def batch(self, batch: RetryBatch) -> RetryBatch:
        self.session.refresh(batch)
        return batch

    # -- delivering

    def take(self, *, owner: str = "p1", limit: int = 20, system: str | None = None) -> list[Claimed]:
        found = outbox.claim(
            self.session, self.deliver, system or self.system, owner, limit=limit, lease=LEASE
        )
        self.session.commit()
        return found

    def result(self, claimed: Claimed, outcome: Outcome, **given: Any) -> Result:
        wrong = outcome not in (Outcome.ACCEPTED, Outcome.FOUND, Outcome.ABSENT)
        values = {"error": f"it said {outcome}", "error_class": outcome.value} if wrong else {}
        return Result(claimed, outcome, self.now, self.now, **{**values, **given})

    def record(self, *results: Result, chance: float = 0.0) -> None:
        outbox.record(self.session, self.deliver, results, chance=lambda: chance)
        self.session.commit()

    def answer(self, outcome: Outcome, **given: Any) -> list[Claimed]:
        """Claim what is due and give it all the same answer."""
        claimed = self.take()
        self.record(*[self.result(each, outcome, **given) for each in claimed])
        return claimed
