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

from exceptions_app.catalog.schema import MatchCheck
from exceptions_app.domain.retry import Outcome
from exceptions_app.domain.sla import Told
from exceptions_app.models import CaseEvidence, Delivery, ExceptionCase, Role
from exceptions_app.services import check_runs, configuration, intake, people
from exceptions_app.services.audit_verify import verify
from exceptions_app.services.retry_outcomes import tell_rest
from exceptions_app.services.sweep import sweep
from tests.conftest import NOW
from tests.effort import examples
from tests.services.databases import on_database
from tests.services.retry_story import RetryStory
from tests.services.story import CHECK, SCOPE, discrepancy

NUMBERS = st.integers(1, 4)
PRICES = st.sampled_from(["10.00", "11.00", "12.00"])
SEEN = st.fixed_dictionaries({
    "wrong": st.dictionaries(NUMBERS, PRICES), "superseded": st.sets(NUMBERS, max_size=2),
    **{name: st.booleans() for name in ("complete", "fresh", "present", "fetched", "changed")},
})  # fmt: skip
"""What a run sees. `fresh`: its sides were read just now, else before anybody did anything; `changed`: the records of
what is gone have changed at their source since the last run.
"""
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


@dataclass
class Begun:
    """A check run that has compared. `plan`: what it has decided, when exceptions were at these `versions`."""

    run_id: int
    given: dict[str, Any]
    read_through: datetime
    limit: str
    changed: bool
    planned_at: datetime = NOW
    plan: intake.IntakePlan | None = None
    versions: dict[int, int] | None = None


def check_of(limit: str) -> MatchCheck:
    """The check of the story, with a tolerance."""
    return MatchCheck.model_validate({
        "code": CHECK, "title": "Prices", "flow": "test", "key": ["order_number"], "reference": "{order_number}",
        "sides": {"order": {"record": "test_order", "kind": "erp", "columns": {"order": "order_number"}}},
        "tolerances": {"price": {"absolute": limit}},
        "findings": [{"category": "test_price", "present": ["order"], "since": "now()", "facts": {}}],
    })  # fmt: skip


