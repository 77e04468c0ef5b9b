"""One try of one write: the call, what its answer means, and what it says of the system. Runs in any thread.

Asks no database. A write of which nobody knows whether it has arrived is told as unknown, never as failed.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Operation, System
from exceptions_app.connectors.base import TransportError, cut
from exceptions_app.connectors.registry import build_submitter
from exceptions_app.connectors.rest.masking import masked, without_digits
from exceptions_app.connectors.writing import Answer, AsksJobs, Standing, Submitter, Write
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.retry import Meaning, Outcome, meaning, meaning_by_rule, said
from exceptions_app.milestones import reached
from exceptions_app.services.outbox import Claimed, Result
from exceptions_app.services.outbox_jobs import AtWork
from exceptions_app.services.retry_values import SENSITIVE, typed

log = logging.getLogger(__name__)

ANSWER_LIMIT = 4000
"""Characters of an answer that are kept."""

NOT_ALLOWED = "not_allowed"
"""The class of an answer that does not let us in. That is about our credentials and not about this write."""

JOB_FAILED = "job_failed"
"""The class of a failure that came after the system had taken the write."""

LONGEST_PAUSE = 300.0
"""Seconds. A system that asks to be asked later about a job is asked after this at the latest."""

_UNWELL = frozenset({401, 408, 425, 429})
Health = Literal["answers", "fails", "asks_to_wait", "unknown"]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one try, and what it says of the system. `wait`: seconds that the system asked for."""

    result: Result
    health: Health
    wait: float | None = None


class Senders:
    """The submitters of one system, one per operation. Thread-safe, as they are."""

    def __init__(self, catalog: Catalog, system: System) -> None:
        """Raises TransportError where the system cannot be set up at all: a secret is missing, say."""
        self._operations: dict[str, Operation] = {
            code: one for code, one in catalog.operations.items() if one.system == system.code
        }
        self._submitters: dict[str, Submitter] = {}
        self._honours_keys = system.delivery.idempotent
        try:
            for code, operation in self._operations.items():
                self._submitters[code] = build_submitter(system, operation, lambda: reached("outbox.sent"))
        except TransportError:
            self.close()
            raise

    @property
    def longest(self) -> float:
        """No try takes longer than this, in seconds."""
        return max((each.longest for each in self._submitters.values()), default=0.0)

    def attempt(self, claimed: Claimed) -> Tried:
        """Send it, or ask whether it has arrived. Never raises: what breaks here leaves the outcome open."""
        began, started_at = time.perf_counter(), utc_now()
        try:
            tried = self._attempt(claimed)
        except Exception as error:
            log.exception("delivery %d broke", claimed.delivery_id)
            tried = _tried(claimed, Outcome.UNKNOWN, f"{type(error).__name__}: {error}"[:500], "internal")
        took = round((time.perf_counter() - began) * 1000)
        result = replace(tried.result, started_at=started_at, finished_at=utc_now(), duration_ms=took)
        return replace(tried, result=result)

    def _attempt(self, claimed: Claimed) -> Tried:
        operation = self._operations.get(claimed.operation)
        if operation is None:
            why = "It is not sent to this system any more."
            return _tried(claimed, Outcome.PERMANENT, why, "not_configured")
        submitter = self._submitters[claimed.operation]
        write = Write(typed(operation, claimed.fields), claimed.idempotency_key, claimed.correlation_id)
        try:
            if claimed.job is not None:
                return _ask(submitter, operation, claimed, write, claimed.job)
            if claimed.kind == "read_back":
                return _read_back(submitter, operation, claimed, write)
            return _send(submitter, operation, claimed, write, self._honours_keys)
        except TransportError as error:
            return _broken(submitter, claimed, write, error)

    def close(self) -> None:
        for submitter in self._submitters.values():
            submitter.close()


def _send(
    submitter: Submitter, operation: Operation, claimed: Claimed, write: Write, honours_keys: bool
) -> Tried:
    answer = submitter.submit(write)
    reached("outbox.answered")
    told = meaning(answer.status, answer.body, operation.errors, honours_keys=honours_keys)
    if told.outcome is Outcome.ACCEPTED and not answer.as_expected:
        words = (
            answer.problem or "The answer is no success as it is known here: nobody knows what came of it."
        )
        told = Meaning(Outcome.UNKNOWN, "unexpected_answer", words)
    if answer.status == 401 and told.error_class == NOT_ALLOWED:  # no rule of the operation says otherwise
        told = replace(told, outcome=Outcome.TRANSIENT)
    if told.outcome is Outcome.ACCEPTED and answer.job is not None:
        return _at_work(
            _answered(operation, claimed, answer, Meaning(Outcome.AT_WORK)), submitter, answer.job
        )
    return _answered(operation, claimed, answer, told)


def _ask(submitter: Submitter, operation: Operation, claimed: Claimed, write: Write, job: AtWork) -> Tried:
    """How a job stands that the system does later. Where it cannot be asked now, it is asked again, as if at work."""
    if not isinstance(submitter, AsksJobs):
        raise TransportError("it cannot be asked about any more", permanent=True, where=claimed.system)
    over = utc_now() - job.since > timedelta(seconds=submitter.asked_for)
    try:
        standing = submitter.standing(write, job.address)
    except TransportError as error:
        if error.permanent or over:
            return _broken(submitter, claimed, write, error)
        tried = _tried(claimed, Outcome.AT_WORK, error.message, "not_reached", _FAILS)
        asked = replace(tried.result, retry_after=error.retry_after)
        return _at_work(replace(tried, result=asked, wait=error.retry_after), submitter)
    reached("outbox.answered")
    if _is_sensitive(operation):
        standing = replace(standing, said=without_digits(standing.said))
    told = _meant(standing, operation, over)
    tried = _answered(operation, claimed, standing.answer, told)
    return _at_work(tried, submitter) if told.outcome is Outcome.AT_WORK else tried


