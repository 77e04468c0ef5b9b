"""Pages for people: what a system shows of one document at its own address, as plain HTML from its own rows.

A real system would ask who is there; on loopback these are open, so that a link from elsewhere leads to the document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flask import Flask, Response, request
from markupsafe import Markup

from .store import Store
from .tables import Table

PREFIX = "/pages/"
Finder = Callable[..., list[dict[str, Any]]]
_MOST = 50
"""Rows of a page."""
_CLOSED: Mapping[str, frozenset[str]] = {
    "workers": frozenset({"born", "last_four"}),
    "assignments": frozenset({"rate", "pay_basis"}),
    "worker_assignments": frozenset({"rate", "pay_basis"}),
    "pay_lines": frozenset({"amount"}),
    "efforts": frozenset({"charged_rate"}),
    "bank_accounts": frozenset({"routing", "account"}),
    "account_changes": frozenset({"routing", "account"}),
    "approved_changes": frozenset({"account"}),
}
"""Table -> its columns that a system shows to those only whom it knows."""
_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title} · {system}</title>
<style>body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 46rem; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100%; margin: 1rem 0 2rem }}
th, td {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8886; vertical-align: top }}
th {{ width: 14rem; font-weight: 500 }}</style></head>
<body><p>{system} (simulated)</p><h1>{title}</h1>{body}</body></html>""")


def is_page() -> bool:
    """Whether a person's browser asks, not a program with its credentials."""
    return request.method == "GET" and request.path.startswith(PREFIX)


def add_pages(app: Flask, system: str, kinds: Mapping[str, tuple[str, Finder]]) -> None:
    """`PREFIX` + rule -> (what a document is called, how its rows are found from the parts of the address)."""
    for rule, (called, find) in kinds.items():
        app.add_url_rule(f"{PREFIX}{rule}", f"page_{called}", _view(system, called, find))


def add_table_pages(app: Flask, system: str, store: Store, tables: Iterable[Table]) -> None:
    """`PREFIX` + a table's name + `?column=value&…`: the rows that agree with all of them."""
    for table in tables:
        app.add_url_rule(f"{PREFIX}{table.name}", f"rows_{table.name}", _rows(system, store, table))


def _rows(system: str, store: Store, table: Table) -> Callable[[], Response]:
    def view() -> Response:
        asked = request.args.to_dict()
        rows: list[dict[str, Any]] = []
        if asked and asked.keys() <= table.columns.keys():
            rows = store.find(table.name, asked)
        called = f"{table.name.replace('_', ' ').capitalize()} {'/'.join(asked.values())}"
        return _answer(system, called, [_open(table, row) for row in rows[:_MOST]])

    return view


def _open(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """What everybody may see of a row, in the table's words."""
    closed = _CLOSED.get(table.name, frozenset())
    return {name: value for name, value in table.told(dict(row)).items() if name not in closed}


def _view(system: str, called: str, find: Finder) -> Callable[..., Response]:
    def view(**parts: Any) -> Response:
        return _answer(system, f"{called} {'/'.join(map(str, parts.values()))}", find(**parts))

    return view


def _answer(system: str, title: str, rows: list[dict[str, Any]]) -> Response:
    body = Markup().join(map(_table, rows)) or Markup("<p>No such document here.</p>")
    return Response(_PAGE.format(title=title, system=system, body=body), 200 if rows else 404)


def _table(row: Mapping[str, Any]) -> Markup:
    lines = (Markup("<tr><th scope=row>{}</th><td>{}</td></tr>").format(*each) for each in _flat(row))
    return Markup("<table>{}</table>").format(Markup().join(lines))


def _flat(row: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """What the row states, with the names of nested parts before theirs."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name} ")
        elif value not in (None, ""):
            yield f"{above}{name}", value
