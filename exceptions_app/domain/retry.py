"""The rules of a retry: how long to wait, what an answer means, what comes next. Pure: knows no system and no table.

A write is made happen once. Where its outcome is not known (the request may have arrived and no answer came), it is
sent again only to a system that honours idempotency keys; at any other it is first read back, else a person decides.
A write is given up only when it is known not to have arrived. So a dead letter that is replayed is a new write with a
new key, and one whose outcome is unknown keeps its key until the outcome is known.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

LONGEST_ASKED = timedelta(days=1)
"""A `Retry-After` beyond this is taken for a mistake of the system and cut to it."""

_PASSING = frozenset({408, 425, 429})
_MAYBE_DONE = frozenset({500, 502, 504})
"""A server that broke, a gateway that lost it or waited no longer: the write may have been done before that."""
_CLASSES = {401: "not_allowed", 403: "not_allowed", 404: "not_found", 409: "conflict", 429: "rate_limit"}
_SAID_IN = ("message", "detail", "title", "error_description", "error", "reason")
_SAID_LIMIT = 300
_DOUBLINGS = 40


class Outcome(StrEnum):
    """What a try came to. FOUND and ABSENT are of a read-back; UNKNOWN of either: no answer that says. AT_WORK: the
    system has taken it and does it later.
    """

    ACCEPTED = "accepted"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"
    FOUND = "found"
    ABSENT = "absent"
    AT_WORK = "at_work"


class Step(StrEnum):
    """What is done after a try."""

    ACCEPTED = "accepted"
    TRY_AGAIN = "try_again"
    GIVE_UP = "give_up"
    READ_BACK = "read_back"
    ASK_A_PERSON = "ask_a_person"


class Sent(StrEnum):
    """The life of one write in the outbox, as `Delivery.status` keeps it."""

    AWAITING_APPROVAL = "awaiting_approval"
    READY = "ready"
    WAITING = "waiting"
    SENDING = "sending"
    UNSURE = "unsure"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not_confirmed"
    SKIPPED = "skipped"
    FAILED = "failed"
    DISCARDED = "discarded"
    REPLAYED = "replayed"


_S = Sent
STEPS: dict[Sent, frozenset[Sent]] = {
    _S.READY: frozenset({_S.WAITING, _S.AWAITING_APPROVAL, _S.SKIPPED}),
    _S.AWAITING_APPROVAL: frozenset({_S.WAITING, _S.SKIPPED}),
    _S.WAITING: frozenset({_S.SENDING, _S.SKIPPED, _S.ACCEPTED, _S.FAILED, _S.UNSURE}),
    _S.SENDING: frozenset({_S.ACCEPTED, _S.WAITING, _S.FAILED, _S.UNSURE, _S.SKIPPED}),
    _S.UNSURE: frozenset({_S.ACCEPTED, _S.WAITING, _S.FAILED, _S.SKIPPED}),
    _S.ACCEPTED: frozenset({_S.CONFIRMED, _S.NOT_CONFIRMED}),
    _S.FAILED: frozenset({_S.REPLAYED, _S.DISCARDED}),
    **dict.fromkeys(
        (_S.CONFIRMED, _S.NOT_CONFIRMED, _S.SKIPPED, _S.DISCARDED, _S.REPLAYED), frozenset[Sent]()
    ),
}
"""Which status may follow which. WAITING to ACCEPTED, UNSURE or FAILED without SENDING: an answer came after its
lease had lapsed, or nobody can send it any more.
"""

LIVE = frozenset({_S.AWAITING_APPROVAL, _S.WAITING, _S.SENDING, _S.UNSURE})
"""On its way: an exception has at most one of these."""

AT_WORK = "at_work"
"""How the exception of a WAITING write stands whose system has taken it and does it later: nothing waits here."""
ON_ITS_WAY = frozenset({*(str(each) for each in LIVE), AT_WORK})
"""`LIVE`, as exceptions keep it."""


class BackoffLike(Protocol):
    """How often, and how long between (`catalog.schema.Backoff`)."""

    @property
    def max_tries(self) -> int: ...
    @property
    def first_wait(self) -> timedelta: ...
    @property
    def shortest_wait(self) -> timedelta: ...
    @property
    def longest_wait(self) -> timedelta: ...


class ErrorRuleLike(Protocol):
    """What an answer means (`catalog.schema.ErrorRule`)."""

    @property
    def status(self) -> Sequence[int]: ...
    @property
    def contains(self) -> str | None: ...
    @property
    def means(self) -> str: ...
    @property
    def error_class(self) -> str: ...
    @property
    def say(self) -> str: ...
    @property
    def backoff(self) -> BackoffLike | None: ...


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an answer comes to. `say` is in a person's words; `backoff` None: the operation's own."""

    outcome: Outcome
    error_class: str | None = None
    say: str = ""
    backoff: BackoffLike | None = None


