"""Holds the runs of a comparison that would open far more than their history, before anything is taken in.

Elsewhere nothing changes for their sake: on a line that a held run speaks about, what is open stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from exceptions_app.catalog.schema import Check
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.services import storms
from exceptions_app.services.intake import RunFacts
from exceptions_app.services.live_lines import LiveLine, live_lines
from exceptions_app.services.storms import Excess

from .comparing import Comparing
from .findings import Findings, Place
from .work import Work


def held_runs(
    work: Work,
    checks: Sequence[Check],
    scopes: Mapping[str, Sequence[str]],
    findings: Findings,
    facts_of: Callable[[Check, str], RunFacts],
) -> dict[Place, Excess]:
    """The places whose runs must not be taken in now."""
    held: dict[Place, Excess] = {}
    with work.reading() as session:
        live = storms.live(session)
        for check in checks:
            for scope in scopes[check.code] if check.code not in findings.errors else ():
                place = (check.code, scope)
                found = findings.primary.get(place, [])
                facts = facts_of(check, scope)
                excess = storms.weigh(session, work.context(), check, facts, found, live.get(place))
                if excess is not None:
                    held[place] = excess
    return held


def set_aside(work: Work, comparing: Comparing, findings: Findings, held: Mapping[Place, Excess]) -> None:
    """Leave the lines alone that held runs speak about."""
    with work.reading() as session:
        live = live_lines(session, [check.code for check in comparing.checks])

    def is_held(one: LiveLine) -> bool:
        return (one.check, one.entity) in held or (one.check, NETWORK_SCOPE) in held

    comparing.choosing.set_aside(findings, held, live)
    comparing.choosing.hold_back(findings, live, is_held)


def end_those_gone(work: Work, flow: str, scopes: Mapping[str, Sequence[str]]) -> None:
    """What was held of a check or a scope that is not compared any more is over."""
    catalog = work.runtime.catalog
    with work.reading() as session:
        gone = [
            (code, scope)
            for code, scope in storms.live(session)
            if (scope not in scopes[code] if code in scopes else not _runs_elsewhere(catalog.checks.get(code), flow))
        ]  # fmt: skip
    for code, scope in gone:
        context = work.context()
        with work.transaction() as session:
            storms.passed(session, context, code, scope, storms.GONE)


def _runs_elsewhere(check: Check | None, flow: str) -> bool:
    return check is not None and check.enabled and check.flow != flow
