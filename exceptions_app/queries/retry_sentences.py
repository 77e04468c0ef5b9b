"""How one retry stands, in one sentence with times and reasons: what a person reads instead of a status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import wording
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.retry import Sent
from exceptions_app.models import Delivery, SystemGate
from exceptions_app.services.outbox_jobs import AtWork

from . import retry_words as words
from .confirming import expected


@dataclass(frozen=True, slots=True)
class Around:
    """What is not on the delivery itself: its system's name, who asked, and its exception and batch as they stand."""

    system: str
    asker: str
    case_status: str
    check_code: str
    batch_status: str | None


class Sentences:
    """For one viewer's zone at one instant. `gates`: how sending to each system stands."""

    def __init__(
        self, catalog: Catalog, now: datetime, zone: tzinfo, gates: Mapping[str, SystemGate]
    ) -> None:
        self._catalog, self._now, self._zone, self._gates = catalog, now, zone, gates
        self._by_status: dict[str, Callable[[Delivery, Around], str]] = {
            Sent.AWAITING_APPROVAL: lambda d, a: (
                f"Waits for a second person: {a.asker} asked {self.at(d.created_at)}."
            ),
            Sent.READY: lambda _, a: f"Would be sent to {a.system}. Nothing has been sent yet.",
            Sent.WAITING: self._waiting,
            Sent.SENDING: lambda d, a: self._at_work(d, a) or f"Being sent to {a.system}.",
            Sent.UNSURE: lambda _, a: f"Needs you: nobody knows whether it arrived at {a.system}.",
            Sent.ACCEPTED: self._accepted,
            Sent.CONFIRMED: lambda d, a: self._settled(d, a, "Confirmed"),
            Sent.NOT_CONFIRMED: lambda d, a: (
                f"{self._settled(d, a, 'Not confirmed')} The newest records still differ."
            ),
            Sent.FAILED: self._gave_up,
        }

    def __call__(self, delivery: Delivery, around: Around) -> str:
        say = self._by_status.get(delivery.status)
        return say(delivery, around) if say else delivery.note or f"{words.state(delivery.status)}."

    def at(self, moment: datetime) -> str:
        """`15:10` today, else with the day."""
        return words.clock(moment, self._now, self._zone)

    def _waiting(self, delivery: Delivery, around: Around) -> str:
        gate, system = self._gates.get(delivery.system), around.system
        if around.batch_status == "paused" and delivery.job is None:
            return "Paused with its batch: nothing more of it is sent until it is resumed."
        if gate is not None and gate.retry_at is not None and gate.retry_at > self._now:
            since = f" since {self.at(gate.opened_at)}" if gate.opened_at else ""
            return f"Resting{since}: {system} does not answer; next try {self.at(gate.retry_at)}."
        if at_work := self._at_work(delivery, around):
            return at_work
        later = f"; next try {self.at(delivery.not_before)}" if delivery.not_before > self._now else ""
        if delivery.doubtful:
            return f"It may have arrived at {system}: that is found out before anything is sent again{later}."
        if delivery.tries and delivery.last_error:
            error = delivery.last_error.rstrip(".")
            return f"Try {delivery.tries} did not work: {error}{later or '; tried again soon'}."
        return f"Waiting to be sent to {system}{later}."

    def _at_work(self, delivery: Delivery, around: Around) -> str:
        """Empty where its system does nothing later."""
        job = AtWork.read(delivery.job)
        if job is None:
            return ""
        return f"{around.system} took it {self.at(job.since)} and does it later: it is asked what came of it."

    def _accepted(self, delivery: Delivery, around: Around) -> str:
        if delivery.accepted_at is None:
            return f"Accepted by {around.system}."
        at = self.at(delivery.accepted_at)
        if around.case_status != Status.AWAITING_CONFIRMATION:
            return f"Accepted by {around.system} {at}. {delivery.note or ''}".strip()
        soon = expected(self._catalog, around.check_code, delivery.accepted_at, self._now)
        if soon.late:
            lag = wording.duration(soon.lag)
            return (
                f"Accepted {at}, and not confirmed within {lag}, the lag of its feeds, and the read after it."
            )
        return f"Accepted {at}, awaiting confirmation by the next run (expected by {self.at(soon.by)})."

    def _settled(self, delivery: Delivery, around: Around, said: str) -> str:
        at = f" {self.at(delivery.settled_at)}" if delivery.settled_at else ""
        if delivery.settled_at is None or delivery.accepted_at is None:
            return f"{said}{at}."
        took = wording.duration(delivery.settled_at - delivery.accepted_at)
        return f"{said}{at}, {took} after {around.system} accepted it."

    def _gave_up(self, delivery: Delivery, _: Around) -> str:
        tries = wording.plural(delivery.tries, "try", "tries")
        return f"Gave up after {tries}: {delivery.last_error or 'no reason is known'}"
