"""How texts are read as values, in SQL: CAST, round and the parse functions. Texts of records are read alike."""

from __future__ import annotations

import re

from exceptions_app.duck import literal

from .expression_tree import EPOCHS, Node
from .text_values import OFFSET, TIME, decimal_sql, read_sql

_SPACE = " \t\n\f\r"
_BLANK = r"[ \x{a0}\x{2009}\x{202f}]"
_GROUPED = (
    r"([0-9]+|[1-9][0-9]{0,2}(,[0-9]{3})+|[1-9][0-9]{0,2}(<blank>[0-9]{3})+)([.][0-9]{0,<scale>}0*)?"
    r"|[.][0-9]{1,<scale>}0*"
)
_DRESSED = rf"^\s*([+-]?\s*({_GROUPED})|({_GROUPED})\s*-|\(\s*({_GROUPED})\s*\))\s*$"
"""A group of thousands never begins with a zero: `0,500` is no number here, and never 500."""


def _stripped(text: str) -> str:
    return f"TRIM({text}, '{_SPACE}')"


def parse_decimal_sql(node: Node, args: list[str]) -> str:
    """Most texts are plain and cost one look; only a dressed one that is surely a number is undressed."""
    text, kind = args[0], node.kind
    if node.value == ",":
        text = f"TRANSLATE({text}, '.,', ',.')"
    digits = f"REGEXP_REPLACE({text}, '[^0-9.]', '', 'g')"
    sign = f"CASE WHEN REGEXP_MATCHES({text}, '[(-]') THEN '-' ELSE '' END"
    dressed = _DRESSED.replace("<blank>", _BLANK).replace("<scale>", str(max(kind.scale, 1)))
    undressed = decimal_sql(f"CONCAT({sign}, {digits})", kind.digits, kind.scale)
    return (
        f"COALESCE({decimal_sql(_stripped(text), kind.digits, kind.scale)}, "
        f"CASE WHEN REGEXP_MATCHES({text}, '{dressed}') THEN {undressed} END)"
    )


def cast_sql(node: Node, args: list[str]) -> str:
    """Texts are read as those of records are; numbers are rounded to the digits that were asked for."""
    source, kind = node.args[0].kind.name, node.kind
    if source == "text" and kind.name != "text":
        return f"({read_sql(_stripped(args[0]), kind.name, kind.scale, kind.digits)})"
    if kind.name == "integer":
        return f"CAST(TRY_CAST({args[0]} AS {kind.sql}) AS BIGINT)"
    return f"TRY_CAST({args[0]} AS {kind.sql})"


_NUMBER = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?"


def round_sql(node: Node, args: list[str]) -> str:
    text = _stripped(args[0])
    if node.args[0].kind.name == "text":
        return (
            f"(CASE WHEN REGEXP_FULL_MATCH({text}, '{_NUMBER}') THEN TRY_CAST({text} AS {node.kind.sql}) END)"
        )
    return f"CAST({args[0]} AS {node.kind.sql})"


def parse_timestamp_sql(node: Node, args: list[str]) -> str:
    text = args[0]
    if isinstance(node.value, tuple):
        zone, pattern = node.value
        if pattern in EPOCHS:
            return _since_1970(text, EPOCHS[pattern])
        return _of_zone(_read_by(text, pattern), zone)
    text = _stripped(text)
    exact = read_sql(text, "timestamp")
    if node.value is None:
        return f"({exact})"
    local = f"CASE WHEN REGEXP_FULL_MATCH({text}, '{TIME}') THEN TRY_CAST({text} AS TIMESTAMP) END"
    said = f"REGEXP_MATCHES({text}, '[0-9]{OFFSET}$') AND CONTAINS({text}, ':')"
    return f"(CASE WHEN {said} THEN {exact} ELSE {_of_zone(local, node.value)} END)"


def _of_zone(local: str, zone: str) -> str:
    """A local time as an instant. Of one that comes twice, when clocks go back by an hour or half of one, the first
    passing is meant, as `ZoneInfo` means it; the engine alone would mean the second.
    """
    if zone == "UTC":
        return f"({local} AT TIME ZONE 'UTC')"
    at = f"AT TIME ZONE {literal(zone)}"
    earlier = (f"(t {at}) - INTERVAL {minutes} MINUTE" for minutes in (60, 30))
    first = " ".join(f"WHEN ({each}) {at} = t THEN {each}" for each in earlier)
    return f"(LIST_TRANSFORM([{local}], lambda t: CASE {first} ELSE t {at} END)[1])"


_JSON_DATE = r"^\s*/Date\((-?[0-9]+)([+-][0-9]{4})?\)/\s*$"
"""Milliseconds since 1970 as older services write them: `/Date(1794121050080-0700)/`, whose offset says nothing."""


def _read_by(text: str, pattern: str) -> str:
    """A date or time by a pattern of strptime. Without separators each part has all of its digits: of `1112026`
    nobody can say whether it is the first or the eleventh.
    """
    found = f"TRY_STRPTIME({text}, {literal(pattern)})"
    if not re.fullmatch("(%[YymdHMS])+", pattern):  # of `infinity` and `epoch` the engine makes 1900-01-01
        return f"(CASE WHEN REGEXP_MATCHES({text}, '[0-9]') THEN {found} END)"
    digits = len(pattern) + 2 * pattern.count("%Y")
    return f"(CASE WHEN REGEXP_MATCHES({text}, '^\\s*[0-9]{{{digits}}}\\s*$') THEN {found} END)"


def parse_date_sql(node: Node, args: list[str]) -> str:
    return f"CAST({_read_by(args[0], node.value)} AS DATE)"


def _since_1970(text: str, microseconds: int) -> str:
    """Of at most as many digits as lead to the year 5138: more would be no time of anybody's."""
    digits = 11 if microseconds == EPOCHS["epoch"] else 14
    if microseconds != EPOCHS["epoch"]:
        text = f"REGEXP_REPLACE({text}, '{_JSON_DATE}', '\\1')"
    number = f"TRY_CAST({text} AS DECIMAL(28, 6)) * {microseconds}"
    at = f"MAKE_TIMESTAMP(TRY_CAST({number} AS BIGINT)) AT TIME ZONE 'UTC'"
    return f"(CASE WHEN REGEXP_MATCHES({text}, '^\\s*-?[0-9]{{1,{digits}}}(\\.[0-9]{{1,6}})?\\s*$') THEN {at} END)"
