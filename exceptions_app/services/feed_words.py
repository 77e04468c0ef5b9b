"""Words that no list knows, in what a feed has brought: one exception per column and word, with the rows it concerns.

Kept with the feed's fields: whoever compares asks which feeds have any. Flushes, never commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog, canonical
from exceptions_app.catalog.schema import Feed
from exceptions_app.domain.discrepancy import Discrepancy
from exceptions_app.domain.fingerprint import evidence_hash
from exceptions_app.domain.wording import plural
from exceptions_app.models import FeedFields, SyncRun
from exceptions_app.records.words import UnknownWord, meant

from . import feed_fields, incidents
from .context import ActionContext
from .figures import tell_figures
from .runs import COMPLETE, PULL

WORDS_CHECK = "integration.words"


def look_again(session: Session, feed: str, run_id: int) -> bool:
    """Whether what is stored must be looked at, whatever this run brings: words were unknown, the configuration may
    have changed what is known, or the run before did not look.
    """
    kept = session.get(FeedFields, feed)
    if kept is not None and feed_fields.words_of(kept):
        return True
    runs = select(SyncRun.status, SyncRun.kind, SyncRun.config_snapshot_id).where(SyncRun.feed == feed)
    now = session.execute(runs.where(SyncRun.id == run_id)).one()
    before = session.execute(runs.where(SyncRun.id < run_id).order_by(SyncRun.id.desc()).limit(1)).first()
    return before is not None and (before[0] != COMPLETE or before[1] == PULL or before[2] != now[2])


def feeds_with_unknown(session: Session, feeds: Iterable[str]) -> list[str]:
    """Those of which words were unknown when they were last read."""
    rows = session.scalars(
        select(FeedFields).where(FeedFields.feed.in_(list(feeds)), FeedFields.drift != "[]")
    )
    return sorted(kept.feed for kept in rows if feed_fields.words_of(kept))


def tell(session: Session, ctx: ActionContext, feed: Feed, words: Sequence[UnknownWord]) -> None:
    """These are unknown now; what was, and is no more, agrees now. The rows of each are counted anew."""
    if feed_fields.note_words(session, feed.code, words, ctx.now):
        found = [_found(ctx, feed, one) for one in words]
        incidents.report(session, ctx, WORDS_CHECK, feed.code, found)
        tell_figures(session, ctx, found)


def _found(ctx: ActionContext, feed: Feed, one: UnknownWord) -> Discrepancy:
    key = {"feed": feed.code, "column": one.column, "word": one.word}
    facts = {
        "feed": feed.title or feed.code,
        "column": label_of(ctx.catalog, feed, one.column),
        "word": one.shown,
        "rows": plural(one.rows, "row"),
        "meant": meant(ctx.catalog, feed, one),
    }
    found = incidents.incident(WORDS_CHECK, "unknown_word", feed.code, key, facts, ctx.now, feed.system)
    return found._replace(evidence_hash=evidence_hash(canonical(key)))


def label_of(catalog: Catalog, feed: Feed, column: str) -> str:
    """What people call a column of a feed."""
    return catalog.record_types[feed.record_type].columns[column].label or column
