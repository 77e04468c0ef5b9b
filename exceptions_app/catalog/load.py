"""Reads a site's configuration: shipped packs, the site's files, its overrides; refuses with file and line.

Every problem is collected before anything is refused. Connector options are checked by models that are
passed in, because the catalog does not know the connectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from . import letters, references
from .catalog import Catalog
from .merging import Merged, merge
from .problems import CatalogError, ConnectorModels, Place, Problem
from .reading import Block, read_text
from .schema import Site

__all__ = ["CatalogError", "ConnectorModels", "Problem", "check_directory", "load_catalog"]


TRIED = "(tried)"
"""What a piece of configuration that is only tried is called where its problems are told."""
_MAY_BE_TRIED = ("checks", "categories")


def load_catalog(
    directory: Path | None, connectors: Mapping[str, ConnectorModels], tried: str = ""
) -> Catalog:
    """The configuration in `directory` (None: the packs that are always in use). Raises `CatalogError`.

    `connectors` are the kinds of connector that exist, each with its option models. `tried` is YAML that is laid over
    the files: new checks and categories, and `overrides` of those that there are.
    """
    merged = merge(directory, [_tried(tried)] if tried.strip() else [])
    if merged.unread:
        raise CatalogError(merged.problems)
    catalog = _assemble(merged)
    letters.address(catalog.checks, catalog.categories, catalog.record_types)
    problems = [*merged.problems, *references.problems_in(catalog, merged, connectors)]
    if problems:
        raise CatalogError(problems)
    return catalog


def _tried(text: str) -> Block:
    """Nothing but checks and categories: whatever else is configuration may reach files and systems."""
    block = read_text(text, TRIED)
    changes = block.get("overrides")
    inside = changes if isinstance(changes, Block) else Block(block.place)
    problems = [
        Problem(TRIED, each.places[section].line, section, "only checks and categories can be tried", said)
        for each, known, said in (
            (block, (*_MAY_BE_TRIED, "overrides"), "'checks:', 'categories:' or 'overrides:'"),
            (inside, _MAY_BE_TRIED, "'checks:' or 'categories:'"),
        )
        for section in each
        if section not in known
    ]
    if problems:
        raise CatalogError(problems)
    return block


def check_directory(directory: Path | None, connectors: Mapping[str, ConnectorModels]) -> list[Problem]:
    """What is wrong with the configuration in `directory`; nothing when it can be used."""
    try:
        load_catalog(directory, connectors)
    except CatalogError as error:
        return error.problems
    return []


def _assemble(merged: Merged) -> Catalog:
    sources: dict[tuple[str, str], Place] = {
        (section, code): item.place
        for section, items in merged.declared.items()
        for code, item in items.items()
    }
    valid = merged.valid
    return Catalog(
        site=merged.site or Site(),
        entities=valid["entities"],
        calendars=valid["calendars"],
        systems=valid["systems"],
        record_types=valid["record_types"],
        feeds=valid["feeds"],
        checks=valid["checks"],
        categories=valid["categories"],
        queues=valid["queues"],
        crosswalks={code: merged.translations.get(code, {}) for code in valid["crosswalks"]},
        crosswalk_titles={code: item.title or code for code, item in valid["crosswalks"].items()},
        routing=tuple(merged.routing),
        sla_policies=tuple(valid["sla_policies"].values()),
        assignment=tuple(valid["assignment"].values()),
        cutoffs=tuple(valid["cutoffs"].values()),
        operations=valid["operations"],
        common_reasons=tuple(valid["common_reasons"].values()),
        sources=sources,
        reference_rows=tuple(merged.reference_rows),
    )
