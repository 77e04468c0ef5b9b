"""What many exceptions follow from, and what many have in common, for one viewer.

A cause is told with the figures of what the viewer sees of it: its own counts the whole network. Two statements for
causes and two for clusters, whatever the number of exceptions; clusters read one index that holds all they ask for.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, sees_case, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Category
from exceptions_app.domain import public_id, wording
from exceptions_app.domain.money import from_e4
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models import User
from exceptions_app.models.facts import stated
from exceptions_app.services.causes import figures, said_of

from .filter_sql import LIVE_SQL
from .filters import QueueFilter
from .words import entity_name

MOST = 100
"""So many causes, and so many clusters of a kind, are listed: those worth most."""
MEMBERS = 5
"""So few exceptions are no cluster."""
SHARE_WITH, SHARE_IN, SHARE_OF = Decimal("0.2"), Decimal("0.5"), Decimal("0.3")
"""What share of a category's exceptions one counterparty, one facility, or one fact must have to be a cluster."""
BY = ("counterparty", "entity")
"""What every category is clustered by, beside the facts that it declares as shared."""
ROWS = 50_000
"""So many exceptions are looked at for a shared fact."""


@dataclass(frozen=True, slots=True)
class CauseLine:
    """One cause. `exceptions` and `worth` (reporting currency) are of what the viewer sees; `own`: whether they see
    the cause itself.
    """

    id: int
    reference: str
    category: str
    category_title: str
    sentence: str
    exceptions: int
    worth: Decimal
    since: datetime
    queue: str
    owner: str | None
    own: bool

    @property
    def args(self) -> dict[str, Any]:
        """The queue of what follows from it."""
        return QueueFilter(cause=self.id).to_args()


@dataclass(frozen=True, slots=True)
class ClusterLine:
    """Exceptions of one category that have a counterparty, a facility or a fact in common, and no known cause. `by`
    is one of `BY` or the name of a fact, `said` how its value is told; `share` is of all of the category that the
    viewer sees.
    """

    category: str
    category_title: str
    by: str
    value: str
    name: str
    said: str
    exceptions: int
    worth: Decimal
    share: Decimal
    currency: str

    @property
    def sentence(self) -> str:
        percent = wording.percent(round(self.share * 100))
        worth = wording.money(self.worth, self.currency)
        told = f"{self.category_title} {self.said}: {wording.plural(self.exceptions, 'exception')}, {worth}"
        return f"{told}; {percent} of all {_within(self.category_title)}."

    @property
    def args(self) -> dict[str, Any]:
        """The queue of its exceptions."""
        asked = {self.by: (self.value,)} if self.by in BY else {"fact": (f"{self.by}:{self.value}",)}
        return QueueFilter(category=(self.category,), alone=True, **asked).to_args()  # type: ignore[arg-type]


def causes(session: Session, viewer: Viewer, catalog: Catalog) -> list[CauseLine]:
    """The causes of what the viewer sees, worth most first, at most `MOST`."""
    return list(_lines(session, viewer, catalog, [Case.parent_id.is_not(None)]))


def cause(session: Session, viewer: Viewer, catalog: Catalog, case_id: int) -> CauseLine | None:
    """One cause as the viewer sees it: because they see something that follows from it, or the cause itself."""
    line = next(_lines(session, viewer, catalog, [Case.parent_id == case_id]), None)
    if line is not None:
        return line
    found = session.get(Case, case_id)
    if found is None or not sees_case(viewer, found) or not is_cause(catalog, found.category):
        return None
    owner = session.scalar(select(User.name).where(User.id == found.owner_id)) if found.owner_id else None
    return _line(viewer, catalog, found, owner, (0, 0, found.since_at))


def is_cause(catalog: Catalog, category: str) -> bool:
    """Whether exceptions of other categories follow from those of this one."""
    return any(rule.category == category for each in catalog.categories.values() for rule in each.caused_by)


def _lines(
    session: Session, viewer: Viewer, catalog: Catalog, conditions: list[ColumnElement[bool]]
) -> Iterator[CauseLine]:
    worth = func.coalesce(func.sum(Case.reporting_amount_e4), 0)
    counted: Sequence[Any] = session.execute(
        select(Case.parent_id, func.count(), worth, func.min(Case.since_at))
        .where(LIVE_SQL, *conditions, *visible(viewer))
        .group_by(Case.parent_id)
        .order_by(worth.desc(), Case.parent_id)
        .limit(MOST)
    ).all()
    rows = session.execute(
        select(Case, User.name)
        .outerjoin(User, User.id == Case.owner_id)
        .where(Case.id.in_([number for number, *_ in counted]))
    )
    known = {found.id: (found, owner) for found, owner in rows} if counted else {}
    for number, *told in counted:
        found, owner = known[number]
        yield _line(viewer, catalog, found, owner, (told[0], int(told[1]), told[2]))


def _line(
    viewer: Viewer, catalog: Catalog, found: Case, owner: str | None, told: tuple[int, int, datetime]
) -> CauseLine:
    exceptions, worth_e4, since = told
    declared, queue = catalog.categories.get(found.category), catalog.queues.get(found.queue)
    facts: Mapping[str, Any] = {**json.loads(found.facts), **figures(exceptions, worth_e4)}
    return CauseLine(
        id=found.id,
        reference=public_id.encode(found.id),
        category=found.category,
        category_title=declared.title if declared else found.category,
        sentence=said_of(catalog, found.category, facts) if declared else found.sentence,
        exceptions=exceptions,
        worth=from_e4(worth_e4),
        since=since,
        queue=queue.name if queue else found.queue,
        owner=owner,
        own=sees_case(viewer, found),
    )