def _meant(standing: Standing, operation: Operation, over: bool) -> Meaning:
    """Of a failed job the operation's rules for errors say more than its word does."""
    answer, said = standing.answer, standing.said
    match standing.state:
        case "done":
            return Meaning(Outcome.ACCEPTED)
        case "failed" | "transient":
            ruled = meaning_by_rule(answer.status, answer.body, operation.errors)
            if ruled is not None and ruled.outcome is not Outcome.ACCEPTED:
                return ruled
            outcome = Outcome.PERMANENT if standing.state == "failed" else Outcome.TRANSIENT
            return Meaning(outcome, JOB_FAILED, said)
        case "gone":
            return Meaning(Outcome.UNKNOWN, "job_unknown", f"Nobody knows what came of it: {said}.")
        case "at_work" | "unclear":
            if over:
                return Meaning(Outcome.UNKNOWN, "job_too_long", f"It has not ended in time: {said}.")
            return Meaning(Outcome.AT_WORK, None, said)


def _at_work(tried: Tried, submitter: Submitter, job: str | None = None) -> Tried:
    """Asked again after a while: as the system says, within reason, else as the configuration does."""
    every = submitter.asked_every if isinstance(submitter, AsksJobs) else 0.0
    pause = max(every, min(tried.result.retry_after or 0.0, LONGEST_PAUSE))
    return replace(tried, result=replace(tried.result, retry_after=pause, job=job))


def _answered(operation: Operation, claimed: Claimed, answer: Answer, told: Meaning) -> Tried:
    error, shown = _shown_of(operation, answer, told)
    result = Result(
        claimed, told.outcome, *_NOT_YET, error=error, error_class=told.error_class, request=answer.request,
        answer=shown, status_code=answer.status, retry_after=answer.retry_after,
        backoff=told.backoff,
    )  # fmt: skip
    return Tried(result, _health(answer, told.outcome), answer.retry_after)


def _shown_of(operation: Operation, answer: Answer, told: Meaning) -> tuple[str | None, str]:
    """The error and the answer as people may see them. Of an operation about pay or bank data without what an answer
    may tell beside the values that were sent (those are hidden already): of a record that is read back, the account
    that stands there now. Its shape stays, and what the configuration says of it.
    """
    if not _is_sensitive(operation):
        return told.say or None, cut(answer.body, ANSWER_LIMIT)
    quoted = bool(answer.body.strip()) and told.say == said(answer.status, answer.body)
    return (without_digits(told.say) if quoted else told.say) or None, masked(answer.body)


def _is_sensitive(operation: Operation) -> bool:
    return any(field.sensitivity in SENSITIVE for field in operation.fields.values())


def _read_back(submitter: Submitter, operation: Operation, claimed: Claimed, write: Write) -> Tried:
    arrival = submitter.read_back(write)
    reached("outbox.answered")
    outcome = Outcome.FOUND if arrival.found else Outcome.ABSENT
    error = None if arrival.found else "It was read back and is not there."
    told = Meaning(outcome, None if arrival.found else "absent", error or "")
    return _answered(operation, claimed, arrival.answer, told)


def _broken(submitter: Submitter, claimed: Claimed, write: Write, error: TransportError) -> Tried:
    """No answer. Whether the write may have arrived decides what it comes to."""
    request = _shown(submitter, write)
    if claimed.job is not None:
        outcome, error_class, health = Outcome.UNKNOWN, "job_unknown", _UNKNOWN if error.permanent else _FAILS
    elif claimed.kind == "read_back":
        outcome, error_class, health = Outcome.UNKNOWN, "not_read_back", _FAILS
    elif error.sent:
        outcome, error_class, health = Outcome.UNKNOWN, "no_answer", _FAILS
    elif error.permanent:  # this very write cannot be sent; the system is not to blame
        outcome, error_class, health = Outcome.PERMANENT, "cannot_be_sent", _UNKNOWN
    else:
        outcome, error_class, health = Outcome.TRANSIENT, "not_reached", _FAILS
    tried = _tried(claimed, outcome, error.message, error_class, health)
    result = replace(tried.result, request=request, retry_after=error.retry_after)
    return replace(tried, result=result, wait=error.retry_after)


def _health(answer: Answer, outcome: Outcome) -> Health:
    """A refusal for business reasons is an answer, and so is a record that is locked for a while."""
    status = answer.status or 200
    if status == 429 and answer.retry_after is not None:
        return "asks_to_wait"
    if status >= 500 or status in _UNWELL:
        return "fails"
    unwell = 200 <= status < 300 and outcome in (Outcome.TRANSIENT, Outcome.UNKNOWN)
    return "fails" if unwell else "answers"


def _tried(
    claimed: Claimed, outcome: Outcome, error: str, error_class: str, health: Health = "unknown"
) -> Tried:
    return Tried(Result(claimed, outcome, *_NOT_YET, error=error, error_class=error_class), health)


def _shown(submitter: Submitter, write: Write) -> str | None:
    try:
        return submitter.request_of(write)
    except TransportError:
        return None


_FAILS: Health = "fails"
_UNKNOWN: Health = "unknown"
_NOT_YET = (datetime.min.replace(tzinfo=UTC),) * 2
"""Stands for the times of a try until it has ended."""
