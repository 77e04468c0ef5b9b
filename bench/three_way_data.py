"""Made-up order, receipt and invoice lines for `bench/three_way.py`: records, one Parquet file per entity.

Deterministic. About one line in a hundred is wrong in one of the ways that the check looks for; every twelfth is
received and billed in two parts, invoices name the unit in another way than orders, and a third of them the
supplier by an alias.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

ENTITIES = 20
ONE_PERCENT = 1000
"""Of so many lines, each of the ways to be wrong happens to one: in all to about one in a hundred."""
NOW = "2026-11-22 12:00:00+00"
UNITS = (("EACH", "EA"), ("CASE", "CS"), ("BOX", "BX"))
"""The crosswalk of units: local, canonical."""

# `n` numbers the order lines of all entities; each derived figure is a hash of it, so that sides agree by design.
_LINES = """
CREATE OR REPLACE TABLE line AS
SELECT n, n % {entities} AS e,
    printf('45%08d', n // 5) AS order_number, CAST(10 * (n % 5 + 1) AS VARCHAR) AS line_number,
    printf('S%05d', hash(n, 's') % 400) AS supplier, hash(n, 's') % 400 AS s,
    printf('31%06d', hash(n, 'i') % 5000) AS item, 2 + hash(n, 'i') % 5000 % 11 AS pack,
    CAST(2 + hash(n, 'q') % 40 AS DECIMAL(18, 4)) AS quantity,
    CAST((100 + hash(n, 'p') % 90000) / 100 AS DECIMAL(18, 4)) AS price,
    TIMESTAMPTZ '{now}' - to_seconds(CAST(hash(n, 't') % 31000000 AS BIGINT)) AS placed,
    hash(n, 'w') % 12 = 0 AS parts, hash(n, 'f') % {of} AS fault, hash(n, 'a') % 3 = 0 AS by_alias
FROM range({lines}) AS r(n)
"""

_ORDERS = """
SELECT 'E' || e AS entity, 'ERP' AS source_system, order_number || '-' || line_number AS source_id,
    placed AS source_time, TIMESTAMPTZ '{now}' AS fetched_at, CAST(1 AS BIGINT) AS run_id,
    order_number, line_number, CAST(NULL AS VARCHAR) AS requisition, supplier, 'Supplier ' || supplier AS supplier_name,
    item, 'Item ' || item AS description, quantity, 'CS' AS unit, CAST(price * pack AS DECIMAL(18, 4)) AS unit_price,
    CAST(NULL AS DECIMAL(18, 4)) AS price_per, 'USD' AS currency, 'received' AS status, CAST(3 AS BIGINT) AS "match",
    CAST(NULL AS VARCHAR) AS basis, FALSE AS ers, FALSE AS consigned, FALSE AS bill_only, FALSE AS drop_ship,
    FALSE AS blanket, FALSE AS no_charge, FALSE AS price_estimated, placed AS ordered_at,
    CAST(placed + INTERVAL 5 DAY AS DATE) AS promised_on
FROM line WHERE e = {e} AND fault <> 1
"""

_RECEIPTS = """
SELECT 'E' || e AS entity, 'WMS' AS source_system, printf('R%09d-1', n) AS source_id,
    placed + INTERVAL 3 DAY AS source_time, TIMESTAMPTZ '{now}' AS fetched_at, CAST(2 AS BIGINT) AS run_id,
    printf('R%09d', 2 * n + part) AS receipt_number, '1' AS receipt_line, order_number, line_number, item,
    CASE part WHEN 1 THEN 1 ELSE quantity - CASE WHEN parts THEN 1 ELSE 0 END - CASE WHEN fault = 2 THEN 1 ELSE 0 END
        END AS quantity,
    'CS' AS unit, 'receipt' AS movement, placed + INTERVAL 3 DAY AS received_at
FROM line, (VALUES (0), (1)) AS p(part)
WHERE e = {e} AND fault <> 3 AND hash(n, 'r') % 100 < 95 AND (part = 0 OR parts)
"""

_INVOICES = """
SELECT 'E' || e AS entity, 'AP' AS source_system, printf('I%09d-1', n) AS source_id,
    placed + INTERVAL 6 DAY AS source_time, TIMESTAMPTZ '{now}' AS fetched_at, CAST(3 AS BIGINT) AS run_id,
    CASE WHEN fault = 4 THEN 'UNKNOWN' WHEN by_alias THEN printf('V%05d', s) ELSE supplier END AS supplier,
    'Supplier ' || supplier AS supplier_name, printf('INV-%07d', n // 2 * 2 + part) AS invoice_number,
    CAST(n % 2 + 1 AS VARCHAR) AS invoice_line, 'standard' AS invoice_type, CAST(NULL AS VARCHAR) AS credits_invoice,
    order_number, line_number, TRUE AS po_required, item, 'Item ' || item AS description,
    CAST(share AS DECIMAL(18, 4)) AS quantity,
    CASE WHEN fault = 5 THEN 'ROL' ELSE 'CASE' END AS unit,
    CAST(price * pack AS DECIMAL(18, 4)) AS unit_price,
    CAST(NULL AS DECIMAL(18, 4)) AS price_per,
    CAST(share * pack * price * CASE WHEN fault IN (6, 7) THEN 1.25 ELSE 1 END AS DECIMAL(18, 4)) AS amount,
    'USD' AS currency, 'approved' AS status, CAST(placed + INTERVAL 5 DAY AS DATE) AS invoice_date,
    placed + INTERVAL 6 DAY AS entered_at, CAST(placed + INTERVAL 35 DAY AS DATE) AS due_on
FROM (SELECT *, CASE part WHEN 1 THEN 1 ELSE quantity - CASE WHEN parts THEN 1 ELSE 0 END END AS share
      FROM line, (VALUES (0), (1)) AS p(part))
WHERE e = {e} AND hash(n, 'r') % 100 < 92 AND fault <> 8 AND (part = 0 OR parts)
"""

_UNITS = """
SELECT CAST(NULL AS VARCHAR) AS entity, 'ERP' AS source_system, item || unit AS source_id,
    TIMESTAMPTZ '{now}' AS source_time, TIMESTAMPTZ '{now}' AS fetched_at, CAST(4 AS BIGINT) AS run_id, item, unit,
    CAST(factor AS DECIMAL(18, 4)) AS factor
FROM (SELECT printf('31%06d', i) AS item, unit, CASE unit WHEN 'EA' THEN 1 ELSE 2 + i % 11 END AS factor
      FROM range(5000) AS r(i), (VALUES ('EA'), ('CS')) AS u(unit))
"""

_SIDES = {"purchase_order_line": _ORDERS, "receipt_line": _RECEIPTS, "invoice_line": _INVOICES}


def generate(folder: Path, lines: int, of: int = ONE_PERCENT) -> Path:
    """Write the records of `lines` order lines below `folder`, once; return where they are. Each of the ways to be
    wrong happens to one line in `of`.
    """
    place = folder / (f"three_way_{lines}" if of == ONE_PERCENT else f"three_way_{lines}_{of}")
    done = place / "done"
    if done.exists():
        return place
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute(_LINES.format(entities=ENTITIES, lines=lines, now=NOW, of=of))
    for record_type, select in _SIDES.items():
        (place / record_type).mkdir(parents=True, exist_ok=True)
        for e in range(ENTITIES):
            _write(con, select.format(e=e, now=NOW), place / record_type / f"E{e}.parquet")
    _write(con, _UNITS.format(now=NOW), place / "item_unit.parquet")
    done.touch()
    return place


def _write(con: duckdb.DuckDBPyConnection, select: str, file: Path) -> None:
    # Records lie sorted by business key, as folding leaves them.
    order = "order_number, line_number" if "order_number" in select else "item, unit"
    con.execute(f"COPY (SELECT * FROM ({select}) ORDER BY {order}) TO '{file}' (FORMAT parquet)")


def suppliers() -> list[tuple[str, str, str]]:
    """The crosswalk's (system, local, canonical): AP automation's aliases."""
    return [("AP", f"V{n:05d}", f"S{n:05d}") for n in range(400)]
