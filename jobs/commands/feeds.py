"""`tieout feed …`: where feeds stand, what they refused, and reading one from its beginning."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

import click
from sqlalchemy import select

from exceptions_app.catalog.schema import Feed
from exceptions_app.config import load_settings
from exceptions_app.domain import wording
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import FeedState, Reject
from exceptions_app.records.looked_up import look_ups
from exceptions_app.records.reading import UnfinishedRuns
from exceptions_app.runtime import Runtime, make_runtime
from exceptions_app.services import again, feed_states, runs
from exceptions_app.services.again import AgainRefusedError, Wish

from .. import feed_preview, one_pass
from ..install import opened
from .data import table

_OPERATOR = "system:operator"
_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]


@click.group()
def feed() -> None:
    """Feeds: how records come from systems."""


@feed.command("list")
def list_feeds() -> None:
    """Every feed, and where it stands."""
    with opened() as install, install.transaction() as session:
        states = {state.feed: state for state in session.scalars(select(FeedState))}
        rows = []
        for code, declared in install.runtime.catalog.feeds.items():
            state = states.get(code)
            read = (
                wording.instant(state.read_through) + " UTC" if state and state.read_through else "never read"
            )
            failing = state.last_error if state and state.consecutive_failures else ""
            if state and state.paused_at:
                failing = f"paused since {wording.instant(state.paused_at)} UTC: {state.paused_why}"
            rows.append(
                (code, declared.system, f"every {wording.duration(declared.every)}", read, failing or "")
            )
    table(("feed", "system", "schedule", "read through", "error"), rows)


@feed.command("rejects")
@click.argument("code")
@click.option("--most", default=50, show_default=True, help="how many, the newest first")
def list_rejects(code: str, most: int) -> None:
    """Rows of a feed that were refused: where they stood, and why."""
    with opened() as install, install.transaction() as session:
        _known(install.runtime.catalog.feeds, code)
        newest = select(Reject).where(Reject.feed == code).order_by(Reject.id.desc()).limit(most)
        rows = [
            (r.position, r.column_name or "", "open" if r.ended_at is None else "settled", r.reason)
            for r in session.scalars(newest)
        ]
    table(("position", "column", "state", "reason"), rows)


@feed.command("preview")
@click.argument("code")
@click.option(
    "--rows",
    default=feed_preview.ROWS,
    show_default=True,
    type=click.IntRange(1, feed_preview.MOST),
    help="how many",
)
@click.option(
    "--plain", is_flag=True, help="show fields that no mapping names as they are, not only their shape"
)
def preview(code: str, rows: int, plain: bool) -> None:
    """The first rows of a feed, raw and mapped, with rejects. Nothing is stored, no file is moved."""
    runtime = make_runtime(load_settings())
    _known(runtime.catalog.feeds, code)
    found = feed_preview.preview(runtime, code, _unfinished(runtime, code), rows, plain=plain)
    unused = [each["name"] for each in found["fields"] if not each["feeds"]]
    for row in found["rows"]:
        click.echo(
            f"{row['position']}: {_OUTCOMES[row['outcome']]}{': ' if row['reason'] else ''}{row['reason']}"
        )
        for title, values in (("raw", row["raw"]), ("mapped", row["mapped"])):
            if values:
                click.echo(
                    f"  {title:7}" + ", ".join(f"{name}={_shown(value)}" for name, value in values.items())
                )
    if unused:
        shape = (
            "" if plain else " (shown by their shape, 9 for a digit and x for a letter; --plain shows them)"
        )
        click.echo(f"not stored, since no mapping names them: {', '.join(unused)}{shape}")
    for said in found["words"]:
        click.echo(f"unknown word: {said}")
    if found["note"]:
        click.echo(found["note"])
    counts = Counter(_OUTCOMES[row["outcome"]] for row in found["rows"])
    said = ", ".join(f"{count} {what}" for what, count in counts.items()) or "no rows"
    click.echo(f"{said}{'; there may be more' if found['more'] else ''}; nothing was stored")
    if found["error"]:
        raise click.ClickException(found["error"])


def _unfinished(runtime: Runtime, code: str) -> UnfinishedRuns:
    """Which runs' records are not to be seen; the database is opened only where the mapping looks records up."""
    if not any(look_ups(runtime.catalog.feeds[code])):
        return UnfinishedRuns(0)
    with opened() as install, install.transaction() as session:
        return runs.unfinished(session)


