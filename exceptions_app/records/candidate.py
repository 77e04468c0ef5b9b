"""A record that somebody wants to write, judged and laid over the records of a session. Nothing is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from duckdb import DuckDBPyConnection

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.problems import closest, listing
from exceptions_app.catalog.schema import Column
from exceptions_app.duck import literal, quoted

from .crosswalk import for_system
from .layout import Layout
from .masking import masked
from .reference import KEPT_PREFIX
from .validation import EXPECTED, EXPECTED_RANGE, out_of_range_sql, typed_sql

_LEAST_ALIKE = 2
_MOST_TWINS = 10


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one value: which column, what was expected, and what may be meant."""

    column: str
    said: str
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The record: its texts by canonical column (absent: no value), and where it would stand."""

    catalog: Catalog
    record_type: str
    system: str
    entity: str | None
    values: Mapping[str, str]
    now: datetime

    @property
    def layout(self) -> Layout:
        return Layout(self.catalog.record_types[self.record_type])

    def misfits(self, con: DuckDBPyConnection) -> list[Fault]:
        """Columns that the record type does not know, lacks, or cannot read."""
        columns = self.catalog.record_types[self.record_type].columns
        unknown = [name for name in self.values if name not in columns]
        found = [Fault(name, "no column of this record type", _near(name, columns)) for name in unknown]
        for name, column in columns.items():
            given = self.values.get(name)
            if given is None:
                if column.required:
                    found.append(Fault(name, "expected a value, found nothing"))
                continue
            value = typed_sql(literal(given), column.type, column.scale)
            far = out_of_range_sql(value, column.type) or "false"
            fits, beyond = con.execute(f"SELECT {value} IS NOT NULL, coalesce({far}, false)").fetchall()[0]
            if not fits or beyond:
                expected = EXPECTED_RANGE if fits else EXPECTED[column.type]
                found.append(Fault(name, f"expected {expected}, found '{masked(given, column.sensitivity)}'"))
            elif not self._may_be(column, given):
                said = f"expected {listing(column.words)}, found '{masked(given, 'internal')}'"
                found.append(Fault(name, said, closest(given, column.words)))
        return found

    def _may_be(self, column: Column, given: str) -> bool:
        """Whether a text is one of the column's words. What a crosswalk does not know is that crosswalk's matter."""
        entries = self.catalog.crosswalks.get(column.crosswalk or "", {})
        local = for_system(entries, self.system)
        if not column.words or (entries and given not in local and given not in column.words):
            return True
        return local.get(given, given) in column.words

    def untranslated(self) -> list[Fault]:
        """Values that the crosswalk of their column knows neither from this system nor as canonical."""
        found = []
        for name, column in self.catalog.record_types[self.record_type].columns.items():
            given, code = self.values.get(name), column.crosswalk
            known = self.catalog.crosswalks.get(code or "", {})
            if given is None or not known:
                continue
            local = for_system(known, self.system)
            if given not in local and given not in set(known.values()):
                shown = masked(given, column.sensitivity)
                found.append(
                    Fault(name, f"the crosswalk {code} does not know '{shown}'", _near(given, local))
                )
        return found

    def twins(self, con: DuckDBPyConnection) -> list[str]:
        """Identities of other records of such systems that say the same in every column given but the key: at least
        two, and upper and lower case and blanks do not count. Needs the kept tables.
        """
        key = self.layout.record_type.key
        alike = [name for name, kind in self.layout.own.items() if name in self.values and name not in key]
        words = [name for name in alike if self.layout.own[name] == "VARCHAR"]
        if len(words) < _LEAST_ALIKE:
            return []
        same = " AND ".join(
            f"{_folded(quoted(name))} = {_folded(literal(self.values[name]))}" for name in words
        )
        telling = max(words, key=lambda name: len(_longest_word(self.values[name])))
        # Folding every text takes most of the time: what does not even hold the word is left alone.
        holds = f"contains(lower({quoted(telling)}), lower({literal(_longest_word(self.values[telling]))}))"
        other = " OR ".join(f"{quoted(name)} IS DISTINCT FROM {literal(self.values[name])}" for name in key)
        said = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in key)
        kept = quoted(KEPT_PREFIX + self.record_type)
        rows = con.execute(
            f"SELECT DISTINCT {said} FROM {kept} WHERE {holds} AND {same} AND ({other}) LIMIT {_MOST_TWINS}"
        )
        return sorted("/".join(map(str, row)) for row in rows.fetchall())

    def is_there(self, con: DuckDBPyConnection) -> bool:
        """Whether its system already holds a record of this identity. Needs the kept tables."""
        kept, mine = quoted(KEPT_PREFIX + self.record_type), self._mine()
        return bool(con.execute(f"SELECT 1 FROM {kept} WHERE {mine} LIMIT 1").fetchall())

    def records_sql(self, *, with_it: bool) -> str:
        """A SELECT of the kept records of its type; with it instead of the record that it would replace."""
        kept = f"SELECT * FROM {quoted(KEPT_PREFIX + self.record_type)}"
        return f"{kept} WHERE NOT ({self._mine()}) UNION ALL BY NAME {self._row()}" if with_it else kept

    def own_sql(self, columns: Sequence[str], *, with_it: bool) -> str:
        """A SELECT of columns of the record itself, or of the one that it would replace."""
        names = ", ".join(map(quoted, columns))
        kept = quoted(KEPT_PREFIX + self.record_type)
        return (
            f"SELECT {names} FROM ({self._row()})"
            if with_it
            else f"SELECT {names} FROM {kept} WHERE {self._mine()}"
        )

    def _mine(self) -> str:
        """SQL that holds for the record that this one would be."""
        columns = self.catalog.record_types[self.record_type].columns
        at = {"source_system": literal(self.system)}
        if self.layout.by_entity:
            at["entity"] = literal(self.entity)
        at |= {
            name: typed_sql(literal(self.values[name]), columns[name].type, columns[name].scale)
            for name in self.layout.record_type.key
        }
        return " AND ".join(f"{quoted(name)} IS NOT DISTINCT FROM {value}" for name, value in at.items())

    def _row(self) -> str:
        columns = self.catalog.record_types[self.record_type].columns
        identity = "/".join(self.values[name] for name in self.layout.record_type.key)
        made = {
            "source_system": literal(self.system), "source_id": literal(identity), "source_time": literal(self.now),
            "fetched_at": literal(self.now), "entity": literal(self.entity),
        } | {
            name: typed_sql(literal(text), columns[name].type, columns[name].scale)
            for name, text in self.values.items()
        }  # fmt: skip
        values = (
            f"CAST({made.get(name, 'NULL')} AS {kind}) AS {quoted(name)}"
            for name, kind in self.layout.visible.items()
        )
        return f"SELECT {', '.join(values)}"


def _folded(value: str) -> str:
    return f"lower(regexp_replace(trim(CAST({value} AS VARCHAR)), '\\s+', ' ', 'g'))"


def _longest_word(text: str) -> str:
    """Of what blanks part, as `_folded` knows them; folding leaves it as it is but for its case."""
    return max(re.split(r"[ \t\n\f\r]+", text), key=len)


def _near(word: str, known: Mapping[str, object]) -> str:
    return next(iter(get_close_matches(word, list(known), n=1)), "")
