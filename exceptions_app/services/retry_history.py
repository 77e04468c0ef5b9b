"""What became of earlier retries of some exceptions, and which of them make another one hopeless. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from exceptions_app.catalog.schema import Operation
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.retry import LIVE, Outcome, Sent
from exceptions_app.models import Attempt, Delivery, ExceptionCase

from . import retry_values
from .bulk import in_batches, is_one_of

_IN_WORDS = {
    Sent.AWAITING_APPROVAL: "A retry waits for approval already.",
    Sent.WAITING: "A retry is on its way already.",
    Sent.SENDING: "A retry is on its way already.",
    Sent.UNSURE: "An earlier retry may have arrived: say first whether it did.",
}
_ENOUGH = 2
"""So many times the same values were accepted and nothing changed: once more is hopeless."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """One earlier delivery of an exception."""

    id: int
    batch_id: int | None
    operation: str
    status: Sent
    fields: str
    last_error: str | None
    refused: bool
    """The system said no for good; it was not merely away."""


@dataclass(frozen=True, slots=True)
class History:
    """The deliveries of one exception, newest first."""

    deliveries: list[Earlier] = field(default_factory=list)

    @property
    def live(self) -> Earlier | None:
        return next((each for each in self.deliveries if each.status in LIVE), None)

    def in_batch(self, batch_id: int) -> bool:
        return any(each.batch_id == batch_id for each in self.deliveries)

    def given_up(self) -> list[Earlier]:
        return [each for each in self.deliveries if each.status is Sent.FAILED]


NOTHING = History()


def histories(session: Session, case_ids: Iterable[int]) -> dict[int, History]:
    """The earlier deliveries of these exceptions; dry runs do not count. One statement a batch of ids."""
    found: dict[int, History] = {}
    d = Delivery
    refused = exists().where(Attempt.delivery_id == d.id, Attempt.outcome == Outcome.PERMANENT)
    columns = (d.case_id, d.id, d.batch_id, d.operation, d.status, d.fields, d.last_error, refused)
    for batch in in_batches(case_ids):
        rows = select(*columns).where(is_one_of(session, d.case_id, batch)).order_by(d.id.desc())
        for case_id, id_, batch_id, operation, status, fields, error, was_refused in session.execute(rows):
            each = Earlier(id_, batch_id, operation, Sent(status), fields, error, was_refused)
            found.setdefault(case_id, History()).deliveries.append(each)
    return found


def live_in_words(live: Earlier) -> str:
    """Why an exception with a retry on its way gets no second one."""
    return _IN_WORDS[live.status]


def why_hopeless(
    case: ExceptionCase, operation: Operation | None, values: retry_values.Values, history: History,
    *, reason: str = "",
) -> str | None:  # fmt: skip
    """Why sending this would change nothing, in words; None: it may help. `reason`: why a person thinks so."""
    if case.status != Status.OPEN:
        return "It is no longer open."
    if operation is None:
        return "Nothing is configured that could be sent for it: it can be read again, but not sent again."
    if history.live is not None:
        return live_in_words(history.live)
    if values.missing:
        return (
            f"No value for {retry_values.labels(operation, values.missing)}: nothing can be sent without it."
        )
    return None if reason.strip() else _tried_before(operation, values, history)


def _tried_before(operation: Operation, values: retry_values.Values, history: History) -> str | None:
    same = [each for each in history.deliveries if _same(each, operation, values.values)]
    if any(each.status is Sent.ACCEPTED for each in same):
        return "The system accepted exactly these values already, and no run has looked since. Say why once more."
    refused = next((each for each in same if each.refused), None)
    if refused is not None:
        said = (refused.last_error or "no reason given").rstrip(".")
        return f"The system refused exactly these values for good: {said}. Edit them, or say why it takes them now."
    in_vain = sum(each.status is Sent.NOT_CONFIRMED for each in same)
    if in_vain >= _ENOUGH:
        return f"The system accepted exactly these values {in_vain} times and nothing changed. Say why it should now."
    return None


def _same(earlier: Earlier, operation: Operation, values: Mapping[str, str | None]) -> bool:
    return earlier.operation == operation.code and retry_values.loads(earlier.fields) == dict(values)
