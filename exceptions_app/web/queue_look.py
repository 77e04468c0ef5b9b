"""How a person looks at the queue now: filter, view, grouping, columns and density, out of an address.

An address that says nothing opens the person's default view; one that names a view and nothing else opens that view;
whatever else it says counts, and the view is then only where it began.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from flask import url_for
from werkzeug.datastructures import MultiDict

from exceptions_app.extensions import db
from exceptions_app.queries import views
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.queries.references import not_found
from exceptions_app.queries.rows import CaseRow
from exceptions_app.queries.views import Look, View

from . import facets, gate


@dataclass(frozen=True)
class Pasted:
    """A pasted list: how many references, and which of them no exception has."""

    count: int
    missing: list[str]


@dataclass(frozen=True)
class Looking:
    """The queue as it is looked at. `more`: what addresses carry beside the filter."""

    asked_by_form: ClassVar[frozenset[str]] = facets.NAMES
    look: Look
    view: View | None
    wanted: QueueFilter
    group: str
    open: str = ""
    """The group whose rows are shown below its head."""

    @cached_property
    def more(self) -> dict[str, Any]:
        return {"view": self.view.id if self.view else None, "group": self.group}

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return self.look.columns_of(self.view)

    @cached_property
    def density(self) -> str:
        return self.look.density_of(self.view)

    @property
    def changed(self) -> bool:
        """Whether it is no longer what the view keeps."""
        view = self.view
        return view is not None and (
            QueueFilter.from_args(view.asked) != self.wanted or view.grouping != self.group
        )

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """Every column as (code, title, shown): the shown ones first, in their order."""
        rest = [code for code in views.COLUMNS if code not in self.columns]
        return [(code, views.COLUMNS[code], code in self.columns) for code in (*self.columns, *rest)]

    def here(self, **changed: Any) -> str:
        """The address of what is looked at, with something else of `more`."""
        return facets.address(self.wanted, **(self.more | changed))

    @cached_property
    def case_args(self) -> str:
        """What the address of an exception carries, so that it knows which come before and after it."""
        return "?" + url_for("queues.index", **(self.wanted.to_args() or {"from": "queue"})).partition("?")[2]

    def rows_address(self, rows: list[CaseRow]) -> str:
        """Where the rows that are shown are refreshed."""
        return url_for(
            "queues.rows", ids="-".join(str(row.id) for row in rows), all="yes", view=self.more["view"],
            **self.wanted.to_args(),
        )  # fmt: skip

    def pasted(self) -> Pasted | None:
        """What of a pasted list was not found; None where nothing was pasted."""
        references = list(self.wanted.refs)
        if self.wanted.listed:
            references += views.listed(db.session(), self.wanted.listed)
        if not references:
            return None
        return Pasted(len(references), not_found(db.session(), gate.viewer(), references))


def looking(args: MultiDict[str, str]) -> Looking:
    """Read an address."""
    look = views.look(db.session(), gate.viewer())
    number = args.get("view", type=int) if args else look.default_id
    view = look.view(number)
    if view is not None and not args.keys() - {"view"}:
        return Looking(look, view, QueueFilter.from_args(view.asked), view.grouping)
    group = args.get("group", "")
    opened = args.get("open", "") if group in views.GROUPINGS else ""
    return Looking(look, view, QueueFilter.from_args(args), group if group in views.GROUPINGS else "", opened)
