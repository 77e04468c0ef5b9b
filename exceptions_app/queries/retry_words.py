"""Retries in people's words: what a state is called, how a system stands, what a value that is sent looks like.

Knows no database. Words only: what follows from a state is `domain.retry`'s and `domain.breaker`'s.
"""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from decimal import Decimal, InvalidOperation

from exceptions_app.access import Viewer, sees
from exceptions_app.catalog.schema import DeliveryRules, SentField
from exceptions_app.domain import retry, wording
from exceptions_app.domain.instant import from_iso
from exceptions_app.domain.retry import Outcome, Sent

STATE = {
    Sent.AWAITING_APPROVAL: "Waits for approval",
    Sent.READY: "Would be sent",
    Sent.WAITING: "Waiting to be sent",
    Sent.SENDING: "Being sent",
    Sent.UNSURE: "Needs a decision",
    Sent.ACCEPTED: "Accepted, unconfirmed",
    Sent.CONFIRMED: "Confirmed",
    Sent.NOT_CONFIRMED: "Not confirmed",
    Sent.SKIPPED: "Nothing sent",
    Sent.FAILED: "Gave up",
    Sent.DISCARDED: "Discarded",
    Sent.REPLAYED: "Sent again later",
}
TONE = {
    Sent.AWAITING_APPROVAL: "violet",
    Sent.READY: "accent",
    Sent.WAITING: "accent",
    Sent.SENDING: "accent",
    Sent.UNSURE: "amber",
    Sent.ACCEPTED: "accent",
    Sent.CONFIRMED: "green",
    Sent.NOT_CONFIRMED: "amber",
    Sent.FAILED: "red",
}
BATCH = {
    "preparing": "Being prepared",
    "ready": "Tried without sending",
    "sending": "Being sent",
    "paused": "Paused",
    "cancelled": "Cancelled",
    "finished": "Finished",
}
BATCH_TONE = {
    "preparing": "accent",
    "ready": "violet",
    "sending": "accent",
    "paused": "amber",
    "finished": "green",
}
FILTER = {
    "on_its_way": "On its way",
    "awaiting_approval": "Waits for approval",
    "unsure": "Needs a decision",
    "accepted": "Accepted, unconfirmed",
    "not_confirmed": "Not confirmed",
    "failed": "Gave up",
    "confirmed": "Confirmed",
    "never": "Never retried",
}
"""The choices of the queue's filter: `filters.RETRY` says which states each of them means."""

_OUTCOME = {
    Outcome.ACCEPTED: "accepted",
    Outcome.TRANSIENT: "did not work, and may work later",
    Outcome.PERMANENT: "refused",
    Outcome.UNKNOWN: "no answer: it may have arrived",
    Outcome.FOUND: "it is there",
    Outcome.ABSENT: "it is not there",
    Outcome.AT_WORK: "it is at work on it",
}
_CLASS = {
    "not_arrived": "It had not arrived",
    "not_configured": "No longer configured",
    "not_allowed": "We are not let in",
    "not_found": "Not known there",
    "conflict": "It changed there meanwhile",
    "rate_limit": "Too many at once",
    "unavailable": "Not available",
    "refused": "Refused",
    "not_reached": "Not reached",
    "no_answer": "No answer",
    "cannot_be_sent": "Cannot be sent like this",
    "job_failed": "It failed there later",
    "job_unknown": "What came of it is not known there",
    "job_too_long": "It did not end in time",
    "unexpected_answer": "An answer nobody expected",
    "internal": "It broke on our side",
    "other": "Other reasons",
}
AT_WORK = "At work there"
"""In place of the state of a write that its system has taken for later."""
HIDDEN = "hidden"


def state(code: str | None) -> str:
    """A status as people call it; one that this version does not know is still readable."""
    if code == retry.AT_WORK:
        return AT_WORK
    try:
        return STATE[Sent(code or "")]
    except ValueError:
        return (code or "").replace("_", " ").capitalize()


def tone(code: str | None) -> str:
    code = Sent.WAITING if code == retry.AT_WORK else code
    try:
        return TONE.get(Sent(code or ""), "")
    except ValueError:
        return ""


def outcome(code: str | None) -> str:
    """What one try came to."""
    if code is None:
        return "under way"
    try:
        return _OUTCOME[Outcome(code)]
    except ValueError:
        return code.replace("_", " ")


def error_class(code: str | None) -> str:
    """The reason by which retries that gave up are grouped; an integrator's own name is made readable."""
    return _CLASS.get(code or "other") or (code or "").replace("_", " ").capitalize()


def clock(at: datetime, now: datetime, zone: tzinfo) -> str:
    """`15:10` today, `Fri 15:10` within six days, then with the date."""
    local = at.astimezone(zone)
    if local.date() == now.astimezone(zone).date():
        return f"{local:%H:%M}"
    return wording.moment(at, now, zone)


def value(
    sent: SentField | None, text: str | None, viewer: Viewer, currency: str | None, zone: tzinfo
) -> str | None:
    """A value that is sent, as this person may see it; None where there is none. Never rounded."""
    if sent is not None and not sees(viewer, sent.sensitivity):
        return HIDDEN
    if text is None or text == "":
        return None
    if sent is None:
        return text
    try:
        return _written(sent.type, text, currency, zone)
    except (ValueError, InvalidOperation):
        return text


def _written(kind: str, text: str, currency: str | None, zone: tzinfo) -> str:
    match kind:
        case "money":
            exact = Decimal(text)
            shown = wording.price(exact, currency)
            return shown if exact == exact.quantize(Decimal("0.0001")) else text
        case "decimal" | "quantity":
            exact = Decimal(text)
            return wording.number(exact) if exact == exact.quantize(Decimal("0.0001")) else text
        case "date":
            return wording.day(date.fromisoformat(text))
        case "timestamp":
            return wording.instant(from_iso(text), zone)
        case "boolean":
            return "yes" if text == "true" else "no"
        case _:
            return text


def throttle(rules: DeliveryRules) -> str:
    """`at most 20 a second, 4 at once`."""
    at_once = f"{rules.concurrency} at once"
    if not rules.rate_per_second:
        return f"as fast as it answers, {at_once}"
    rate = rules.rate_per_second
    often = f"{wording.number(rate)} a second" if rate >= 1 else f"{wording.number(rate * 60)} a minute"
    return f"at most {often}, {at_once}"
