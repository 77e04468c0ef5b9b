"""Any sequence of asking, sending, dying, answering, approving and deciding, against a target with its own books.

Processes die before or after a request has left, answers come late or never, people and the data end exceptions
meanwhile. Each kind of system: one that honours keys, one that is read back, one where only a person can look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.retry import LIVE, STEPS, Outcome, Sent
from exceptions_app.models import Attempt, Delivery, ExceptionCase, RetryBatch, Role, User
from exceptions_app.services import dead_letters, people, retry_asking
from exceptions_app.services.acting import NotAllowedError
from exceptions_app.services.audit_verify import verify
from exceptions_app.services.outbox import Claimed
from tests.conftest import NOW
from tests.services.databases import on_database
from tests.services.retry_story import LEASE, RetryStory, Target
from tests.services.story import discrepancy

NUMBERS = (1, 2, 3)
SOME = st.sets(st.sampled_from(NUMBERS), min_size=1)
PICK = st.integers(0, 50)
ANSWERS = {
    "accepted": (True, Outcome.ACCEPTED),
    "refused": (False, Outcome.PERMANENT),
    "away": (False, Outcome.TRANSIENT),
    "arrives and is silent": (True, Outcome.UNKNOWN),
    "is lost": (False, Outcome.UNKNOWN),
}
"""What a try may come to: whether the request arrives, and what is heard of it."""


@dataclass(frozen=True)
class Flying:
    """A write that some process holds; `until`: it sends nothing after its lease. `arrived`: None before it is sent."""

    claimed: Claimed
    until: Any
    arrived: bool | None = None


class Retries(RuleBasedStateMachine):
    """Three exceptions, two processes, a specialist who asks and a manager who approves."""

    database: Callable[[], Iterator[Any]]
    catalog: Any
    system: str

    def __init__(self) -> None:
        super().__init__()
        self.opened = self.database()
        self.session = Session(next(self.opened), expire_on_commit=False)
        self.flying: list[Flying] = []
        self.sent: list[Flying] = []
        self.preparing: list[RetryBatch] = []
        self.before: dict[int, Sent] = {}
        self.target = Target(idempotent=self.system == "KEYED")
        self.cured: set[int] = set()

    @initialize(together=st.booleans())
    def begin(self, together: bool) -> None:
        numbers = iter(range(9))

        def user(role: str, name: str) -> User:
            return people.create_user(
                self.session, email=f"p{next(numbers)}@example.org", name=name, password="correct horse battery",
                role=Role(role), queues=["*"], entities=["*"], by="system:test", now=NOW, cheap=True,
            )  # fmt: skip

        key = ["line"] if together else ["order", "line"]
        self.story = RetryStory(
            self.session,
            self.catalog,
            user("manager", "Mina Park"),
            self.system,
            order_key=key,
            approve_above="0.40",
        )
        self.story.begin(user, *NUMBERS)

    def teardown(self) -> None:
        if hasattr(self, "story"):
            self._drain()
            assert verify(self.session) == []
        self.session.close()
        next(self.opened, None)

    # -- time, the data, people

    @rule(seconds=st.sampled_from([20, 70, 1_200]))
    def time_passes(self, seconds: int) -> None:
        self.story.later(seconds=seconds)

    @rule(
        heals=st.sets(st.sampled_from(NUMBERS), max_size=1),
        price=st.sampled_from(["10.00", "10.00", "11.00"]),
    )
    def a_run_reads_everything(self, heals: set[int], price: str) -> None:
        self.story.later(seconds=5)
        gone = self.cured | heals
        self.story.run([discrepancy(n, invoiced=price) for n in NUMBERS if n not in gone], fetched=True)
        self.cured.clear()

    @rule(number=st.sampled_from(NUMBERS), what=st.sampled_from(["resolve", "waive", "reopen", "reopen"]))
    def a_person_ends_or_reopens(self, number: int, what: str) -> None:
        if what == "reopen":
            for each in NUMBERS:
                if self.story.case(each).status in ("waived", "awaiting_confirmation"):
                    self.story.reopen(each)
        elif self.story.case(number).status == "open":
            if what == "resolve":
                self.story.resolve(number)
            else:
                self.story.waive(number, days=1)

    # -- asking

    @rule(
        numbers=SOME, how=st.sampled_from(["", "", "", "dry", "edit"]), why=st.sampled_from(["", "because"])
    )
    def asks(self, numbers: set[int], how: str, why: str) -> None:
        edits = {n: {"price": "9.50"} for n in numbers} if how == "edit" else None
        given = {"edits": edits, "reason": "the contract price"} if edits else {"reason": why}
        self.preparing.append(self.story.ask(*numbers, dry_run=how == "dry", **given))

    def asks_with_a_reason_and_it_is_prepared(self, numbers: set[int]) -> None:
        self.story.prepare(self.story.ask(*numbers, reason="because"))

    @precondition(lambda self: self.preparing)
    @rule(which=PICK, agree=st.sets(st.sampled_from(NUMBERS), max_size=1))
    def prepares(self, which: int, agree: set[int]) -> None:
        batch = self.preparing.pop(which % len(self.preparing))
        self.story.prepare(batch, agree=sorted(agree))

    @rule(which=PICK, verb=st.sampled_from(["pause", "resume", "cancel", "send"]))
    def steers(self, which: int, verb: str) -> None:
        batches = self.session.scalars(select(RetryBatch).order_by(RetryBatch.id)).all()
        if not batches:
            return
        batch = batches[which % len(batches)]
        was_ready = batch.status == "ready"
        with self._refusals():
            getattr(retry_asking, verb)(
                self.session, self.story.by(self.story.sam), self.story.viewer_of(self.story.sam), batch
            )
            if verb == "send" and was_ready:
                self.preparing.append(batch)

    @rule(which=PICK, yes=st.booleans(), by_asker=st.booleans(), edit=st.booleans())
    def people_decide(self, which: int, yes: bool, by_asker: bool, edit: bool) -> None:
        """On one that waits for approval, one of which nobody knows, and one that gave up."""
        person = self.story.sam if by_asker else self.story.max
        by, viewer = self.story.by(person), self.story.viewer_of(person)
        for status in (Sent.AWAITING_APPROVAL, Sent.UNSURE, Sent.FAILED):
            one = self._one(which, status)
            if one is None:
                continue
            edits = {one.id: {"price": "9.40"}} if edit else None
            with self._refusals():
                if status is Sent.UNSURE:
                    arrived = one.idempotency_key in self.target.keys
                    given: Any = {"arrived": arrived, "send_again": yes, "reason": "looked it up"}
                    dead_letters.decide(self.session, by, viewer, one.id, **given)
                elif status is Sent.FAILED and yes:
                    dead_letters.replay(
                        self.session, by, viewer, [one.id], f"replay-{one.id}", edits, "again"
                    )
                elif status is Sent.FAILED:
                    dead_letters.discard(self.session, by, viewer, [one.id], "by hand")
                elif yes:
                    retry_asking.approve(self.session, by, viewer, one.id)
                else:
                    retry_asking.decline(self.session, by, viewer, one.id, "no")

    # -- sending

    @rule(owner=st.sampled_from(["p1", "p2"]), limit=st.integers(1, 3))
    def claims(self, owner: str, limit: int) -> None:
        found = self.story.take(owner=owner, limit=limit)
        self.flying += [Flying(each, self.story.now + LEASE) for each in found]

    @precondition(lambda self: self.flying)
    @rule(which=PICK, arrives=st.booleans())
    def sends(self, which: int, arrives: bool) -> None:
        self._send(self.flying.pop(which % len(self.flying)), arrives)

    @precondition(lambda self: self.sent)
    @rule(which=PICK, answer=st.sampled_from([*Outcome]))
    def is_answered(self, which: int, answer: Outcome) -> None:
        self._answer(self.sent.pop(which % len(self.sent)), answer)

    @rule(seconds=st.sampled_from([0, 70]), how=st.sampled_from(sorted(ANSWERS)))
    def claims_sends_and_is_answered(self, seconds: int, how: str) -> None:
        arrives, answer = ANSWERS[how]
        self.story.later(seconds=seconds)
        for claimed in self.story.take(limit=2):
            self._send(Flying(claimed, self.story.now + LEASE), arrives)
            self._answer(self.sent.pop(), answer)

    @rule(numbers=SOME, first=st.sampled_from(sorted(ANSWERS)), then=st.sampled_from(sorted(ANSWERS)))
    def is_asked_and_tried_twice(self, numbers: set[int], first: str, then: str) -> None:
        self.asks_with_a_reason_and_it_is_prepared(numbers)
        self.claims_sends_and_is_answered(0, first)
        self.claims_sends_and_is_answered(70, then)

    @rule(numbers=SOME, how=st.sampled_from(sorted(ANSWERS)))
    def another_process_takes_over_before_the_answer_comes(self, numbers: set[int], how: str) -> None:
        arrives, answer = ANSWERS[how]
        self.asks_with_a_reason_and_it_is_prepared(numbers)
        claimed = self.story.take(owner="p1", limit=2)
        for each in claimed:
            self._send(Flying(each, self.story.now + LEASE), arrives)
        late = [self.sent.pop() for _ in claimed]
        self.story.later(seconds=70)
        self.claims("p2", 3)
        for one in late:
            self._answer(one, answer)

    def _send(self, one: Flying, arrives: bool) -> None:
        if self.story.now >= one.until:
            return  # too late: whoever holds it does not send it any more
        if one.claimed.kind == "send":
            self._check_before_it_leaves(one.claimed)
            if arrives:
                self.target.submit(one.claimed)
                self.cured |= {n for n in NUMBERS if self.story.case(n).id == one.claimed.case_id}
        self.sent.append(Flying(one.claimed, one.until, arrives))

    def _answer(self, one: Flying, answer: Outcome) -> None:
        """The truth, or nothing."""
        silent = (Outcome.UNKNOWN, Outcome.TRANSIENT, Outcome.PERMANENT)
        if one.claimed.kind == "read_back":
            truth = Outcome.FOUND if self.target.has(one.claimed) else Outcome.ABSENT
            outcome = answer if answer in silent else truth
        elif one.arrived:
            outcome = Outcome.UNKNOWN if answer is Outcome.UNKNOWN else Outcome.ACCEPTED
        else:
            outcome = answer if answer in silent else Outcome.TRANSIENT
            if outcome is Outcome.PERMANENT and self.target.has(one.claimed):
                outcome = Outcome.TRANSIENT  # whoever honours keys does not refuse what it has
        self.story.record(self.story.result(one.claimed, outcome))

    @rule(which=PICK)
    def a_process_dies(self, which: int) -> None:
        held = self.flying if which % 2 else self.sent
        if held:
            held.pop(which % len(held))

    # -- what must always hold

    @invariant()
    def everything_holds(self) -> None:
        if not hasattr(self, "story"):
            return
        self.session.expire_all()
        deliveries = self.session.scalars(select(Delivery).order_by(Delivery.id)).all()
        self._one_at_a_time(deliveries)
        self._along_the_table(deliveries)
        self._every_attempt_ends(deliveries)
        self._batches_end(deliveries)
        for each in deliveries:
            if each.status in ("failed", "discarded", "replayed"):  # what is given up has never arrived
                assert each.idempotency_key not in self.target.keys
        assert all(times == 1 for times in self.target.effects.values()), self.target.effects

    def _one_at_a_time(self, deliveries: Any) -> None:
        live = {each.case_id: each.status for each in deliveries if each.status in LIVE}
        assert len(live) == sum(each.status in LIVE for each in deliveries)
        for case in self.session.scalars(select(ExceptionCase)):
            assert live.get(case.id, case.retry_state) == case.retry_state
            assert (case.retry_state in LIVE) == (case.id in live)
            mine = {each.status for each in deliveries if each.case_id == case.id}
            assert case.retry_state is None or case.retry_state in mine
            if case.end_reason == "fixed_by_retry":
                assert mine & {"accepted", "confirmed"}

    def _along_the_table(self, deliveries: Any) -> None:
        for each in deliveries:
            status = Sent(each.status)
            before = self.before.get(each.id, status)
            assert status is before or status in _reachable(before), (before, status)
            self.before[each.id] = status
            assert (each.lease_owner is not None) == (status is Sent.SENDING)

    def _every_attempt_ends(self, deliveries: Any) -> None:
        sending = {each.id for each in deliveries if each.status == Sent.SENDING}
        open_ = self.session.scalars(select(Attempt.delivery_id).where(Attempt.outcome.is_(None))).all()
        assert sorted(open_) == sorted(sending)

    def _batches_end(self, deliveries: Any) -> None:
        going = {each.batch_id for each in deliveries if each.status in LIVE or each.status == Sent.READY}
        for batch in self.session.scalars(select(RetryBatch)):
            if batch.status in ("sending", "paused"):
                assert batch.id in going
            if batch.status == "finished":
                assert batch.id not in going

    def _check_before_it_leaves(self, claimed: Claimed) -> None:
        """Its turn among the writes of its key, and approved by somebody else where that is needed."""
        one = self.session.get_one(Delivery, claimed.delivery_id)
        earlier = select(Delivery.id).where(
            Delivery.system == one.system, Delivery.order_key == one.order_key, Delivery.id < one.id,
            Delivery.status.in_(sorted(LIVE)),
        )  # fmt: skip
        assert self.session.scalars(earlier).all() == []
        if one.edited:
            assert one.approved_by_id not in (None, one.requested_by_id)
        assert claimed.idempotency_key == one.idempotency_key

    # -- how

    def _one(self, which: int, status: Sent) -> Delivery | None:
        found = self.session.scalars(
            select(Delivery).where(Delivery.status == status).order_by(Delivery.id)
        ).all()
        return found[which % len(found)] if found else None

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """A person who may not, or not now, is told so, and nothing has changed."""
        try:
            yield
            self.session.commit()
        except NotAllowedError:
            self.session.rollback()

    def _drain(self) -> None:
        """Everybody dies; then one process works until nothing is due: every write has an end or waits for people."""
        self.flying.clear()
        self.sent.clear()
        for _ in range(60):
            self.story.later(minutes=20)
            for claimed in self.story.take(limit=20):
                if claimed.kind == "read_back":
                    outcome = Outcome.FOUND if self.target.has(claimed) else Outcome.ABSENT
                else:
                    self.target.submit(claimed)
                    outcome = Outcome.ACCEPTED
                self.story.record(self.story.result(claimed, outcome))
        self.everything_holds()
        paused = select(RetryBatch.id).where(RetryBatch.status.in_(["paused", "preparing"]))
        stuck = select(Delivery).where(Delivery.status.in_(["waiting", "sending"]))
        held = {"awaiting_approval", "unsure", "waiting"}
        for each in self.session.scalars(stuck):
            behind = select(Delivery.status).where(
                Delivery.order_key == each.order_key, Delivery.id < each.id
            )
            behind_them = held & set(self.session.scalars(behind))
            assert each.batch_id in set(self.session.scalars(paused)) or behind_them


def _reachable(start: Sent) -> set[Sent]:
    found: set[Sent] = set()
    left = [start]
    while left:
        new = STEPS[left.pop()] - found
        found |= new
        left += new
    return found


@pytest.mark.parametrize("system", ["KEYED", "LOOKED", "BLIND"])
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_any_sequence_of_retries_writes_each_thing_once_and_loses_none(
    kind: str, system: str, request: pytest.FixtureRequest, catalog: Any
) -> None:
    machine: Any = type("OnThisDatabase", (Retries,), {"catalog": catalog, "system": system})
    machine.database = staticmethod(on_database(request, kind))
    run(
        machine,
        settings=settings(
            max_examples=12 if kind == "sqlite" else 3, stateful_step_count=40, deadline=None,
            suppress_health_check=list(HealthCheck), phases=(Phase.reuse, Phase.generate),
        ),
    )  # fmt: skip
