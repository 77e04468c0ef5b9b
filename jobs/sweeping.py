"""Full sweep or incremental: decided for each check and scope of a comparison, and said why.

Incremental is what can be told exactly from what changed since the run before; all else is a full sweep, and what
shares its lines with it. Asks the database only through what it is given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exceptions_app.catalog.schema import Check, ClusterCheck, MatchCheck
from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy
from exceptions_app.reconcile.probing import Probing, probing_of
from exceptions_app.services.basis import MOST_LINES, Basis
from exceptions_app.services.check_runs import Judged

from .comparing import Comparing
from .findings import Place
from .flows import Standing, columns_read
from .full_sweeps import VERSION, FullSweeps, Known
from .line_keys import LineKeys, Probed
from .narrowed import Line, Narrowed
from .narrowing import Narrowing, Times, TooMuchError


@dataclass(slots=True)
class Sweeping:
    """How one comparison goes about its places. `why` holds those that are compared in full."""

    comparing: Comparing
    scopes: Mapping[str, Sequence[str]]
    standings: Mapping[str, Standing]
    known: Known
    every: timedelta
    why: dict[Place, str] = field(default_factory=dict)
    narrowed: Narrowed | None = None
    probings: dict[str, Probing] = field(default_factory=dict)
    swept: dict[str, str] = field(default_factory=dict)
    """The checks that are always compared in full, and why."""
    _times: dict[Place, dict[str, datetime | None]] = field(default_factory=dict)
    _full: FullSweeps = field(init=False)

    def __post_init__(self) -> None:
        for check in self.comparing.checks:
            found = probing_of(check, self.comparing.catalog)
            if isinstance(found, str):
                self.swept[check.code] = found
            else:
                self.probings[check.code] = found
        self._times = {
            (check.code, scope): self.comparing.times(check, scope, self.standings[check.code])
            for check in self.comparing.checks
            for scope in self.scopes[check.code]
        }
        self._full = FullSweeps(self.comparing, self.standings, self.known, self.every, self._times)

    # -- before anything is compared

    def decide(self) -> None:
        """Which places are compared in full whatever has changed."""
        for check in self.comparing.checks:
            for scope in self.scopes[check.code]:
                why = self._full.why(check, scope)
                if why or check.code in self.swept:
                    self.why[check.code, scope] = why or self.swept[check.code]
        for table in {probing.among.table for probing in self.probings.values()}:
            self._decide_together(table)

    def _decide_together(self, table: str) -> None:
        """What shares its lines is judged together: one that is swept takes the others along, scope by scope."""
        sharing = [probing.check for probing in self.probings.values() if probing.among.table == table]
        beside = [
            check for check in self.comparing.checks if check.code in self.swept and _shares(check, table)
        ]
        reasons: dict[str | None, str] = {}
        for check in beside:
            for scope in self.scopes[check.code]:
                last = self.known.last.get((check.code, scope))
                why = self._full.why(check, scope)
                if why is None and last is not None and last.basis is not None and last.basis.lines is None:
                    why = "it had found too much to remember"
                if why is not None:
                    reasons[None] = f"shares its lines with {check.code}: {why}"
        for check in sharing:
            for scope in self.scopes[check.code]:
                if (check.code, scope) in self.why:
                    reasons.setdefault(
                        scope, f"shares its lines with {check.code}: {self.why[check.code, scope]}"
                    )
        for check in sharing:
            for scope in self.scopes[check.code]:
                why = reasons.get(None) or reasons.get(scope)
                if why is not None:
                    self.why.setdefault((check.code, scope), why)

    # -- between what is swept first and the rest

    def first(self) -> dict[str, Sequence[str]]:
        """What must have been swept before the lines of others can be told: check -> scopes."""
        tables = {self.probings[code].among.table for code, _ in self._open()}
        beside = [
            c for c in self.comparing.checks if c.code in self.swept and any(_shares(c, t) for t in tables)
        ]
        return {check.code: self.scopes[check.code] for check in beside}

    def _open(self) -> list[Place]:
        """The places that need not be compared in full."""
        return [
            (code, scope)
            for code in self.probings
            for scope in self.scopes[code]
            if (code, scope) not in self.why
        ]

    def narrow(self, found: Iterable[Discrepancy]) -> None:
        """Find the lines to probe; `found` is what was swept first. Where that is too much, everything is swept."""
        places = self._open()
        if not places:
            return
        checks = [self.probings[code] for code in dict.fromkeys(code for code, _ in places)]
        comparing = self.comparing
        columns = columns_read(comparing.catalog, comparing.records, [each.check for each in checks])
        narrowing = Narrowing(comparing.con, comparing.catalog, comparing.records, checks, columns)
        bases = [basis for place in places if (basis := self._basis(place)) is not None]
        seen = list({(each.seen.newest, each.seen.running): each.seen for each in bases}.values())
        try:
            asked, together = self._asked(checks, found)
            self.narrowed = narrowing.find(seen, self._spans(places), asked, together)
        except TooMuchError as error:
            self.why.update(dict.fromkeys(places, str(error)))

    def _basis(self, place: Place) -> Basis | None:
        last = self.known.last.get(place)
        return None if last is None else last.basis

    def _spans(self, places: Iterable[Place]) -> dict[str, Times]:
        """Per check and parameter the time from the earliest last judgement of any scope to the latest one now."""
        found: dict[str, dict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
        for place in places:
            basis = self._basis(place)
            for name, now in self._times[place].items():
                before = basis.times.get(name) if basis else None
                if now is not None and before is not None:
                    found[place[0]][name] += [before, now]
        return {c: {name: (min(at), max(at)) for name, at in of.items()} for c, of in found.items()}

    def _asked(
        self, checks: Sequence[Probing], found: Iterable[Discrepancy]
    ) -> tuple[dict[str, list[Line]], dict[str, list[list[Line]]]]:
        asked: dict[str, list[Line]] = defaultdict(list)
        together: dict[str, list[list[Line]]] = defaultdict(list)
        keys = {probing.check.code: LineKeys(self.comparing.catalog, probing) for probing in checks}
        for case in self.known.cases:
            if case.check in keys:
                table = self.probings[case.check].among.table
                lines = keys[case.check].of(case.entity, case.business_key)
                if case.asked:
                    asked[table] += lines
                elif len(lines) > 1:
                    together[table].append(lines)
        before = [
            line
            for (code, _), last in self.known.last.items()
            if code in self.swept and last.basis is not None
            for line in last.basis.lines or ()
        ]
        tables = {probing.among.table for probing in checks}
        for line in {*before, *(line for one in found for line in one.lines)}:
            kind, entity, *values = line.split("|")
            scope = "network" if entity == NETWORK_SCOPE else "entity"
            table = f"probed {scope} {kind} {len(values)}"
            if table in tables:
                asked[table].append((entity, *values))
            elif any(name.startswith(f"probed {scope} {kind} ") for name in tables):
                raise TooMuchError("a line cannot be told apart from its parts")
        return asked, together

    # -- after

    def within(self) -> frozenset[Place]:
        """The places in which only probed lines are compared."""
        return frozenset(self._open()) if self.narrowed is not None else frozenset()

    def untouched(self) -> frozenset[Place]:
        """Those of them in which nothing is probed."""
        narrowed = self.narrowed
        return frozenset(p for p in self.within() if narrowed is not None and not narrowed.probed(*p))

    def holds(self, check: Check, scope: str) -> Probed | None:
        """Tells of an exception whether it was probed; None: everything was."""
        if (check.code, scope) not in self.within():
            return None
        comparing = self.comparing
        return Probed(comparing.con, comparing.catalog, self.probings[check.code], scope)

    def held(self, place: Place, now: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
        """The keys that are held back: `now`, and before where nobody looked again. None was settled since."""
        basis, checks = self._basis(place), {check.code: check for check in self.comparing.checks}
        holds = self.holds(checks[place[0]], place[1])
        if basis is None or holds is None:
            return sorted(now)
        return sorted({*now, *(each for each in basis.held if not holds(each[1]))})

    def judged(
        self,
        place: Place,
        found: Sequence[Discrepancy],
        *,
        usable: bool,
        held: Iterable[tuple[str, str]] = (),
    ) -> Judged:
        """What is kept of a run; `usable`: the next one can build on it."""
        code, _ = place
        why, probed, last = self.why.get(place), 0, self._basis(place)
        if why is None and self.narrowed is not None:
            probed = self.narrowed.probed(*place)
        if not usable:
            return Judged(why, probed, None, len(list(held)))
        full_at = self.known.at if why is not None or last is None else last.full_at
        lines: tuple[str, ...] | None = ()
        if self._tells_others(code):
            of_found = {line for one in found for line in one.lines}
            lines = tuple(sorted(of_found)) if len(of_found) <= MOST_LINES else None
        times, kept = self._times.get(place, {}), tuple(held)
        basis = Basis(self.known.at, self.known.seen, times, full_at, VERSION, lines, kept)
        return Judged(why, probed, basis.written(), len(kept))

    def _tells_others(self, code: str) -> bool:
        """Whether a check is swept each time, and others share its lines."""
        tables = {probing.among.table for probing in self.probings.values()}
        return code in self.swept and any(
            _shares(check, table) for check in self.comparing.checks if check.code == code for table in tables
        )


def _shares(check: Check, table: str) -> bool:
    """Whether what a check finds can stand on lines of a table."""
    _, scope, kind, width = table.split(" ")
    if isinstance(check, MatchCheck):
        return (check.scope, check.line_type, str(len(check.line or check.key))) == (scope, kind, width)
    return isinstance(check, ClusterCheck) and check.line_type == kind and str(len(check.lines)) == width
