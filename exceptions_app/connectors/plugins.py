"""Connectors and file formats of other packages, found by their entry points.

One that cannot be loaded stays known by its name, with the reason: what names it says so when it is read, and
everything else goes on. Looked for once in a process.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from pydantic import BaseModel

from exceptions_app.catalog.problems import ConnectorModels

from .plugin import CONTRACT, ConnectorType, FileFormat

log = logging.getLogger(__name__)

CONNECTORS, FILE_FORMATS = "tieout.connectors", "tieout.file_formats"


@dataclass(frozen=True, slots=True)
class Plugin:
    """What a package offers under a name. `value` is None where it cannot be used; `problem` says why."""

    group: str
    name: str
    package: str
    value: ConnectorType | FileFormat | None
    problem: str = ""

    @property
    def said(self) -> str:
        """Who it is, for a message."""
        kind = "connector" if self.group == CONNECTORS else "file format"
        return f"the {kind} '{self.name}' of {self.package}"


@cache
def plugins(group: str, taken: Collection[str] = frozenset()) -> dict[str, Plugin]:
    """What other packages offer in this group, by name; names in `taken` are shipped, and stay what they are."""
    found: dict[str, Plugin] = {}
    for point in sorted(entry_points(group=group), key=lambda point: (point.name, _package(point))):
        made = _shipped(point, group) if point.name in taken else _loaded(point, group)
        before = found.get(point.name)
        if before is not None:
            problem = f"{before.package} offers the same name; one of the two must go"
            made = Plugin(group, point.name, _package(point), None, problem)
        if made.problem:
            log.error("%s cannot be used: %s", made.said, made.problem)
        found[point.name] = made
    return found


def forget() -> None:
    """Look anew when next asked, for tests."""
    plugins.cache_clear()


def _shipped(point: EntryPoint, group: str) -> Plugin:
    problem = "Tieout ships one of this name, which stays in force"
    return Plugin(group, point.name, _package(point), None, problem)


def _loaded(point: EntryPoint, group: str) -> Plugin:
    package, wanted = _package(point), ConnectorType if group == CONNECTORS else FileFormat
    try:
        value = point.load()
    except (Exception, SystemExit) as error:
        log.debug("entry point %s", point, exc_info=True)
        problem = f"it breaks when it is loaded ({point.value}): {type(error).__name__}: {error}"
        return Plugin(group, point.name, package, None, problem)
    if not isinstance(value, wanted):
        expected = f"a {wanted.__name__} of exceptions_app.connectors.plugin"
        problem = f"{point.value} is {type(value).__name__}; expected {expected}"
        return Plugin(group, point.name, package, None, problem)
    if value.contract != CONTRACT:
        problem = (
            f"it keeps to contract {value.contract} of connectors; this is Tieout with contract {CONTRACT}"
        )
        return Plugin(group, point.name, package, None, problem)
    return Plugin(group, point.name, package, value)


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value


class Unjudged(BaseModel, extra="allow"):
    """The options of a connector that cannot be loaded: nobody can say whether they are right."""


UNJUDGED = ConnectorModels(Unjudged, Unjudged, Unjudged, Unjudged)
