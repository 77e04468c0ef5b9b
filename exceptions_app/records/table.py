"""One record type's Delta table: made, widened, opened, listed. Knows no rows and no runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

from deltalake import DeltaTable, Field, Schema, WriterProperties
from deltalake.exceptions import TableNotFoundError
from deltalake.schema import PrimitiveType

from .errors import AsOfError, StoredTypeError
from .layout import CHANGES, DELTA_TYPES, Layout

_CONFIGURATION: dict[str, str | None] = {
    "delta.checkpointInterval": "10",
    "delta.logRetentionDuration": "interval 60 days",
    "delta.deletedFileRetentionDuration": "interval 35 days",
}
"""Files outlive the as-of window (a month and its close); the log outlives the files."""

FOLDED = "tieout-folded"
"""The application under whose transactions a table says which runs its base holds."""

WRITING = WriterProperties(max_row_group_size=122_880)
"""Files are read side by side row group by row group, of the size that DuckDB writes itself; the default, a million
rows, would leave a large entity to one thread."""

_SQL_TYPES = {delta: sql for sql, delta in DELTA_TYPES.items()}


def _field(name: str, kind: str) -> Field:
    return Field(name, PrimitiveType(DELTA_TYPES[kind]), nullable=True)


def _is_remote(uri: str) -> bool:
    return "://" in uri and not uri.startswith("file://")


def find_table(uri: str) -> DeltaTable | None:
    """The newest state of the table; None where nothing has ever landed."""
    if not _is_remote(uri) and not (Path(uri.removeprefix("file://")) / "_delta_log").is_dir():
        return None
    try:
        return DeltaTable(uri)
    except TableNotFoundError:
        return None


def ensure_table(uri: str, layout: Layout) -> DeltaTable:
    """The table, made if need be, with every column of the configuration.

    Raises `StoredTypeError` where a column was stored with another type: what is at rest is never
    reinterpreted.
    """
    table = find_table(uri)
    if table is None:
        schema = Schema([_field(name, kind) for name, kind in layout.stored.items()])
        DeltaTable.create(uri, schema, mode="ignore", partition_by=["_part"], configuration=_CONFIGURATION)
        table = DeltaTable(uri)
    stored = stored_columns(table)
    for name, kind in layout.stored.items():
        if name in stored and stored[name] != kind:
            raise StoredTypeError(layout.name, name, stored[name], kind)
    missing = [_field(name, kind) for name, kind in layout.stored.items() if name not in stored]
    if missing:
        table.alter.add_columns(missing)
        table = DeltaTable(uri)
    return table


def stored_columns(table: DeltaTable) -> dict[str, str]:
    """Column → SQL type of all columns of the table, those that the configuration no longer names too."""
    return {f.name: _SQL_TYPES.get(_type_name(f), _type_name(f)) for f in table.schema().fields}


def _type_name(stored: Field) -> str:
    return stored.type.type if isinstance(stored.type, PrimitiveType) else str(stored.type)


@dataclass(frozen=True)
class Listing:
    """One version of a table as the files that make it up. Holds no handle, so it can be read at leisure."""

    version: int
    columns: dict[str, str]
    changes: tuple[str, ...] = ()
    base: dict[str, tuple[str, ...]] = field(default_factory=dict)
    folded: int = 0
    """The newest run whose changes were folded into the base; 0: none was."""
    rows: dict[str, int] = field(default_factory=dict)
    """How many rows the base files of a partition hold, where that was asked for."""

    def base_of(self, part: str | None) -> tuple[str, ...]:
        """The base files of a partition; of all for None."""
        if part is not None:
            return self.base.get(part, ())
        return tuple(file for files in self.base.values() for file in files)


_UNKNOWN = 1_000_000
"""How many rows a file is taken to hold of which its writer does not say it."""


def list_table(table: DeltaTable, *, counted: bool = False) -> Listing:
    """The files of the table's version at hand, by partition; `counted`: and how many rows these hold."""
    changes: list[str] = []
    base: dict[str, list[str]] = {}
    for file in sorted(table.file_uris()):
        part = _part(file)
        if part == CHANGES:
            changes.append(file)
        else:
            base.setdefault(part, []).append(file)
    return Listing(
        table.version(),
        stored_columns(table),
        tuple(changes),
        {part: tuple(files) for part, files in base.items()},
        table.transaction_version(FOLDED) or 0,
        _rows(table) if counted else {},
    )


def _rows(table: DeltaTable) -> dict[str, int]:
    added, rows = table.get_add_actions(), dict[str, int]()
    files = zip(added.column("path").to_pylist(), added.column("num_records").to_pylist(), strict=True)
    for file, count in files:
        part = _part(f"/{file}")
        rows[part] = rows.get(part, 0) + (_UNKNOWN if count is None else count)
    return rows


def _part(file: str) -> str:
    """The partition is the last folder: a `name=value` further up in the path is none of ours."""
    return unquote(file.rsplit("/", 2)[1].removeprefix("_part="))


def as_of(uri: str, at: datetime) -> DeltaTable | None:
    """The table as it was at an aware time. Raises `AsOfError` for a naive time and one before the first
    version.

    Delta itself takes both without a word: a naive time as UTC, and a time too early as version 0.
    """
    if at.tzinfo is None:
        raise AsOfError(f"as of {at!r}: the time needs a zone")
    table = find_table(uri)
    if table is None:
        return None
    first = min(entry["timestamp"] for entry in table.history())
    if at.timestamp() * 1000 < first:
        begin = datetime.fromtimestamp(first / 1000, at.tzinfo).isoformat()
        raise AsOfError(f"as of {at.isoformat()}: nothing was kept before {begin}")
    table.load_as_version(at)
    return table
