"""Why a check raises something for a key, or nothing: what its sides hold, what the comparison makes of it, and what
became of that. Takes nothing in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from duckdb import DuckDBPyConnection
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog, canonical
from exceptions_app.catalog.schema import Check, ClusterCheck, MatchCheck
from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy
from exceptions_app.domain.instant import utc_now
from exceptions_app.duck import closing_session
from exceptions_app.models import CheckRun, ExceptionCase, FeedState, Reject, Storm
from exceptions_app.reconcile.engine import run_check
from exceptions_app.reconcile.errors import CheckError
from exceptions_app.reconcile.why import AskedLine, ask, explains
from exceptions_app.reconcile.why_rows import AskedRow, rows
from exceptions_app.records.known import OpenReject
from exceptions_app.services import feed_words, rejects, runs, storms
from exceptions_app.services.runs import FeedFacts

from . import words
from .flows import Standing, feeds_of, record_types_of, sides_of, standing
from .judged_at import JudgedAt
from .scope_views import ScopeViews
from .twice import Looking
from .unjudged import unjudged_keys

_LIVE = ("open", "awaiting_confirmation", "waived")
_PLACES = 5
_TRIED = 200
Key = Mapping[str, str]


@dataclass(slots=True)
class Said:
    """What is known of one key in one scope. `line` None: no side has it, or the check is not asked part by part."""

    scope: str
    key: Key
    rows: Mapping[str, Sequence[AskedRow]] = field(default_factory=dict)
    line: AskedLine | None = None
    found: Sequence[Discrepancy] = ()
    error: str = ""
    held: Sequence[str] = ()
    """Why the key is not judged."""
    cases: Sequence[ExceptionCase] = ()
    """Of this check and key, the newest first."""
    parents: Mapping[int, ExceptionCase] = field(default_factory=dict)
    beside: Sequence[ExceptionCase] = ()
    """Live exceptions of others on the same transaction line."""
    storm: Storm | None = None
    last: CheckRun | None = None


@dataclass(frozen=True, slots=True)
class FeedStanding:
    """How a feed behind the check stands."""

    feed: str
    facts: FeedFacts
    state: FeedState | None


@dataclass(slots=True)
class Why:
    """All that was found out; `places` is empty where nobody knows the key and no entity was named."""

    check: Check
    standing: Standing
    feeds: Sequence[FeedStanding]
    now: datetime
    places: Sequence[Said]
    more: int = 0


def why(look: Looking, check: Check, key: Key, entity: str | None) -> Why:
    """Of a key whose values are as a source wrote them or as they are meant, in one entity or wherever it is known."""
    catalog, settings, now = look.runtime.catalog, look.runtime.settings, utc_now()
    feeds = list(dict.fromkeys(feeds_of(catalog, [check])))
    with look.reading() as session:
        missing = rejects.holding(session, feeds)
        unfinished, facts = runs.unfinished(session), runs.facts_of(session, feeds)
        unknown = feed_words.feeds_with_unknown(session, feeds)
        states = {
            one.feed: one for one in session.scalars(select(FeedState).where(FeedState.feed.in_(feeds)))
        }
    found = Why(
        check,
        standing(catalog, check, facts),
        [FeedStanding(f, facts[f], states.get(f)) for f in feeds],
        now,
        [],
    )
    with closing_session(settings.duck_memory, settings.duck_threads) as con:
        records = look.runtime.store.snapshot(con, sorted(record_types_of(check)), unfinished)
        views = ScopeViews(con, records, catalog)
        views.show([NETWORK_SCOPE])
        places = _places(con, catalog, check, key, entity)
        found.more = max(0, len(places) - _PLACES)
        missing += words.rows_held(con, catalog, [check], records, unknown)
        views.keep_network()
        found.places = [
            _said(look, con, views, found, scope, meant, missing) for scope, meant in places[:_PLACES]
        ]
    return found


def _places(
    con: DuckDBPyConnection, catalog: Catalog, check: Check, key: Key, entity: str | None
) -> list[tuple[str, Key]]:
    """Where the key is compared, and what it is there, as it is meant."""
    by_entity = isinstance(check, MatchCheck) and check.scope == "entity"
    found: dict[tuple[str, str], Key] = {}
    everywhere: dict[str, Key] = {}
    for side in sides_of(catalog, check):
        for row in rows(con, check, catalog, side, key):
            if not by_entity:
                found[NETWORK_SCOPE, canonical(row.key)] = row.key
            elif row.entity:
                found[row.entity, canonical(row.key)] = row.key
            else:
                everywhere[canonical(row.key)] = row.key
    if by_entity and entity is not None:
        wanted = [(scope, one) for (scope, _), one in found.items() if scope == entity]
        return wanted or [(entity, one) for one in everywhere.values()] or [(entity, key)]
    if not found and not by_entity:
        return [(NETWORK_SCOPE, key)]
    return [(scope, one) for (scope, _), one in sorted(found.items())]


def _said(
    look: Looking, con: DuckDBPyConnection, views: ScopeViews, why: Why, scope: str, key: Key,
    missing: Sequence[OpenReject],
) -> Said:  # fmt: skip
    catalog, check = look.runtime.catalog, why.check
    entity = None if scope == NETWORK_SCOPE else scope
    said = Said(scope, key)
    views.show([scope])
    parameters = JudgedAt(catalog, why.now).parameters(check, scope, why.standing)
    said.rows = {side: rows(con, check, catalog, side, key, parameters) for side in sides_of(catalog, check)}
    try:
        if isinstance(check, MatchCheck) and explains(check):
            said.line = ask(con, check, catalog, key, parameters)
        found = run_check(con, check, catalog, entity, parameters).discrepancies
        said.found = [one for one in found if _is_of(check, one, said)]
    except CheckError as error:
        said.error = str(error)
    keys = sorted({one.business_key for one in said.found} | {canonical(each) for each in _written(said)})
    with look.reading() as session:
        said.held = _held(session, con, catalog, said, check, keys, missing)
        _look_up(session, said, check, keys)
    return said


def _written(said: Said) -> list[Key]:
    """The key as it is meant, and as each row's source wrote it."""
    written = [said.key]
    for of_side in said.rows.values():
        for row in of_side:
            own = {one.column: one.written for one in row.translated}
            written.append({name: own.get(name, value) for name, value in said.key.items()})
    return written


