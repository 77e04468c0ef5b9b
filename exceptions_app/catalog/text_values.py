"""What a text must look like to be a number, a date, a time or a yes: as SQL over the text.

Written out rather than left to a cast, which would take `3.7` for the whole number 4, `infinity` for a time and
`1_000` for a number. A number with more decimals than are kept is none: nothing is rounded unsaid. Records and
expressions read texts alike.
"""

from __future__ import annotations

_PLAIN = r"[+-]?([0-9]+([.][0-9]{{0,{scale}}}0*)?|[.][0-9]{{1,{scale}}}0*)"
_WHOLE = r"[+-]?[0-9]+([.]0*)?"
_RAISED = r"[+-]?([0-9]+([.][0-9]{0,10}0*)?|[.][0-9]{1,10}0*)[eE]([+]?[0-9]{1,2}|-0?[0-9]|-10)"
_NOTHING = r"[+-]?(0+([.]0*)?|[.]0+)[eE][+-]?[0-9]+"
_EXACT = "DECIMAL(38, 20)"
"""Holds whatever `_RAISED` may say of a number that fits."""

_DAY = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_CLOCK = r"[T ][0-9]{1,2}:[0-9:.]+"
OFFSET = r" ?(Z|z|UTC|[+-][0-9]{2}(:?[0-9]{2}){0,2})"
TIME = f"{_DAY}({_CLOCK}({OFFSET})?)?"
INTEGER_DIGITS = 18


def read_sql(text: str, kind: str, scale: int = 4, digits: int = 14) -> str:
    """SQL for the value of a text without blanks around it; NULL where it is none of that kind.

    `kind` is integer, decimal, date, timestamp (one without offset is UTC) or boolean; a decimal has `digits` before
    its point and at most `scale` after it.
    """
    match kind:
        case "boolean":
            return (
                f"CASE WHEN lower({text}) IN ('true', 't', 'yes', 'y', '1') THEN true "
                f"WHEN lower({text}) IN ('false', 'f', 'no', 'n', '0') THEN false END"
            )
        case "integer":
            return f"CAST({_fitting(text, _WHOLE, f'DECIMAL({INTEGER_DIGITS}, 0)')} AS BIGINT)"
        case "decimal":
            return decimal_sql(text, digits, scale)
        case "date":
            return _fitting(text, TIME, "DATE")
        case _:
            return _fitting(text, TIME, "TIMESTAMPTZ")


def _fitting(text: str, shape: str, sql_type: str) -> str:
    return f"CASE WHEN regexp_full_match({text}, '{shape}') THEN TRY_CAST({text} AS {sql_type}) END"


def decimal_sql(text: str, digits: int, scale: int) -> str:
    """SQL for an exact number; one with an exponent is compared with itself before its decimals are cut."""
    kind = f"DECIMAL({digits + scale}, {scale})"
    shape = _WHOLE if scale == 0 else _PLAIN.format(scale=scale)
    cut, exact = f"TRY_CAST({text} AS {kind})", f"TRY_CAST({text} AS {_EXACT})"
    return (
        f"CASE WHEN regexp_full_match({text}, '{shape}') THEN {cut} "
        f"WHEN regexp_full_match({text}, '{_NOTHING}') THEN CAST(0 AS {kind}) "
        f"WHEN regexp_full_match({text}, '{_RAISED}') AND {exact} = {cut} THEN {cut} END"
    )
