"""What people keep of the queue: views under a name, the columns they like, lists of references they pasted."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import canonical
from exceptions_app.domain import public_id
from exceptions_app.domain.layouts import Chosen, Layouts
from exceptions_app.domain.search_terms import kept, spellings
from exceptions_app.models import ListedReference, QueueLayout, ReferenceList, SavedView

from .acting import NotAllowedError
from .bulk import insert
from .context import ActionContext

MOST_VIEWS = 100
NAME_LIMIT = 80


@dataclass(frozen=True, slots=True)
class Shown:
    """What a view keeps: the arguments of the queue's address, grouping, columns, density."""

    asked: Mapping[str, Any]
    grouping: str = ""
    columns: str = ""
    density: str = ""


def save(
    session: Session, ctx: ActionContext, viewer: Viewer, name: str, shown: Shown, *, shared: bool = False
) -> SavedView:
    """Keep a view under a new name. Refuses a name that the person has given already."""
    mine = select(SavedView.id).where(SavedView.owner_id == viewer.user_id)
    if len(session.scalars(mine.limit(MOST_VIEWS)).all()) >= MOST_VIEWS:
        raise NotAllowedError(f"You have {MOST_VIEWS} views: delete one first.")
    made = SavedView(
        owner_id=viewer.user_id, name=_name(name), shared=shared, asked="{}", created_at=ctx.now, updated_at=ctx.now
    )  # fmt: skip
    _keep(made, shown)
    return _named(session, made)


def update(session: Session, ctx: ActionContext, viewer: Viewer, view_id: int, shown: Shown) -> SavedView:
    """The view shows from now on what its owner looks at."""
    view = mine(session, viewer, view_id)
    _keep(view, shown)
    view.updated_at = ctx.now
    session.flush()
    return view


def rename(
    session: Session, ctx: ActionContext, viewer: Viewer, view_id: int, name: str, *, shared: bool
) -> SavedView:
    """Another name, and whether colleagues may open it."""
    view = mine(session, viewer, view_id)
    view.name, view.shared, view.updated_at = _name(name), shared, ctx.now
    return _named(session, view)


def delete(session: Session, viewer: Viewer, view_id: int) -> str:
    """Gone, also as anybody's default; what it was called."""
    view = mine(session, viewer, view_id)
    name = view.name
    chosen = QueueLayout.columns.contains(f";{view_id}:")
    for each in session.scalars(
        select(QueueLayout).where(or_(QueueLayout.default_view_id == view_id, chosen))
    ):
        each.default_view_id = None if each.default_view_id == view_id else each.default_view_id
        each.columns = str(Layouts.parse(each.columns).in_view(view_id, Chosen()))
    session.flush()
    session.delete(view)
    session.flush()
    return name


def make_default(session: Session, viewer: Viewer, view_id: int | None) -> None:
    """What the queue opens with for this person: a view of theirs or a shared one; None: everything."""
    if view_id is not None:
        _opened(session, viewer, view_id)
    _layout(session, viewer).default_view_id = view_id
    session.flush()


def set_layout(session: Session, viewer: Viewer, columns: str, density: str) -> None:
    """The columns, in order and between commas, and how dense the rows are; empty: as everybody's."""
    layout = _layout(session, viewer)
    layout.columns = str(replace(Layouts.parse(layout.columns), own=columns))
    layout.density = density
    session.flush()


def set_columns(
    session: Session, ctx: ActionContext, viewer: Viewer, view_id: int, columns: str, density: str
) -> None:
    """The columns and the density of one's own view; in a colleague's, for oneself alone."""
    view = _opened(session, viewer, view_id)
    if view.owner_id == viewer.user_id:
        view.columns, view.density, view.updated_at = columns, density, ctx.now
    else:
        layout = _layout(session, viewer)
        layout.columns = str(Layouts.parse(layout.columns).in_view(view_id, Chosen(columns, density)))
    session.flush()


def keep_list(session: Session, ctx: ActionContext, viewer: Viewer, references: Sequence[str]) -> str:
    """Store pasted references; the key under which a filter finds them."""
    key = secrets.token_urlsafe(12)
    session.add(ReferenceList(key=key, owner_id=viewer.user_id, created_at=ctx.now))
    session.flush()
    rows = [(key, reference, public_id.decode(reference)) for reference in spellings(references)]
    rows += [(key, word, None) for word in dict.fromkeys(filter(None, map(kept, references)))]
    insert(session, ListedReference, ("key", "reference", "case_id"), rows)
    return key


def _opened(session: Session, viewer: Viewer, view_id: int) -> SavedView:
    """A view that the viewer may open: their own, or a shared one."""
    view = session.get(SavedView, view_id)
    if view is None or not (view.shared or view.owner_id == viewer.user_id):
        raise NotAllowedError("There is no such view any more.")
    return view


def mine(session: Session, viewer: Viewer, view_id: int) -> SavedView:
    """A view of the viewer's own; refused where it is not."""
    view = session.get(SavedView, view_id)
    if view is None or view.owner_id != viewer.user_id:
        raise NotAllowedError("Only its owner changes a view.")
    return view


def _keep(view: SavedView, shown: Shown) -> None:
    view.asked = canonical(dict(shown.asked))
    view.grouping, view.columns, view.density = shown.grouping, shown.columns, shown.density


def _name(name: str) -> str:
    found = " ".join(name.split())
    if not found:
        raise NotAllowedError("Give it a name.")
    if len(found) > NAME_LIMIT:
        raise NotAllowedError(f"A name has at most {NAME_LIMIT} letters.")
    return found


def _named(session: Session, view: SavedView) -> SavedView:
    name = view.name
    try:
        with session.begin_nested():
            session.add(view)
            session.flush()
    except IntegrityError:
        raise NotAllowedError(f"You have a view called “{name}” already.") from None
    return view


def _layout(session: Session, viewer: Viewer) -> QueueLayout:
    layout = session.get(QueueLayout, viewer.user_id)
    if layout is None:
        layout = QueueLayout(user_id=viewer.user_id, columns="", density="")
        session.add(layout)
    return layout
