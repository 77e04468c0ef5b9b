"""Whatever is landed, left unfinished, deleted, folded or replayed: readers see what a dict would hold."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from duckdb import DuckDBPyConnection
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from exceptions_app.duck import session as duck_session
from exceptions_app.records.store import RecordStore

from .conftest import make_catalog

ENTITIES = ("NORTH", "SOUTH")
FEEDS = ("erp.orders", "erp.more")
ROWS = st.lists(
    st.tuples(st.sampled_from(ENTITIES), st.integers(0, 1), st.one_of(st.none(), st.integers(0, 9))),
    min_size=1,
    max_size=4,
)
Row = tuple[str, int, int | None]


@dataclass
class Run:
    """A run as the model knows it."""

    number: int
    feed: str
    parts: list[list[Row]] = field(default_factory=list)
    finished: bool = False
    given_up: bool = False


class StoreAgainstDict(RuleBasedStateMachine):
    """Feeds take turns; each has at most one run under way, as the lease of a feed makes sure."""

    @initialize()
    def begin(self) -> None:
        self.place = tempfile.mkdtemp(prefix="tieout-model-")
        self.store = RecordStore(str(Path(self.place) / "records"), make_catalog())
        self.con: DuckDBPyConnection = duck_session("256MB", 1)
        self.runs: list[Run] = []

    def teardown(self) -> None:
        self.con.close()
        shutil.rmtree(self.place)

    # ---- what can happen

    @rule(feed=st.sampled_from(FEEDS), rows=ROWS, last=st.booleans())
    def land_next_part(self, feed: str, rows: list[Row], last: bool) -> None:
        run = self._under_way(feed)
        if run is None:
            run = Run(len(self.runs) + 1, feed)
            self.runs.append(run)
        run.parts.append(rows)
        assert self._land(run, len(run.parts) - 1) == len(rows)
        run.finished = last

    @rule(feed=st.sampled_from(FEEDS), part=st.integers(0, 3))
    def replay(self, feed: str, part: int) -> None:
        newest = [run for run in self.runs if run.feed == feed and run.parts][-1:]
        for run in newest:
            if part < len(run.parts) and not run.given_up:
                assert self._land(run, part) == 0

    @precondition(lambda self: any(self._under_way(feed) for feed in FEEDS))
    @rule(end=st.sampled_from(("finished", "given up", "given up and cleaned")))
    def end_the_oldest_run_under_way(self, end: str) -> None:
        run = min((found for found in map(self._under_way, FEEDS) if found), key=lambda found: found.number)
        run.finished, run.given_up = end == "finished", end != "finished"
        if end == "given up and cleaned":
            self.store.discard("order_line", [run.number])

    @precondition(lambda self: bool(self.runs))
    @rule(compact=st.booleans())
    def fold(self, compact: bool) -> None:
        if compact:
            self.store.compact("order_line")
        self.store.fold("order_line", self._unseen())

    # ---- what must hold

    @invariant()
    def readers_see_the_model(self) -> None:
        if not hasattr(self, "store"):
            return
        expected = self._model()
        assert self._read(None) == expected
        entity = ENTITIES[len(self.runs) % 2]
        assert self._read(entity) == {key: value for key, value in expected.items() if key[0] == entity}

    # ---- the model

    def _under_way(self, feed: str) -> Run | None:
        runs = [run for run in self.runs if run.feed == feed and not run.finished and not run.given_up]
        return runs[-1] if runs else None

    def _unseen(self) -> set[int]:
        return {run.number for run in self.runs if not run.finished}

    def _model(self) -> dict[tuple[str, str], int]:
        current: dict[tuple[str, str], int] = {}
        for run in self.runs:
            for entity, number, quantity in (
                [row for part in run.parts for row in part] if run.finished else []
            ):
                current.pop((entity, f"PO{number}"), None)
                if quantity is not None:
                    current[entity, f"PO{number}"] = quantity
        return current

    def _land(self, run: Run, part: int) -> int:
        values = ", ".join(
            f"('{entity}', 'PO{number}', {'NULL' if quantity is None else quantity}::DECIMAL(18,4))"
            for entity, number, quantity in run.parts[part]
        )
        rows = self.con.sql(
            "SELECT entity, 'erp' AS source_system, number, '1' AS line, "
            "quantity, quantity IS NULL AS _deleted "
            f"FROM (VALUES {values}) AS v(entity, number, quantity)"
        )
        return self.store.land("order_line", run.feed, run.number, part, rows)

    def _read(self, entity: str | None) -> dict[tuple[str, str], int]:
        self.store.open_views(self.con, ["order_line"], entity, self._unseen())
        rows = self.con.execute("SELECT entity, number, quantity::INT FROM rec_order_line").fetchall()
        found = {(where, number): quantity for where, number, quantity in rows}
        assert len(found) == len(rows)
        return found


TestStoreAgainstDict = StoreAgainstDict.TestCase
TestStoreAgainstDict.settings = settings(max_examples=12, stateful_step_count=16, deadline=None)
