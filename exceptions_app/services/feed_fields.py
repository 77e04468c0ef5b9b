"""Keeps which fields a feed's source sends: learned with its first run, agreed anew with each version of its contract.

What differs from that is told of the feed until it is agreed or gone. Knows no row, only names and kinds; and the words
that no list knows, with how many rows hold them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from exceptions_app.catalog.schema import Contract
from exceptions_app.domain.instant import iso
from exceptions_app.models import FeedFields
from exceptions_app.records.drift import Drifted, FieldsSeen, Kind, Known, drifted, learned
from exceptions_app.records.words import UnknownWord


@dataclass(frozen=True, slots=True)
class Drift:
    """What differs now, and whether anything differed before."""

    now: Sequence[Drifted]
    before: bool


def note(
    session: Session, feed: str, contract: Contract, seen: FieldsSeen, now: datetime, *, whole: bool
) -> Drift:
    """A run has seen these fields; `whole`: it read all that the source holds."""
    kept = session.get(FeedFields, feed)
    if kept is None:
        if seen.rows:
            known = learned({}, seen, seen.names)
            session.add(_row(feed, contract.version, known, [], now))
            session.flush()
        return Drift([], before=False)
    known, before = json.loads(kept.known), drift_of(kept)
    if kept.version != contract.version:
        kept.version = contract.version
        known = learned(known, seen, seen.names) | {
            one.name: [] for one in before if one.name not in seen.names
        }
        found: list[Drifted] = []
    else:
        found = drifted(known, before, seen, contract.accept_fields, iso(now), whole=whole)
        known = _grown(known, seen, found)
    _keep(kept, known, [*found, *words_of(kept)], now)
    return Drift(found, before=bool(before))


def drift_of(kept: FeedFields) -> list[Drifted]:
    """What differs of the fields, as it was kept."""
    return [Drifted(**one) for one in json.loads(kept.drift) if "word" not in one]


def words_of(kept: FeedFields) -> list[UnknownWord]:
    """The words that no list knew when the feed was last looked at."""
    return [UnknownWord(**one) for one in json.loads(kept.drift) if "word" in one]


def note_words(session: Session, feed: str, words: Sequence[UnknownWord], now: datetime) -> bool:
    """These are the unknown words of the feed now; whether there are any, or were before."""
    kept = session.get(FeedFields, feed)
    if kept is None:
        return False
    before = words_of(kept)
    _keep(kept, json.loads(kept.known), [*drift_of(kept), *words], now)
    return bool(words or before)


def _grown(known: Known, seen: FieldsSeen, found: Iterable[Drifted]) -> dict[str, list[Kind]]:
    """A field that was empty so far, or is of several kinds, is known better with each run."""
    differ = {one.name for one in found}
    names = [name for name in seen.names if name in known and name not in differ]
    return learned(known, seen, names)


def _keep(kept: FeedFields, known: Known, found: Sequence[Drifted | UnknownWord], now: datetime) -> None:
    texts = json.dumps(known), json.dumps([asdict(one) for one in found])
    if (kept.known, kept.drift) != texts:
        kept.known, kept.drift = texts
        kept.changed_at = now


def _row(feed: str, version: str, known: Known, found: Sequence[Drifted], now: datetime) -> FeedFields:
    drift = json.dumps([asdict(one) for one in found])
    return FeedFields(feed=feed, version=version, known=json.dumps(known), drift=drift, changed_at=now)
