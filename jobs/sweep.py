"""Moves service-level clocks on: due soon, breached, holds that ended. Only rows whose time has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from exceptions_app.services.sweep import SweepCounts, sweep

from .work import Work


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `sweep` tasks: in portions, each committed, until nothing is due."""
    total: dict[str, int] = {}
    while True:
        context = work.context()
        with work.transaction() as session:
            counts = sweep(session, context)
        for field in fields(SweepCounts):
            if field.name != "more":
                total[field.name] = total.get(field.name, 0) + getattr(counts, field.name)
        if not counts.more:
            return total
        work.go_on()
