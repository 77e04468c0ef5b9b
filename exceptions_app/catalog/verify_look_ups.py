"""Judges what mappings look up in stored records: is it there, of one key, of the right type, and not more secret."""

from __future__ import annotations

from .catalog import Catalog
from .judging import Judge
from .schema import DoorLookup, Feed, RecordType
from .sensitivity import is_open

_NUMBERS = ("integer", "decimal", "money", "quantity")


def verify(judge: Judge, catalog: Catalog, feed: Feed, name: str, look_up: DoorLookup, kind: str) -> None:
    """Report whatever keeps column `name`, of type `kind`, from being looked up."""
    path = ["mapping", name, "look_up"]
    judge.refer("feeds", feed.code, [*path, "system"], "systems", look_up.system)
    if not judge.refer("feeds", feed.code, [*path, "record"], "record_types", look_up.record):
        return
    record = catalog.record_types[look_up.record]
    if look_up.record == feed.record_type:
        said = f"a feed of {look_up.record} looks up {look_up.record} itself"
        judge.report(
            "feeds", feed.code, [*path, "record"], said, "reference records that another feed brings"
        )
    elif not catalog.sources_of(look_up.record):
        said = f"no feed brings {look_up.record}: nothing could ever be found"
        judge.report("feeds", feed.code, [*path, "record"], said, f"a feed of {look_up.record}")
    columns = [*record.columns, *(["entity"] if record.scope == "entity" else [])]
    of = f"of {look_up.record}'s columns"
    if look_up.by is not None:
        judge.choose("feeds", feed.code, [*path, "by"], look_up.by, columns, of)
    elif len(record.key) > 1:
        said = f"{look_up.record} has more than one key column: {', '.join(record.key)}"
        judge.report("feeds", feed.code, path, said, "'by:' with the column that the value is")
    if judge.choose("feeds", feed.code, [*path, "column"], look_up.column, columns, of):
        _fits(judge, catalog, feed, name, look_up, record, kind)


def _fits(
    judge: Judge, catalog: Catalog, feed: Feed, name: str, look_up: DoorLookup, record: RecordType, kind: str
) -> None:  # fmt: skip
    """What is found can be stored there, and is no more secret than what stands there."""
    found, path = record.columns.get(look_up.column), ["mapping", name, "look_up", "column"]
    given = found.type if found is not None else "text"
    if given not in (kind, "text") and not (given in _NUMBERS and kind in _NUMBERS):
        judge.report("feeds", feed.code, path, f"this is {given}", kind)
    own = catalog.record_types[feed.record_type].columns.get(name)
    here = own.sensitivity if own is not None else "internal"
    if found is not None and not is_open(found.sensitivity) and found.sensitivity != here:
        said = f"'{look_up.column}' is {found.sensitivity} data, and '{name}' is {here}"
        judge.report("feeds", feed.code, path, said, f"a column that is {here}, or public or internal")
