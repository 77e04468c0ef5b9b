"""Turns a feed's raw rows into canonical records, page by page, and says of each row that is refused why.

Set-based: a page becomes a DuckDB table of text, one SELECT makes typed columns of it. Nothing is stored
here; rejects are returned. A bad row never costs a good one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from arro3.core import RecordBatchReader, Table
from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.duck import quoted

from .converging import ArrivedRow, ConvergingKeys, Newest
from .converging import Known as NewestKnown
from .crosswalk import for_system, load_texts
from .known import Known, KnownKeys, OpenReject, known_json
from .layout import Layout
from .mapping_sql import DOOR_PREFIX, KEY_PREFIX, checked_sql, found_name, records_sql
from .masking import masked_row, shape_of
from .plan import MappingPlan
from .raw import RawRow, RowProblem, load_page, refuse_drift
from .reasons import reason
from .repeats import RunKeys
from .replayed import rows_to_keep
from .unchanged import tell_unchanged
from .words import WordsSeen


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that broke the record type's schema. `raw_masked` and `known` are JSON, safe to keep and to show.

    `known` is what could be read of its key; None: nothing that says where it belongs. `mended`: a later row of
    the same page brought it again, and whole.
    """

    position: str
    source_id: str | None
    column: str | None
    reason: str
    raw_masked: str
    known: str | None = None
    mended: bool = False


@dataclass(frozen=True)
class MappedBatch:
    """One page's records, ready to land, and its rejects. `repeats` were the same as one before, or older;
    `unchanged` as what was known before the run, and `left_out` of the table for it.
    """

    table: Table
    rejects: list[RejectedRow]
    stored: int
    deleted: int
    repeats: int
    unchanged: int = 0
    left_out: int = 0


