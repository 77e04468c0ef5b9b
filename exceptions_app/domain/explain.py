"""Why a deadline is when it is, in one sentence and in its parts: target, start, pauses, days off, cut-off.

"8 business hours from Fri 15:10, paused 2 h 05 for the supplier, Thanksgiving Day skipped: due Mon 10:15
America/Chicago". Must not know of tables, viewers or HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from . import sla, wording
from .clock import BusinessCalendar, SpanLike, is_business
from .cutoffs import CutoffAt
from .sla import Stretch

PARTIES = {
    "us": "us", "supplier": "the supplier", "requester": "the requester", "receiving": "receiving",
    "payroll": "payroll", "it": "IT", "buyer": "the buyer",
}  # fmt: skip
"""Whose move it was, after *for*."""

_DAYS_NAMED = 3
_YEARS = timedelta(days=800)
"""A deadline further off than this names no days off."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch in which the clock stood still. `party`: whose move it was; None: it had ended meanwhile.

    `last` None: it still does.
    """

    first: datetime
    last: datetime | None
    party: str | None


@dataclass(frozen=True, slots=True)
class PartyTime:
    """The clock's own time that one party took; `party` None: the exception had ended meanwhile."""

    party: str | None
    time: timedelta


@dataclass(frozen=True, slots=True)
class DayOff:
    """A date that would be open in an ordinary week; without a name where a shift closes it."""

    day: date
    name: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One deadline: the sentence, and what it is made of. Times are UTC; spans are the clock's own time.

    `due_at` is None where nobody can say: on hold, without a cut-off.
    """

    sentence: str
    target: str
    started_at: datetime
    paused: tuple[PartyTime, ...]
    on_hold_since: datetime | None
    left: timedelta | None
    skipped: tuple[DayOff, ...]
    cutoff: CutoffAt | None
    """The cut-off that comes first; None where the target does."""
    due_at: datetime | None
    zone: str


def explain(
    started_at: datetime,
    target: SpanLike,
    calendar: BusinessCalendar,
    *,
    now: datetime,
    pauses: Sequence[Pause] = (),
    cutoff: CutoffAt | None = None,
) -> Explanation:
    """The deadline of a clock started at `started_at`, as it stands at `now`."""
    over: list[Stretch] = [(each.first, each.last) for each in pauses if each.last is not None]
    held = next((each for each in pauses if each.last is None), None)
    so_far = [*over, (held.first, max(now, held.first))] if held else over
    due = sla.due_times(started_at, target, calendar, so_far, cutoff=cutoff)
    ends = due.due_at
    left = _left(started_at, held, over, target, calendar) if held and ends >= now else None
    first_comes = cutoff if due.cutoff else None
    standing = left is not None and first_comes is None
    made = Explanation(
        sentence="",
        target=str(target),
        started_at=started_at,
        paused=party_times(pauses, min(now, max(ends, started_at)), target, calendar),
        on_hold_since=held.first if held else None,
        left=left,
        skipped=_skipped(started_at, max(now, ends) if standing else ends, target, calendar),
        cutoff=first_comes,
        due_at=None if standing else ends,
        zone=calendar.zone.key,
    )
    return _said(made, calendar, now)


def _left(
    started_at: datetime, held: Pause, over: list[Stretch], target: SpanLike, calendar: BusinessCalendar
) -> timedelta:
    """What was left of the target when the hold began."""
    due = sla.due_times(started_at, target, calendar, over).due_at
    return max(timedelta(0), sla.elapsed(held.first, due, target, calendar))


def party_times(
    pauses: Sequence[Pause], until: datetime, target: SpanLike, calendar: BusinessCalendar
) -> tuple[PartyTime, ...]:
    """Each party's time up to `until`, in the order in which they first had the ball; what overlaps counts for the
    first.
    """
    taken: dict[str | None, timedelta] = {}
    seen: list[Stretch] = []
    for pause in sorted(pauses, key=lambda each: each.first):
        stretch = pause.first, until if pause.last is None else min(pause.last, until)
        before = sla.paused_time(seen, target, calendar)
        seen.append(stretch)
        more = sla.paused_time(seen, target, calendar) - before
        taken[pause.party] = taken.get(pause.party, timedelta(0)) + more
    return tuple(PartyTime(party, time) for party, time in taken.items() if time)


def _skipped(
    first: datetime, last: datetime, target: SpanLike, calendar: BusinessCalendar
) -> tuple[DayOff, ...]:
    if not is_business(target) or last - first > _YEARS:
        return ()
    begin, end = first.astimezone(calendar.zone).date(), last.astimezone(calendar.zone).date()
    return tuple(DayOff(day, name) for day, name in calendar.days_off(begin, end))


def _said(made: Explanation, calendar: BusinessCalendar, now: datetime) -> Explanation:
    def at(when: datetime) -> str:
        return wording.moment(when, now, calendar.zone)

    parts = [f"{made.target} from {at(made.started_at)}"]
    parts += [_pause(each) for each in made.paused]
    parts += _days_off(made.skipped)
    if made.cutoff is not None:
        parts.append(f"{made.cutoff.title} on {at(made.cutoff.at)} comes first")
    if made.on_hold_since is not None:
        standing = f"on hold since {at(made.on_hold_since)}"
        parts.append(standing if made.left is None else f"{standing} with {wording.hours(made.left)} left")
    end = "no deadline until it is resumed" if made.due_at is None else f"due {at(made.due_at)} {made.zone}"
    return replace(made, sentence=f"{', '.join(parts)}: {end}")


def _pause(taken: PartyTime) -> str:
    if taken.party is None:
        return f"stopped {wording.hours(taken.time)} while it had ended"
    who = PARTIES.get(taken.party) or taken.party.replace("_", " ")
    return f"paused {wording.hours(taken.time)} for {who}"


def _days_off(skipped: Sequence[DayOff]) -> list[str]:
    """The first ones by name (or date), the others counted."""
    named = [each.name or f"{each.day.day} {each.day:%b}" for each in skipped]
    if len(named) > _DAYS_NAMED + 1:
        named = [*named[:_DAYS_NAMED], f"{len(named) - _DAYS_NAMED} other days off"]
    if not named:
        return []
    told = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return [f"{told} skipped"]
