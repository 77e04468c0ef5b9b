"""A three-way match written as configuration, against the same SQL typed by hand, and datacompy on Polars.

All read the same Parquet files. The floor and ours work entity by entity and end with the disagreements in Python:
the floor as plain rows, ours counted, with identity, evidence and its hash, in the session and the lanes that a job
has by default. datacompy is given the same three sides, netted and translated in Polars, and does neither wait nor
explain; beside it, order lines against invoice lines alone, unprepared. Beside them, the shipped pack's richer check.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import duckdb

from bench.measure import Subject, figure, interleave
from bench.three_way_data import ENTITIES, NOW, UNITS, generate, suppliers
from bench.three_way_peer import prepare_three_sides, prepare_two_sides

if TYPE_CHECKING:
    from exceptions_app.catalog.catalog import Catalog
    from exceptions_app.catalog.schema import Check

_HERE = Path(__file__).parent
AT = datetime.fromisoformat(NOW).astimezone(UTC)
ENTITY_CODES = [f"E{n}" for n in range(ENTITIES)]
FASTER = {1_000_000: 3, 10_000_000: 7}
"""How many times faster than datacompy it is to be, by order lines."""
SIDES = ("purchase_order_line", "receipt_line", "invoice_line")
_FEED = "  - {{code: {0}, system: {1}, record_type: {2}, lag: 5m, mapping: {{{3}}}}}"
_REQUIRED = {
    "purchase_order_line": ("ERP", "quantity unit_price", "ordered_at", "supplier unit currency status", ""),
    "receipt_line": ("WMS", "quantity", "received_at", "receipt_number receipt_line unit movement", ""),
    "invoice_line": (
        "AP", "quantity unit_price amount", "entered_at",
        "supplier invoice_number invoice_line invoice_type unit currency status", "invoice_date",
    ),
}  # fmt: skip


def _site(folder: Path) -> None:
    """A site that uses the shipped pack and adds the plain check; what its feeds map does not matter here."""
    lines = [
        "site: {name: Bench, packs: [procure_to_pay]}",
        "entities:",
        *(f"  - {{code: {entity}, name: {entity}}}" for entity in ENTITY_CODES),
        "systems:",
        "  - {code: ERP, name: ERP, kind: erp, connector: rows}",
        "  - {code: AP, name: AP, kind: ap_automation, connector: rows}",
        "  - {code: WMS, name: WMS, kind: wms, connector: rows}",
        "feeds:",
        _FEED.format("units", "ERP", "item_unit", "item: a, unit: a, factor: parse_decimal(a)"),
    ]
    for record, (system, numbers, times, texts, dates) in _REQUIRED.items():
        columns = ["entity: a", "order_number: a", "line_number: a"]
        columns += [f"{name}: parse_decimal(a)" for name in numbers.split()]
        columns += [f"{name}: parse_timestamp(a)" for name in times.split()]
        columns += [f"{name}: a" for name in texts.split()]
        columns += [f"{name}: \"parse_date(a, 'yyyy-mm-dd')\"" for name in dates.split()]
        lines.append(_FEED.format(record, system, record, ", ".join(columns)))
    lines += ["overrides:", "  crosswalks:", "    supplier:", "      entries:"]
    lines += [f"        - {{system: {s}, local: {a}, canonical: {b}}}" for s, a, b in suppliers()]
    (folder / "site.yaml").write_text("\n".join(lines))
    (folder / "checks.yaml").write_text((_HERE / "three_way_site.yaml").read_text())


def site_catalog() -> Catalog:
    """The configuration of that site."""
    from exceptions_app.catalog.load import load_catalog
    from exceptions_app.connectors.registry import connector_models

    with tempfile.TemporaryDirectory() as folder:
        _site(Path(folder))
        return load_catalog(Path(folder), connector_models())


def _furnished(con: duckdb.DuckDBPyConnection, place: Path) -> duckdb.DuckDBPyConnection:
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"CREATE TEMP VIEW rec_item_unit AS SELECT * FROM '{place / 'item_unit.parquet'}'")
    con.execute("CREATE TEMP TABLE xw_unit (system VARCHAR, local VARCHAR, canonical VARCHAR)")
    con.executemany("INSERT INTO xw_unit VALUES ('', ?, ?)", UNITS)
    con.execute("CREATE TEMP TABLE xw_supplier (system VARCHAR, local VARCHAR, canonical VARCHAR)")
    con.executemany("INSERT INTO xw_supplier VALUES (?, ?, ?)", suppliers())
    return con


def _swap_views(
    con: duckdb.DuckDBPyConnection,
    place: Path,
    entities: Sequence[str],
    absent: Mapping[str, str] = MappingProxyType({}),
) -> None:
    for side in SIDES:
        files = ", ".join(f"'{place / side / f'{entity}.parquet'}'" for entity in entities)
        rows = f"SELECT *{absent.get(side, '')} FROM read_parquet([{files}])"
        con.execute(f"CREATE OR REPLACE TEMP VIEW rec_{side} AS {rows}")


def _rows(con: duckdb.DuckDBPyConnection, place: Path) -> dict[str, int]:
    """How many rows the files of each entity hold."""
    files = f"SELECT file_name, num_rows FROM parquet_file_metadata('{place}/*/E*.parquet')"
    rows: Counter[str] = Counter()
    for file, count in con.execute(files).fetchall():
        rows[Path(file).stem] += count
    return rows


def absent_columns(
    con: duckdb.DuckDBPyConnection, check: Check, catalog: Catalog, place: Path
) -> dict[str, str]:
    """Per side: the columns that a check names and the files lack, as NULLs to be selected."""
    from exceptions_app.reconcile.engine import compile_check
    from exceptions_app.records.layout import Layout

    statement, absent = compile_check(check, catalog).statement, {}
    for side in SIDES:
        held = con.sql(f"SELECT * FROM '{place / side / f'{ENTITY_CODES[0]}.parquet'}'").columns
        named = {n: t for n, t in Layout(catalog.record_types[side]).own.items() if f'r."{n}"' in statement}
        nulls = [f', CAST(NULL AS {kind}) AS "{name}"' for name, kind in named.items() if name not in held]
        absent[side] = "".join(nulls)
    return absent


def _empty_views(con: duckdb.DuckDBPyConnection, check: Check, catalog: Catalog) -> None:
    """What the check looks up and no file holds."""
    from exceptions_app.records.layout import Layout, empty_select
    from jobs.flows import record_types_of

    for name in record_types_of(check) - {*SIDES, "item_unit"}:
        empty = empty_select(Layout(catalog.record_types[name]).visible)
        con.execute(f"CREATE TEMP VIEW rec_{name} AS {empty}")


def prepare_ours(place: Path, code: str) -> Callable[[], int]:
    """A check compiled from configuration."""
    from exceptions_app.config import Settings
    from exceptions_app.duck import connections, session, thread_sharing, threads_of
    from exceptions_app.reconcile.engine import begin_check, run_check, run_together
    from exceptions_app.reconcile.lanes import one_after_another, side_by_side
    from exceptions_app.reconcile.parameters import RunParameters
    from jobs.grouping import Group, apart, grouped

    catalog = site_catalog()
    check, settings = catalog.checks[code], Settings()
    con = session(settings.duck_memory, settings.duck_threads)
    rows = _rows(con, place)

    def size(some: Sequence[str]) -> dict[str, int]:
        return {entity: rows[entity] for entity in some}

    groups = grouped(ENTITY_CODES, lambda _: "alike", size, threads_of(con))
    large, others = apart(groups, size)
    lanes = [_furnished(one, place) for one in connections(con, max(len(others), 1))]
    for lane in lanes:
        _empty_views(lane, check, catalog)
    absent, sides = absent_columns(con, check, catalog, place), check.model_dump()["sides"]
    read = {
        name: AT for side, of in sides.items() for name in (side, *(f"{side}.{n}" for n in of["lookups"]))
    }
    parameters = RunParameters(AT, lambda days: AT - timedelta(days=days), read)

    def compare(lane: duckdb.DuckDBPyConnection, group: Group) -> int:
        _swap_views(lane, place, group, absent)
        if len(group) == 1:
            return len(run_check(lane, check, catalog, group[0], parameters).discrepancies)
        found = run_together(lane, check, catalog, group, parameters).values()
        return sum(len(of_entity.discrepancies) for of_entity in found)

    def begin(group: Group) -> Callable[[], int]:
        _swap_views(con, place, group, absent)
        evidence = begin_check(con, check, catalog, group[0], parameters)
        return lambda: len(evidence().discrepancies)

    def run() -> int:
        found = one_after_another(large, begin) | side_by_side(
            lanes, others, compare, busy=thread_sharing(con)
        )
        return sum(found.values())

    return run


def prepare_floor(place: Path) -> Callable[[], int]:
    """The same rules typed by hand."""
    return floor_over(place, lambda con, entity: _swap_views(con, place, [entity]))


def floor_over(place: Path, show: Callable[[duckdb.DuckDBPyConnection, str], None]) -> Callable[[], int]:
    """The rules typed by hand over the views that `show` makes of an entity."""
    con = _furnished(duckdb.connect(config={"threads": 2}), place)
    sql = (_HERE / "three_way_floor.sql").read_text()
    settled = AT - timedelta(minutes=5)
    values = {"settled_order": settled, "settled_receipt": settled, "grace": AT - timedelta(days=2)}

    def run() -> int:
        found = 0
        for entity in ENTITY_CODES:
            show(con, entity)
            rows = con.execute(sql, values).fetchall()
            found += sum(holds is True for row in rows if row[0] is None for holds in row[1:7])
        return found

    return run


def main() -> None:
    """Print the figures for 100,000 and 1,000,000 order lines, with BENCH_LARGE=1 also for 10,000,000."""
    folder = Path(os.environ.get("BENCH_DATA", str(Path(tempfile.gettempdir()) / "tieout-bench")))
    for lines in (100_000, 1_000_000, *((10_000_000,) if os.environ.get("BENCH_LARGE") else ())):
        _measure(generate(folder, lines), lines)


def _measure(place: Path, lines: int) -> None:
    subjects = {
        "ours": Subject(prepare_ours, (place, "bench.three_way")),
        "floor": Subject(prepare_floor, (place,)),
        "peer": Subject(prepare_three_sides, (place,)),
        "two sides": Subject(prepare_two_sides, (place,)),
    }
    measured = interleave(subjects, turns=3, calls=3 if lines < 1_000_000 else 1)
    ours, floor, peer, two = (measured[name] for name in subjects)
    pack = interleave({"pack": Subject(prepare_ours, (place, "p2p.three_way"))}, turns=1, calls=1)["pack"]
    if ours.result != floor.result:
        raise SystemExit(f"ours found {ours.result} disagreements, the floor {floor.result}")
    slower, least = ours.seconds / floor.seconds, FASTER.get(lines)
    figure(
        "three_way", lines, ours.seconds, "s", against="the same SQL typed by hand into DuckDB", ratio=slower,
        goal="<= 1.15" if least else None, met=slower <= 1.15 if least else None, peak=ours.peak_mb,
    )  # fmt: skip
    faster = peer.seconds / ours.seconds
    figure(
        "three_way", lines, ours.seconds, "s", against="datacompy on Polars, the same three sides", ratio=faster,
        goal=f">= {least} times faster" if least else None, met=faster >= least if least else None,
        peak=ours.peak_mb,
    )  # fmt: skip
    faster = two.seconds / ours.seconds
    figure("three_way", lines, ours.seconds, "s", against="datacompy on Polars, two sides only", ratio=faster)
    figure("three_way_floor", lines, floor.seconds, "s", peak=floor.peak_mb)
    figure("three_way_datacompy", lines, peer.seconds, "s", peak=peer.peak_mb)
    figure("three_way_datacompy_two_sides", lines, two.seconds, "s", peak=two.peak_mb)
    figure("three_way_shipped_pack", lines, pack.seconds, "s", peak=pack.peak_mb)


if __name__ == "__main__":
    main()
