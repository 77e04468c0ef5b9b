"""Merges packs, the site's files and overrides into one set of declarations, each with its file and line.

Packs come first, then every `*.yaml` of the directory by name, then `overrides`. A code is declared once;
only an override changes what another file declared. Routes and service levels of the site come before those
of packs, because the first that fits holds. References between declarations are not its business.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from . import schema, templates
from .crosswalks import translations
from .problems import CatalogError, Place, Problem, closest, listing
from .reading import Block, Items, overlay, read_yaml
from .shape_errors import problems_in

PACKS = Path(__file__).parent / "packs"
ALWAYS = "integration_health"
"""The pack every install uses: what happens when a feed fails."""
FOUNDATION = "foundation"
"""The pack that comes with any flow: records, names, hours and queues that several flows share."""

CODED: dict[str, Any] = {
    "entities": schema.Entity,
    "calendars": schema.Calendar,
    "systems": schema.System,
    "record_types": schema.RecordType,
    "feeds": schema.Feed,
    "crosswalks": schema.Crosswalk,
    "checks": schema.Check,
    "categories": schema.Category,
    "queues": schema.Queue,
    "sla_policies": schema.SlaPolicy,
    "assignment": schema.Assignment,
    "cutoffs": schema.Cutoff,
    "operations": schema.Operation,
    "common_reasons": schema.Reason,
}
"""Sections whose items have a code."""

SITE_FIRST = ("sla_policies", "assignment", "operations", "routing")
UNCODED: dict[str, Any] = {"routing": schema.Route, "reference_rows": schema.ReferenceRow}
"""Sections whose items have none."""

SECTIONS = (*CODED, *UNCODED, templates.SECTION, "site", "overrides")


@dataclass
class Merged:
    """What was declared, what of it has the right shape, and what was wrong."""

    site: schema.Site | None = None
    site_block: Block | None = None
    declared: dict[str, dict[str, Block]] = field(default_factory=lambda: {section: {} for section in CODED})
    valid: dict[str, dict[str, Any]] = field(default_factory=lambda: {section: {} for section in CODED})
    templates: dict[str, Block] = field(default_factory=dict)
    """Pieces of feeds that several are made of."""
    uncoded: dict[str, list[Block]] = field(default_factory=lambda: {section: [] for section in UNCODED})
    routing: list[schema.Route] = field(default_factory=list)
    reference_rows: list[schema.ReferenceRow] = field(default_factory=list)
    translations: dict[str, dict[tuple[str | None, str], str]] = field(default_factory=dict)
    crosswalk_systems: dict[str, dict[str, Place]] = field(default_factory=dict)
    crosswalk_words: dict[str, dict[str, Place]] = field(default_factory=dict)
    added_tolerances: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unread: bool = False
    """Some file could not be read: what it declares is unknown, so nobody is blamed for naming it."""

    def report(self, place: Place, path: str, message: str, expected: str = "", suggestion: str = "") -> None:
        self.problems.append(Problem(place.file, place.line, path, message, expected, suggestion))


def known_packs() -> list[str]:
    """The flows that are shipped."""
    return sorted(path.name for path in PACKS.iterdir() if path.is_dir() and any(path.glob("*.yaml")))


def pack_with(section: str, code: str) -> str:
    """The shipped pack that declares something under that code, or an empty text. Looks at the text of its files."""
    item = re.compile(rf"\s*- \{{?code: {re.escape(code)}(?![\w.])")
    for name in known_packs():
        for path in sorted((PACKS / name).glob("*.yaml")):
            inside = ""
            for line in path.read_text(encoding="utf-8").splitlines():
                inside = line.partition(":")[0] if line[:1].isalpha() else inside
                if inside == section and item.match(line):
                    return name
    return ""


def merge(directory: Path | None, tried: Sequence[Block] = ()) -> Merged:
    """Everything that is declared for a site; `problems` holds what could not be used. What is `tried` comes after
    the site's files."""
    merged = Merged()
    own = [*_read(merged, _own_files(merged, directory)), *tried]
    _take_site(merged, own)
    chosen = merged.site.packs if merged.site else []
    shared = [FOUNDATION] if chosen else []
    packs = [name for name in dict.fromkeys([*shared, *chosen, ALWAYS]) if name in known_packs()]
    shipped = _read(merged, [path for name in packs for path in sorted((PACKS / name).glob("*.yaml"))])
    for document in [*shipped, *own]:
        for section in document:
            if section not in SECTIONS:
                merged.report(
                    document.places[section],
                    section,
                    f"unknown section '{section}'",
                    listing(SECTIONS, 30),
                    closest(section, SECTIONS),
                )
        for section in (*CODED, *UNCODED, templates.SECTION):
            if section not in SITE_FIRST:
                _collect(merged, document, section)
    for document in [*own, *shipped]:
        for section in SITE_FIRST:
            _collect(merged, document, section)
    for document in [*shipped, *own]:
        _override(merged, document)
    _validate(merged)
    return merged


def _own_files(merged: Merged, directory: Path | None) -> list[Path]:
    if directory is None:
        return []
    if not directory.is_dir():
        merged.report(
            Place(str(directory), 1),
            "(directory)",
            "there is no such directory",
            "a directory of YAML files; `tieout init` makes one",
        )
        return []
    return sorted([*directory.glob("*.yaml"), *directory.glob("*.yml")])