def clusters(session: Session, viewer: Viewer, catalog: Catalog) -> list[ClusterLine]:
    """What is concentrated on one counterparty or one facility and follows from nothing known, worth most first."""
    alone: list[Any] = [LIVE_SQL, Case.parent_id.is_(None), *visible(viewer)]
    count, worth = func.count(), func.coalesce(func.sum(Case.reporting_amount_e4), 0)
    of_entity: Sequence[Any] = session.execute(
        select(Case.category, Case.entity, count, worth).where(*alone).group_by(Case.category, Case.entity)
    ).all()
    totals: dict[str, int] = defaultdict(int)
    places: dict[str, int] = defaultdict(int)
    for category, _, number, _worth in of_entity:
        totals[category] += number
        places[category] += 1
    with_one: Sequence[Any] = session.execute(
        select(Case.category, Case.counterparty, count, worth)
        .where(*alone, Case.counterparty.is_not(None))
        .group_by(Case.category, Case.counterparty)
        .having(count >= MEMBERS)
        .order_by(worth.desc())
        .limit(20 * MOST)
    ).all()
    found = list(_concentrated(catalog, "counterparty", with_one, totals, SHARE_WITH))
    at_one = [row for row in of_entity if places[row[0]] > 1]
    found += _concentrated(catalog, "entity", at_one, totals, SHARE_IN)
    for name, categories in _declared(catalog).items():
        found += _concentrated(catalog, name, _sharing(session, viewer, name, categories), totals, SHARE_OF)
    return sorted(found, key=lambda line: (-line.worth, -line.exceptions, line.name))[:MOST]


def _declared(catalog: Catalog) -> dict[str, list[str]]:
    """Every fact that may be shared -> the categories that declare it."""
    found: dict[str, list[str]] = defaultdict(list)
    for code, category in catalog.categories.items():
        for name in category.shared:
            found[name].append(code)
    return found


def _sharing(session: Session, viewer: Viewer, name: str, categories: list[str]) -> Sequence[Any]:
    """(category, value, how many, worth) of what states the same by that name."""
    value = stated(name).label("value")
    rows = (
        select(Case.category, value, Case.reporting_amount_e4.label("worth"))
        .where(LIVE_SQL, Case.parent_id.is_(None), Case.category.in_(categories), *visible(viewer))
        .limit(ROWS)
        .subquery()
        .c
    )
    count, worth = func.count(), func.coalesce(func.sum(rows.worth), 0)
    shared = select(rows.category, rows.value, count, worth).where(rows.value.is_not(None), rows.value != "")
    return session.execute(shared.group_by(rows.category, rows.value).having(count >= MEMBERS)).all()


def shares(by: str, value: str) -> ColumnElement[bool]:
    """That an exception is of the cluster with that value. Raises ValueError where `by` is no name of a fact."""
    if by in BY:
        return (Case.counterparty if by == "counterparty" else Case.entity) == value
    return stated(by) == value


def cluster(
    session: Session, viewer: Viewer, catalog: Catalog, category: str, by: str, value: str
) -> ClusterLine | None:
    """One cluster, however large it is by now; None where the viewer sees nothing of it."""
    alone: list[Any] = [LIVE_SQL, Case.parent_id.is_(None), Case.category == category, *visible(viewer)]
    worth = func.coalesce(func.sum(Case.reporting_amount_e4), 0)
    count, amount = session.execute(select(func.count(), worth).where(*alone, shares(by, value))).one()
    total = session.scalar(select(func.count()).where(*alone)) or 0
    return _cluster(catalog, category, by, value, (count, int(amount or 0)), total) if count else None


def _concentrated(
    catalog: Catalog, by: str, rows: Iterable[Any], totals: Mapping[str, int], share: Decimal
) -> Iterator[ClusterLine]:
    for category, value, number, worth in rows:
        if number >= MEMBERS and number >= share * totals[category]:
            yield _cluster(catalog, category, by, value, (number, int(worth)), totals[category])


def _cluster(
    catalog: Catalog, category: str, by: str, value: str, told: tuple[int, int], total: int
) -> ClusterLine:
    declared = catalog.categories.get(category)
    name = entity_name(catalog, value) if by == "entity" else value
    return ClusterLine(
        category=category,
        category_title=declared.title if declared else category,
        by=by,
        value=value,
        name=name,
        said=_said(declared, by, name),
        exceptions=told[0],
        worth=from_e4(told[1]),
        share=Decimal(told[0]) / Decimal(total or 1),
        currency=catalog.site.reporting_currency,
    )


def _within(title: str) -> str:
    """A title within a sentence: small at its beginning, unless that is an abbreviation."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def _said(declared: Category | None, by: str, name: str) -> str:
    if by in BY:
        return f"with {name}" if by == "counterparty" else f"at {name}"
    words = declared.shared.get(by) if declared is not None else None
    return (words or f"where {by} is {{value}}").replace("{value}", name)
