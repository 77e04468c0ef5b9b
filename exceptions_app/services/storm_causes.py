"""The likely causes of a storm: a changed configuration, a feed that brought something odd, what is in common."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy
from exceptions_app.domain.storms import shared
from exceptions_app.domain.wording import number, plural
from exceptions_app.models import CheckRun, SyncRun

from .intake_facts import RunFacts
from .runs import COMPLETE, FeedFacts

_TWICE = 2


def causes_of(
    session: Session, catalog: Catalog, run: RunFacts, feeds: Iterable[FeedFacts], opening: Sequence[Discrepancy]
) -> list[dict[str, Any]]:  # fmt: skip
    """The likeliest first. Each has a `kind`: configuration, feed (`odd` or not), shared."""
    changed = [{"kind": "configuration"}] if run.check_changed else []
    came = _feeds(session, run, feeds, len(opening))
    own = {"entity"} if run.scope != NETWORK_SCOPE else set()
    if len({category for each in [catalog.checks.get(run.check)] if each for category in _raised(each)}) == 1:
        own.add("category")
    common = [
        {"kind": "shared", "of": len(opening), **asdict(one)}
        for one in shared(opening)
        if one.attribute not in own
    ]
    odd = [each for each in came if each["odd"]]
    return [*changed, *odd, *common, *(each for each in came if not each["odd"])]


def in_words(catalog: Catalog, cause: dict[str, Any]) -> str:
    """One cause as a sentence."""
    match cause["kind"]:
        case "configuration":
            return "The check, or a conversion that it uses, was changed since its last complete run."
        case "feed":
            feed = catalog.feeds.get(cause["feed"])
            name = (feed.title if feed else "") or cause["feed"]
            before = "" if cause["before"] is None else f", the run before {number(cause['before'])}"
            gone = f", and {number(cause['deleted'])} were gone from the source" if cause["deleted"] else ""
            return f"{name}: run {cause['run']} read {plural(cause['read'], 'row')}{before}{gone}."
        case _:
            return f"{number(cause['count'])} of {number(cause['of'])} {_what(catalog, cause)}."


def _what(catalog: Catalog, cause: dict[str, Any]) -> str:
    value = str(cause["value"])
    match cause["attribute"]:
        case "category":
            known = catalog.categories.get(value)
            return f"are “{known.title if known else value}”"
        case "entity":
            place = catalog.entities.get(value)
            return f"are of {place.name if place else value}"
        case "counterparty":
            return f"are with {value}"
        case _:
            return f"have been so since {value}"


def _raised(check: Any) -> set[str]:
    findings = getattr(check, "findings", None)
    return {finding.category for finding in findings} if findings else {check.category}


def _feeds(session: Session, run: RunFacts, feeds: Iterable[FeedFacts], opening: int) -> list[dict[str, Any]]:
    """The feeds that were read since the last complete run of the check."""
    newest = (
        select(CheckRun.sides)
        .where(CheckRun.check_code == run.check, CheckRun.scope == run.scope, CheckRun.status == COMPLETE)
        .order_by(CheckRun.id.desc())
        .limit(1)
    )
    seen = {feed: side.get("run_id") for feed, side in json.loads(session.scalar(newest) or "{}").items()}
    fresh = [fact for fact in feeds if fact.run_id is not None and seen.get(fact.feed) != fact.run_id]
    wanted = {fact.run_id for fact in fresh} | {seen[fact.feed] for fact in fresh if seen.get(fact.feed)}
    rows = {row.id: row for row in session.scalars(select(SyncRun).where(SyncRun.id.in_(wanted)))}
    return [
        _feed(rows[fact.run_id], rows.get(seen.get(fact.feed) or 0), opening)
        for fact in fresh
        if fact.run_id in rows
    ]


def _feed(now: SyncRun, before: SyncRun | None, opening: int) -> dict[str, Any]:
    was = None if before is None else before.rows_read
    other = was is not None and (now.rows_read * _TWICE < was or was * _TWICE < now.rows_read)
    return {
        "kind": "feed", "feed": now.feed, "run": now.id, "read": now.rows_read, "before": was,
        "deleted": now.rows_deleted, "odd": bool(other or (now.rows_deleted and now.rows_deleted * _TWICE >= opening)),
    }  # fmt: skip