class FeedMapper:
    """Maps the pages of one run of one feed. It remembers the run's keys, in tables of `con`.

    `seen_table` names the table of keys that the source still holds; `proves_absence` says whether what is
    not in it is really gone: a refused row whose key could not be read may be anybody.
    """

    def __init__(
        self, con: DuckDBPyConnection, catalog: Catalog, feed_code: str, run_id: int, fetched_at: datetime,
        newest_known: NewestKnown | None = None, *, knowing: bool = False, look_ups: Callable[[], None] | None = None,
        replaying: bool = False,
    ) -> None:  # fmt: skip
        """With `newest_known` the rows are `ArrivedRow`s, which may come late and twice. `knowing`: the session
        holds what is known (`unchanged.keep_known`), and what says no more than that is told apart. `look_ups` makes
        the tables that the mapping looks up (`looked_up.keep`); it is asked once, with the first rows.
        """
        feed = catalog.feeds[feed_code]
        self._con = con
        self._layout = Layout(catalog.record_types[feed.record_type])
        self._plan = MappingPlan(catalog, feed, self._layout, fetched_at, replaying=replaying)
        self._keys_plan = MappingPlan(catalog, feed, self._layout, fetched_at, only_keys=True)
        versions = feed.mode != "snapshot" and "source_time" in feed.mapping
        self._keys: RunKeys | ConvergingKeys = (
            RunKeys(con, self._layout, versions=versions)
            if newest_known is None
            else ConvergingKeys(con, self._layout, newest_known)
        )
        self._known = KnownKeys(con, self._plan)
        self._keyless = 0
        self._knowing = knowing
        self.words = WordsSeen(catalog, feed)
        self._look_ups = look_ups
        self.run_id = run_id
        for target in self._plan.targets:
            if target.key:
                load_texts(con, KEY_PREFIX + target.name, {"key": [target.key]})
            if target.crosswalk:
                local = for_system(catalog.crosswalks[target.crosswalk], feed.system)
                load_texts(
                    con, DOOR_PREFIX + target.name, {"local": list(local), "canonical": list(local.values())}
                )

    @property
    def seen_table(self) -> str:
        return self._keys.table

    @property
    def proves_absence(self) -> bool:
        return self._keyless == 0

    def map(self, rows: Sequence[RawRow], problems: Iterable[RowProblem] = ()) -> MappedBatch:
        """Map one page. Raises `MappingError` when a source column is gone from every row of it."""
        unreadable = [RejectedRow(p.position, None, None, p.reason, shape_of(p.raw_text)) for p in problems]
        self._keyless += len(unreadable)
        if isinstance(self._keys, ConvergingKeys):  # one bad event is no drift: it stands aside by itself
            self._keys.expect(cast("Sequence[ArrivedRow]", rows))
        else:
            refuse_drift(self._plan.feed.code, self._plan.needed, rows)
        self._check(self._plan, rows)
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE record_page AS {records_sql(self._plan)}")
        self.words.add(self._con, "record_page")
        content = ["_deleted", "source_id", *self._layout.own]
        contradictions = self._keys.judge(content)
        bad = self._bad(rows)
        refused = {index: row for index, (row, _) in bad.items()} | {
            c.index: RejectedRow(
                c.position,
                c.source_id,
                None,
                f"the same key as {c.first_position}, with other values; expected one row per key",
                masked_row(rows[c.index].values, self._plan.sensitivities),
            )
            for c in contradictions
        }
        known = self._known.of({index: bad[index][1] if index in bad else () for index in refused})
        told = self._with_known(refused, known)
        return self._batch([*unreadable, *told], len(contradictions))

    def _with_known(
        self, refused: Mapping[int, RejectedRow], known: Mapping[int, Known]
    ) -> list[RejectedRow]:
        """The rejects with what is known of their keys. Of a snapshot nothing mends a row but the next one."""
        feed = self._plan.feed
        own = [OpenReject(i, feed.code, refused[i].source_id, known[i], after=i) for i in known]
        mended = set() if feed.mode == "snapshot" else self._known.mended(own)
        return [
            replace(row, known=known_json(known[index]), mended=index in mended) if index in known else row
            for index, row in refused.items()
        ]

    def newest(self) -> list[Newest]:
        """What the page that was mapped last changes, for rows that may come late and twice."""
        return self._keys.landing if isinstance(self._keys, ConvergingKeys) else []

    def last_kept(self) -> list[tuple[int, bool, dict[str, str | None]]]:
        """Of the page that was mapped last: each record's row number, whether it is a tombstone, its columns as
        text.
        """
        names = list(self._layout.visible)
        columns = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in names)
        found = self._con.execute(
            f"SELECT _i, _deleted, {columns} FROM record_page WHERE _i IN (SELECT _i FROM kept_page) ORDER BY _i"
        )
        return [
            (i, deleted, dict(zip(names, values, strict=True))) for i, deleted, *values in found.fetchall()
        ]

    def last_to_keep(self, rows: Sequence[RawRow]) -> dict[int, dict[str, Any]]:
        """Of the page that was mapped last, `rows`: number of each row taken -> what of it may be kept."""
        return rows_to_keep(self._con, self._plan, rows)

    def last_seen(self) -> set[int]:
        """The row numbers of the page that was mapped last which belong to the feed, taken or not."""
        return {index for (index,) in self._con.execute("SELECT _i FROM checked_page").fetchall()}

    def mended(self, rejects: Sequence[OpenReject]) -> set[int]:
        """Ids of earlier rejects whose row the page that was mapped last brought again, and whole."""
        return self._known.mended(rejects)

    def gone(self, rejects: Sequence[OpenReject]) -> set[int]:
        """Ids of rejects whose row the source no longer holds, as its list of keys says."""
        return self._known.gone(rejects, self.seen_table)

    def see_keys(self, rows: Sequence[RawRow]) -> None:
        """Note keys that the source holds (feeds of mode keys_and_changes list them all)."""
        refuse_drift(self._plan.feed.code, self._keys_plan.needed, rows)
        self._check(self._keys_plan, rows)
        self._note_present(self._keys_plan, "")

    def _check(self, plan: MappingPlan, rows: Sequence[RawRow]) -> None:
        if self._look_ups is not None:
            self._look_ups()
            self._look_ups = None
        load_page(self._con, plan.fields, rows)
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE checked_page AS {checked_sql(plan)}")

    def _note_present(self, plan: MappingPlan, where: str) -> None:
        key = ", ".join(f"{quoted('v_' + name)} AS {quoted(name)}" for name in plan.key)
        self._keyless += self._keys.add_present(f"SELECT {key} FROM checked_page {where}")

    def _bad(self, rows: Sequence[RawRow]) -> dict[int, tuple[RejectedRow, set[str]]]:
        """Row number -> the reject, and the columns that are wrong in it."""
        names = [target.name for target in self._plan.targets]
        found = ", ".join(map(found_name, self._plan.targets))
        query = f"SELECT _i, _position, _bad, {found} FROM checked_page WHERE _bad IS NOT NULL ORDER BY _i"
        refused = {}
        for index, position, bad, *texts in self._con.execute(query).fetchall():
            by_name = dict(zip(names, texts, strict=True))
            wrong = [tuple(code.split(":", 1)) for code in bad.split(" ")]
            why = "; ".join(reason(self._plan, code, column, by_name.get(column)) for code, column in wrong)
            raw = masked_row(rows[index].values, self._plan.sensitivities)
            reject = RejectedRow(position, self._source_id(by_name), wrong[0][1], why, raw)
            refused[index] = reject, {column for _, column in wrong}
        if refused:
            self._note_present(self._plan, "WHERE _bad IS NOT NULL")
        return refused

    def _source_id(self, found: dict[str, str | None]) -> str | None:
        own = found.get("source_id")
        parts = [found.get(name) for name in self._layout.record_type.key]
        return own or ("/".join(part or "?" for part in parts) if any(parts) else None)

    def _batch(self, rejects: list[RejectedRow], contradictions: int) -> MappedBatch:
        columns = ", ".join(map(quoted, ("_deleted", *self._layout.visible)))
        self._con.execute("CREATE OR REPLACE TEMP TABLE landing_page AS SELECT _i FROM kept_page")
        unchanged = tell_unchanged(self._con, self._layout, self._plan.feed) if self._knowing else 0
        landing = "_i IN (SELECT _i FROM landing_page)"
        kept = self._con.sql(f"SELECT {columns} FROM record_page WHERE {landing} ORDER BY _i")
        table = RecordBatchReader.from_arrow(kept).read_all()
        good, deleted = self._con.execute(
            f"SELECT count(*), count(*) FILTER (_deleted AND {landing}) FROM record_page"
        ).fetchall()[0]
        stored = table.num_rows - deleted
        left_out = unchanged if self._plan.feed.mode == "snapshot" else 0
        repeats = good - table.num_rows - contradictions - left_out
        return MappedBatch(table, rejects, stored, deleted, repeats, unchanged, left_out)
