"""Any sequence of runs and actions, on a real database, against a small oracle that knows only the rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.domain.retry import Outcome
from exceptions_app.domain.sla import Told
from exceptions_app.models import CaseEvidence, ExceptionCase, Role
from exceptions_app.services import check_runs, people
from exceptions_app.services.audit_verify import verify
from exceptions_app.services.sweep import sweep
from tests.conftest import NOW
from tests.services.databases import on_database
from tests.services.retry_story import RetryStory
from tests.services.story import CHECK, SCOPE, discrepancy

NUMBERS = st.integers(1, 4)
PRICES = st.sampled_from(["10.00", "11.00", "12.00"])
LAG = timedelta(minutes=10)


@dataclass
class Expected:
    """All that the oracle remembers of one exception."""

    price: str
    status: str = "open"
    cycle: int = 1
    owner: bool = False
    ended_at: datetime | None = None
    waived_until: datetime | None = None
    why: str | None = None
    """Why the data ended it; None where it did not."""
    versions: int = 1


class Life(RuleBasedStateMachine):
    """Runs find some order lines wrong; a person works on them; time passes."""

    database: Any
    catalog: Any

    def __init__(self) -> None:
        super().__init__()
        self.expected: dict[int, Expected] = {}
        self.opened = self.database()
        self.session = Session(next(self.opened), expire_on_commit=False)

    @initialize()
    def begin(self) -> None:
        person = people.create_user(
            self.session, email="m@example.org", name="Mina Park", password="correct horse battery",
            role=Role.MANAGER, queues=["*"], entities=["*"], by="system:test", now=NOW, cheap=True,
        )  # fmt: skip
        self.story = RetryStory(self.session, self.catalog, person)
        self.story.sam = person
        self.session.commit()

    def teardown(self) -> None:
        assert verify(self.session) == []
        self.session.close()
        next(self.opened, None)

    # -- time and runs

    @rule(hours=st.sampled_from([1, 5, 30, 24 * 8]))
    def time_passes(self, hours: int) -> None:
        self.story.later(hours=hours)

    @rule()
    def the_sweep_passes(self) -> None:
        sweep(self.session, self.story.ctx)
        self.session.commit()

    @rule(
        wrong=st.dictionaries(NUMBERS, PRICES), complete=st.booleans(), fresh=st.booleans(),
        present=st.booleans(), fetched=st.booleans(), rule_changed=st.booleans(), changed=st.booleans(),
        superseded=st.sets(NUMBERS, max_size=2),
    )  # fmt: skip
    def a_check_runs(
        self, wrong: dict[int, str], complete: bool, fresh: bool, present: bool, fetched: bool,
        rule_changed: bool, changed: bool, superseded: set[int],
    ) -> None:  # fmt: skip
        """`changed`: the records of what is gone have changed at their source since the last run."""
        self.story.later(minutes=15)
        read_through, run_id = self.story.now if fresh else NOW - timedelta(days=1), self._begun()
        hidden = superseded - wrong.keys()
        counts = self.story.run(
            [discrepancy(n, invoiced=price) for n, price in wrong.items()], complete=complete,
            read_through=read_through, lag=LAG, present=present, fetched=fetched, changed=changed,
            check_run_id=run_id, check_changed=rule_changed,
            superseded=frozenset(discrepancy(n).fingerprint for n in hidden),
        )  # fmt: skip
        compared = check_runs.Compared(4, 4 - len(wrong), len(wrong))
        check_runs.finish(
            self.session, run_id, complete=complete, compared=compared, counts=counts, now=self.story.now
        )
        self.session.commit()
        why = "agrees_now" if present and (changed if rule_changed else fetched) else "left_window"
        why = "rule_changed" if rule_changed and present and not changed else why
        for number in range(1, 5):
            if number in wrong:
                self._found(number, wrong[number], complete, read_through)
            elif complete and number in self.expected:
                self._gone(self.expected[number], read_through, "superseded" if number in hidden else why)

    def _begun(self) -> int:
        [run_id] = check_runs.begin(self.session, self.story.ctx, CHECK, [SCOPE], []).values()
        self.session.commit()
        return run_id

    @rule(dies=st.booleans())
    def a_check_run_fails(self, dies: bool) -> None:
        """It broke, or its process died: it says nothing, and is none that the next one builds on."""
        self.story.later(minutes=15)
        run_id = self._begun()
        if not dies:
            check_runs.fail(self.session, [run_id], "the comparison broke", self.story.now)
            self.session.commit()

    def _found(self, number: int, price: str, complete: bool, read_through: datetime) -> None:
        known = self.expected.setdefault(number, Expected(price))
        changed = known.price != price
        match known.status:
            case "awaiting_confirmation":
                if not (complete and known.ended_at is not None and read_through > known.ended_at + LAG):
                    return
            case "waived":
                if not changed and known.waived_until is not None and known.waived_until > self.story.now:
                    return
            case "resolved":
                known.cycle += known.why in {None, "agrees_now"}
        known.status, known.ended_at, known.waived_until, known.why = "open", None, None, None
        known.price, known.versions = price, known.versions + changed

    def _gone(self, known: Expected, read_through: datetime, why: str) -> None:
        explained = why in {"rule_changed", "superseded"}
        if known.status == "awaiting_confirmation":
            if known.ended_at is None or not read_through > known.ended_at + LAG:
                return
            known.status = "resolved"
            if explained:  # it is gone, but not because of what the person did
                known.ended_at, known.why = self.story.now, why
        elif known.status == "open" or (known.status == "waived" and why != "superseded"):
            known.status, known.ended_at, known.why = "resolved", self.story.now, why
            known.waived_until = None

    # -- what the person does

    def _one(self, data: st.DataObject, status: str) -> int:
        return data.draw(st.sampled_from([n for n, e in self.expected.items() if e.status == status]))

    def _any(self, status: str) -> bool:
        return any(each.status == status for each in self.expected.values())

    @precondition(lambda self: self._any("open"))
    @rule(data=st.data())
    def claims(self, data: st.DataObject) -> None:
        number = self._one(data, "open")
        self.story.claim(number)
        self.expected[number].owner = True

    @precondition(lambda self: self._any("open"))
    @rule(data=st.data())
    def holds_or_resumes(self, data: st.DataObject) -> None:
        number = self._one(data, "open")
        (self.story.resume if self.story.case(number).on_hold else self.story.hold)(number)

    @precondition(lambda self: self._any("open"))
    @rule(data=st.data())
    def resolves(self, data: st.DataObject) -> None:
        number = self._one(data, "open")
        self.story.resolve(number)
        self._ends(number, "awaiting_confirmation")

    @precondition(lambda self: self._any("open"))
    @rule(data=st.data(), days=st.integers(1, 20))
    def waives(self, data: st.DataObject, days: int) -> None:
        number = self._one(data, "open")
        self.story.waive(number, days=days)
        self._ends(number, "waived")
        self.expected[number].waived_until = self.story.now + timedelta(days=days)

    def _ends(self, number: int, status: str) -> None:
        known = self.expected[number]
        known.status, known.ended_at, known.owner = status, self.story.now, True

    @precondition(lambda self: self._any("waived") or self._any("awaiting_confirmation"))
    @rule(data=st.data())
    def reopens(self, data: st.DataObject) -> None:
        status = "waived" if self._any("waived") else "awaiting_confirmation"
        number = self._one(data, status)
        self.story.reopen(number)
        known = self.expected[number]
        known.status, known.ended_at, known.waived_until = "open", None, None

    # -- what is sent again

    @precondition(lambda self: self._any("open"))
    @rule(data=st.data(), outcome=st.sampled_from([Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.PERMANENT]))
    def is_sent_again(self, data: st.DataObject, outcome: Outcome) -> None:
        number = self._one(data, "open")
        self.story.send(number, reason="again")
        answered = {each.case_id for each in self.story.answer(outcome)}
        if outcome is Outcome.ACCEPTED and self.story.case(number).id in answered:
            known = self.expected[number]
            known.status, known.ended_at = "awaiting_confirmation", self.story.now

    @rule(span=st.sampled_from(["3 business days", "5 business days"]))
    def the_configuration_changes(self, span: str) -> None:
        """Another service level from now on: what is open keeps its clock until it is recomputed."""
        category = self.story.catalog.categories["test_price"]
        changed = category.model_validate({**category.model_dump(), "target": span})
        categories = {**self.story.catalog.categories, "test_price": changed}
        self.story.catalog = replace(self.story.catalog, categories=categories)

    # -- what must always hold

    @invariant()
    def every_exception_is_as_expected(self) -> None:
        if not hasattr(self, "story"):
            return
        for number, known in self.expected.items():
            case = self.story.case(number)
            assert (case.status, case.cycle, case.recurring) == (known.status, known.cycle, known.cycle > 1)
            assert (case.owner_id is not None) == known.owner
            assert case.evidence_version == known.versions == self._versions(case)
            assert case.waiver_expires_at == known.waived_until
            assert (case.resolved_at is None) == (known.status == "open")
            if known.why is not None:
                assert case.end_reason == known.why
            if case.retry_state == "accepted":
                assert case.status != "resolved" or case.end_reason not in {"agrees_now", "fixed_by_retry"}
            self._clock_is_sound(case)
        assert self.session.scalar(select(func.count()).select_from(ExceptionCase)) == len(self.expected)

    def _versions(self, case: ExceptionCase) -> int:
        rows = select(func.count()).select_from(CaseEvidence).where(CaseEvidence.case_id == case.id)
        return self.session.scalar(rows) or 0

    def _clock_is_sound(self, case: ExceptionCase) -> None:
        assert case.due_at is not None
        assert case.due_soon_at is not None
        assert case.opened_at <= case.due_soon_at <= case.due_at
        if case.status != "open":
            assert (case.sla_stage, case.next_sla_at, case.on_hold) == ("stopped", None, False)
        elif case.on_hold:
            assert case.sla_stage == "paused"
        else:
            assert case.sla_stage in {"on_track", "due_soon", "breached"}
            assert (case.next_sla_at is None) == (bool(case.told & Told.BREACHED) and case.aging == 4)
            assert (case.sla_stage == "breached") == (case.breached_at is not None)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_any_sequence_of_runs_and_actions_keeps_the_rules(
    kind: str, request: pytest.FixtureRequest, catalog: Any
) -> None:
    class OnThisDatabase(Life):
        pass

    OnThisDatabase.catalog = catalog
    OnThisDatabase.database = staticmethod(on_database(request, kind))
    run(
        OnThisDatabase,
        settings=settings(
            max_examples=12 if kind == "sqlite" else 6, stateful_step_count=25, deadline=None,
            suppress_health_check=list(HealthCheck), phases=(Phase.reuse, Phase.generate),
        ),
    )  # fmt: skip
