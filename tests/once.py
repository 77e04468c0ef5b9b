"""What every application of a test run would work out anew, and comes out the same: how its addresses are built, and
the configurations that lie beside the tests. It was four fifths of making one, and most tests of pages make one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from exceptions_app import runtime
from exceptions_app.catalog.catalog import Catalog

TESTS = Path(__file__).parent
_MAPPINGS = (
    "entities", "calendars", "systems", "record_types", "feeds", "checks", "categories", "queues", "crosswalks",
    "crosswalk_titles", "operations",
)  # fmt: skip


def compile_routes_once(patch: pytest.MonkeyPatch) -> None:
    """Werkzeug writes a function per address, of nothing but its parts."""
    compiled: dict[tuple[Any, ...], Callable[..., tuple[str, str]]] = {}
    as_always = Rule._compile_builder

    def compile_builder(self: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        if self.defaults:
            return as_always(self, append_unknown)
        key = (self.rule, tuple(self._trace), append_unknown)
        if key not in compiled:
            compiled[key] = as_always(self, append_unknown)
        return compiled[key]

    patch.setattr(Rule, "_compile_builder", compile_builder)


def load_sites_once(patch: pytest.MonkeyPatch) -> None:
    """A site of the tests is read once; each application has mappings of its own, which a test may add to."""
    loaded: dict[Path, Catalog] = {}
    as_always = runtime.load_catalog

    def load_catalog(directory: Path | None, models: Any) -> Catalog:
        if directory is None or not directory.is_relative_to(TESTS):
            return as_always(directory, models)
        if directory not in loaded:
            loaded[directory] = as_always(directory, models)
        return with_own_mappings(loaded[directory])

    patch.setattr(runtime, "load_catalog", load_catalog)


def with_own_mappings(found: Catalog) -> Catalog:
    """The same configuration, to which a test may add."""
    return replace(found, **{name: dict(getattr(found, name)) for name in _MAPPINGS})


def compile_statements_once(patch: pytest.MonkeyPatch) -> None:
    """SQLAlchemy writes each statement once an engine, and each test has engines of its own: here engines to the same
    kind of database know what the others have written.
    """
    written: dict[type[Dialect], LRUCache[Any, Any]] = {}
    for kind in (SQLiteDialect, PGDialect):
        patch.setattr(kind, "__hash__", lambda self: hash(type(self)))
        patch.setattr(kind, "__eq__", lambda self, other: type(self) is type(other))

    def shared(self: Engine) -> LRUCache[Any, Any]:
        return written.setdefault(type(self.dialect), LRUCache(5_000))

    patch.setattr(Engine, "_compiled_cache", property(shared, lambda self, own: None), raising=False)


def read_yaml_quickly(patch: pytest.MonkeyPatch) -> None:
    """What tests read by themselves is read as the application reads: PyYAML's own scanner takes ten times as long."""
    patch.setattr(yaml, "safe_load", lambda text: yaml.load(text, Loader=yaml.CSafeLoader))