def wait(tries_so_far: int, backoff: BackoffLike, chance: float, retry_after: float | None) -> timedelta:
    """How long until the next try. `chance` in [0, 1) draws between the shortest wait and the computed one (full
    jitter, as in AWS's "Exponential backoff and jitter"); `retry_after`, in seconds, is honoured where longer.
    """
    doublings = min(max(tries_so_far - 1, 0), _DOUBLINGS)
    computed = min(backoff.longest_wait.total_seconds(), backoff.first_wait.total_seconds() * 2.0**doublings)
    shortest = min(backoff.shortest_wait.total_seconds(), backoff.longest_wait.total_seconds())
    drawn = timedelta(seconds=shortest + max(computed - shortest, 0.0) * chance)
    if retry_after is None or not math.isfinite(retry_after):
        return drawn
    return max(drawn, min(timedelta(seconds=max(min(retry_after, 1e9), 0.0)), LONGEST_ASKED))


def meaning(status: int | None, body: str, rules: Sequence[ErrorRuleLike], *, honours_keys: bool) -> Meaning:
    """The first rule that fits; else 2xx (or an answer without a status) is accepted, 408, 425, 429 and 5xx are
    transient, everything else is permanent. Where a system does not honour idempotency keys, 500, 502 and 504 leave
    the outcome unknown: sent again, the write could be done twice.
    """
    ruled = meaning_by_rule(status, body, rules)
    if ruled is not None:
        return ruled
    if status is None or 200 <= status < 300:
        return Meaning(Outcome.ACCEPTED)
    if status in _MAYBE_DONE and not honours_keys:
        return Meaning(Outcome.UNKNOWN, "unavailable", said(status, body))
    if status in _PASSING or status >= 500:
        return Meaning(Outcome.TRANSIENT, _CLASSES.get(status, "unavailable"), said(status, body))
    return Meaning(Outcome.PERMANENT, _CLASSES.get(status, "refused"), said(status, body))


def meaning_by_rule(status: int | None, body: str, rules: Sequence[ErrorRuleLike]) -> Meaning | None:
    """What the first rule that fits says; None: none fits."""
    for rule in rules:
        if _fits(rule, status, body):
            outcome = Outcome(rule.means)
            if outcome is Outcome.ACCEPTED:
                return Meaning(outcome)
            return Meaning(outcome, rule.error_class, rule.say or said(status, body), rule.backoff)
    return None


def said(status: int | None, body: str) -> str:
    """What the system itself says is wrong: the message of a JSON answer, else its text, else the status."""
    text = " ".join((_message(body) or body).split())
    short = text if len(text) <= _SAID_LIMIT else text[: _SAID_LIMIT - 1] + "…"
    return short or ("no answer" if status is None else f"HTTP {status}")


def next_step(
    outcome: Outcome, *, tries: int, max_tries: int, idempotent: bool, can_read_back: bool, reads: int = 0,
    doubtful: bool = False,
) -> Step:  # fmt: skip
    """What to do after a try. `tries` counts sends and `reads` read-backs, this one included. `doubtful`: an
    earlier try may have arrived, so that giving up would not be the truth.
    """
    again = tries < max_tries
    if outcome in (Outcome.ACCEPTED, Outcome.FOUND):
        return Step.ACCEPTED
    if outcome is Outcome.PERMANENT:
        return Step.GIVE_UP
    if not stays_doubtful(outcome, doubtful):
        return Step.TRY_AGAIN if again else Step.GIVE_UP
    if idempotent and again:
        return Step.TRY_AGAIN
    return Step.READ_BACK if can_read_back and reads < max_tries else Step.ASK_A_PERSON


def stays_doubtful(outcome: Outcome, before: bool) -> bool:
    """Whether an earlier send may have arrived, after this try. A clear answer to the same key settles it."""
    if outcome is Outcome.UNKNOWN:
        return True
    return before and outcome is Outcome.TRANSIENT


def _fits(rule: ErrorRuleLike, status: int | None, body: str) -> bool:
    if rule.status and status not in rule.status:
        return False
    return rule.contains is None or rule.contains.casefold() in body.casefold()


def _message(body: str) -> str | None:
    try:
        found: Any = json.loads(body)
    except ValueError:
        return None
    for _ in range(4):
        if isinstance(found, list) and found:
            found = found[0]
        if not isinstance(found, dict):
            break
        inner = next((found[name] for name in _SAID_IN if found.get(name)), found.get("errors"))
        if inner is None:
            return None
        found = inner
    return found if isinstance(found, str) else None
