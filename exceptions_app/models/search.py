"""How exceptions are found by what they are called. The conditions compile for SQLite and for PostgreSQL.

Knows no viewer and no filter: whoever asks combines these with what may be seen.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from .cases import ExceptionCase


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


class _Referred(FunctionElement[bool]):
    """`id IN (…)` of the exceptions called so: by their reference, by what stands before a line of it, by id."""

    type = Boolean()
    name = "referred"
    inherit_cache = True


def referred(spelled: Sequence[str], ids: Sequence[int]) -> ColumnElement[bool]:
    """Exceptions whose reference is one of these or begins with one and a slash (`PO-7` finds `PO-7/1`), or whose
    id is one of `ids`.
    """
    return _Referred(
        ExceptionCase.id,
        bindparam(None, list(spelled), type_=_Listed(Text)),
        bindparam(None, list(ids), type_=_Listed(BigInteger)),
    )


_WHOLE_OR_LINE = "substr(c.reference, length(w.value) + 1, 1) IN ('', '/')"


@compiles(_Referred, "sqlite")
def _referred_sqlite(element: _Referred, compiler: Any, **options: Any) -> str:
    number, spelled, ids = (compiler.process(each, **options) for each in element.clauses)
    return (
        f"{number} IN (SELECT c.id FROM json_each({spelled}) AS w CROSS JOIN exception_case AS c "  # noqa: S608
        f"WHERE c.reference >= w.value AND c.reference < w.value || '0' AND {_WHOLE_OR_LINE} "
        f"UNION ALL SELECT value FROM json_each({ids}))"
    )


@compiles(_Referred, "postgresql")
def _referred_postgres(element: _Referred, compiler: Any, **options: Any) -> str:
    """By the operators of `text_pattern_ops`, which compare bytes whatever the collation."""
    number, spelled, ids = (compiler.process(each, **options) for each in element.clauses)
    return (
        f"{number} IN (SELECT c.id FROM unnest({spelled}) AS w(value) JOIN exception_case AS c "  # noqa: S608
        f"ON c.reference ~>=~ w.value AND c.reference ~<~ (w.value || '0') AND {_WHOLE_OR_LINE} "
        f"UNION ALL SELECT unnest({ids}))"
    )
