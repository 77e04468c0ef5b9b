"""How much may be asked of one system: its rate, its quota, and its rest after failures. Shared by all that read it.

Counts in this process; knows no HTTP. Times are aware UTC, waits are seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from exceptions_app.domain import breaker
from exceptions_app.domain.breaker import Gate
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.pace import Pace
from exceptions_app.domain.wording import duration

from ..base import TransportError
from .connection_options import RestBreaker, RestConnection, RestQuota

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RestingError(TransportError):
    """Nothing was asked: the system rests, or its quota is used up. Trying again at once does not help."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """The breaker's rules for reading: after a rest one request at a time is a probe, then all is as before."""

    breaker_failures: int
    breaker_pause: timedelta
    breaker_longest: timedelta
    concurrency: int = 1

    @classmethod
    def of(cls, options: RestBreaker) -> _Rules:
        return cls(options.failures, options.pause, options.longest)


class Allowance:
    """Thread-safe. Every request is announced by `take`, and what came of it told by `answered` or `failed`."""

    def __init__(
        self,
        connection: RestConnection,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = _Rules.of(connection.breaker)
        self._quota: RestQuota | None = connection.quota
        self._pace = Pace(connection.rate_per_second)
        self._sleep, self._clock = sleep, clock
        self._lock = threading.Lock()
        self._gate = Gate()
        self._last_error = ""
        self._window: datetime | None = None
        self._used = 0

    def take(self, where: str) -> None:
        """Wait for the next slot. Raises RestingError, saying until when, where nothing may be asked."""
        with self._lock:
            now = utc_now()
            self._refuse_while_resting(now, where)
            self._count(now, where)
            self._gate = breaker.before_send(self._gate, now)
            moment = self._clock()
            wait = self._pace.next_slot(moment) - moment if self._pace.rate else 0.0
        if wait > 0:
            self._sleep(wait)

    def answered(self) -> None:
        """The system answered, whatever it said."""
        with self._lock:
            self._gate = breaker.after_success(self._gate, utc_now(), self._rules)

    def failed(self, said: str, retry_after: float | None, longest: float) -> None:
        """A failure that passes. A rest that is asked for beyond `longest` is kept by all."""
        with self._lock:
            now = utc_now()
            self._last_error = said
            self._gate = breaker.after_failure(self._gate, now, self._rules)
            if retry_after is not None and retry_after > longest:
                self._gate = breaker.after_wait_asked(self._gate, now, retry_after)

    def _refuse_while_resting(self, now: datetime, where: str) -> None:
        until = breaker.resting_until(self._gate, now)
        if until is None:
            if self._gate.retry_at is not None and self._gate.state == "closed":
                self._gate = replace(self._gate, retry_at=None)
            return
        why = (
            f"after {self._gate.failures} failures in a row" if self._gate.state == "open" else "as it asked"
        )
        message = (
            f"not asked: it is left in peace until {until:%H:%M:%S} UTC {why} (last: {self._last_error})"
        )
        after = (until - now).total_seconds()
        raise RestingError(message, permanent=False, where=where, retry_after=after)

    def _count(self, now: datetime, where: str) -> None:
        quota = self._quota
        if quota is None:
            return
        begins = _EPOCH + ((now - _EPOCH) // quota.per) * quota.per
        if begins != self._window:
            self._window, self._used = begins, 0
        if self._used < quota.requests:
            self._used += 1
            return
        ends = begins + quota.per
        message = (
            f"not asked: the quota of {quota.requests:,} requests in {duration(quota.per)} is used up; "
            f"it begins anew at {ends:%Y-%m-%d %H:%M:%S} UTC"
        )
        raise RestingError(message, permanent=False, where=where, retry_after=(ends - now).total_seconds())


_shared: dict[str, tuple[RestConnection, Allowance]] = {}
_sharing = threading.Lock()


def shared(system: str, connection: RestConnection) -> Allowance:
    """The one allowance of a system in this process. A changed connection begins anew."""
    with _sharing:
        known = _shared.get(system)
        if known is None or known[0] != connection:
            known = _shared[system] = (connection, Allowance(connection))
        return known[1]


def forget() -> None:
    """Every system begins anew."""
    with _sharing:
        _shared.clear()
