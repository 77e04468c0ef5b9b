"""The choices of the filter bar as HTML. What can be chosen is the same from page to page, in a large network some
hundreds of lines: written once for who may choose the same and has chosen the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from flask import current_app
from markupsafe import Markup

from exceptions_app.access import Viewer
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.queries.people import Colleague

from . import facets
from .addresses import asset

_MOST_KEPT = 256


@dataclass(frozen=True, slots=True)
class _Bar:
    """All that the choices depend on. `icons`: the address of the sprite."""

    viewer: Viewer
    catalog: Catalog
    chosen: QueueFilter
    team: tuple[Colleague, ...]
    icons: str


def choices_html(viewer: Viewer, catalog: Catalog, wanted: QueueFilter, team: Sequence[Colleague]) -> Markup:
    """`team`: whom an exception can belong to."""
    chosen = QueueFilter(**{name: getattr(wanted, name) for name in facets.NAMES - {"q"}})
    bar = _Bar(viewer, catalog, chosen, tuple(team), asset("vendor/icons.svg"))
    return _written(bar) if current_app.debug else _kept(bar)


@lru_cache(maxsize=_MOST_KEPT)
def _kept(bar: _Bar) -> Markup:
    return _written(bar)


def _written(bar: _Bar) -> Markup:
    found = facets.facets(bar.viewer, bar.catalog, bar.chosen, bar.team)
    return Markup(current_app.jinja_env.get_template("queues/_facets.html").render(facets=found))  # noqa: S704 - made by a template
