"""`tieout check why`: what is known of one key, and why a check raises something for it, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Check, ClusterCheck, MatchCheck, Sensitivity
from exceptions_app.catalog.sensitivity import is_open, of_cell, of_finding
from exceptions_app.domain.wording import plural
from exceptions_app.reconcile.why import AskedFinding, AskedLine, AskedPart, Operand
from exceptions_app.reconcile.why_rows import AskedRow, sensitivity
from exceptions_app.records.masking import HIDDEN
from exceptions_app.services.cause_keys import Missing

from ..flows import can_run, sides_of
from ..why import FeedStanding, Said, Why
from .why_outcome import Outcome, at

_VERDICTS = {True: "yes", False: "no", None: "unknown"}


def key_of(check: Check, values: Sequence[str]) -> dict[str, str]:
    """`PO-1 10`, `PO-1/10` or `order_number=PO-1 line_number=10`. Raises `click.BadParameter`."""
    names = list(check.key)
    named = dict(value.split("=", 1) for value in values if value.partition("=")[0] in names and "=" in value)
    if named and len(named) == len(values) and named.keys() == set(names):
        return {name: named[name] for name in names}
    if len(values) == 1 and len(names) > 1 and values[0].count("/") == len(names) - 1:
        values = values[0].split("/")
    if named or len(values) != len(names):
        raise click.BadParameter(
            f"the key of {check.code} is {' '.join(names)}: give a value for each, in this order"
        )
    return dict(zip(names, values, strict=True))


def tell(catalog: Catalog, why: Why) -> None:
    """All of it, from the rows to what became of them."""
    teller = _Teller(catalog, why)
    teller.check()
    for said in why.places:
        teller.place(said)
    if why.more:
        click.echo(
            f"\nand in {plural(why.more, 'further entity', 'further entities')}; name one with --entity"
        )
    if not why.places:
        click.echo(
            "\nno side holds a row with this key, under what a source wrote or what its crosswalk makes of it"
        )


class _Teller:
    def __init__(self, catalog: Catalog, why: Why) -> None:
        self.catalog, self.why, self.code = catalog, why, why.check
        self.known = Missing(catalog)

    def check(self) -> None:
        check = self.code
        click.echo(f"{check.code}: {check.title}")
        if not check.enabled:
            click.echo("it is switched off")
        if not can_run(self.catalog, check):
            unfed = [name for name, feeds in sides_of(self.catalog, check).items() if not feeds]
            click.echo(f"it does not run: no feed brings {', '.join(unfed) or 'a look-up that it needs'}")
        for feed in self.why.feeds:
            self.feed(feed)

    def feed(self, feed: FeedStanding) -> None:
        through = feed.facts.read_through
        read = f"read through {at(through)}" if through else "up to when it is read whole is not known"
        said = f"  feed {feed.feed}: {read}; its last run is {feed.facts.status}"
        if feed.state is not None and feed.state.paused_at:
            said += f"; paused since {at(feed.state.paused_at)}"
        if feed.state is not None and (out := feed.state.out_since or feed.state.failing_since):
            said += f"; failing since {at(out)}: {feed.state.last_error}"
        if not feed.facts.is_complete:
            said += ". Until it is complete nothing is found missing, and nothing closes"
        click.echo(said)

    def place(self, said: Said) -> None:
        key = " ".join(f"{name}={self._key(name, value)}" for name, value in said.key.items())
        where = "the network" if said.scope == "*" else said.scope
        click.echo(f"\n{key} in {where}")
        for side, rows in said.rows.items():
            click.echo(f"  {side}: {plural(len(rows), 'row') if rows else 'no row'}")
            for row in rows:
                self.row(side, row)
        if said.line is not None and isinstance(self.code, MatchCheck):
            self.line(self.code, said.line)
        Outcome(self.catalog, said).tell()

    def row(self, side: str, row: AskedRow) -> None:
        run = f"run {row.run_id}" if row.run_id is not None else "the configuration"
        times = f"changed {at(row.source_time)}, read {at(row.fetched_at)}"
        click.echo(f"    {row.system} {row.source_id}: {times}, by {run}")
        for one in row.translated:
            if not is_open(sensitivity(self.code, self.catalog, side, one.column)):
                continue
            if one.written != one.canonical:
                click.echo(f"      {one.column} '{one.written}' is compared as '{one.canonical}'")
            elif not self.known.knows(one.crosswalk, (row.system,), one.written):
                said = f"crosswalk {one.crosswalk} does not know it: it is compared as written"
                click.echo(f"      {one.column} '{one.written}': {said}")
        for part in row.left_out:
            operands = [
                (name, self._shown(value, sensitivity(self.code, self.catalog, side, name)))
                for name, value in part.operands
            ]
            click.echo(f"      left out: {self._said(part, operands)}")

    def line(self, check: MatchCheck, line: AskedLine) -> None:
        click.echo("  what is compared:")
        for side, columns in line.sides.items():
            for name, value in (columns or {}).items():
                click.echo(f"    {side}.{name} = {self._operand(f'{side}.{name}', value)}")
        for name, value in line.computed.items():
            click.echo(f"    {name} = {self._operand(name, value)}")
        click.echo("  what is asked:")
        for finding in line.findings:
            self.finding(check, finding)

    def finding(self, check: MatchCheck, asked: AskedFinding) -> None:
        title = self.catalog.categories[asked.finding.category].title
        click.echo(f"    {asked.finding.category} ({title}): {_VERDICTS[asked.holds]}")
        for part in asked.parts:
            operands = [(name, self._operand(name, value)) for name, value in part.operands]
            click.echo(f"      {self._said(part, operands, asked)}")
            if part.kind == "tolerance":
                self.tolerance(check, asked)

    def tolerance(self, check: MatchCheck, asked: AskedFinding) -> None:
        use = asked.finding.tolerance
        if use is None or asked.verdict is None:
            return
        figures = [use.difference, use.base, use.scale]
        hidden = not all(
            is_open(of_finding(check, self.catalog.record_types, text, figures)) for text in figures
        )
        limit = check.tolerances[use.name]
        given = [f"absolute {limit.absolute}" if limit.absolute is not None else ""]
        given += [f"{limit.percent} %" if limit.percent is not None else "", limit.currency or ""]
        general = f"{use.name}: {', '.join(filter(None, given)) or 'any difference'}"
        click.echo(
            f"        limit {general} ({limit.combine}); {HIDDEN if hidden else asked.verdict.sentence}"
        )
        for one in limit.scoped:
            facts = (f"{name} {' or '.join(values)}" for name, values in one.facts.items())
            who = ", ".join([*one.entity, *one.counterparty, *facts])
            until = f" until {at(one.until)}" if one.until else ""
            wider = ", ".join(filter(None, (
                f"absolute {one.absolute}" if one.absolute is not None else "",
                f"{one.percent} %" if one.percent is not None else "",
            )))  # fmt: skip
            click.echo(f"        wider for {who}{until}: {wider}; what is within it is not raised")

    def _said(self, part: AskedPart, operands: Iterable[Operand], asked: AskedFinding | None = None) -> str:
        values = ", ".join(f"{name} {f'= {value}' if value else 'is empty'}" for name, value in operands)
        because = f" ({values})" if values else ""
        return f"{_VERDICTS[part.holds]}: {_what(part, asked)}{because}"

    def _operand(self, name: str, value: str) -> str:
        check, types = self.code, self.catalog.record_types
        side, _, column = name.rpartition(".")
        if isinstance(check, ClusterCheck):
            return HIDDEN
        return self._shown(
            value, of_cell(check, types, side, column) if side else of_finding(check, types, name)
        )

    def _key(self, name: str, value: str) -> str:
        sides = [""] if isinstance(self.code, ClusterCheck) else list(self.code.sides)
        levels = [of_cell(self.code, self.catalog.record_types, side, name) for side in sides]
        return value if all(map(is_open, levels)) else HIDDEN

    def _shown(self, value: str, level: Sensitivity) -> str:
        return value if not value or is_open(level) else f"{HIDDEN} (hidden as {level} data)"


def _what(part: AskedPart, asked: AskedFinding | None) -> str:
    """One condition, in words."""
    since = at(asked.since) if asked else ""
    if part.kind == "waits":
        until = f"until {at(part.at)}" if part.at else "at all"
        if part.of.startswith(("settled_", "known_")):
            who = part.of.split("_", 1)[1]
            return f"{who} is read whole {until} (its lag taken off), and it has been so since {since}"
        return f"grace has passed: so since {since}, and that must be before {at(part.at)}"
    words = {
        "present": f"{part.of} has a row",
        "missing": f"{part.of} has no row",
        "tolerance": f"the difference is outside {part.of}",
        "fed": f"a feed brings {part.of}",
        "read": f"{part.of} has been read",
    }
    return words.get(part.kind, part.text)
