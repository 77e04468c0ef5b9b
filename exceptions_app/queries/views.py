"""How a person looks at the queue: their views and shared ones, columns, density, whom they may name in a filter. One
statement.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session, aliased

from exceptions_app.access import Viewer
from exceptions_app.domain.layouts import Chosen, Layouts
from exceptions_app.domain.search_terms import SIGN
from exceptions_app.models import ListedReference, QueueLayout, SavedView, User

from . import people
from .people import Colleague

COLUMNS = {
    "level": "Service level",
    "reference": "Reference",
    "what": "What is wrong",
    "amount": "At risk",
    "age": "Business days",
    "entity": "Entity",
    "owner": "Owner",
    "cost": "Cost of waiting",
    "category": "Category",
    "counterparty": "Supplier or person",
    "retries": "Retries",
    "ball": "Waiting on",
    "opened": "Opened",
}
"""Code -> title, in the order in which they stand at first."""
USUAL = ("level", "reference", "what", "amount", "age", "entity", "owner")
ALWAYS = "reference"
"""The column that leads to the exception cannot be left out."""
DENSITIES = {"comfortable": "Comfortable", "compact": "Compact"}
GROUPINGS = {
    "category": "Category",
    "counterparty": "Supplier or person",
    "entity": "Entity",
    "cause": "Cause",
}


@dataclass(frozen=True, slots=True)
class View:
    """A saved view. `owner` is a name; `asked` are the arguments of the queue's address."""

    id: int
    name: str
    shared: bool
    mine: bool
    owner: str
    asked: dict[str, Any]
    grouping: str
    columns: str
    density: str


@dataclass(frozen=True, slots=True)
class Look:
    """What a person has chosen, and the views they may open."""

    views: tuple[View, ...]
    default_id: int | None
    layouts: Layouts
    density: str
    team: list[Colleague] = field(default_factory=list)
    """Whom exceptions can belong to."""

    def view(self, view_id: int | None) -> View | None:
        return next((view for view in self.views if view.id == view_id), None)

    def columns_of(self, view: View | None) -> tuple[str, ...]:
        """In order: what the person chose in a colleague's view, else the view's, else the person's, else the usual."""
        return known_columns(self._in(view).columns or self.layouts.own) or USUAL

    def density_of(self, view: View | None) -> str:
        chosen = self._in(view).density or self.density
        return chosen if chosen in DENSITIES else "comfortable"

    def _in(self, view: View | None) -> Chosen:
        if view is None:
            return Chosen()
        own = Chosen() if view.mine else self.layouts.within.get(view.id, Chosen())
        return Chosen(own.columns or view.columns, own.density or view.density)


def known_columns(text: str) -> tuple[str, ...]:
    """Codes between commas, without what is unknown; never without the one that is always there."""
    found = tuple(dict.fromkeys(code for code in text.split(",") if code in COLUMNS))
    return found if not found or ALWAYS in found else (ALWAYS, *found)


_ME, _OWNER = aliased(User), aliased(User)
_LOOK = (
    select(QueueLayout.columns, QueueLayout.density, QueueLayout.default_view_id, SavedView, _OWNER.name)
    .select_from(_ME)
    .outerjoin(QueueLayout, QueueLayout.user_id == _ME.id)
    .outerjoin(SavedView, or_(SavedView.owner_id == _ME.id, SavedView.shared.is_(True)))
    .outerjoin(_OWNER, _OWNER.id == SavedView.owner_id)
    .where(_ME.id == bindparam("person"))
)


def look(session: Session, viewer: Viewer) -> Look:
    """The person's layout and every view that they may open: their own first, by name."""
    rows = session.execute(_LOOK.add_columns(people.team(session)), {"person": viewer.user_id}).all()
    found = [_view(viewer, each, name) for _, _, _, each, name, _ in rows if each is not None]
    ordered = tuple(sorted(found, key=lambda one: (not one.mine, one.name.lower())))
    columns, density, default_id, *_, team = rows[0] if rows else ("", "", None, None)
    return Look(ordered, default_id, Layouts.parse(columns or ""), density or "", people.team_of(team))


def _view(viewer: Viewer, view: SavedView, owner: str) -> View:
    return View(
        view.id, view.name, view.shared, view.owner_id == viewer.user_id, owner, json.loads(view.asked),
        view.grouping if view.grouping in GROUPINGS else "", view.columns, view.density,
    )  # fmt: skip


def listed(session: Session, key: str) -> list[str]:
    """The references of a stored list, each once and as it was pasted."""
    rows = select(ListedReference.reference).where(ListedReference.key == key)
    pasted = sorted(each for each in session.scalars(rows) if not each.startswith(SIGN))
    return sorted({each.upper(): each for each in pasted}.values())
