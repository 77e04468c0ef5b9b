"""How much may be asked of one system: its rate, its quota, and its rest after failures. Shared by all that read it.

What holds among processes is kept by a ledger; without one it counts in this process. A process takes its share of
rate and quota half a second ahead, so that not every request costs a transaction. Knows no HTTP and no database.
Times are aware UTC, waits are seconds.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from exceptions_app.domain import breaker
from exceptions_app.domain.breaker import Gate
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.wording import duration

from ..base import TransportError
from ..quota import QuotaUse
from .connection_options import RestBreaker, RestConnection, RestQuota

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AHEAD = 0.5
"""Seconds for which a process takes its share, and after which it looks again how the system stands."""
_LATE = timedelta(seconds=0.25)
"""A slot that is so late is used at once; a later one is lost, so that nothing is sent in one rush."""
_AT_ONCE = 25
"""So much of a quota is taken at once, where no rate says how much is needed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a system by all that read it. `used` counts the quota's requests since `window`; `next_at` is
    the first slot of the rate that nobody has.
    """

    gate: Gate = field(default_factory=Gate)
    last_error: str = ""
    window: datetime | None = None
    used: int = 0
    next_at: datetime | None = None


class Ledger(Protocol):
    """Keeps how systems stand, for all processes."""

    def look(self, system: str) -> Standing: ...

    def change(self, system: str, change: Callable[[Standing], Standing]) -> Standing:
        """What it is after the change; nobody else changes it meanwhile."""
        ...


class Here:
    """The ledger of one process."""

    def __init__(self) -> None:
        self._held: dict[str, Standing] = {}
        self._lock = threading.Lock()

    def look(self, system: str) -> Standing:
        return self._held.get(system, Standing())

    def change(self, system: str, change: Callable[[Standing], Standing]) -> Standing:
        with self._lock:
            found = self._held[system] = change(self.look(system))
            return found


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
        system: str = "",
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._system = system
        self._rules = _Rules.of(connection.breaker)
        self._quota: RestQuota | None = connection.quota
        self._rate = connection.rate_per_second
        self._sleep, self._clock = sleep, clock
        self._lock = threading.Lock()
        self._ledger: Ledger = Here()
        self._known = Standing()
        self._looked = -math.inf
        self._slots: deque[float] = deque()
        self._left = 0

    def keep_in(self, ledger: Ledger) -> None:
        """From now on other processes count, too."""
        with self._lock:
            if ledger != self._ledger:
                self._ledger, self._looked, self._left = ledger, -math.inf, 0
                self._slots.clear()

    def take(self, where: str) -> None:
        """Wait for the next slot. Raises RestingError, saying until when, where nothing may be asked."""
        with self._lock:
            now = utc_now()
            self._look(now)
            self._refuse_while_resting(now, where)
            self._take_share(now, where)
            if self._known.gate.state == "open":
                self._change(lambda known: replace(known, gate=breaker.before_send(known.gate, now)))
            slot = self._slots.popleft() if self._rate else 0.0
        if self._rate and (wait := slot - self._clock()) > 0:
            self._sleep(wait)

    def quota_use(self) -> QuotaUse | None:
        """How much of the quota is used, by all processes; None without one, or where nothing was asked yet."""
        quota = self._quota
        with self._lock:
            known = self._known
            if quota is None or known.window is None:
                return None
            unused = self._left if known.window == _begin_of(quota, utc_now()) else 0
        ends = known.window + quota.per
        return QuotaUse(known.used - unused, quota.requests, quota.per, ends, quota.warn_at)

    def answered(self) -> None:
        """The system answered, whatever it said."""
        with self._lock:
            if self._known.gate.failures or self._known.gate.state != "closed":
                now = utc_now()
                self._change(
                    lambda known: replace(known, gate=breaker.after_success(known.gate, now, self._rules))
                )

    def failed(self, said: str, retry_after: float | None, longest: float) -> None:
        """A failure that passes. A rest that is asked for beyond `longest` is kept by all."""
        now = utc_now()

        def told(known: Standing) -> Standing:
            gate = breaker.after_failure(known.gate, now, self._rules)
            if retry_after is not None and retry_after > longest:
                gate = breaker.after_wait_asked(gate, now, retry_after)
            return replace(known, gate=gate, last_error=said)

        with self._lock:
            self._change(told)

    def _look(self, now: datetime) -> None:
        """How it stands, not older than half a second."""
        if self._clock() - self._looked >= _AHEAD:
            self._known, self._looked = self._ledger.look(self._system), self._clock()
        gate = self._known.gate
        if gate.state == "closed" and gate.retry_at is not None and gate.retry_at <= now:
            self._known = replace(self._known, gate=replace(gate, retry_at=None))

    def _change(self, change: Callable[[Standing], Standing]) -> None:
        self._known = self._ledger.change(self._system, change)
        self._looked = self._clock()

    def _refuse_while_resting(self, now: datetime, where: str) -> None:
        gate = self._known.gate
        until = breaker.resting_until(gate, now)
        if until is None:
            return
        why = f"after {gate.failures} failures in a row" if gate.state == "open" else "as it asked"
        message = f"not asked: it is left in peace until {until:%H:%M:%S} UTC {why} (last: {self._known.last_error})"
        after = (until - now).total_seconds()
        raise RestingError(message, permanent=False, where=where, retry_after=after)

    def _take_share(self, now: datetime, where: str) -> None:
        """One of the slots and of the quota's requests that this process has, or a new share of them."""
        moment = self._clock()
        while self._slots and self._slots[0] < moment - _LATE.total_seconds():
            self._slots.popleft()
        window = None if self._quota is None else _begin_of(self._quota, now)
        if window != self._known.window:
            self._left = 0
        if (self._rate and not self._slots) or (self._quota is not None and not self._left):
            self._change(lambda known: self._shared(known, now, moment, window))
        if self._quota is not None and not self._left:
            raise _used_up(self._quota, (window or now) + self._quota.per, now, where)
        self._left -= 1

    def _shared(self, known: Standing, now: datetime, moment: float, window: datetime | None) -> Standing:
        """The standing once this process has taken its share of it."""
        count = max(1, math.ceil(self._rate * _AHEAD)) if self._rate else _AT_ONCE
        if self._quota is not None:
            used = known.used if known.window == window else 0
            taken = max(0, min(count - self._left, self._quota.requests - used))
            self._left += taken
            known = replace(known, window=window, used=used + taken)
        if self._rate and not self._slots and (self._quota is None or self._left):
            first = now if known.next_at is None or known.next_at < now - _LATE else known.next_at
            steps = [timedelta(seconds=number / self._rate) for number in range(count + 1)]
            self._slots.extend(moment + (first + step - now).total_seconds() for step in steps[:-1])
            known = replace(known, next_at=first + steps[-1])
        return known


def _begin_of(quota: RestQuota, now: datetime) -> datetime:
    """When the quota's present while began."""
    return _EPOCH + ((now - _EPOCH) // quota.per) * quota.per


def _used_up(quota: RestQuota, ends: datetime, now: datetime, where: str) -> RestingError:
    message = (
        f"not asked: the quota of {quota.requests:,} requests in {duration(quota.per)} is used up; "
        f"it begins anew at {ends:%Y-%m-%d %H:%M:%S} UTC"
    )
    wait = (ends - now).total_seconds()
    return RestingError(message, permanent=False, where=where, retry_after=wait, answered=True)


_shared: dict[str, tuple[RestConnection, Allowance]] = {}
_sharing = threading.Lock()


def shared(system: str, connection: RestConnection) -> Allowance:
    """The one allowance of a system in this process. A changed connection begins anew."""
    with _sharing:
        known = _shared.get(system)
        if known is None or known[0] != connection:
            known = _shared[system] = (connection, Allowance(connection, system))
        return known[1]


def forget() -> None:
    """Every system begins anew."""
    with _sharing:
        _shared.clear()
