"""How exceptions are found by what they are called and by their words, on SQLite and on PostgreSQL.

The words of an exception are one row of `case_search`: an FTS5 table on SQLite (`rowid` is the exception's id), a
`tsvector` under a GIN index on PostgreSQL. Its text is made by `domain.search_terms` alone, on both: neither
database's own idea of a word plays a part. Knows no viewer and no filter: whoever asks combines these conditions with
what may be seen.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from exceptions_app.domain.search_terms import Phrase, kept
from exceptions_app.extensions import Base

from .cases import ExceptionCase
from .types import CONDITION, Big

CASE_SEARCH = "case_search"


class SearchDue(Base):
    """An exception that search is to learn, or to learn anew."""

    __tablename__ = "search_due"

    case_id: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=False)


def belongs_to_search(table: str | None) -> bool:
    """Whether a table is `case_search` or one that SQLite keeps for it: the metadata has none of them."""
    return table is not None and table.startswith(CASE_SEARCH)


class _Listed(TypeDecorator[list[Any]]):
    """A list as one parameter: an array, or JSON for SQLite's `json_each`."""

    impl = Text
    cache_ok = True

    def __init__(self, item: type[TypeEngine[Any]]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind = Text() if dialect.name == "sqlite" else ARRAY(self.item)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        return json.dumps(value) if dialect.name == "sqlite" else value


class _Kept(TypeDecorator[list[str]]):
    """Kept references as one parameter, any of which will do: they are words without a sign of either language."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else TSQUERY())

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str:
        if dialect.name == "sqlite":
            return json.dumps(value or [])
        return " | ".join(f"'{each}'" for each in value or ())


class _Referred(FunctionElement[bool]):
    """`id IN (…)` of the exceptions called so: by their reference, by what stands before a line of it, by id, or by
    the number of a document that they are about.
    """

    type = CONDITION
    name = "referred"
    inherit_cache = True


def referred(spelled: Sequence[str], ids: Sequence[int]) -> ColumnElement[bool]:
    """Exceptions whose reference is one of these or begins with one and a slash (`PO-7` finds `PO-7/1`), whose id is
    one of `ids`, or that are about a document with such a number.
    """
    return _Referred(
        ExceptionCase.id,
        bindparam(None, list(spelled), type_=_Listed(Text)),
        bindparam(None, list(ids), type_=_Listed(BigInteger)),
        bindparam(None, list(dict.fromkeys(filter(None, map(kept, spelled)))), type_=_Kept()),
    )


def words_kept() -> ColumnElement[str]:
    """All words of an exception, as text."""
    return _WordsKept(ExceptionCase.id)


class _WordsKept(FunctionElement[str]):
    type = Text()
    name = "words_kept"
    inherit_cache = True


@compiles(_WordsKept, "sqlite")
def _words_kept_sqlite(element: _WordsKept, compiler: Any, **options: Any) -> str:
    [number] = (compiler.process(each, **options) for each in element.clauses)
    return f"(SELECT words FROM case_search WHERE case_search.rowid = {number})"  # noqa: S608


@compiles(_WordsKept, "postgresql")
def _words_kept_postgres(element: _WordsKept, compiler: Any, **options: Any) -> str:
    [number] = (compiler.process(each, **options) for each in element.clauses)
    return f"(SELECT CAST(words AS text) FROM case_search WHERE case_search.case_id = {number})"  # noqa: S608


_WHOLE_OR_LINE = "substr(c.reference, length(w.value) + 1, 1) IN ('', '/')"


@compiles(_Referred, "sqlite")
def _referred_sqlite(element: _Referred, compiler: Any, **options: Any) -> str:
    number, spelled, ids, kept = (compiler.process(each, **options) for each in element.clauses)
    return (
        f"{number} IN (SELECT c.id FROM json_each({spelled}) AS w CROSS JOIN exception_case AS c "  # noqa: S608
        f"WHERE c.reference >= w.value AND c.reference < w.value || '0' AND {_WHOLE_OR_LINE} "
        f"UNION ALL SELECT value FROM json_each({ids}) "
        f"UNION ALL SELECT case_search.rowid FROM json_each({kept}) AS w CROSS JOIN case_search "
        "WHERE case_search MATCH '\"' || w.value || '\"')"
    )


@compiles(_Referred, "postgresql")
def _referred_postgres(element: _Referred, compiler: Any, **options: Any) -> str:
    """By the operators of `text_pattern_ops`, which compare bytes whatever the collation."""
    number, spelled, ids, kept = (compiler.process(each, **options) for each in element.clauses)
    return (
        f"{number} IN (SELECT c.id FROM unnest({spelled}) AS w(value) JOIN exception_case AS c "  # noqa: S608
        f"ON c.reference ~>=~ w.value AND c.reference ~<~ (w.value || '0') AND {_WHOLE_OR_LINE} "
        f"UNION ALL SELECT unnest({ids}) UNION ALL SELECT case_id FROM case_search WHERE words @@ {kept})"
    )


class Phrases(TypeDecorator[tuple[Phrase, ...]]):
    """What is looked for, in the language of the database. Words are letters and digits: nothing to escape."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else TSQUERY())

    def process_bind_param(self, value: tuple[Phrase, ...] | None, dialect: Dialect) -> str:
        if dialect.name == "sqlite":
            return " AND ".join(f'"{" ".join(phrase)}" *' for phrase in value or ())
        return " & ".join(f"({_tsquery(phrase)})" for phrase in value or ())


def _tsquery(phrase: Phrase) -> str:
    return " <-> ".join([*(f"'{word}'" for word in phrase[:-1]), f"'{phrase[-1]}':*"])


class _Mentioned(FunctionElement[bool]):
    """`id IN (…)` of the exceptions that have all phrases."""

    type = CONDITION
    name = "mentioned"
    inherit_cache = True


def mentioned(phrases: tuple[Phrase, ...], most: int | None = None) -> ColumnElement[bool]:
    """Exceptions that have every phrase in reference, counterparty, sentence or comments; not to be asked for none.
    `most`: only so many of them, whichever they are.
    """
    limit = [] if most is None else [bindparam(None, most, type_=BigInteger)]
    return _Mentioned(ExceptionCase.id, bindparam(None, phrases, type_=Phrases()), *limit)


@compiles(_Mentioned, "sqlite")
def _mentioned_sqlite(element: _Mentioned, compiler: Any, **options: Any) -> str:
    number, phrases, *most = (compiler.process(each, **options) for each in element.clauses)
    limit = f" LIMIT {most[0]}" if most else ""
    return f"{number} IN (SELECT rowid FROM case_search WHERE case_search MATCH {phrases}{limit})"  # noqa: S608


@compiles(_Mentioned, "postgresql")
def _mentioned_postgres(element: _Mentioned, compiler: Any, **options: Any) -> str:
    number, phrases, *most = (compiler.process(each, **options) for each in element.clauses)
    limit = f" LIMIT {most[0]}" if most else ""
    return f"{number} IN (SELECT case_id FROM case_search WHERE words @@ {phrases}{limit})"  # noqa: S608


class _Said(FunctionElement[bool]):
    """Whether the words of one exception have all phrases: the same answer as `_Mentioned`, asked of a row."""

    type = CONDITION
    name = "said"
    inherit_cache = True


def said(phrases: tuple[Phrase, ...]) -> ColumnElement[bool]:
    """`mentioned` for rows that are walked in an order: quick where many of them have the phrases."""
    inside = (bindparam(None, words_inside(phrase), type_=Text) for phrase in phrases)
    return _Said(ExceptionCase.id, bindparam(None, phrases, type_=Phrases()), *inside)


def words_inside(phrase: Phrase) -> str:
    """A phrase as it stands in the words of an exception, which begin with a space."""
    return f" {' '.join(phrase)}"


@compiles(_Said, "sqlite")
def _said_sqlite(element: _Said, compiler: Any, **options: Any) -> str:
    number, _, *inside = element.clauses
    phrases = [compiler.process(each, **options) for each in inside]
    holds = " AND ".join(f"instr(' ' || said.words, {phrase}) > 0" for phrase in phrases)
    there = f"said.rowid = {compiler.process(number, **options)} AND {holds}"
    return f"EXISTS (SELECT 1 FROM case_search AS said WHERE {there})"  # noqa: S608


@compiles(_Said, "postgresql")
def _said_postgres(element: _Said, compiler: Any, **options: Any) -> str:
    """OFFSET 0: asked of each row, never of all first."""
    number, phrases, *_ = (compiler.process(each, **options) for each in element.clauses)
    there = f"said.case_id = {number} AND said.words @@ {phrases} OFFSET 0"
    return f"EXISTS (SELECT 1 FROM case_search AS said WHERE {there})"  # noqa: S608
