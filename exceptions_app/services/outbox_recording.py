"""The outbox, second half: what became of writes that were sent. Many answers in a handful of statements."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.retry import (
    AT_WORK,
    BackoffLike,
    Outcome,
    Sent,
    Step,
    next_step,
    stays_doubtful,
    wait,
)
from exceptions_app.models import Attempt, Delivery, ExceptionCase

from .context import ActionContext
from .delivery_steps import Steps
from .outbox_claiming import Claimed
from .outbox_jobs import KIND, AtWork
from .outbox_rules import rules_for
from .retry_batches import finish

_LATE = frozenset({Outcome.ACCEPTED, Outcome.FOUND, Outcome.PERMANENT, Outcome.AT_WORK})
"""What an answer must be to count after its lease has lapsed, when the write waits or a person is asked."""
_NEVER_KNOWN = "It may have arrived: no answer came."


@dataclass(frozen=True, slots=True)
class Result:
    """What one try came to. `request` and `answer` are masked already; `retry_after` is in seconds; `backoff`: the
    waits of this class of error, None for the operation's own. `job`: where it is asked, of what is now at work;
    `retry_after` is then until when it is asked.
    """

    claimed: Claimed
    outcome: Outcome
    started_at: datetime
    finished_at: datetime
    duration_ms: int = 0
    error: str | None = None
    error_class: str | None = None
    request: str | None = None
    answer: str | None = None
    status_code: int | None = None
    retry_after: float | None = None
    backoff: BackoffLike | None = None
    job: str | None = None


def record(
    session: Session,
    ctx: ActionContext,
    results: Sequence[Result],
    *,
    chance: Callable[[], float] = random.random,
) -> None:
    """Keep each answer, and go on as it says: accepted, again later, read back, given up, or a person decides.

    An answer that comes after its lease has lapsed still counts while nothing else was tried since; else it is only
    kept with its attempt.
    """
    if not results:
        return
    steps = Steps(session, ctx)
    cases = steps.cases([result.claimed.case_id for result in results])
    deliveries = {each.id: each for each in steps.deliveries([r.claimed.delivery_id for r in results])}
    wanted = select(Attempt).where(Attempt.id.in_([result.claimed.attempt_id for result in results]))
    attempts = {each.id: each for each in session.scalars(wanted)}
    batches: set[int] = set()
    for result in results:
        claimed = result.claimed
        attempt, delivery = attempts.get(claimed.attempt_id), deliveries[claimed.delivery_id]
        if attempt is None or attempt.outcome not in (None, Outcome.UNKNOWN, _reopens(result)):
            continue  # recorded already
        _keep(attempt, result)
        if _counts(delivery, result):
            _Answer(steps, ctx, cases[claimed.case_id], delivery, result).go_on(chance())
            if delivery.batch_id is not None and delivery.status != Sent.WAITING:
                batches.add(delivery.batch_id)
    steps.store()
    finish(session, ctx, batches)


def _reopens(result: Result) -> Outcome | None:
    """The outcome that another answer replaces: a job is asked until it has ended."""
    return Outcome.AT_WORK if result.claimed.kind == KIND else None


def _counts(delivery: Delivery, result: Result) -> bool:
    if delivery.tries + delivery.reads != result.claimed.number:
        return False  # something was tried since
    if result.claimed.kind == KIND and delivery.job is None:
        return False  # it has ended since
    if delivery.status == Sent.SENDING:
        return delivery.lease_owner == result.claimed.owner
    return delivery.status in (Sent.WAITING, Sent.UNSURE) and _outcome(result) in _LATE


def _outcome(result: Result) -> Outcome:
    """A read-back that does not say whether the write is there says nothing of the write."""
    if result.claimed.kind == "read_back" and result.outcome not in (Outcome.FOUND, Outcome.ABSENT):
        return Outcome.UNKNOWN
    return result.outcome


def _keep(attempt: Attempt, result: Result) -> None:
    attempt.outcome, attempt.error = result.outcome.value, result.error
    attempt.started_at, attempt.finished_at = result.started_at, result.finished_at
    attempt.duration_ms, attempt.status_code = result.duration_ms, result.status_code
    attempt.request, attempt.answer = result.request, result.answer


class _Answer:
    """One answer, and what follows from it."""

    def __init__(
        self, steps: Steps, ctx: ActionContext, case: ExceptionCase, delivery: Delivery, result: Result
    ) -> None:
        self.steps, self.ctx, self.case, self.delivery, self.result = steps, ctx, case, delivery, result
        self.rules = rules_for(ctx.catalog, delivery.operation)
        self.backoff: BackoffLike = result.backoff or self.rules.backoff

    def go_on(self, chance: float) -> None:
        """Along the table. `chance` draws the wait."""
        delivery, result, outcome = self.delivery, self.result, _outcome(self.result)
        if outcome is Outcome.AT_WORK:
            self._ask_later()
            return
        if result.claimed.kind == KIND and outcome is not Outcome.UNKNOWN:
            delivery.doubtful = False  # the system says itself what came of it
        delivery.job = None
        most = delivery.max_tries
        if result.backoff is not None:  # of this class of error; a person may have granted more tries since
            most = result.backoff.max_tries + max(0, most - self.rules.backoff.max_tries)
        step = next_step(
            outcome, tries=delivery.tries, max_tries=most, idempotent=self.rules.idempotent,
            can_read_back=self.rules.can_read_back, reads=delivery.reads, doubtful=delivery.doubtful,
        )  # fmt: skip
        delivery.doubtful = stays_doubtful(outcome, delivery.doubtful)
        self._keep_error()
        match step:
            case Step.ACCEPTED:
                found = outcome is Outcome.FOUND
                self.steps.accept(self.case, delivery, "It was read back and found." if found else None)
            case Step.GIVE_UP:
                error = result.error or delivery.last_error or "It did not arrive."
                self.steps.give_up(
                    self.case, delivery, error, result.error_class or delivery.error_class or "other"
                )
            case Step.ASK_A_PERSON:
                self.steps.ask_a_person(self.case, delivery)
            case Step.TRY_AGAIN | Step.READ_BACK:
                self._later(chance)

    def _later(self, chance: float) -> None:
        so_far = max(self.delivery.tries, self.delivery.reads)
        pause = wait(so_far, self.backoff, chance, self.result.retry_after)
        self.delivery.not_before = self.ctx.now + pause
        self.steps.move(self.case, self.delivery, Sent.WAITING)

    def _ask_later(self) -> None:
        """The system does it later: where it is asked is written down, and when."""
        delivery, result = self.delivery, self.result
        if result.job is not None:
            delivery.job = AtWork(result.job, self.ctx.now).written()
        delivery.doubtful = True
        delivery.not_before = self.ctx.now + timedelta(seconds=result.retry_after or 0)
        if delivery.status == Sent.WAITING:
            self.case.retry_state = AT_WORK
        else:
            self.steps.move(self.case, delivery, Sent.WAITING)

    def _keep_error(self) -> None:
        result, delivery = self.result, self.delivery
        error = result.error
        if error is None and _outcome(result) is Outcome.UNKNOWN:
            error = _NEVER_KNOWN
        if error is not None:
            delivery.first_error = delivery.first_error or error
            delivery.last_error, delivery.error_class = error, result.error_class or "other"
