"""Judges what is compared with, written into and translated to columns of which the words are listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .catalog import Catalog
from .check_expressions import Path
from .expressions import Expr, ExpressionError, parse
from .judging import Judge
from .judging import Path as Place
from .problems import Problem, closest, listing
from .schema import Check, Mapped
from .scopes import RAW_ROW
from .sensitivity import is_open
from .words import comparisons, words_known, written_words


def verify(judge: Judge, catalog: Catalog) -> None:
    """Report every word, outside of checks, that its column can never hold. What refers to nothing has been reported
    before.
    """
    for code, record in catalog.record_types.items():
        for name, column in record.columns.items():
            if column.words and not is_open(column.sensitivity):
                path, said = ["columns", name, "words"], f"'{name}' is {column.sensitivity} data"
                expected = "words at public and internal columns: one that is not known is told"
                judge.report("record_types", code, path, said, expected)
    _mappings(judge, catalog)
    _crosswalks(judge, catalog)


def _word(
    judge: Judge, section: str, code: str, path: Place, word: str, said: str, known: Iterable[str]
) -> None:
    words = list(known)
    if word not in words:
        judge.report(section, code, path, f"'{word}' is {said}", listing(words), closest(word, words))


def verify_check(judge: Judge, catalog: Catalog, check: Check, accepted: Mapping[Path, Expr]) -> None:
    """Report the words that a check compares with and that can never be there."""
    told = set()
    for one in comparisons(check, catalog.record_types, accepted):
        if one.held.words is None or (one.path, one.word) in told:
            continue
        told.add((one.path, one.word))
        columns = " and ".join(f"{record}.{name}" for record, name in sorted(one.held.columns))
        said = f"none of the words that {columns} may hold" if columns else "never what stands there"
        _word(judge, "checks", check.code, one.path, one.word, said, sorted(one.held.words))


def _mappings(judge: Judge, catalog: Catalog) -> None:
    for feed in catalog.feeds.values():
        if feed.record_type not in catalog.record_types:
            continue
        columns = catalog.record_types[feed.record_type].columns
        for name, known in words_known(catalog, feed).items():
            value = feed.mapping[name]
            try:
                tree = parse(value.value if isinstance(value, Mapped) else value, RAW_ROW).tree
            except ExpressionError:
                continue
            for word in sorted(written_words(feed, name, tree)):
                if word not in known:
                    said = f"none of the words that {feed.record_type}.{name} may hold"
                    _word(judge, "feeds", feed.code, ["mapping", name], word, said, columns[name].words)


def _crosswalks(judge: Judge, catalog: Catalog) -> None:
    """What a crosswalk translates to, where every column that it translates has a list of words."""
    columns = [each for record in catalog.record_types.values() for each in record.columns.values()]
    for code, entries in catalog.crosswalks.items():
        own = [each.words for each in columns if each.crosswalk == code]
        if own and all(own):
            known = list(dict.fromkeys(word for words in own for word in words))
            for word in sorted(set(entries.values()) - set(known)):
                place = judge.merged.crosswalk_words[code][word]
                said, near = f"'{word}' is none of the words of its columns", closest(word, known)
                path = f"crosswalks.{code}.entries"
                judge.problems.append(Problem(place.file, place.line, path, said, listing(known), near))
