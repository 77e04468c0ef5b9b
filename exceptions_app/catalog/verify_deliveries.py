"""Judges what can be sent to systems: does it refer to what exists, and can it work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from .catalog import Catalog
from .judging import Judge, Path
from .problems import ConnectorModels, closest, listing
from .schema import Backoff, Check, Operation, SentField, System
from .sent_sources import is_known, raised_by, sensitivity_of, sources
from .verify_feeds import PLACE
from .verify_network import holds_secret, options

OWN_PLACES = ("idempotency_key", "correlation_id")
"""What every text of a request may name beside the operation's fields."""

_OPEN = ("public", "internal")
_FIGURES = ("money", "quantity", "decimal", "integer")


def verify(judge: Judge, catalog: Catalog, connectors: Mapping[str, ConnectorModels]) -> None:
    """Report whatever keeps an operation from being sent."""
    for system in catalog.systems.values():
        _delivery(judge, system)
    for operation in catalog.operations.values():
        _refers(judge, operation)
        _system(judge, catalog, operation, connectors)
        _texts(judge, operation, _places(catalog, operation, connectors))
        for name, field in operation.fields.items():
            _field(judge, catalog, operation, name, field)
        _rules(judge, operation)


def _delivery(judge: Judge, system: System) -> None:
    rules = system.delivery
    if rules.breaker_longest < rules.breaker_pause:
        path = ["delivery", "breaker_longest"]
        judge.report("systems", system.code, path, "it is shorter than breaker_pause", "at least as long")


def _refers(judge: Judge, operation: Operation) -> None:
    for section, target in (("category", "categories"), ("entity", "entities")):
        for index, code in enumerate(getattr(operation, section)):
            judge.refer("operations", operation.code, [section, index], target, code)
    for index, name in enumerate(operation.order_key):
        path: Path = ["order_key", index]
        judge.choose("operations", operation.code, path, name, operation.fields, "of the fields")


def _system(
    judge: Judge, catalog: Catalog, operation: Operation, connectors: Mapping[str, ConnectorModels]
) -> None:
    """The connector must be able to write; its own models judge the options."""
    code = operation.code
    if not judge.refer("operations", code, ["system"], "systems", operation.system):
        return
    connector = catalog.systems[operation.system].connector
    models = connectors.get(connector)
    if models is None:
        return
    if models.submit is None:
        able = [kind for kind, other in connectors.items() if other.submit is not None]
        said = f"the connector '{connector}' of {operation.system} cannot write"
        judge.report("operations", code, ["system"], said, f"a system of connector {listing(able)}")
        return
    options(judge, "operations", code, "submit", models.submit, operation.submit)
    if operation.read_back is not None and models.read_back is not None:
        options(judge, "operations", code, "read_back", models.read_back, operation.read_back)
    elif operation.read_back is not None:
        said = f"the connector '{connector}' of {operation.system} cannot read back"
        judge.report("operations", code, ["read_back"], said, "no 'read_back:'")


def _places(
    catalog: Catalog, operation: Operation, connectors: Mapping[str, ConnectorModels]
) -> tuple[str, ...]:
    """What texts may name beside the fields."""
    system = catalog.systems.get(operation.system)
    models = None if system is None else connectors.get(system.connector)
    return (*OWN_PLACES, *(() if models is None else models.places))


def _texts(judge: Judge, operation: Operation, places: tuple[str, ...]) -> None:
    """Placeholders name fields; nothing that looks like a secret stands in a request."""
    known = [*operation.fields, *places]
    for name in places:
        if name in operation.fields:
            judge.report("operations", operation.code, ["fields", name], "the name is taken", "another name")
    for part, given in (("submit", operation.submit), ("read_back", operation.read_back or {})):
        for path, text in _strings(given):
            where = [part, *path]
            for name in PLACE.findall(text):
                inside_job = where[:2] == ["submit", "job"]
                fits = [*known, "job"] if inside_job else known
                judge.choose("operations", operation.code, where, name, fits, "of the fields")
            if path and holds_secret(str(path[-1]), text) and not PLACE.search(text):
                said = f"'{path[-1]}' holds a secret"
                judge.report("operations", operation.code, where, said, "'auth:' in the system's connection")


