"""What many exceptions have in common that follow from nothing known: a counterparty, a facility, a fact.

One statement for counterparties and facilities, whatever the number of exceptions: it reads one index that holds all
that it asks for. One more for each fact that is declared as shared, over at most `ROWS` exceptions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, desc, func, literal, select, union_all
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, visible
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Category
from exceptions_app.domain import wording
from exceptions_app.domain.money import from_e4
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models.facts import stated

from .filter_sql import LIVE_SQL
from .filters import QueueFilter
from .words import entity_name

MOST = 100
"""So many are listed: those worth most."""
MEMBERS = 5
"""So few exceptions are no cluster."""
SHARE_WITH, SHARE_IN, SHARE_OF = Decimal("0.2"), Decimal("0.5"), Decimal("0.3")
"""What share of a category's exceptions one counterparty, one facility, or one fact must have to be a cluster."""
BY = ("counterparty", "entity")
"""What every category is clustered by, beside the facts that it declares as shared."""
ROWS = 50_000
"""So many exceptions are looked at for a shared fact."""


_Shared = tuple[str, str, int, int]
"""Category, what is shared, how many exceptions, what they are worth."""


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
        told = f"{self.category_title} {self.said}: {wording.plural(self.exceptions, 'exception')}"
        told += f", {worth}" if self.worth else ""
        return f"{told}; {percent} of all {_within(self.category_title)}."

    @property
    def args(self) -> dict[str, Any]:
        """The queue of its exceptions."""
        asked = {self.by: (self.value,)} if self.by in BY else {"fact": (f"{self.by}:{self.value}",)}
        return QueueFilter(category=(self.category,), alone=True, **asked).to_args()  # type: ignore[arg-type]


def clusters(session: Session, viewer: Viewer, catalog: Catalog) -> list[ClusterLine]:
    """What is concentrated on one counterparty or one facility and follows from nothing known, worth most first."""
    of_entity, with_one = _by_either(session, viewer)
    totals: dict[str, int] = defaultdict(int)
    places: dict[str, int] = defaultdict(int)
    for category, _, number, _worth in of_entity:
        totals[category] += number
        places[category] += 1
    found = list(_concentrated(catalog, "counterparty", with_one, totals, SHARE_WITH))
    at_one = [row for row in of_entity if places[row[0]] > 1]
    found += _concentrated(catalog, "entity", at_one, totals, SHARE_IN)
    for name, categories in _declared(catalog).items():
        sharing = _sharing(session, viewer, name, categories)
        some = [row for row in sharing if row[2] < totals[row[0]]]  # a fact of all of them says nothing
        found += _concentrated(catalog, name, some, totals, SHARE_OF)
    return sorted(found, key=lambda line: (-line.worth, -line.exceptions, line.name))[:MOST]


def _by_either(session: Session, viewer: Viewer) -> tuple[list[_Shared], list[_Shared]]:
    """By facility; and by counterparty, of those worth most. Both at once, in the order of the one index that holds all
    of it: SQLite would walk the table for either alone.
    """
    worth = func.coalesce(func.sum(Case.reporting_amount_e4), 0)
    alone = (
        select(
            Case.category, Case.counterparty, Case.entity, func.count().label("number"), worth.label("worth")
        )
        .where(LIVE_SQL, Case.parent_id.is_(None), *visible(viewer))
        .group_by(Case.category, Case.counterparty, Case.entity)
        .cte("alone")
    ).c
    number, amount = func.sum(alone.number), func.sum(alone.worth)
    of_entity = select(literal("entity"), alone.category, alone.entity, number, amount)
    with_one = (
        select(literal("counterparty"), alone.category, alone.counterparty, number, amount.label("amount"))
        .where(alone.counterparty.is_not(None))
        .group_by(alone.category, alone.counterparty)
        .having(number >= MEMBERS)
        .order_by(desc("amount"))
        .limit(20 * MOST)
        .subquery()
    )
    rows = session.execute(
        union_all(of_entity.group_by(alone.category, alone.entity), select(with_one))
    ).all()
    told: dict[str, list[_Shared]] = {by: [] for by in BY}
    for by, category, value, count, amount_e4 in rows:
        told[by].append((category, value, int(count), int(amount_e4)))
    return told["entity"], told["counterparty"]


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
