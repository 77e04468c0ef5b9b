"""How many exceptions have the words of a search, found out by a look that costs little however many there are: what
the way to the page is chosen by.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from exceptions_app.domain.search_terms import Phrase
from exceptions_app.models.search import Phrases, words_inside


@dataclass(frozen=True, slots=True)
class Mentions:
    """How many exceptions have all phrases: exactly up to a bound, None beyond it; `share`: of the live ones that are
    due first, how many of a thousand have them.
    """

    number: int | None
    share: int


_SAMPLE = 1_000
_LOOK = """
WITH hits(n) AS MATERIALIZED (SELECT CASE
  WHEN (SELECT count(*) FROM (SELECT 1 FROM case_search WHERE case_search MATCH :whole LIMIT :most)) = :most THEN :most
  ELSE (SELECT count(*) FROM (SELECT 1 FROM case_search WHERE case_search MATCH :phrases LIMIT :most)) END)
SELECT n, CASE WHEN n = :most THEN (SELECT count(*) FROM (
  SELECT id FROM exception_case WHERE exception_case.status IN ('open', 'awaiting_confirmation')
  ORDER BY due_at, id LIMIT :sample) AS first
  WHERE EXISTS (SELECT 1 FROM case_search AS said WHERE said.rowid = first.id AND {holds})) ELSE 0 END FROM hits
"""
"""Whole words first: they are read off the index one by one, their beginnings only all at once."""


_LOOK_POSTGRES = """
SELECT count(*) * 5 FROM (
  SELECT id FROM exception_case WHERE exception_case.status IN ('open', 'awaiting_confirmation') AND due_at IS NOT NULL
  ORDER BY due_at, id LIMIT 200) AS first
JOIN case_search AS said ON said.case_id = first.id AND said.words @@ :phrases
"""


def share_of(session: Session, phrases: tuple[Phrase, ...]) -> int:
    """The `share` of `Mentions`, on PostgreSQL."""
    look = text(_LOOK_POSTGRES).bindparams(bindparam("phrases", phrases, type_=Phrases()))
    return int(session.execute(look).scalar_one())


def mentions(session: Session, phrases: tuple[Phrase, ...], bound: int) -> Mentions:
    """How much is to be expected of a search, on SQLite. One statement, which looks no further than needed."""
    inside = {f"inside_{place}": words_inside(phrase) for place, phrase in enumerate(phrases)}
    holds = " AND ".join(f"instr(' ' || said.words, :{name}) > 0" for name in inside)
    look = text(_LOOK.format(holds=holds)).bindparams(
        bindparam("phrases", phrases, type_=Phrases()),
        whole=" AND ".join(f'"{" ".join(phrase)}"' for phrase in phrases),
        most=bound + 1,
        sample=_SAMPLE,
        **inside,
    )
    number, sampled = session.execute(look).one()
    return Mentions(number if number <= bound else None, sampled)
