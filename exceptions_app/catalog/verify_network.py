"""Judges entities, systems, record types, crosswalks: do they refer to what exists and work."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from . import verify_clock
from .catalog import Catalog
from .currencies import CURRENCIES
from .judging import Judge
from .problems import ConnectorModels, Problem, closest, listing
from .reading import Block
from .schema import Entity, RecordType, System
from .scopes import EVERY_RECORD
from .sensitivity import is_open
from .shape_errors import problems_in

SYSTEM_KINDS: tuple[str, ...] = get_args(System.model_fields["kind"].annotation)
_SECRET_NAME = re.compile(
    r"passw|secret|authorization|api[-_]?key|credential|access[-_]?token", re.IGNORECASE
)
_PASSWORD_IN_URL = re.compile(r"^[a-z][a-z0-9+.-]*://[^/@\s]*:[^/@\s]+@", re.IGNORECASE)


def verify(judge: Judge, catalog: Catalog, connectors: Mapping[str, ConnectorModels]) -> None:
    """Report whatever does not fit together in the network."""
    verify_clock.verify(judge, catalog)
    for entity in catalog.entities.values():
        _entity(judge, catalog, entity)
    for system in catalog.systems.values():
        _system(judge, catalog, system, connectors)
    _record_types(judge, catalog)
    for code in catalog.crosswalks:
        _crosswalk(judge, code)


def _crosswalk(judge: Judge, code: str) -> None:
    """Every system must be declared; told once each, at the first row that names it."""
    known = judge.merged.declared["systems"]
    for system, place in judge.merged.crosswalk_systems.get(code, {}).items():
        if system not in known:
            said = f"'{system}' is none of systems"
            path = f"crosswalks.{code}.entries"
            near = closest(system, known)
            judge.problems.append(Problem(place.file, place.line, path, said, listing(known), near))


def _entity(judge: Judge, catalog: Catalog, entity: Entity) -> None:
    code = entity.code
    verify_clock.zone(judge, "entities", code, entity.time_zone)
    judge.refer("entities", code, ["calendar"], "calendars", entity.calendar)
    judge.refer("entities", code, ["parent"], "entities", entity.parent)
    path, above = [code], entity.parent
    while above is not None and above in catalog.entities and above not in path:
        path.append(above)
        above = catalog.entities[above].parent
    if above == code:
        said = "it is above itself: " + " → ".join([*path, code])
        judge.report("entities", code, ["parent"], said, "a tree")
    if entity.currency not in CURRENCIES:
        said = f"got '{entity.currency}'"
        judge.report("entities", code, ["currency"], said, "an ISO 4217 currency such as USD")
    if entity.valid_from and entity.valid_to and entity.valid_to < entity.valid_from:
        judge.report(
            "entities", code, ["valid_to"], "it ends before it begins", f"a date from {entity.valid_from} on"
        )


def _letters(judge: Judge, record: RecordType) -> None:
    """An address that everybody may read, of a record that one column names."""
    letters, path = record.letters, ["letters", "column"]
    if letters is None:
        return
    if judge.choose("record_types", record.code, path, letters.column, record.columns, "of its columns"):
        level = record.columns[letters.column].sensitivity
        if not is_open(level):
            said = f"'{letters.column}' is of sensitivity {level}"
            judge.report("record_types", record.code, path, said, "a column that everybody may read")
    if letters.named_by is None:
        return
    named = ["letters", "named_by"]
    judge.refer("record_types", record.code, named, "crosswalks", letters.named_by)
    if len(record.key) != 1:
        judge.report(
            "record_types", record.code, named, "its key has several columns", "one column as the key"
        )


def _system(
    judge: Judge, catalog: Catalog, system: System, connectors: Mapping[str, ConnectorModels]
) -> None:
    if judge.choose("systems", system.code, ["connector"], system.connector, connectors, "of the connectors"):
        model = connectors[system.connector].connection
        options(judge, "systems", system.code, "connection", model, system.connection)
    for name, value in texts(system.connection):
        if holds_secret(name, value):
            judge.report(
                "systems",
                system.code,
                ["connection", name],
                f"'{name}' holds a secret",
                "a reference, 'env:NAME' or 'file:/path'",
            )
    for record_type, given in system.record_urls.items():
        if judge.refer("systems", system.code, ["record_urls", record_type], "record_types", record_type):
            columns = [*catalog.record_types[record_type].columns, *EVERY_RECORD]
            for name in re.findall(r"\{(\w+)\}", given if isinstance(given, str) else " ".join(given)):
                judge.choose(
                    "systems", system.code, ["record_urls", record_type], name, columns, "of its columns"
                )


def holds_secret(name: str, value: str) -> bool:
    """Whether a text is a secret's value, by its name or its look; a reference is none."""
    named = _SECRET_NAME.search(name) is not None and not value.startswith(("env:", "file:"))
    return named or _PASSWORD_IN_URL.match(value) is not None


def texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, with the name that it stands under."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, name)
    elif isinstance(value, str):
        yield name, value


def options(
    judge: Judge, section: str, code: str, name: str, model: type[BaseModel], given: Mapping[str, Any]
) -> None:
    """Judge a connector's options by its own model; what a connection says is never repeated."""
    try:
        model.model_validate(dict(given))
    except ValidationError as error:
        block = judge.merged.declared[section][code]
        inner: Any = block.get(name)
        place = block.places.get(name, block.place)
        raw = inner if isinstance(inner, Block) else block
        found: list[Problem] = problems_in(
            error, model, raw, place, f"{section}.{code}.{name}", secret=name == "connection"
        )
        judge.problems.extend(found)


def _versions(judge: Judge, catalog: Catalog, kept: RecordType) -> None:
    """What keeps the versions of a type has columns of it, and belongs to what it belongs to."""
    judge.refer("record_types", kept.code, ["versions_of"], "record_types", kept.versions_of)
    of = catalog.record_types.get(kept.versions_of or "")
    if of is None:
        return
    if of.versions_of is not None:
        said = f"'{of.code}' keeps the versions of '{of.versions_of}' itself"
        judge.report("record_types", kept.code, ["versions_of"], said, "a type that feeds bring")
    if of.scope != kept.scope:
        said = f"its scope is {kept.scope}, that of '{of.code}' is {of.scope}"
        judge.report("record_types", kept.code, ["scope"], said, of.scope)
    for name, column in kept.columns.items():
        if judge.choose(
            "record_types", kept.code, ["columns", name], name, of.columns, f"of {of.code}'s columns"
        ) and (column.type, column.crosswalk) != (of.columns[name].type, of.columns[name].crosswalk):
            said = f"'{name}' has another type or crosswalk than in '{of.code}'"
            judge.report("record_types", kept.code, ["columns", name], said, "the same")


def _record_types(judge: Judge, catalog: Catalog) -> None:
    for code, record_type in catalog.record_types.items():
        _letters(judge, record_type)
        for index, name in enumerate(record_type.key):
            if judge.choose(
                "record_types", code, ["key", index], name, record_type.columns, "of its columns"
            ):
                column = record_type.columns[name]
                if not column.required:
                    said = f"the key column '{name}' may be empty"
                    judge.report("record_types", code, ["columns", name], said, "'required: true'")
        for name, column in record_type.columns.items():
            judge.refer("record_types", code, ["columns", name, "crosswalk"], "crosswalks", column.crosswalk)
            if name in EVERY_RECORD:
                said = f"every record already has '{name}'"
                judge.report("record_types", code, ["columns", name], said, "another name")
            if name.endswith("_source") and name.removesuffix("_source") in record_type.columns:
                said = f"'{name}' is what the source wrote for '{name.removesuffix('_source')}'"
                judge.report("record_types", code, ["columns", name], said, "another name")
        _versions(judge, catalog, record_type)
        owner = record_type.system_of_record
        if owner and owner not in SYSTEM_KINDS and judge.unknown("systems", owner):
            known = [*SYSTEM_KINDS, *catalog.systems]
            said = f"'{owner}' is neither a system nor a kind of system"
            judge.report(
                "record_types", code, ["system_of_record"], said, listing(known, 20), closest(owner, known)
            )
