"""What restricts a queue, in words: the chips of its bar, and the cover of its export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id, wording
from exceptions_app.domain.sla import AGING

from . import retry_words, words
from .filters import ALONE, LIVE, ME, NOBODY, QueueFilter
from .people import Colleague
from .words import entity_name

_TITLES = {
    "stage": "SLA",
    "ball": "Waiting on",
    "retry": "Retries",
    "aging": "Age",
    "counterparty": "With",
}
SORTED = {
    "due": "due time, earliest first",
    "-due": "due time, latest first",
    "amount": "amount, smallest first",
    "-amount": "amount, largest first",
    "opened": "opened, oldest first",
    "-opened": "opened, newest first",
    "cost": "cost of waiting, smallest first",
    "-cost": "cost of waiting, largest first",
}


@dataclass(frozen=True, slots=True)
class Restriction:
    """One choice: `name` and `value` are the filter's own, `label` and `said` the words for them."""

    label: str
    said: str
    name: str
    value: str | None = None


def restrictions(
    catalog: Catalog, wanted: QueueFilter, team: Iterable[Colleague], viewer: Viewer, me: str = "me"
) -> list[Restriction]:
    """All of them, one for each value. Times are in the viewer's zone; `me` is what the viewer is called."""
    names: dict[str, Mapping[str, str]] = {
        "stage": words.STAGE,
        "queue": {code: queue.name for code, queue in catalog.queues.items()},
        "category": {code: category.title for code, category in catalog.categories.items()},
        "entity": {code: entity.name for code, entity in catalog.entities.items()}
        | {code: f"{entity_name(catalog, code[1:])} alone" for code in wanted.entity if code[:1] == ALONE},
        "owner": {ME: me, NOBODY: "nobody"} | {str(c.id): c.name for c in team},
        "severity": words.SEVERITY,
        "ball": words.BALL,
        "retry": retry_words.FILTER,
        "aging": {bucket.code: bucket.label for bucket in AGING},
        "counterparty": {NOBODY: "nobody named"},
    }
    several = [
        Restriction(_TITLES.get(name, name.capitalize()), labels.get(value, value), name, value)
        for name, labels in names.items()
        for value in getattr(wanted, name)
    ]
    several += [Restriction("Shares", fact.replace(":", " ", 1), "fact", fact) for fact in wanted.fact]
    return [*several, *_single(wanted, words.zone_of(viewer.time_zone), me)]


def _single(wanted: QueueFilter, zone: tzinfo, me: str) -> Iterator[Restriction]:
    """The restrictions of which there is at most one."""
    if wanted.refs:
        yield Restriction("References", f"{len(wanted.refs)} pasted", "refs")
    if wanted.listed:
        yield Restriction("References", "a pasted list", "listed")
    if wanted.cause is not None:
        yield Restriction("Cause", public_id.encode(wanted.cause), "cause")
    if wanted.hold is not None:
        yield Restriction("Hold", "on hold" if wanted.hold else "not on hold", "hold")
    if wanted.status != LIVE:
        yield Restriction("Status", words.said(words.STATUS, wanted.status), "status")
    for name, label in (("due", "Due by"), ("since", "Opened since"), ("given", f"Given to {me} since")):
        at = getattr(wanted, name)
        if at is not None:
            yield Restriction(label, wording.instant(at, zone), name)
    if wanted.alone:
        yield Restriction("Cause", "none known", "alone")
    if wanted.watched:
        yield Restriction("Watched", f"by {me}", "watched")
    if wanted.q:
        yield Restriction("Text", f"“{wanted.q}”", "q")