def _read(merged: Merged, paths: list[Path]) -> list[Block]:
    documents = []
    for path in paths:
        try:
            documents.append(read_yaml(path))
        except CatalogError as error:
            merged.unread = True
            merged.problems.extend(error.problems)
    return documents


def _take_site(merged: Merged, documents: list[Block]) -> None:
    for document in documents:
        if "site" not in document:
            continue
        block, place = document["site"], document.places["site"]
        if merged.site_block is not None:
            merged.report(
                place,
                "site",
                f"the site is already declared in {merged.site_block.place}",
                "one 'site:' section",
            )
        elif not isinstance(block, Block):
            merged.report(place, "site", "not a mapping", "fields such as 'name:' and 'packs:'")
        else:
            merged.site_block = block
            merged.site = _shaped(merged, schema.Site, block, "site")
    for index, name in enumerate(merged.site.packs if merged.site else []):
        if name not in known_packs() and merged.site_block is not None:
            place = merged.site_block["packs"].places[index]
            merged.report(
                place,
                "site.packs",
                f"there is no pack '{name}'",
                listing(known_packs()),
                closest(name, known_packs()),
            )


def _collect(merged: Merged, document: Block, section: str) -> None:
    items = document.get(section)
    if items is None:
        return
    if not isinstance(items, Items):
        merged.report(document.places[section], section, "not a list", "items that each begin with '- '")
        return
    for item, place in zip(items, items.places, strict=True):
        if not isinstance(item, Block):
            merged.report(place, section, f"got {item!r}", "a mapping of fields to values")
        elif section in UNCODED:
            merged.uncoded[section].append(item)
        else:
            _declare(merged, section, item)


def _declare(merged: Merged, section: str, item: Block) -> None:
    code = item.get("code")
    known = merged.templates if section == templates.SECTION else merged.declared[section]
    if not isinstance(code, str):
        merged.report(
            item.place,
            f"{section}[]",
            "the field 'code' is missing" if code is None else f"got code {code}",
            "'code:' with a name of its own",
        )
    elif code in known:
        merged.report(
            item.place,
            f"{section}.{code}",
            f"'{code}' is already declared in {known[code].place}",
            "a code of its own, or 'overrides:' to change fields",
        )
    else:
        known[code] = item


def _override(merged: Merged, document: Block) -> None:
    changes = document.get("overrides")
    if changes is None:
        return
    if not isinstance(changes, Block):
        merged.report(
            document.places["overrides"], "overrides", "not a mapping", "section, code, then fields"
        )
        return
    for section, by_code in changes.items():
        if section not in CODED or not isinstance(by_code, Block):
            merged.report(
                changes.places[section],
                f"overrides.{section}",
                "not a section with codes",
                listing(CODED, 30),
                closest(section, CODED),
            )
            continue
        known = merged.declared[section]
        for code, change in by_code.items():
            place, path = by_code.places[code], f"overrides.{section}.{code}"
            if code not in known:
                merged.report(place, path, f"nothing declares '{code}'", listing(known), closest(code, known))
            elif not isinstance(change, Block):
                merged.report(place, path, f"got {change!r}", "the fields to change")
            elif "code" in change:
                merged.report(change.places["code"], path, "a code cannot be overridden", "other fields")
            else:
                if section == "checks":
                    _note_tolerances(merged, code, known[code], change)
                _change(known[code], change, section)


def _note_tolerances(merged: Merged, code: str, item: Block, change: Block) -> None:
    """Remember the tolerances that an override adds, and what there was: a slip of the pen judges nothing."""
    before, after = item.get("tolerances") or {}, change.get("tolerances")
    if isinstance(before, Block | dict) and isinstance(after, Block):
        for name in after:
            if name not in before:
                merged.added_tolerances.setdefault(code, {})[name] = list(before)


def _change(item: Block, change: Block, section: str) -> None:
    if (
        section == "crosswalks"
        and isinstance(item.get("entries"), Items)
        and isinstance(change.get("entries"), Items)
    ):
        added: Items = change.pop("entries")
        item["entries"].extend(added)
        item["entries"].places.extend(added.places)
    overlay(item, change)


def _shaped(merged: Merged, kind: Any, block: Block, path: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(block)
    except ValidationError as error:
        merged.problems.extend(problems_in(error, kind, block, block.place, path))
        return None


def _validate(merged: Merged) -> None:
    templates.expand(merged.declared["feeds"], merged.templates, merged.report)
    for section, items in merged.declared.items():
        for code, block in items.items():
            value: BaseModel | None = _shaped(merged, CODED[section], block, f"{section}.{code}")
            if value is not None:
                merged.valid[section][code] = value
    for section, kind in UNCODED.items():
        for index, block in enumerate(merged.uncoded[section]):
            item = _shaped(merged, kind, block, f"{section}[{index}]")
            if item is not None:
                getattr(merged, section).append(item)
    for code, crosswalk in merged.valid["crosswalks"].items():
        found, systems, words, problems = translations(crosswalk, merged.declared["crosswalks"][code])
        merged.translations[code], merged.crosswalk_systems[code] = found, systems
        merged.crosswalk_words[code] = words
        merged.problems.extend(problems)
