"""Further tables of the systems, beside their main one: columns, what they are called in answers, pages of rows.

A table here has no behaviour. Every row has `id`, `changed_at` and `gone` (1: taken back; those who read changes see
it once more, marked as deleted). Amounts are in cents, prices in 1/10,000 dollar, as everywhere in this package.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from flask import Flask, Response, abort, jsonify, request

from .store import Row, Store

Kind = Literal["text", "whole", "cents", "price", "flag"]
_SQL = {"text": "TEXT", "whole": "INTEGER", "cents": "INTEGER", "price": "INTEGER", "flag": "INTEGER"}
_SINCE = re.compile(r"^ModifiedAt ge (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)$")


def tell(value: Any, kind: Kind) -> Any:
    """A stored value as answers write it; money as text, so that it stays exact."""
    if value is None or value == "":
        return None
    if kind == "cents":
        return f"{value / 100:.2f}"
    if kind == "price":
        return f"{value / 10_000:.4f}"
    return bool(value) if kind == "flag" else value


@dataclass(frozen=True, slots=True)
class Table:
    """A table: `columns` are name -> kind; answers call a column by its name. `index` speeds up finding a row."""

    name: str
    columns: Mapping[str, Kind]
    index: str = ""

    @property
    def schema(self) -> str:
        columns = ", ".join(f"{name} {_SQL[kind]}" for name, kind in self.columns.items())
        schema = (
            f"CREATE TABLE IF NOT EXISTS {self.name} (id INTEGER PRIMARY KEY, {columns},"
            " changed_at TEXT, gone INTEGER DEFAULT 0);\n"
            f"CREATE INDEX IF NOT EXISTS {self.name}_changed ON {self.name} (changed_at, id);\n"
        )
        if self.index:
            schema += f"CREATE INDEX IF NOT EXISTS {self.name}_key ON {self.name} ({self.index});\n"
        return schema

    def told(self, row: Row) -> dict[str, Any]:
        """A row as answers write it; a network that was built before a column came leaves it empty."""
        told = {name: tell(row.get(name), kind) for name, kind in self.columns.items()}
        return {"id": row["id"], **told, "changed_at": row["changed_at"], "deleted": bool(row["gone"])}

    def after(self, store: Store, since: str, last: int, size: int) -> list[Row]:
        """The rows that changed after a time, or at it and have a higher id; oldest change first."""
        sql = f"SELECT * FROM {self.name} WHERE (changed_at, id) > (?, ?) ORDER BY changed_at, id LIMIT ?"
        return store.rows(sql, (since, last, size))


def entity_sets(app: Flask, store: Store, sets: Mapping[str, Table]) -> None:
    """OData-style: `$filter=ModifiedAt ge …`, `$top`, `@odata.nextLink`."""
    for name, table in sets.items():
        path = f"/odata/v4/{name}"
        app.add_url_rule(
            path, f"set_{table.name}", odata_view(path, lambda *a, t=table: t.after(store, *a), table.told)
        )


def odata_view(
    path: str, after: Callable[[str, int, int], list[Row]], told: Callable[[Row], dict[str, Any]]
) -> Callable[[], Response]:
    """Pages of rows in the order of their changes; the rows' times are in `changed_at` or `modified_at`."""

    def view() -> Response:
        condition, size = request.args.get("$filter", ""), min(int(request.args.get("$top", 1000)), 2000)
        match = _SINCE.match(condition)
        if condition and not match:
            abort(Response(f"$filter not understood: {condition}", 400))
        start = f"{match[1] + 'Z' if match else ''}|0"
        since, last = request.args.get("$skiptoken", start).split("|")
        rows = after(since, int(last), size)
        body: dict[str, Any] = {
            "@odata.context": f"$metadata#{path.rpartition('/')[2]}",
            "value": list(map(told, rows)),
        }
        if len(rows) == size:
            changed = rows[-1].get("modified_at") or rows[-1]["changed_at"]
            asked = {"$filter": condition} if condition else {}
            query = urlencode({**asked, "$top": size, "$skiptoken": f"{changed}|{rows[-1]['id']}"})
            body["@odata.nextLink"] = f"{request.host_url.rstrip('/')}{path}?{query}"
        return jsonify(body)

    return view


def listings(app: Flask, store: Store, prefix: str, tables: Mapping[str, Table]) -> None:
    """`{"data": […], "next": cursor}` under `prefix/NAME`, with `since`, `limit` and `cursor`."""
    for name, table in tables.items():
        app.add_url_rule(f"{prefix}/{name}", f"list_{table.name}", _listing(store, table))


def _listing(store: Store, table: Table) -> Callable[[], Response]:
    def view() -> Response:
        size = min(int(request.args.get("limit", 500)), 1000)
        since, last = request.args.get("cursor", f"{request.args.get('since', '')[:19]}|0").split("|")
        rows = table.after(store, since, int(last), size)
        following = f"{rows[-1]['changed_at']}|{rows[-1]['id']}" if len(rows) == size else None
        return jsonify(data=[table.told(row) for row in rows], next=following)

    return view
