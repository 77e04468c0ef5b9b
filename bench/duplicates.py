"""The kind `similar` over 50,000 suppliers: names made of the words of real ones, two in a hundred written again.

The whole check is timed, from the rows in DuckDB to discrepancies with identity and evidence, as a job runs it.
"""

from __future__ import annotations

import csv
import json
import random
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import Subject, figure, interleave

SUPPLIERS = 50_000
_AT = datetime(2026, 11, 24, 15, tzinfo=UTC)
_PAIRS = Path(__file__).parents[1] / "tests" / "data" / "supplier_pairs" / "pairs.csv"
_SITE = """
site: {name: Bench, packs: [procure_to_pay]}
entities: [{code: H1, name: North}]
systems: [{code: ERP, name: ERP, kind: erp, connector: rows}]
feeds:
  - {code: suppliers, system: ERP, record_type: supplier, mapping: {supplier_id: a, name: a, status: a}}
"""


def names(count: int, seed: int = 8) -> tuple[list[str], int]:
    """Invented names, and how many of them are others written again: a slip, another legal form, an abbreviation."""
    rng = random.Random(seed)
    with _PAIRS.open(encoding="utf-8", newline="") as file:
        real = sorted({row[side] for row in csv.DictReader(file) for side in ("a", "b")})
    words = sorted({word for name in real for word in name.upper().split() if len(word) > 3})
    syllables = [word[:3] for word in words] + [word[-3:] for word in words]
    found: list[str] = []
    again = count // 50
    while len(found) < count - again:
        own = "".join(rng.choices(syllables, k=rng.choice((2, 2, 3))))
        found.append(
            f"{own} {' '.join(rng.choices(words, k=rng.choice((1, 2, 2, 3))))} {rng.choice(('LTD', 'INC', 'LLC'))}"
        )
    for name in rng.sample(found, again):
        place = rng.randrange(1, len(name) - 6)
        slip = name[:place] + name[place + 1 :]
        found.append(rng.choice((slip, name[:-3] + "LIMITED", name.replace("&", "AND") + ".")))
    return found, again


def prepare() -> Callable[[], str]:
    """The check over a table of suppliers; gives how many were compared and found, as JSON."""
    from exceptions_app.catalog.load import load_catalog
    from exceptions_app.connectors.registry import connector_models
    from exceptions_app.duck import session
    from exceptions_app.reconcile.engine import run_check
    from exceptions_app.reconcile.parameters import RunParameters

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "site.yaml").write_text(_SITE)
        catalog = load_catalog(Path(folder), connector_models())
    con, (suppliers, again) = session(), names(SUPPLIERS)
    columns = ", ".join(
        f"CAST(NULL AS VARCHAR) AS {name}"
        for name in catalog.record_types["supplier"].columns
        if name not in ("supplier_id", "name", "status")
    )
    con.execute(
        "CREATE TABLE rec_supplier AS SELECT NULL::VARCHAR AS entity, 'ERP' AS source_system, 'x' AS source_id,"
        " now() AS source_time, now() AS fetched_at, 1 AS run_id, UNNEST($ids) AS supplier_id, UNNEST($names) AS name,"
        f" 'active' AS status, {columns}",
        {"ids": [f"V{place:06d}" for place in range(SUPPLIERS)], "names": suppliers},
    )
    check = catalog.checks["p2p.similar_supplier"]
    parameters = RunParameters(_AT, lambda _: _AT, {"documents": _AT})

    def run() -> str:
        result = run_check(con, check, catalog, None, parameters)
        told = {"compared": result.compared, "clusters": len(result.discrepancies), "written_again": again}
        return json.dumps(told)

    return run


def main() -> None:
    """Print the figure."""
    measured = interleave({"similar": Subject(prepare)})["similar"]
    figure(
        "duplicates", SUPPLIERS, measured.seconds, "s", against=f"suppliers, {measured.result}", goal="< 2 s",
        met=measured.seconds < 2, peak=measured.peak_mb,
    )  # fmt: skip


if __name__ == "__main__":
    main()
