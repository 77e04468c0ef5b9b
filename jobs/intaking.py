"""Runs the intake of one scope: plans it in a reading transaction, applies it in chunks, each committed."""

from __future__ import annotations

from collections.abc import Iterable

from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.milestones import reached
from exceptions_app.services import intake
from exceptions_app.services.intake import IntakeCounts, Probe, RunFacts

from .work import Work


def take_in(work: Work, facts: RunFacts, found: Iterable[Discrepancy], probe: Probe) -> IntakeCounts:
    """What was found in one scope becomes exceptions. Killed in between, the next run does the rest."""
    with work.reading() as session:
        plan = intake.plan(session, work.context(), facts, found, probe)
    counts = plan.counts
    for chunk in plan.chunks():
        work.go_on()
        with work.transaction() as session:
            counts = counts + intake.apply(session, work.context(), chunk)
        reached("intake.chunk")
    return counts