def _strings(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _strings(inner, (*path, str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _strings(inner, (*path, index))
    elif isinstance(value, str):
        yield path, value


def _field(judge: Judge, catalog: Catalog, operation: Operation, name: str, field: SentField) -> None:
    code, path = operation.code, ["fields", name]
    for text in field.one_of:
        if not _reads_as(text, field.type):
            judge.report("operations", code, [*path, "one_of"], f"'{text}' is no {field.type}", field.type)
    _factors(judge, catalog, operation, name, field)
    _from(judge, catalog, operation, [*path, "source"], field.source, field)


def _from(
    judge: Judge, catalog: Catalog, operation: Operation, path: Path, source: str, field: SentField
) -> None:
    """Exceptions of each category say it, and whoever sees the field may see that."""
    for category in operation.category:
        for check in _saying(judge, catalog, operation, category, path, source):
            needed = sensitivity_of(check, catalog.record_types, category, source)
            if field.sensitivity in _OPEN and needed not in _OPEN:
                said = f"'{source}' is {needed} data, and everybody would see it"
                judge.report("operations", operation.code, path, said, f"'sensitivity: {needed}'")
                return


def _saying(
    judge: Judge, catalog: Catalog, operation: Operation, category: str, path: Path, source: str
) -> list[Check]:
    """The checks whose exceptions of this category say it; reported where there are checks and none does."""
    checks = [check for check in catalog.checks.values() if category in raised_by(check)]
    giving = [check for check in checks if is_known(check, category, source)]
    if checks and not giving:
        said = f"an exception '{category}' does not say '{source}'"
        known = sorted({other for check in checks for other in sources(check, category)})
        judge.report("operations", operation.code, path, said, listing(known, 30), closest(source, known))
    return giving


def _factors(judge: Judge, catalog: Catalog, operation: Operation, name: str, field: SentField) -> None:
    """What a figure comes to: figures only, times what is known, for a limit that there is."""
    code, path = operation.code, ["fields", name]
    for option, source in (("times", field.times), ("per", field.per)):
        if source is None:
            continue
        if field.type not in _FIGURES:
            said = f"a {field.type} comes to nothing"
            judge.report("operations", code, [*path, option], said, f"'type:' {listing(_FIGURES)}")
        elif operation.approve_above is None:
            judge.report("operations", code, [*path, option], "no limit asks for it", "'approve_above:'")
        elif "." in source:
            _from(judge, catalog, operation, [*path, option], source, field)
        elif (
            judge.choose("operations", code, [*path, option], source, operation.fields, "of the fields")
            and operation.fields[source].type not in _FIGURES
        ):
            said = f"the field '{source}' is no figure"
            judge.report("operations", code, [*path, option], said, f"a field of {listing(_FIGURES)}")
    if field.per is not None and field.times is None:
        judge.report("operations", code, [*path, "per"], "it divides nothing", "'times:'")


def _reads_as(text: str, kind: str) -> bool:
    try:
        match kind:
            case "integer":
                int(text)
            case "decimal" | "money" | "quantity":
                return Decimal(text).is_finite()
            case "date":
                date.fromisoformat(text)
            case "timestamp":
                datetime.fromisoformat(text)
            case "boolean":
                return text in ("true", "false")
    except (ValueError, InvalidOperation):
        return False
    return True


def _rules(judge: Judge, operation: Operation) -> None:
    """What answers mean, and how long is waited between tries."""
    code = operation.code
    waits: list[tuple[Path, Backoff]] = [((), operation.backoff)]
    for index, rule in enumerate(operation.errors):
        path: Path = ("errors", index)
        if not rule.status and not rule.contains:
            judge.report("operations", code, path, "it fits every answer", "'status:' or 'contains:'")
        for place, status in enumerate(rule.status):
            if not 100 <= status <= 599:
                said = f"{status} is no HTTP status"
                judge.report("operations", code, [*path, "status", place], said, "100 to 599")
        if rule.backoff is not None:
            waits.append((path, rule.backoff))
    for path, backoff in waits:
        if backoff.longest_wait < max(backoff.shortest_wait, backoff.first_wait):
            said = "it is shorter than the first or the shortest wait"
            judge.report("operations", code, [*path, "backoff", "longest_wait"], said, "at least as long")
    if operation.approve_above is not None and operation.approve_above < 0:
        judge.report("operations", code, ["approve_above"], f"got {operation.approve_above}", "0 or more")
