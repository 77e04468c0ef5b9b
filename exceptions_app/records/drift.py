"""Which fields a source sends and of what kind: seen at the door, compared with what is known of the feed.

Knows names and kinds, never a value. A field that the mapping needs and that is gone ends the run (`raw.refuse_drift`);
what is new or of another kind is told, and stops nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any, Literal

from .raw import InColumns, RawRow

LOOKED_AT = 200
"""So many rows of a page say of what kind its fields are; names are taken from all."""
_ENOUGH = 20
"""So many texts, all numbers or all dates, make that their kind; and so many, none of them one, make another."""
_GONE_AFTER = 100
"""A field is gone when so many rows came without it."""

_NUMBER = re.compile(r"[+-]?[0-9][0-9., ]*([eE][+-]?[0-9]+)?[-+]?")
_DATE = re.compile(r"[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}([T ].*)?")

Kind = Literal["text", "number", "true or false", "nested", "number as text", "date as text"]
_OF_TEXT: frozenset[Kind] = frozenset({"number as text", "date as text", "text"})
Known = Mapping[str, Collection[Kind]]


@dataclass(frozen=True, slots=True)
class Drifted:
    """A field that is `new`, or `retyped` from what it `was`; both in words. `unseen`: rows that came without it."""

    name: str
    what: Literal["new", "retyped"]
    was: str
    now: str
    since: str
    unseen: int = 0

    @property
    def words(self) -> str:
        """As in `field 'plant' is new (text)`, `field 'qty' was number and is text now`."""
        if self.what == "new":
            return f"field {self.name!r} is new ({self.now})"
        return f"field {self.name!r} was {self.was} and is {self.now} now"


@dataclass(slots=True)
class FieldsSeen:
    """The fields of one run's rows, page by page."""

    rows: int = 0
    names: dict[str, None] = field(default_factory=dict)
    native: dict[str, set[Kind]] = field(default_factory=dict)
    texts: dict[str, dict[Kind, int]] = field(default_factory=dict)

    def add(self, rows: Sequence[RawRow]) -> None:
        self.rows += len(rows)
        if isinstance(rows, InColumns):
            some = rows.columns.slice(0, min(LOOKED_AT, len(rows)))
            for number, name in enumerate(rows.names, 1):
                self.names[name] = None
                for value in some.column(number).to_pylist():
                    self._note(name, value)
            return
        for row in rows:
            self.names.update(dict.fromkeys(row.values))
        for row in islice(rows, LOOKED_AT):
            for name, value in row.values.items():
                self._note(name, value)

    def _note(self, name: str, value: Any) -> None:
        kind = kind_of(value)
        if kind in _OF_TEXT:
            counts = self.texts.setdefault(name, {})
            counts[kind] = counts.get(kind, 0) + 1
        elif kind is not None:
            self.native.setdefault(name, set()).add(kind)

    def kinds(self, name: str) -> set[Kind]:
        """Of what kind it is: texts are numbers or dates only where there are enough, and all of them are."""
        found = set(self.native.get(name, ()))
        counts = self.texts.get(name)
        if counts:
            [*only] = counts
            enough = len(only) == 1 and counts[only[0]] >= _ENOUGH
            found.add(only[0] if enough else "text")
        return found

    def none_fits(self, name: str, known: Collection[Kind]) -> bool:
        """Whether what came is of other kinds than those known, and enough came to say so."""
        found = self.kinds(name)
        if not found or not known or found & set(known):
            return False
        counts = self.texts.get(name, {})
        if not counts or not _OF_TEXT & set(known):
            return True
        if "text" in known:  # any text fits
            return False
        return sum(counts.values()) >= _ENOUGH and not any(counts.get(kind) for kind in known)


def kind_of(value: Any) -> Kind | None:
    """None for nothing: a field without a value says nothing of its kind."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | Decimal):
        return "number"
    if isinstance(value, datetime | date):
        return "date as text"
    return _kind_of_text(str(value).strip()) if value is not None else None


def _kind_of_text(text: str) -> Kind | None:
    if not text:
        return None
    if text[0] in "[{" and text[-1] in "]}":
        return "nested"
    if _DATE.fullmatch(text):
        return "date as text"
    return "number as text" if _NUMBER.fullmatch(text) else "text"


def learned(known: Known, seen: FieldsSeen, names: Iterable[str]) -> dict[str, list[Kind]]:
    """What is known, with these fields as they were seen."""
    return dict(_plain(known)) | {name: sorted({*known.get(name, ()), *seen.kinds(name)}) for name in names}


def drifted(
    known: Known, before: Iterable[Drifted], seen: FieldsSeen, accepted: Sequence[str], since: str, *, whole: bool
) -> list[Drifted]:  # fmt: skip
    """The fields that are new or of another kind, as of this run, in the order of their names.

    `accepted`: patterns of names that are agreed. `whole`: the run read all that the source holds, so that a field
    that did not come is gone; else it is once enough rows came without it.
    """
    earlier = {one.name: one for one in before}
    found = {}
    for name in seen.names:
        was = earlier.get(name)
        if name not in known:
            now = " or ".join(sorted(seen.kinds(name))) or (was.now if was else "empty so far")
            one = Drifted(name, "new", "", now, since)
        elif seen.none_fits(name, known[name]):
            was_kind, is_kind = (" or ".join(sorted(each)) for each in (known[name], seen.kinds(name)))
            one = Drifted(name, "retyped", was_kind, is_kind, since)
        elif was is not None and not seen.kinds(name):
            one = was  # it came without a value
        else:
            continue
        same = was is not None and was.what == one.what
        found[name] = replace(one, since=was.since) if was is not None and same else one
    gone = seen.rows > 0 and whole
    for name, was in earlier.items():
        if name not in seen.names and not gone and was.unseen + seen.rows < _GONE_AFTER:
            found[name] = replace(was, unseen=was.unseen + seen.rows)
    return [found[name] for name in sorted(found) if not any(fnmatchcase(name, each) for each in accepted)]


def _plain(known: Known) -> dict[str, list[Kind]]:
    return {name: sorted(kinds) for name, kinds in known.items()}
