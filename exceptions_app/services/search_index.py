"""Keeps the words that exceptions are found by: reference, counterparty, sentence, comments, and of the evidence the
numbers of its documents. These and the reference are kept as references, too, which are found whole.

Only what everybody may see who sees the exception: the catalog refuses sensitive columns in what is indexed. What is
changed or commented on is indexed in the transaction that does it; so are the new exceptions of a small intake. Those
of a large one are only noted there, and the `index` job gives them their words seconds later. Flushes, never commits.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, delete, func, select, text
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain.search_terms import SIGN, document, kept, kept_of
from exceptions_app.models import CaseComment, CaseEvidence, ExceptionCase, SearchDue, Task

from . import tasks
from .bulk import copy, in_batches, is_one_of, is_postgres
from .document_numbers import document_numbers

Words = Sequence[Sequence[str]]
"""Runs of words, as `search_terms.document` gives them."""

KIND = "index"
AT_ONCE = 200
"""So many new exceptions are indexed in the transaction that opens them: it costs each a third more."""
PORTION = 2_000
"""Exceptions that `catch_up` indexes in one transaction."""

_GAP = SIGN
"""Between two runs: for FTS5 a word, but one that nobody can ask for, so that no phrase reaches over it."""
_KEPT_ONE = re.compile(f"{SIGN}[^ {SIGN}]")


def learn(session: Session, catalog: Catalog, ids: Collection[int], now: datetime) -> None:
    """Index what was just opened or commented on: at once where it is little, else by a job within seconds.

    Whoever calls holds the rows, or has just made them.
    """
    if len(ids) <= AT_ONCE:
        refresh(session, catalog, ids)
        return
    if is_postgres(session):
        each = "SELECT unnest(CAST(:ids AS bigint[])) ON CONFLICT DO NOTHING"
        session.execute(text(f"INSERT INTO search_due (case_id) {each}"), {"ids": list(ids)})
    else:
        noted = "INSERT OR IGNORE INTO search_due (case_id) VALUES (?)"
        session.connection().exec_driver_sql(noted, [(case_id,) for case_id in ids])
    tasks.request(session, KIND, KIND, {}, None, now)


def refresh(session: Session, catalog: Catalog, ids: Collection[int]) -> None:
    """Index these exceptions as they are now, holding their rows so that two never do it at once."""
    session.flush()
    case, comment = ExceptionCase, CaseComment
    for batch in in_batches(ids):
        columns = select(
            case.id, case.reference, case.counterparty, case.sentence, case.check_code, case.entity,
            select(CaseEvidence.evidence)
            .where(CaseEvidence.case_id == case.id, CaseEvidence.version == case.evidence_version)
            .scalar_subquery(),
        )  # fmt: skip
        held = columns.where(is_one_of(session, case.id, batch)).order_by(case.id)
        rows = session.execute(held.with_for_update(of=case)).all()
        comments: dict[int, list[str]] = {}
        said = select(comment.case_id, comment.text).where(is_one_of(session, comment.case_id, batch))
        for row in session.execute(said.order_by(comment.id.desc())):
            comments.setdefault(row.case_id, []).append(row.text)
        _remove(session, batch)
        _store(session, ((row.id, _words(catalog, row, comments.get(row.id, ()))) for row in rows))


def _words(catalog: Catalog, row: Sequence[Any], comments: Iterable[str]) -> Words:
    reference, counterparty, sentence, check, entity, evidence = row[1:]
    numbers = document_numbers(catalog, check, entity, evidence) if evidence else []
    whole = dict.fromkeys([*kept_of(reference), *filter(None, map(kept, numbers))])
    return [*document(reference, counterparty, sentence, *numbers, *comments), [*whole]]


def _remove(session: Session, ids: Sequence[int]) -> None:
    if is_postgres(session):
        session.execute(text("DELETE FROM case_search WHERE case_id = ANY(:ids)"), {"ids": list(ids)})
    elif ids:
        session.connection().exec_driver_sql("DELETE FROM case_search WHERE rowid = ?", [(i,) for i in ids])


def _store(session: Session, documents: Iterable[tuple[int, Words]]) -> None:
    if is_postgres(session):
        copy(session, "case_search", ("case_id", "words"), ((i, tsvector(runs)) for i, runs in documents))
        return
    rows = [(case_id, sentence(runs)) for case_id, runs in documents]
    if rows:
        session.connection().exec_driver_sql("INSERT INTO case_search (rowid, words) VALUES (?, ?)", rows)


def sentence(runs: Words) -> str:
    """As FTS5 takes it: words between blanks."""
    return f" {_GAP} ".join(" ".join(run) for run in runs)


def tsvector(runs: Words) -> str:
    """As PostgreSQL takes it: each word with its place; none has a sign that would have to be escaped."""
    found: list[str] = []
    place = 1
    for run in runs:
        for word in run:
            found.append(f"'{word}':{place}")
            place += 1
        place += 1
    return " ".join(found)


def catch_up(session: Session, catalog: Catalog) -> int:
    """Index the next exceptions that were noted, the newest first; how many.

    It holds their rows before it takes the notes, as whoever notes them does: neither waits for the other.
    """
    ids = session.scalars(select(SearchDue.case_id).order_by(SearchDue.case_id.desc()).limit(PORTION)).all()
    refresh(session, catalog, ids)
    if ids:
        table = cast("Table", SearchDue.__table__)
        session.execute(delete(table).where(is_one_of(session, SearchDue.case_id, ids)))
    return len(ids)


def ask_if_behind(session: Session, now: datetime) -> Task | None:
    """Ask for `catch_up` where any are noted: a newer layout has noted all that were there before it."""
    _note_older(session)
    if session.scalar(select(SearchDue.case_id).limit(1)) is None:
        return None
    return tasks.request(session, KIND, KIND, {}, None, now)


def _note_older(session: Session) -> None:
    """Note all exceptions, where the first one was indexed before references were kept. It is indexed last."""
    first = session.scalar(select(func.min(ExceptionCase.id)))
    words = None if first is None else words_of(session, first)
    if words is not None and _KEPT_ONE.search(words) is None:
        session.execute(text("DELETE FROM search_due"))
        session.execute(text("INSERT INTO search_due (case_id) SELECT id FROM exception_case"))


def words_of(session: Session, case_id: int) -> str | None:
    """The words of one exception as the database keeps them, None where it has none."""
    key = "case_id" if is_postgres(session) else "rowid"
    found = text(f"SELECT CAST(words AS text) FROM case_search WHERE {key} = :id")  # noqa: S608
    words: str | None = session.scalar(found, {"id": case_id})
    return words
