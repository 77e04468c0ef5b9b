"""`tieout check …`: what a changed or a new check would open and clear, and why one says something of a key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import wording
from exceptions_app.domain.instant import from_iso
from exceptions_app.domain.money import from_e4
from exceptions_app.runtime import Runtime
from exceptions_app.services.engine import reading

from .. import try_out, twice
from .. import why as reasons
from ..install import Install, opened
from . import why as told
from .data import table

SHOWN = 10


@dataclass(frozen=True)
class _Command:
    """A command that compares; it holds no lease, and nobody stops it but who runs it."""

    install: Install

    @property
    def runtime(self) -> Runtime:
        return self.install.runtime

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with Session(self.install.engine, expire_on_commit=False) as session:
            yield reading(session)

    def go_on(self) -> None:
        """Nothing asks it to stop."""


@click.group()
def check() -> None:
    """Checks: what is compared."""


@check.command("try")
@click.argument("code")
@click.option(
    "--catalog",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="a configuration beside the one in force; without it, all that the check finds is told",
)
@click.option(
    "--days", default=0, type=click.IntRange(0, try_out.MOST_DAYS), help="so many days back, where kept"
)
def try_check(code: str, directory: Path | None, days: int) -> None:
    """What check CODE would open and clear now. Nothing is taken in, and nothing is put in force."""
    with opened() as install:
        look = _Command(install)
        now = look.runtime.catalog
        after = now if directory is None else try_out.candidate(look, directory)
        if code not in after.checks:
            raise click.BadParameter(f"no check {code!r}; known are {', '.join(sorted(after.checks))}")
        after = _switched(after, code, on=True)
        before = _switched(now, code, on=False) if directory is None else now
        flow = after.checks[code].flow
        differs = twice.difference(*twice.both(look, before, after, [flow]), after)
        told = twice.told(look, after, differs)
        already = twice.live_cases(look, differs.new)["count"]
        earlier = try_out.days_before(look, after, [flow], days, before)
    _print(after, told, already)
    _print_days(earlier)


@check.command("why")
@click.argument("code")
@click.argument("key", nargs=-1, required=True)
@click.option("--entity", help="in this entity alone; without it, wherever the key is known")
def why_check(code: str, key: tuple[str, ...], entity: str | None) -> None:
    """Why check CODE raises something for KEY, or nothing: its rows, what is compared, and what came of it. Values that
    not everybody may read are hidden.
    """
    with opened() as install:
        look = _Command(install)
        catalog = look.runtime.catalog
        if code not in catalog.checks:
            raise click.BadParameter(f"no check {code!r}; known are {', '.join(sorted(catalog.checks))}")
        if entity is not None and entity not in catalog.entities:
            raise click.BadParameter(f"no entity {entity!r}; known are {', '.join(sorted(catalog.entities))}")
        asked = catalog.checks[code]
        told.tell(catalog, reasons.why(look, asked, told.key_of(asked, key), entity))


def _switched(catalog: Catalog, code: str, *, on: bool) -> Catalog:
    """The configuration with one check switched on or off."""
    known = catalog.checks.get(code)
    if known is None or known.enabled == on:
        return catalog
    return replace(catalog, checks={**catalog.checks, code: known.model_copy(update={"enabled": on})})


def _print(catalog: Catalog, told: dict[str, Any], already: int) -> None:
    currency = catalog.site.reporting_currency
    for what, title in (("open", "would open"), ("clear", "would clear"), ("change", "would change")):
        worth = wording.money(from_e4(told[what]["worth_e4"]), currency)
        known = f", {already:,} of them open already" if what == "open" and already else ""
        click.echo(f"{title} {told[what]['count']:,} worth {worth}{known}")
        for category, count in sorted(told[what]["by_category"].items()):
            click.echo(f"  {category}: {count:,}")
    for row in told["open"]["sample"][:SHOWN]:
        click.echo(f"  {row['reference']}  {row['sentence']}")
    for why in told["partial"].values():
        click.echo(f"nothing is said of what it finds: {why}")
    click.echo("nothing was taken in, and nothing is in force")


def _print_days(days: list[dict[str, Any]]) -> None:
    if days:
        rows = [
            (wording.day(from_iso(each["at"]).date()), "", "", each["missing"])
            if each["missing"]
            else (wording.day(from_iso(each["at"]).date()), f"{each['more']:,}", f"{each['fewer']:,}", "")
            for each in days
        ]
        table(("day", "more", "fewer", ""), rows)


COMMANDS = (check,)
