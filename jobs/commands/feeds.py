"""`tieout feed …`: where feeds stand, what they refused, and reading one from its beginning."""

from __future__ import annotations

from collections.abc import Mapping

import click
from sqlalchemy import select

from exceptions_app.catalog.schema import Feed
from exceptions_app.domain import wording
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import FeedState, Reject
from exceptions_app.services import runs

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
        rows = [(r.position, r.column_name or "", r.reason) for r in session.scalars(newest)]
    table(("position", "column", "reason"), rows)


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
