"""Which words the columns of a record may hold, and which of them a check compares with words of its own.

A word that no list knows means nothing to a check: it is told once for its feed, and what compares it says nothing of
the row. A check that compares with a word which can never be there is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

from .catalog import Catalog
from .check_expressions import Path, read_check
from .expression_tree import Node
from .expressions import Expr
from .schema import Check, ClusterCheck, Feed, Lookup, Mapped, RecordType
from .scopes import RecordTypes

RecordColumn = tuple[str, str]
"""A record type and one of its columns."""
Names = Mapping[tuple[str | None, str], "Held"]

_COMPARING = frozenset({"eq", "ne", "in", "nullif"})
_CASES: Mapping[str, Callable[[str], str]] = {"upper": str.upper, "lower": str.lower, "trim": str.strip}


@dataclass(frozen=True, slots=True)
class Held:
    """What an expression can give: one of these `words`, or any text where they are None; and the `columns` with a
    list of words that it comes from.
    """

    words: frozenset[str] | None = None
    columns: frozenset[RecordColumn] = frozenset()

    def __or__(self, other: Held) -> Held:
        both = None if self.words is None or other.words is None else self.words | other.words
        return Held(both, self.columns | other.columns)


ANY = Held()


@dataclass(frozen=True, slots=True)
class Compared:
    """Somewhere in a check, what can be `held` is compared with a `word`."""

    path: Path
    held: Held
    word: str


def words_known(catalog: Catalog, feed: Feed) -> dict[str, frozenset[str]]:
    """Per column of which the words are listed and that the feed brings: what may be stored of it, so that the column
    holds one of them once its crosswalk has translated it.
    """
    columns = catalog.record_types[feed.record_type].columns
    found = {}
    for name, column in columns.items():
        if column.words and name in feed.mapping:
            entries = catalog.crosswalks.get(column.crosswalk or "", {})
            local = {text: to for (system, text), to in entries.items() if system is None}
            local |= {text: to for (system, text), to in entries.items() if system == feed.system}
            translated = {text for text, to in local.items() if to in column.words}
            found[name] = frozenset(translated | (set(column.words) - local.keys()))
    return found


def compared_columns(check: Check, record_types: RecordTypes) -> frozenset[RecordColumn]:
    """The columns with a list of words that a check compares with words: what they hold decides what it finds."""
    found = (one.held.columns for one in comparisons(check, record_types))
    return frozenset().union(*found)


def comparisons(
    check: Check, record_types: RecordTypes, accepted: Mapping[Path, Expr] | None = None
) -> Iterator[Compared]:
    """Wherever a check compares what comes from a column with a word of its own, in the order of its expressions
    (`accepted`, where they have been read).
    """
    names: dict[str, dict[tuple[str | None, str], Held]] = {}
    for path, expr in (accepted or read_check(check, record_types).accepted).items():
        known = names.setdefault(_place(check, path), dict(_given(check, record_types, path)))
        for node in expr.tree.walk():
            yield from (Compared(path, held, word) for held, word in _compared(node, known))
        yield from _asked(check, record_types, path, expr.tree)
        name = _name(path)
        if name is not None:
            above, held = names.setdefault(_ABOVE, {}), held_by(expr.tree, known)
            above[name] = held | above[name] if path[0] == "sides" and name in above else held


_ABOVE = "above"
"""Where sides, and columns of a document, are spoken of by their names."""


def _place(check: Check, path: Path) -> str:
    """Expressions of one place speak of the same names."""
    if path[0] == "sides":
        within = path[:4] if path[2] == "lookups" and path[-1] == "where" else path[:2]
        return "/".join(map(str, within))
    if isinstance(check, ClusterCheck) and path[0] in ("where", "columns", "taken_back"):
        return "row"
    return _ABOVE


def _given(
    check: Check, record_types: RecordTypes, path: Path
) -> Iterable[tuple[tuple[str | None, str], Held]]:
    """What a place can speak of, as it is entered."""
    if isinstance(check, ClusterCheck):
        yield from _of_record(record_types[check.record], None)
    elif path[0] == "sides":
        side = check.sides[str(path[1])]
        if path[2] == "lookups" and path[-1] == "where":
            yield from _of_record(record_types[side.lookups[str(path[3])].record], None)
            return
        yield from _of_record(record_types[side.record], None)
        for code, lookup in side.lookups.items():
            yield from _looked_up(record_types, code, lookup)


def _asked(check: Check, record_types: RecordTypes, path: Path, tree: Node) -> Iterator[Compared]:
    """A look-up that is asked by a word compares its column with that word."""
    if isinstance(check, ClusterCheck) or path[0] != "sides" or path[-2] != "on":
        return
    record = record_types[check.sides[str(path[1])].lookups[str(path[3])].record]
    held = dict(_of_record(record, None)).get((None, str(path[-1])))
    if held is not None:
        yield from (Compared(path, held, word) for word in _literals(tree))


def _looked_up(
    record_types: RecordTypes, code: str, lookup: Lookup
) -> Iterable[tuple[tuple[str | None, str], Held]]:
    known = dict(_of_record(record_types[lookup.record], code))
    return ((name, held) for name, held in known.items() if name[1] in lookup.columns)


def _of_record(record: RecordType, qualifier: str | None) -> Iterable[tuple[tuple[str | None, str], Held]]:
    for name, column in record.columns.items():
        if column.words:
            yield (qualifier, name), Held(frozenset(column.words), frozenset({(record.code, name)}))


def _name(path: Path) -> tuple[str | None, str] | None:
    """What the expression at a path is called elsewhere."""
    match path:
        case ("sides", str(side), "columns", str(column)):
            return side, column
        case ("sides", _, "key", str(key)):
            return None, key
        case ("let", str(name)) | ("columns", str(name)):
            return None, name
    return None


def held_by(node: Node, names: Names) -> Held:
    """What an expression can give."""
    if node.op in ("null", "literal"):
        return Held(frozenset(_literals(node)))
    if node.op == "column":
        return names.get(node.value, ANY)
    if node.op in ("coalesce", "case"):
        return reduce(Held.__or__, (held_by(each, names) for each in _results(node)))
    if node.op in ("nullif", "min", "max"):
        return held_by(node.args[0], names)
    if node.op in _CASES:
        inner = held_by(node.args[0], names)
        written = None if inner.words is None else frozenset(map(_CASES[node.op], inner.words))
        return Held(written, inner.columns)
    return ANY


def _results(node: Node) -> Iterable[Node]:
    """Of a choice, the values among which is chosen."""
    if node.op == "coalesce":
        return node.args
    pairs = node.args[1:] if node.value else node.args
    return [*pairs[1::2], pairs[-1]]


def _compared(node: Node, names: Names) -> Iterator[tuple[Held, str]]:
    """The words that a node compares something else with. Nothing is compared with an empty text."""
    if node.op in _COMPARING:
        args = node.args
    elif node.op == "case" and node.value:
        args = (node.args[0], *node.args[1:-1:2])
    else:
        return
    words = [str(each.value) for each in args if each.op == "literal" and each.kind.name == "text"]
    for other in (each for each in args if each.op != "literal"):
        held = held_by(other, names)
        yield from ((held, word) for word in words if word)


def written_words(feed: Feed, name: str, tree: Node) -> frozenset[str]:
    """The words that a mapping itself writes into a column, beside what it takes from the source."""
    mapped = feed.mapping[name]
    if isinstance(mapped, Mapped) and (mapped.crosswalk or mapped.conceal or mapped.look_up):
        return frozenset()
    return frozenset(_literals(tree))


def _literals(node: Node) -> Iterator[str]:
    if node.op == "literal" and node.kind.name == "text" and node.value:
        yield str(node.value)
    elif node.op in ("coalesce", "case"):
        for each in _results(node):
            yield from _literals(each)
