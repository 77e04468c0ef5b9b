"""References out of text that people paste: which are meant, and which no exception of the viewer's has, whatever its
state.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import Viewer, visible
from exceptions_app.domain import public_id
from exceptions_app.domain.search_terms import SIGN, Pasted, compact, kept, kept_of, spellings
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models.search import referred, words_kept

MOST = 5_000
"""So many exceptions are looked at: a pasted order has few lines."""
_KEPT = re.compile(rf"{SIGN}[^'\s:{SIGN}]+")


def meant(session: Session, viewer: Viewer, pasted: Sequence[Pasted]) -> tuple[str, ...]:
    """What of a pasted text is looked for, in its order and each once. Whole lines and cells first: where an exception
    is called so, their pieces are not looked for. Words without a digit only where one is called so.
    """
    doubtful = [each for one in pasted for each in (*one.whole, *one.words)]
    there = _there(session, viewer, doubtful) if doubtful else set()
    found: dict[str, None] = {}
    for one in pasted:
        whole = [each for each in one.whole if _is_there(each, there)]
        pieces = one.less(whole) if whole else one.pieces
        known = [each for each in pieces if each not in one.words or _is_there(each, there)]
        found |= dict.fromkeys([*map(compact, whole), *known])
    return tuple(found)


def not_found(session: Session, viewer: Viewer, references: Sequence[str]) -> list[str]:
    """In their order. One statement."""
    there = _there(session, viewer, references)
    return [each for each in references if not _is_there(each, there)]


def _is_there(reference: str, there: set[str | int]) -> bool:
    number = public_id.decode(reference)
    return kept(reference) in there or (number is not None and number in there)


def _there(session: Session, viewer: Viewer, references: Sequence[str]) -> set[str | int]:
    """The ids, and the references and documents' numbers as search keeps them, of the exceptions that fit any."""
    ids = [number for each in references if (number := public_id.decode(each)) is not None]
    fitting = select(Case.id, Case.reference, words_kept()).where(
        *visible(viewer), referred(spellings(references), ids)
    )
    there: set[str | int] = set()
    for number, reference, words in session.execute(fitting.limit(MOST)):
        there |= {number, *kept_of(reference), *_KEPT.findall(words or "")}
    return there
