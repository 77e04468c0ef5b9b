"""A check and its intake together: a three-way match over a million order lines in the record store, about one in fifty
of which is wrong, and all that it finds taken in as new exceptions.

Against the sum of two floors: the match typed by hand over the same files, and the rows of that intake, made
beforehand, put into an empty database of the same kind by the same means in the same chunks. Every figure is the median
of fresh processes that take turns.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import incremental
from bench.measure import Subject, figure, interleave
from bench.three_way import AT, site_catalog
from bench.three_way_data import generate

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from exceptions_app.catalog.catalog import Catalog
    from jobs.findings import Findings

LINES, OF = 1_000_000, 320
"""Each of the ways to be wrong happens to one line in 320: two lines in a hundred are."""
GOAL = 1.2


def _empty(server: str | None) -> Engine:
    from sqlalchemy import create_engine

    from bench.intake import fresh_database
    from exceptions_app.services import schema
    from exceptions_app.services.engine import prepare_engine

    engine = prepare_engine(create_engine(fresh_database(server)))
    schema.upgrade(engine)
    return engine


def take_in(engine: Engine, catalog: Catalog, findings: Findings) -> int:
    """The intake of every scope as a job does it; how many exceptions were opened."""
    from sqlalchemy.orm import Session

    from exceptions_app.services import configuration, intake
    from exceptions_app.services.context import ActionContext, Actor

    opened = 0
    with Session(engine) as session:
        snapshot = configuration.accept(session, catalog, "system:bench", AT)
        session.commit()
        ctx = ActionContext(catalog, AT, Actor("job", "reconcile"), snapshot, "bench")
        for (check, scope), found in findings.primary.items():
            run = intake.RunFacts(check, scope, None, complete=True, read_through=AT)
            planned = intake.plan(session, ctx, run, found, lambda _: {})
            session.commit()
            for chunk in planned.chunks():
                opened += intake.apply(session, ctx, chunk).opened
                session.commit()
    return opened


def prepare_ours(place: Path, target: Path, server: str | None) -> Callable[[], int]:
    """Compare everything, and take in what is found."""
    from bench.intake import taken_out

    one, engine = incremental.Compared(place, target), _empty(server)
    take_in(engine, one.catalog, one.compare(full=True))
    taken_out(engine)
    return lambda: take_in(engine, one.catalog, one.compare(full=True))


def prepare_match(place: Path, target: Path) -> Callable[[], int]:
    """A floor: the same rules typed by hand."""
    match = incremental.prepare_floor(place, target)
    match()
    return match


def prepare_rows(place: Path, target: Path, server: str | None) -> Callable[[], int]:
    """A floor: what the intake writes, stored without any work."""
    from bench.intake import put_in, taken_out

    one, engine = incremental.Compared(place, target), _empty(server)
    take_in(engine, one.catalog, one.compare(full=True))
    rows = taken_out(engine)
    return lambda: put_in(engine, rows)


def measure(folder: Path, name: str, server: str | None) -> None:
    """Print the figures of one database."""
    place = generate(folder, LINES, OF)
    target = incremental.build(place, folder / f"incremental_{LINES}_{OF}", site_catalog())
    subjects = {
        "ours": Subject(prepare_ours, (place, target, server)),
        "match": Subject(prepare_match, (place, target)),
        "rows": Subject(prepare_rows, (place, target, server)),
    }
    measured = interleave(subjects, turns=3, calls=1, warm=0)
    ours, match, rows = (measured[each] for each in subjects)
    if ours.result != rows.result:
        raise SystemExit(f"{ours.result} exceptions were opened, {rows.result} are in the floor")
    ratio = ours.seconds / (match.seconds + rows.seconds)
    figure(
        f"check_and_intake_{name}", LINES, ours.seconds, "s", ratio=ratio, goal=f"<= {GOAL}", met=ratio <= GOAL,
        against="the match typed by hand and the same rows stored without any work", peak=ours.peak_mb,
    )  # fmt: skip
    figure(f"check_and_intake_{name}_opened", LINES, ours.result, "exceptions")
    figure(f"check_and_intake_{name}_match_floor", LINES, match.seconds, "s", peak=match.peak_mb)
    figure(f"check_and_intake_{name}_rows_floor", LINES, rows.seconds, "s", peak=rows.peak_mb)


def main() -> None:
    """Print the figures of both databases."""
    from bench.intake import postgres

    folder = Path(os.environ.get("BENCH_DATA", str(Path(tempfile.gettempdir()) / "tieout-bench")))
    measure(folder, "sqlite", None)
    with postgres() as server:
        measure(folder, "postgres", server)


if __name__ == "__main__":
    main()
