"""What comes of a key that was asked about: what is found, what is held back, the exceptions, the newest run."""

from __future__ import annotations

import json
from datetime import datetime

import click

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id, wording
from exceptions_app.models import CheckRun, ExceptionCase
from exceptions_app.services.figures import said_of

from ..why import Said


class Outcome:
    """Of one key in one scope."""

    def __init__(self, catalog: Catalog, said: Said) -> None:
        self.catalog, self.said = catalog, said

    def tell(self) -> None:
        """All of it."""
        said = self.said
        click.echo("  what comes of it:")
        if said.error:
            click.echo(f"    the check breaks: {said.error}")
        elif not said.found:
            click.echo(f"    the comparison finds nothing{self._not_found()}")
        for one in said.found:
            click.echo(
                f"    found: {one.category}, {said_of(self.catalog, one.category, json.loads(one.facts))}"
            )
        for held in said.held:
            click.echo(f"    not judged, so that nothing opens, changes or closes: {held}")
        if said.storm is not None and said.storm.state == "held":
            click.echo(f"    the check is held here since {at(said.storm.last_at)}: see Integration, Storms")
        for case in said.cases:
            self._case(case)
        for case in said.beside:
            self._beside(case)
        if said.last is None:
            click.echo("    the check has not run here yet")
        else:
            self._last(said.last)

    def _not_found(self) -> str:
        """What the statement would raise and a wider limit takes back."""
        said = self.said
        raised = [one.finding.category for one in said.line.findings if one.holds] if said.line else []
        if raised:
            return f": {', '.join(raised)} is within a wider limit, or says the same as an earlier finding"
        return "" if any(said.rows.values()) else ": nobody has the key"

    def _case(self, case: ExceptionCase) -> None:
        state = case.status.replace("_", " ")
        if case.status == "waived" and case.waiver_expires_at:
            state += f" until {at(case.waiver_expires_at)}"
        if case.end_reason:
            state += f" ({case.end_reason.replace('_', ' ')})"
        hold = f", on hold: {case.hold_reason}" if case.on_hold else ""
        click.echo(
            f"    {public_id.encode(case.id)} {case.category}: {state}, first seen {at(case.first_seen_at)}{hold}"
        )
        parent = self.said.parents.get(case.parent_id or 0)
        if parent is not None:
            click.echo(f"      follows from {public_id.encode(parent.id)}: {parent.sentence}")

    def _beside(self, case: ExceptionCase) -> None:
        def weight(category: str) -> tuple[int, str]:
            known = self.catalog.categories.get(category)
            return (known.rank if known else 1 << 30), category

        wins = any(weight(case.category) < weight(one.category) for one in self.said.found)
        what = "on the same line, and more specific: it takes its place" if wins else "on the same line"
        click.echo(f"    {public_id.encode(case.id)} {case.category} ({case.check_code}): {what}")

    def _last(self, last: CheckRun) -> None:
        click.echo(f"    the check ran here last at {at(last.started_at)}: {last.status}, {last.mode}")
        read = [row.fetched_at for rows in self.said.rows.values() for row in rows if row.fetched_at]
        if read and max(read) > last.started_at:
            click.echo("      rows above are newer than that: the next run compares them")


def at(value: datetime | None) -> str:
    """An instant in UTC."""
    return f"{wording.instant(value)} UTC" if value is not None else "an unknown time"
