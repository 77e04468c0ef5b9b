"""What exceptions state, by name: a fact of their finding, else a part of their business key. On both databases."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import ColumnElement, Text, func, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from .cases import ExceptionCase

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class _Member(FunctionElement[str]):
    """A member of a JSON object in a text column, as text."""

    type = Text()
    inherit_cache = True


@compiles(_Member, "sqlite")
def _on_sqlite(element: _Member, compiler: Any, **given: Any) -> str:
    column, name = (compiler.process(each, **given) for each in element.clauses)
    return f"CAST(json_extract({column}, '$.' || {name}) AS TEXT)"


@compiles(_Member, "postgresql")
def _on_postgresql(element: _Member, compiler: Any, **given: Any) -> str:
    column, name = (compiler.process(each, **given) for each in element.clauses)
    return f"(({column})::json ->> CAST({name} AS TEXT))"


def stated(name: str) -> ColumnElement[str]:
    """What an exception states by that name; NULL where it states nothing by it. Raises ValueError for no name."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a fact: expected small letters, digits and _")
    key = _Member(ExceptionCase.business_key, literal(name))
    return func.coalesce(_Member(ExceptionCase.facts, literal(name)), key)