_OUTCOMES = {
    "stored": "would be stored", "deleted": "would be deleted", "rejected": "would be rejected",
    "unreadable": "cannot be read", "repeated": "repeats another row", "left_out": "left out",
    "unmapped": "cannot be mapped",
}  # fmt: skip


def _shown(value: str | None) -> str:
    return "–" if value is None else value.replace("\r", "\\r").replace("\n", "\\n")


@feed.command("reread")
@click.argument("code")
def reread(code: str) -> None:
    """Let the next run read a feed from its beginning, as after a corrected mapping."""
    with opened() as install, install.transaction() as session:
        _known(install.runtime.catalog.feeds, code)
        feed_states.read_again(session, code, by=_OPERATOR, now=utc_now())
    click.echo(f"the next run reads {code} from its beginning; files that it archived must be put back")


@feed.command("pause")
@click.argument("code")
@click.option("--why", required=True, help="stays in the feed's trail")
def pause(code: str, why: str) -> None:
    """Read nothing of a feed until it is resumed. Events that come are kept, and taken then."""
    with opened() as install, install.transaction() as session:
        _known(install.runtime.catalog.feeds, code)
        done = feed_states.pause(session, code, why, by=_OPERATOR, now=utc_now())
    click.echo(f"{code} is paused" if done else f"{code} was paused already; nothing was changed")


@feed.command("resume")
@click.argument("code")
def resume(code: str) -> None:
    """Read a paused feed again, as its schedule says."""
    with opened() as install, install.transaction() as session:
        _known(install.runtime.catalog.feeds, code)
        done = feed_states.resume(session, code, by=_OPERATOR, now=utc_now())
    click.echo(f"{code} is read again" if done else f"{code} was not paused; nothing was changed")


@feed.command("backfill")
@click.argument("code")
@click.option("--from", "since", required=True, type=click.DateTime(_MOMENTS), help="UTC, from then on")
@click.option("--to", "until", type=click.DateTime(_MOMENTS), help="UTC, before then; default: now")
def backfill(code: str, since: datetime, until: datetime | None) -> None:
    """Read again what changed in a range of dates. Proves nothing absent; the feed goes on from where it stands."""
    until = None if until is None else until.replace(tzinfo=UTC)
    _again(code, Wish(since=since.replace(tzinfo=UTC), until=until))


@feed.command("replay")
@click.argument("code")
@click.option("--run", "run_id", type=int, help="what this run read")
@click.option("--file", "name", help="this file of the archive, and those after it")
def replay(code: str, run_id: int | None, name: str | None) -> None:
    """Read again what a run read, or a file. The feed goes on from where it stands."""
    if (run_id is None) == (name is None):
        raise click.UsageError("give either --run or --file")
    _again(code, Wish(run=run_id, file=name or ""))


def _again(code: str, wish: Wish) -> None:
    with opened() as install:
        catalog = install.runtime.catalog
        _known(catalog.feeds, code)
        try:
            with install.transaction() as session:
                task = again.ask(session, catalog, code, wish, by=_OPERATOR, person=None, now=utc_now())
        except AgainRefusedError as error:
            raise click.ClickException(str(error)) from error
        rows = one_pass.lines(one_pass.see_through(install, again.KIND, [task.id]))
    table(("what", "status", "figures", "error"), rows)
    sys.exit(0 if all(row[1] == "complete" for row in rows) else 1)


def _known(feeds: Mapping[str, Feed], code: str) -> None:
    if code not in feeds:
        raise click.BadParameter(f"no feed {code!r}; known are {', '.join(sorted(feeds))}")


COMMANDS = (feed,)
