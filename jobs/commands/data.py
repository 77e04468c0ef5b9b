"""`tieout run`, `audit` and `export`: what an operator does by hand."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from exceptions_app.config import load_settings
from exceptions_app.domain import wording
from exceptions_app.domain.instant import utc_now
from exceptions_app.services import people, tasks
from exceptions_app.services.audit_erasure import ErasureError, erase
from exceptions_app.services.audit_verify import verify

from .. import logs, one_pass
from ..install import opened


@click.command()
def run() -> None:
    """One pass: read every feed, compare every flow, and say what came of it."""
    settings = load_settings()
    logs.configure("WARNING" if settings.log_level == "INFO" else settings.log_level)
    with opened(settings) as install:
        rows = one_pass.lines(one_pass.run(install))
    table(("what", "status", "figures", "error"), rows)
    sys.exit(0 if all(row[1] in {"complete", "done", "paused"} for row in rows) else 1)


@click.group()
def audit() -> None:
    """The trail."""


@audit.command("verify")
def verify_trail() -> None:
    """Prove that the trail is whole; ends with 1 where it is not."""
    with opened() as install, install.transaction() as session:
        problems = verify(session)
    for problem in problems:
        click.echo(str(problem), err=True)
    click.echo(
        "the trail is whole" if not problems else f"{wording.plural(len(problems), 'problem')} in the trail"
    )
    sys.exit(1 if problems else 0)


@audit.command("erase")
@click.argument("event", type=int, nargs=-1, required=True)
@click.option("--reason", required=True, help="why, for the trail")
def erase_payloads(event: tuple[int, ...], reason: str) -> None:
    """Erase what the EVENTs say (before, after, why); that they happened stays, and who erased it."""
    with opened() as install, install.transaction() as session:
        try:
            gone = erase(session, event, actor="system:cli", at=utc_now(), why=reason)
        except ErasureError as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"{wording.plural(gone, 'payload')} erased")


@click.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--as", "email", required=True, help="the person whose queues, entities and time zone hold")
@click.option("--queue", multiple=True)
@click.option("--entity", multiple=True)
@click.option("--status", default="live", show_default=True, help="live, any, or one status")
def export(path: Path, email: str, queue: tuple[str, ...], entity: tuple[str, ...], status: str) -> None:
    """Write exceptions to the workbook PATH, as a person may see them."""
    with opened() as install:
        wanted = {"queue": list(queue), "entity": list(entity), "status": status}
        with install.transaction() as session:
            person = people.user_by_email(session, email)
            if person is None:
                raise click.ClickException(f"{email} is no account")
            asked = tasks.request(
                session, "export", f"export:command:{utc_now().isoformat()}",
                {"filter": wanted, "user_id": person.id}, person.id, utc_now(), always=True,
            )  # fmt: skip
        done = one_pass.see_through(install, "export", [asked.id])[0]
        if done.status != "done":
            raise click.ClickException(done.error or done.status)
        rows = one_pass.result_of(done)
        shutil.copyfile(install.runtime.exports / rows["file"], path)
    click.echo(f"{path}: {wording.plural(rows['rows'], 'row')}")


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as what they hold, the last one as long as it likes."""
    widths = [max(len(str(row[i])) for row in [titles, *rows]) for i in range(len(titles) - 1)]
    for row in [titles, *rows]:
        head = "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=False))
        click.echo(f"{head}  {row[-1]}".rstrip())


COMMANDS = (run, audit, export)
