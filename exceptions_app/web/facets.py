"""The filter bar: what can be chosen, what is chosen, and the chips that undo each choice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import url_for

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.sla import AGING
from exceptions_app.queries import retry_words, words
from exceptions_app.queries.filters import ALONE, LIVE, ME, NOBODY, QueueFilter
from exceptions_app.queries.people import Colleague
from exceptions_app.queries.restrictions import restrictions

STAGES = ("breached", "due_soon", "on_track", "paused", "stopped")
NAMES = frozenset(
    {
        "q",
        "stage",
        "queue",
        "category",
        "entity",
        "owner",
        "severity",
        "ball",
        "retry",
        "aging",
        "hold",
        "status",
    }
)
"""What the filter bar asks itself; whatever else restricts the queue it carries along."""
SEVERITIES = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    chosen: bool
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Facet:
    """One drop-down of the filter bar; `single` choices exclude each other."""

    name: str
    title: str
    choices: tuple[Choice, ...]
    single: bool = False

    @property
    def chosen(self) -> int:
        return sum(choice.chosen for choice in self.choices if not self.single or choice.value)


@dataclass(frozen=True, slots=True)
class Chip:
    label: str
    value: str
    without: str


def facets(viewer: Viewer, catalog: Catalog, wanted: QueueFilter, team: Iterable[Colleague]) -> list[Facet]:
    """All facets, reduced to what the viewer may see."""
    queues = {
        code: queue.name
        for code, queue in catalog.queues.items()
        if viewer.queues is None or code in viewer.queues
    }
    categories = {code: category.title for code, category in sorted(catalog.categories.items(), key=_title)}
    owners = {ME: "Me", NOBODY: "Nobody"} | {str(c.id): c.name for c in team if c.id != viewer.user_id}
    holds = {"": "On hold or not", "yes": "On hold", "no": "Not on hold"}
    statuses = {"live": words.STATUS[LIVE], **{s: words.STATUS[s] for s in _STATUSES}}
    held = {True: "yes", False: "no", None: ""}[wanted.hold]
    return [
        _several("stage", "SLA", {s: words.STAGE[s] for s in STAGES}, wanted.stage),
        _several("queue", "Queue", queues, wanted.queue),
        _several("category", "Category", categories, wanted.category),
        Facet("entity", "Entity", tuple(_entities(viewer, catalog, wanted))),
        _several("owner", "Owner", owners, wanted.owner),
        _several("aging", "Age", {bucket.code: bucket.label for bucket in AGING}, wanted.aging),
        _several("severity", "Severity", {s: words.SEVERITY[s] for s in SEVERITIES}, wanted.severity),
        _several("ball", "Waiting on", words.BALL, wanted.ball),
        _several("retry", "Retries", retry_words.FILTER, wanted.retry),
        _one("hold", "Hold", holds, held),
        _one("status", "Status", statuses, wanted.status),
    ]


_STATUSES = ("open", "awaiting_confirmation", "resolved", "waived", "any")


def _title(item: tuple[str, object]) -> str:
    return str(getattr(item[1], "title", item[0]))


def _several(name: str, title: str, options: Mapping[str, str], chosen: tuple[str, ...]) -> Facet:
    return Facet(name, title, tuple(Choice(code, label, code in chosen) for code, label in options.items()))


def _one(name: str, title: str, options: Mapping[str, str], chosen: str) -> Facet:
    choices = tuple(Choice(code, label, code == chosen) for code, label in options.items())
    return Facet(name, title, choices, single=True)


def _entities(viewer: Viewer, catalog: Catalog, wanted: QueueFilter) -> Iterable[Choice]:
    """The entities of the viewer as a tree: parents before what is below them; then those that are chosen alone."""
    seen = [code for code in catalog.entities if viewer.entities is None or code in viewer.entities]
    for code in sorted(seen, key=lambda c: list(reversed(catalog.ancestors(c)))):
        above = sum(parent in seen for parent in catalog.ancestors(code)[1:])
        yield Choice(code, catalog.entities[code].name, code in wanted.entity, min(above, 3))
    for code in wanted.entity:
        if code.startswith(ALONE):
            yield Choice(code, f"{words.entity_name(catalog, code[1:])} alone", True)


def chips(
    catalog: Catalog, wanted: QueueFilter, team: Iterable[Colleague], viewer: Viewer,
    more: Mapping[str, Any] | None = None,
) -> list[Chip]:  # fmt: skip
    """What restricts the queue now, each with the address of the queue without it; `more` stays in the addresses."""
    return [
        Chip(each.label, each.said, address(wanted.without(each.name, each.value), **(more or {})))
        for each in restrictions(catalog, wanted, team, viewer)
    ]


def address(wanted: QueueFilter, **more: Any) -> str:
    """The queue with this filter; without any it says so, since an address that says nothing opens a person's own
    view, and one that names a view alone opens what that keeps.
    """
    given = {name: value for name, value in more.items() if value}
    return url_for("queues.index", **(wanted.to_args() or {"all": "yes"}), **given)


def sort_links(wanted: QueueFilter, more: Mapping[str, Any] | None = None) -> dict[str, tuple[str, str]]:
    """Sortable column -> (address, direction now: 'ascending', 'descending' or 'none')."""
    links = {}
    for name, first in (("due", "due"), ("amount", "-amount"), ("opened", "opened"), ("cost", "-cost")):
        current = wanted.sort.lstrip("-") == name
        direction = ("descending" if wanted.sort.startswith("-") else "ascending") if current else "none"
        other = name if wanted.sort == f"-{name}" else f"-{name}"
        target = replace(wanted, sort=other if current else first)
        links[name] = (address(target, **(more or {})), direction)
    return links
