"""Sends what waits for one system; what of it can never be sent is given up. One process at a time sends to a
system, since the task's scope is the system.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from exceptions_app.catalog.schema import System
from exceptions_app.connectors.base import TransportError
from exceptions_app.domain import breaker
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.retry import Outcome
from exceptions_app.services import outbox, retry_batches, system_gates

from .delivering import MOST_CLAIMED, Delivering
from .sending import Senders
from .work import Work

log = logging.getLogger(__name__)

_ROUNDS = 1_000
"""So many times, at most, what waits for a system that is gone is looked at in one task."""


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `deliver` tasks; payload `{"system": code}`. The result counts outcomes."""
    system = work.runtime.catalog.systems.get(work.payload["system"])
    if system is None:
        _give_up(work, work.payload["system"])
        return {"system": work.payload["system"], "status": "not configured"}
    _prepare_what_was_given_up(work)
    if not _has_work(work, system.code):
        _look_when_leases_lapse(work, system.code)
        return {"system": system.code}
    try:
        senders = Senders(work.runtime.catalog, system)
    except TransportError as error:
        return _cannot(work, system, str(error))
    try:
        told = Delivering(work, system, senders).run()
    finally:
        senders.close()
    _look_when_leases_lapse(work, system.code)
    return told


def _give_up(work: Work, system: str) -> None:
    """Nobody sends to it any more: what waits is given up, or a person is asked where it may have arrived."""
    said, kind = "It is not sent to this system any more.", "not_configured"
    for _ in range(_ROUNDS):
        work.go_on()
        context, now = work.context(), utc_now()
        with work.transaction() as session:
            left = outbox.claim(session, context, system, work.owner, limit=MOST_CLAIMED, lease=work.lease)
            results = [
                outbox.Result(one, Outcome.PERMANENT, now, now, error=said, error_class=kind) for one in left
            ]
            outbox.record(session, context, results)
            due = outbox.next_due(session, system)
        if due is None or due > now:
            return


def _has_work(work: Work, system: str) -> bool:
    """Whether anything waits, soon or later, or was left behind by a process that died."""
    with work.reading() as session:
        waits = outbox.next_due(session, system) is not None
        return waits or system in outbox.due_systems(session, utc_now())


def _prepare_what_was_given_up(work: Work) -> None:
    with work.transaction() as session:
        again = retry_batches.prepare_again(session, utc_now())
    if again:
        log.warning("%d batches are prepared again: their preparing had been given up", again)


def _look_when_leases_lapse(work: Work, system: str) -> None:
    """What another process had claimed and is not recorded: it has died, or this one has taken its task."""
    with work.reading() as session:
        lapses = outbox.next_lapse(session, system)
    if lapses is not None:
        with work.transaction() as session:
            system_gates.ask_to_send(session, system, utc_now(), not_before=lapses)


def _cannot(work: Work, system: System, error: str) -> Mapping[str, Any]:
    """It is not set up: nothing is tried, nothing is given up, and the page says why."""
    log.warning("nothing is sent to %s: %s", system.code, error)
    with work.transaction() as session:
        gate, now = system_gates.load(session, system.code), utc_now()
        while gate.state in ("closed", "draining") or breaker.allowed(gate, now, system.delivery):
            gate = breaker.after_failure(breaker.before_send(gate, now), now, system.delivery)
        system_gates.save(session, system.code, gate, now, error)
    return {"system": system.code, "state": "open", "error": error}
