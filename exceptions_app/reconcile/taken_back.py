"""Documents that others take back, as a credit does with an invoice: in full, and they are no duplicates any more.

Writes common table expressions over a check's documents. Knows nothing of what makes two of them one.
"""

from __future__ import annotations

from collections.abc import Sequence

from exceptions_app.catalog.expressions import quote
from exceptions_app.catalog.schema import DuplicateCheck, TakenBack

from .cluster_documents import DocumentWriter


def standing(writer: DocumentWriter, check: DuplicateCheck) -> str:
    """CTEs that end in `documents`: those that nothing took back in full."""
    if check.taken_back is None:
        return f"documents AS ({writer.documents()})"
    gone = _same("t", "d", writer.identity)
    return (
        f"{_weighed(writer, check, check.taken_back, strictly=True)}, {_taken(writer, check, check.taken_back)},"
        f" documents AS (SELECT * FROM everything AS d WHERE NOT EXISTS (SELECT 1 FROM taken AS t WHERE {gone}))"
    )


def beside(writer: DocumentWriter, check: DuplicateCheck) -> str | None:
    """A statement for each document beside what may take it back: the identities of both, as one row."""
    taken = check.taken_back
    if taken is None:
        return None
    both = ", ".join(f"CAST({alias}.{name} AS STRING)" for alias in "dc" for name in writer.identity)
    apart = f"NOT ({_same('d', 'c', writer.identity)})"
    named = f"SELECT {both} FROM weighed AS d JOIN credits AS c ON {_names('c', check)} WHERE {apart}"
    equal = f"SELECT {both} FROM weighed AS d JOIN loose AS c ON {_equal('c', taken)} WHERE {apart}"
    return f"WITH {_weighed(writer, check, taken, strictly=False)} {named} UNION ALL {equal}"


def _weighed(writer: DocumentWriter, check: DuplicateCheck, taken: TakenBack, *, strictly: bool) -> str:
    """`everything`: the documents; `weighed`: what they are worth; `credits`: what takes back, with the key of what it
    names; `loose`: of these, what names itself and (`strictly`) no document.
    """
    names = {f"named {key}": writer.accepted["taken_back", "names", key] for key in check.key}
    told = [f'{writer.sql("amount")} AS "worth"', f'{writer.sql("order_by")} AS "placed"']
    told += [f'{writer.sql("taken_back", "same", i)} AS "same {i}"' for i in range(len(taken.same))]
    credits = writer.documents(("taken_back", "where"), names)
    own = _same("c", "c", [quote(key) for key in check.key], named=True)
    known = f"EXISTS (SELECT 1 FROM weighed AS d WHERE {_names('c', check)})"
    loose = [own, *([f"NOT {known}"] if strictly else []), *([] if taken.same else ["FALSE"])]
    return (
        f"everything AS ({writer.documents()}), weighed AS (SELECT *, {', '.join(told)} FROM everything),"
        f" credits AS (SELECT *, {', '.join(told)} FROM ({credits}) AS c),"
        f" loose AS (SELECT * FROM credits AS c WHERE {' AND '.join(loose)})"
    )


def _taken(writer: DocumentWriter, check: DuplicateCheck, taken: TakenBack) -> str:
    """`taken`: the identities of what was taken back in full, by its name or by what it is worth.

    Of several that are meant alike, the last ones are taken back.
    """
    names = [quote(f"named {key}") for key in check.key]
    by, keys = ", ".join(['"entity"', *names]), ", ".join(f"d.{quote(key)}" for key in check.key)
    same = [quote(f"same {i}") for i in range(len(taken.same))]
    alike, of_alike = (
        ", ".join(['"entity"', *same]),
        ", ".join(['d."entity"', *(f"d.{name}" for name in same)]),
    )
    identity = ", ".join(f"d.{name}" for name in writer.identity)
    last = f'ORDER BY d."placed" DESC, {identity}'
    listed, gone = ", ".join(writer.identity), _same("t", "d", writer.identity)
    return (
        f'named AS (SELECT {by}, SUM("worth") AS "credited" FROM credits GROUP BY {by}),'
        f" by_name AS (SELECT {listed} FROM (SELECT {identity},"
        f' d."worth" + c."credited" AS "left", ROW_NUMBER() OVER (PARTITION BY d."entity", {keys} {last}) AS "nth"'
        f' FROM weighed AS d JOIN named AS c ON {_names("c", check)}) AS n WHERE "nth" = 1 AND "left" <= 0),'
        f' offers AS (SELECT {alike}, "worth", COUNT(*) AS "offered", MAX("placed") AS "placed"'
        f' FROM loose GROUP BY {alike}, "worth"),'
        f' by_worth AS (SELECT {listed} FROM (SELECT {identity}, c."offered",'
        f' ROW_NUMBER() OVER (PARTITION BY {of_alike}, d."worth" {last}) AS "nth"'
        f" FROM weighed AS d JOIN offers AS c ON {_equal('c', taken)}"
        f" WHERE NOT EXISTS (SELECT 1 FROM by_name AS t WHERE {gone})) AS n"
        f' WHERE "nth" <= "offered"),'
        f" taken AS (SELECT * FROM by_name UNION ALL SELECT * FROM by_worth)"
    )


def _names(alias: str, check: DuplicateCheck) -> str:
    """SQL: whether what takes back names the document `d`."""
    named = [f"d.{quote(key)} = {alias}.{quote(f'named {key}')}" for key in check.key]
    return " AND ".join([f'd."entity" IS NOT DISTINCT FROM {alias}."entity"', *named])


def _equal(alias: str, taken: TakenBack) -> str:
    """SQL: whether it is worth as much as the document `d` that came before it, and agrees with it."""
    same = [f"d.{name} = {alias}.{name}" for name in (quote(f"same {i}") for i in range(len(taken.same)))]
    entity = f'd."entity" IS NOT DISTINCT FROM {alias}."entity"'
    return " AND ".join(
        [entity, *same, f'd."worth" = -{alias}."worth"', f'd."placed" <= {alias}."placed"', 'd."worth" > 0']
    )


def _same(one: str, other: str, columns: Sequence[str], *, named: bool = False) -> str:
    """SQL: whether two rows have the same columns; `named`: the other's under the name that it gives."""
    pairs = ((name, quote(f"named {name[1:-1]}") if named else name) for name in columns)
    return " AND ".join(f"{one}.{a} IS NOT DISTINCT FROM {other}.{b}" for a, b in pairs)
