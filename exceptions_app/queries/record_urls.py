"""Where a record can be opened in its own system, by the pattern that the configuration gives for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.own_names import own_name
from exceptions_app.catalog.secrets import SecretError, environment


def record_url(catalog: Catalog, system: str, record: str, values: Mapping[str, Any]) -> str:
    """By the first pattern that the values, canonical, fill in the names that the system itself uses; else empty, as
    where it leads to no page.
    """
    for pattern in _patterns(catalog, system, record):
        resolved = _resolved(pattern)
        named = _Named(catalog, system, record, values)
        try:
            url = resolved.format_map(named)
        except (KeyError, ValueError, IndexError):
            continue
        if url.startswith(("https://", "http://")):
            return url
    return ""


class _Named(dict[str, str]):
    """Values as parts of an address, made when the pattern asks for them."""

    def __init__(self, catalog: Catalog, system: str, record: str, values: Mapping[str, Any]) -> None:
        super().__init__()
        self._catalog, self._system, self._values = catalog, system, values
        self._columns = catalog.record_types[record].columns

    def __missing__(self, name: str) -> str:
        value = self._values.get(name)
        column = self._columns.get(name)
        if value and column is not None and column.crosswalk is not None:
            value = own_name(self._catalog, column.crosswalk, self._system, str(value))
        if value in (None, ""):
            raise KeyError(name)
        return quote(str(value), safe="")


def _patterns(catalog: Catalog, system: str, record: str) -> list[str]:
    given = catalog.systems[system].record_urls.get(record, [])
    return [given] if isinstance(given, str) else given


def _resolved(pattern: str) -> str:
    """`env:NAME` at the beginning is the address in that variable."""
    if not pattern.startswith("env:"):
        return pattern
    name, slash, rest = pattern.removeprefix("env:").partition("/")
    try:
        return environment(name).rstrip("/") + slash + rest
    except SecretError:
        return ""