class Life(RuleBasedStateMachine):
    """Runs find some order lines wrong; a person works on them; time passes."""

    database: Any
    catalog: Any

    def __init__(self) -> None:
        super().__init__()
        self.expected: dict[int, Expected] = {}
        self.slow: list[Begun] = []
        self.newest = 0
        self.limit = "1"
        self.limit_of_last: str | None = None
        self.opened = self.database()
        self.session = Session(next(self.opened), expire_on_commit=False)

    @initialize()
    def begin(self) -> None:
        person = people.create_user(
            self.session, email="m@example.org", name="Mina Park", password="correct horse battery",
            role=Role.MANAGER, queues=["*"], entities=["*"], by="system:test", now=NOW, cheap=True,
        )  # fmt: skip
        catalog = replace(self.catalog, checks={CHECK: check_of(self.limit)})
        self.story = RetryStory(self.session, catalog, person)
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

    @rule(given=SEEN)
    def a_check_runs(self, given: dict[str, Any]) -> None:
        self.story.later(minutes=15)
        self._ends_now(self._begun(given))

    @precondition(lambda self: len(self.slow) < 2)
    @rule(given=SEEN, planned=st.booleans())
    def a_slow_check_run_compares(self, given: dict[str, Any], planned: bool) -> None:
        """It has seen what it has seen, and is slow to take it in; `planned`: it has decided what that means."""
        self.story.later(minutes=15)
        begun = self._begun(given)
        if planned:
            begun.plan, begun.versions = self._planned(begun), self._all_versions()
        self.slow.append(begun)

    @precondition(lambda self: self.slow)
    @rule(data=st.data())
    def a_slow_check_run_goes_on(self, data: st.DataObject) -> None:
        """After a newer one has begun it changes nothing: neither what is open nor what has ended."""
        begun = self.slow.pop(data.draw(st.integers(0, len(self.slow) - 1)))
        if begun.run_id == self.newest:
            self._ends_now(begun)
            return
        plan = begun.plan or self._planned(begun)
        for chunk in plan.chunks():
            with pytest.raises(check_runs.OvertakenError):
                intake.apply(self.session, self.story.ctx, chunk)
            self.session.rollback()
        with pytest.raises(check_runs.OvertakenError):
            self._finished(begun, plan.counts)
        self.session.rollback()

    @rule(dies=st.booleans())
    def a_check_run_fails(self, dies: bool) -> None:
        """It broke, or its process died: it says nothing, and is none that the next one builds on."""
        self.story.later(minutes=15)
        run_id = self._run_id()
        if not dies:
            check_runs.fail(self.session, [run_id], "the comparison broke", self.story.now)
            self.session.commit()

    def _run_id(self) -> int:
        [run_id] = check_runs.begin(self.session, self.story.ctx, CHECK, [SCOPE], []).values()
        self.session.commit()
        self.newest = run_id
        return run_id

    def _begun(self, given: dict[str, Any]) -> Begun:
        """It finds out, as jobs do, whether the check is still what it was; then it compares."""
        known = self.story.catalog.checks[CHECK]
        changed = bool(check_runs.changed_since_last_run(self.session, self.story.catalog, [known]))
        assert changed == (self.limit_of_last not in (None, self.limit))
        self.session.commit()
        at = self.story.now if given["fresh"] else NOW - timedelta(days=1)
        return Begun(self._run_id(), given, at, self.limit, changed)

    def _facts(self, begun: Begun) -> intake.RunFacts:
        given, wrong = begun.given, begun.given["wrong"]
        return self.story.facts(
            check_run_id=begun.run_id, complete=given["complete"], read_through=begun.read_through, lag=LAG,
            check_changed=begun.changed,
            superseded=frozenset(discrepancy(n).fingerprint for n in given["superseded"] - wrong.keys()),
        )  # fmt: skip

    def _planned(self, begun: Begun) -> intake.IntakePlan:
        given, begun.planned_at = begun.given, self.story.now
        return self.story.plan(
            [discrepancy(n, invoiced=price) for n, price in given["wrong"].items()], self._facts(begun),
            present=given["present"], fetched=given["fetched"], changed=given["changed"],
        )  # fmt: skip

    def _finished(self, begun: Begun, counts: intake.IntakeCounts) -> None:
        compared = check_runs.Compared(4, 4 - len(begun.given["wrong"]), len(begun.given["wrong"]))
        check_runs.finish(
            self.session, begun.run_id, complete=begun.given["complete"], compared=compared, counts=counts,
            now=self.story.now,
        )  # fmt: skip
        tell_rest(
            self.session, self.story.ctx, self._facts(begun),
            {discrepancy(n).fingerprint for n in begun.given["wrong"]},
        )  # fmt: skip
        self.session.commit()

    def _ends_now(self, begun: Begun) -> None:
        plan = begun.plan or self._planned(begun)
        untouched = {
            number
            for number, version in self._all_versions().items()
            if begun.versions is None or begun.versions.get(number) == version
        }
        new = begun.given["wrong"].keys() - self.expected.keys()
        for chunk in plan.chunks():
            intake.apply(self.session, self.story.ctx, chunk)
            self.session.commit()
        self._finished(begun, plan.counts)
        self._say(begun, untouched | new)
        if begun.given["complete"]:
            self.limit_of_last = begun.limit
            self._no_write_is_forgotten(begun)

    def _no_write_is_forgotten(self, begun: Begun) -> None:
        """What was accepted before a complete run read its sides does not wait for the data any longer."""
        wanted = select(Delivery.case_id).where(
            Delivery.status == "accepted", Delivery.accepted_at < begun.read_through - LAG
        )
        for number in self.expected:
            case = self.story.case(number)
            if number in begun.given["wrong"] or case.end_reason in ("agrees_now", "fixed_at_source"):
                waits = case.status == "awaiting_confirmation"
                assert waits or case.id not in set(self.session.scalars(wanted))

    def _all_versions(self) -> dict[int, int]:
        return {number: self.story.case(number).version for number in self.expected}

    def _say(self, begun: Begun, numbers: set[int]) -> None:
        """What the oracle makes of a run, for all that nobody has touched since it decided."""
        given, wrong = begun.given, begun.given["wrong"]
        present, changed = given["present"], given["changed"]
        why = "agrees_now" if present and (changed if begun.changed else given["fetched"]) else "left_window"
        why = "rule_changed" if begun.changed and present and not changed else why
        for number in sorted(numbers):
            if number in wrong:
                self._found(number, wrong[number], given["complete"], begun)
            elif given["complete"] and number in self.expected:
                hidden = number in given["superseded"]
                self._gone(self.expected[number], begun.read_through, "superseded" if hidden else why)

    def _found(self, number: int, price: str, complete: bool, begun: Begun) -> None:
        known = self.expected.setdefault(number, Expected(price))
        changed = known.price != price
        match known.status:
            case "awaiting_confirmation":
                if not (
                    complete and known.ended_at is not None and begun.read_through > known.ended_at + LAG
                ):
                    return
            case "waived":
                if not changed and known.waived_until is not None and known.waived_until > begun.planned_at:
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
    def the_service_level_changes(self, span: str) -> None:
        """From now on: what is open keeps its clock until it is recomputed. The check is what it was."""
        category = self.story.catalog.categories["test_price"]
        changed = category.model_validate({**category.model_dump(), "target": span})
        self._in_force(categories={**self.story.catalog.categories, "test_price": changed})

    @rule(limit=st.sampled_from(["1", "2"]))
    def the_check_changes(self, limit: str) -> None:
        """Another tolerance: what is gone in the next complete run may be gone because of that."""
        self.limit = limit
        self._in_force(checks={CHECK: check_of(limit)})

    def _in_force(self, **changed: Any) -> None:
        self.story.catalog = replace(self.story.catalog, **changed)
        self.story.snapshot_id = configuration.accept(
            self.session, self.story.catalog, "system:test", self.story.now
        )
        self.session.commit()

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
            if case.retry_state == "accepted" and case.end_reason == "fixed_by_retry":
                assert case.status != "resolved"
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
            max_examples=examples(12, 60) if kind == "sqlite" else examples(6, 20), stateful_step_count=25,
            deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.reuse, Phase.generate),
        ),
    )  # fmt: skip
