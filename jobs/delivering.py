"""One turn of sending to one system: what is claimed goes out side by side, answers are kept in batches.

The order of commits: a claim is committed before its call leaves, an answer right after it has come. A process that
dies in between leaves a lease that lapses, and an attempt of which nobody knows what came of it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from exceptions_app.catalog.schema import System
from exceptions_app.domain.instant import utc_now
from exceptions_app.milestones import reached
from exceptions_app.models import Task
from exceptions_app.services import outbox, system_gates

from .sending import Senders, Tried
from .traffic import Traffic
from .work import Work

log = logging.getLogger(__name__)

MOST_CLAIMED = 200
"""So many writes at most are claimed in one transaction."""

MOST_KEPT = 100
HELD_FOR = 0.08
"""Answers are kept together: so many at most, and none is held for longer than this, in seconds."""

LOOK_EVERY = 0.1
"""Seconds between two looks for more, while what is claimed is being sent."""

LINGER = 5.0
"""Seconds. What becomes due within this is waited for here; what is due later is another task."""

TURN = 60.0
"""Seconds after which another system gets its turn, where one waits for it."""

PATIENCE = 15.0
"""Seconds that a claimed write may wait to be sent, at most; its lease outlasts that and the longest call. Short
time-outs shorten it, so that what a killed process had claimed is taken up sooner.
"""
LEAST_PATIENCE = 2.0

_KEEP_TRIES = 5


class Delivering:
    """One turn of sending to one system."""

    def __init__(self, work: Work, system: System, senders: Senders) -> None:
        self.work, self.system, self.senders = work, system, senders
        self.rules = system.delivery
        with work.reading() as session:
            self._kept_gate = system_gates.load(session, system.code)
        rate = float(self.rules.rate_per_second)
        patience = min(PATIENCE, max(LEAST_PATIENCE, senders.longest / 2))
        self.traffic = Traffic(self._kept_gate, self.rules, rate, patience)
        self.lease = timedelta(seconds=senders.longest + 2 * patience)
        self.counts: Counter[str] = Counter()
        self._most = self._to_claim(rate)
        self._last_progress = self._began = time.monotonic()
        self._claim_from = 0.0

    def run(self) -> Mapping[str, Any]:
        threads = [
            threading.Thread(target=self._send_on, name=f"send-{self.system.code}-{number}", daemon=True)
            for number in range(self.rules.concurrency)
        ]
        for thread in threads:
            thread.start()
        try:
            self._until_nothing_is_due()
        finally:
            self._end(threads)
        gate, error = self.traffic.gate
        told = {"system": self.system.code, "state": gate.state, **self.counts}
        return {**told, "error": error} if gate.state != "closed" else told

    # -- the sending threads

    def _send_on(self) -> None:
        while (claimed := self.traffic.take()) is not None:
            self.traffic.done(self.senders.attempt(claimed))

    # -- this thread

    def _until_nothing_is_due(self) -> None:
        idle_since: float | None = None
        while True:
            self.work.go_on()
            claimed = self._claim()
            tried = self.traffic.answers(MOST_KEPT, HELD_FOR, 0.0 if self.traffic.idle else 0.2)
            self._keep(tried)
            self._give_back(everything=False)
            if claimed or tried or self.traffic.moving:
                idle_since = None
                if self._turn_is_over():
                    return self._go_on_later(utc_now())
                continue
            due = self._next_due()
            if due is None:
                return None
            idle_since = idle_since or time.monotonic()
            wait = (due - utc_now()).total_seconds()
            if self._given_up_waiting(wait, idle_since):
                return self._go_on_later(due)
            self._keep(self.traffic.answers(MOST_KEPT, HELD_FOR, min(max(wait, 0.02), 0.5)))

    def _given_up_waiting(self, wait: float, idle_since: float) -> bool:
        return wait > LINGER or time.monotonic() - idle_since > LINGER

    def _claim(self) -> int:
        """Have enough ready for the threads. A claim is committed before anything of it is sent."""
        room = self.traffic.room(self._most)
        if room * 2 < self._most or time.monotonic() < self._claim_from:
            return 0
        context, began = self.work.context(), time.monotonic()
        with self.work.transaction() as session:
            found = outbox.claim(
                session, context, self.system.code, self.work.owner, limit=room, lease=self.lease
            )
        if len(found) < room:  # all that may go now is taken
            self._claim_from = time.monotonic() + LOOK_EVERY
        if found:
            reached("outbox.claimed")
            self.traffic.offer(found, began)
        return len(found)

    def _keep(self, tried: list[Tried]) -> None:
        """Record what came of some tries. What has happened is kept even when this task was taken over."""
        gate, error = self.traffic.gate
        if not tried and gate == self._kept_gate:
            return
        context = self.work.context()
        for again in range(_KEEP_TRIES):
            try:
                with self.work.keeping() as session:
                    outbox.record(session, context, [each.result for each in tried])
                    if gate != self._kept_gate:
                        system_gates.save(session, self.system.code, gate, utc_now(), error)
                break
            except DBAPIError as failed:
                if again == _KEEP_TRIES - 1:
                    raise
                log.warning("%d answers could not be kept yet: %s", len(tried), failed.orig)
                time.sleep(2**again / 4)
        self._kept_gate = gate
        self.counts.update(each.result.outcome.value for each in tried)
        if tried:
            self._claim_from = 0.0  # what waited behind one of these may go now
            reached("outbox.recorded")
        self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._last_progress >= 1:
            self._last_progress = now
            self.work.tell(sum(self.counts.values()), note=f"{self.counts['accepted']:,} accepted")

    def _give_back(self, *, everything: bool) -> None:
        """Writes that were not sent go back: when their time is up, when the system rests for long, at the end."""
        rest = self.traffic.resting_until()
        long_rest = rest is not None and (rest - utc_now()).total_seconds() > LINGER
        found = self.traffic.give_back(everything=everything or long_rest)
        if found:
            context = self.work.context()
            with self.work.keeping() as session:
                outbox.hand_back(session, context, found)

    def _end(self, threads: list[threading.Thread]) -> None:
        """What is in flight is waited for and kept; the rest goes back."""
        self.traffic.close()
        self._give_back(everything=True)
        while any(thread.is_alive() for thread in threads):
            self._keep(self.traffic.answers(MOST_KEPT, HELD_FOR, 0.0))
            for thread in threads:
                thread.join(timeout=HELD_FOR)
        self._keep(self.traffic.answers(MOST_KEPT, 0.0, 0.0))

    def _next_due(self) -> datetime | None:
        """When something may be sent: when it is due, and the system does not rest any more."""
        with self.work.reading() as session:
            due = outbox.next_due(session, self.system.code)
        if not self.traffic.idle:  # what is claimed already waits for the end of a rest
            due = utc_now()
        rest = self.traffic.resting_until()
        return due if due is None or rest is None else max(due, rest)

    def _turn_is_over(self) -> bool:
        if time.monotonic() - self._began < TURN:
            return False
        self._began = time.monotonic()
        others = select(Task.id).where(
            Task.kind == "deliver", Task.status == "queued", Task.scope != self.work.scope
        )
        with self.work.reading() as session:
            waits = session.scalar(others.where(Task.not_before <= utc_now()).limit(1))
        return waits is not None

    def _go_on_later(self, at: datetime) -> None:
        with self.work.transaction() as session:
            system_gates.ask_to_send(session, self.system.code, utc_now(), not_before=at)

    def _to_claim(self, rate: float) -> int:
        """About two seconds of work. Few where a killed process would leave writes that must be looked for."""
        most = max(1, min(MOST_CLAIMED, round(rate * 2))) if rate else MOST_CLAIMED
        return most if self.rules.idempotent else min(most, 2 * self.rules.concurrency)
