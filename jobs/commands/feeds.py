"""`tieout feed …`: where feeds stand, what they refused, and reading one from its beginning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import click
from sqlalchemy import select

from exceptions_app.catalog.schema import Feed
from exceptions_app.config import load_settings
from exceptions_app.domain import wording
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import FeedState, Reject
from exceptions_app.runtime import make_runtime
from exceptions_app.services import runs

from .. import feed_preview
from ..install import opened
from .data import table


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
    settings = load_settings()
    runtime = make_runtime(settings)
    _known(runtime.catalog.feeds, code)
    found = feed_preview.preview(settings, runtime.catalog, code, rows, plain=plain)
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
    counts = Counter(_OUTCOMES[row["outcome"]] for row in found["rows"])
    said = ", ".join(f"{count} {what}" for what, count in counts.items()) or "no rows"
    click.echo(f"{said}{'; there may be more' if found['more'] else ''}; nothing was stored")
    if found["error"]:
        raise click.ClickException(found["error"])


_OUTCOMES = {
    "stored": "would be stored", "deleted": "would be deleted", "rejected": "would be rejected",
    "unreadable": "cannot be read", "repeated": "repeats another row", "left_out": "left out",
    "unmapped": "cannot be mapped",
}  # fmt: skip


def _shown(value: str | None) -> str:
    return "–" if value is None else value


@feed.command("reread")
@click.argument("code")
def reread(code: str) -> None:
    """Let the next run read a feed from its beginning, as after a corrected mapping."""
    with opened() as install, install.transaction() as session:
        _known(install.runtime.catalog.feeds, code)
        runs.read_again(session, code, by="system:operator", now=utc_now())
    click.echo(f"the next run reads {code} from its beginning; files that it archived must be put back")


def _known(feeds: Mapping[str, Feed], code: str) -> None:
    if code not in feeds:
        raise click.BadParameter(f"no feed {code!r}; known are {', '.join(sorted(feeds))}")


COMMANDS = (feed,)