def _is_of(check: Check, found: Discrepancy, said: Said) -> bool:
    """Whether something was found on this key, in whosever words; of several documents, on any of them."""
    known = {name: {each[name] for each in _written(said)} for name in said.key}
    asked = [json.loads(found.business_key)]
    if isinstance(check, ClusterCheck):
        asked += list(json.loads(found.evidence)["sides"].values())
    return any(all(str(each.get(name)) in values for name, values in known.items()) for each in asked)


def _held(
    session: Session, con: DuckDBPyConnection, catalog: Catalog, said: Said, check: Check,
    keys: Iterable[str], missing: Sequence[OpenReject],
) -> list[str]:  # fmt: skip
    """The rejected rows, and those with an unknown word, because of which the key is not judged."""
    entity = said.scope

    def holds(some: Sequence[OpenReject]) -> bool:
        unjudged = unjudged_keys(con, catalog, [check], some)
        return any(unjudged.holds(check.code, said.scope, entity, key, "") for key in keys)

    keys = list(keys)
    if not missing or not holds(missing):
        return []
    values = set(said.key.values()) | {value for each in _written(said) for value in each.values()}
    likely = [one for one in missing if values & {value for value in one.known.values() if value}]
    own = [one for one in likely[:_TRIED] if holds([one])]
    ids = [one.id for one in own if one.id > 0]
    refused = session.scalars(select(Reject).where(Reject.id.in_(ids)).order_by(Reject.id))
    told = [f"a row of {one.feed} was rejected at {one.position}: {one.reason}" for one in refused]
    feeds = sorted({one.feed for one in own if one.id < 0})
    told += [
        f"a row of {feed} says a word that no list knows, see its exception 'Unknown word'" for feed in feeds
    ]
    return told or ["a row that may belong to it was rejected"]


def _look_up(session: Session, said: Said, check: Check, keys: Sequence[str]) -> None:
    """What became of it: exceptions, what is held, the newest run."""
    case, lines = ExceptionCase, sorted({line for one in said.found for line in one.lines})
    entities = {said.scope, *(one.entity for one in said.found)}
    own = select(case).where(
        case.check_code == check.code, case.business_key.in_(keys), case.entity.in_(entities)
    )
    said.cases = list(session.scalars(own.order_by(case.id.desc()).limit(_PLACES)))
    lines = sorted({*lines, *(one.line_key for one in said.cases if one.line_key)})
    others = or_(case.check_code != check.code, case.business_key.not_in(keys))
    on_line = select(case).where(case.line_key.in_(lines), case.status.in_(_LIVE), others)
    said.beside = list(session.scalars(on_line.order_by(case.id))) if lines else []
    parents = {one.parent_id for one in said.cases if one.parent_id}
    said.parents = {one.id: one for one in session.scalars(select(case).where(case.id.in_(parents)))}
    said.storm = storms.live(session).get((check.code, said.scope))
    newest = select(CheckRun).where(CheckRun.check_code == check.code, CheckRun.scope == said.scope)
    said.last = session.scalars(newest.order_by(CheckRun.id.desc()).limit(1)).first()
