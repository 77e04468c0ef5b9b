"""What the functions over dates and times take and give: patterns, zones, and times around a check run."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .expression_tree import DATE, EPOCHS, INTEGER, TEXT, TIMESTAMP, ExpressionError, Node
from .expression_typing import Build, literal, need
from .problems import closest
from .time_zones import time_zones

DATE_PARTS = {"dd": "%d", "mm": "%m", "mon": "%b", "yyyy": "%Y", "yy": "%y"}
"""What a date pattern is made of, as strptime has it."""


def _a_day(words: Sequence[str]) -> bool:
    """Whether they are a day, a month and a year, each once."""
    return sorted(word[0] for word in words) == ["d", "m", "y"]


def parse_date(args: Sequence[Node]) -> Node:
    pattern = literal(args[1], "text", "parse_date")
    parts = re.findall(r"[A-Za-z]+|[^A-Za-z]+", pattern)
    unknown = [part for part in parts if part.isalpha() and part.lower() not in DATE_PARTS]
    if re.fullmatch(r"[dmyDMY]{6,8}", pattern):
        parts, unknown = re.findall(r"dd|mm|yyyy|yy", pattern.lower()), []
    if unknown or "%" in pattern or not _a_day([part.lower() for part in parts if part.isalpha()]):
        said = f"'{pattern}' is not a date pattern; use dd, mm or mon, yyyy or yy"
        raise ExpressionError(said, suggestion="'dd/mm/yyyy'")
    written = "".join(DATE_PARTS.get(part.lower(), part) for part in parts)
    return Node("parse_date", DATE, (need(args[0], TEXT, "parse_date"),), written)


TIME_PARTS = {**DATE_PARTS, "hh": "%H", "mi": "%M", "ss": "%S"}
"""What a pattern of a date and a time of day is made of; with `am` hours are those of a clock face."""


def _moment(pattern: str) -> str:
    """A pattern such as `dd.mm.yyyy hh:mi` or `yyyymmddhhmiss` as strptime has it."""
    parts = re.findall(r"[a-z]+|[^a-z]+", pattern.lower())
    if re.fullmatch(r"(yyyy|yy|mm|dd|hh|mi|ss|[^a-z])+", pattern.lower()):  # parts may stand side by side
        parts = re.findall(r"yyyy|yy|mm|dd|hh|mi|ss|[^a-z]+", pattern.lower())
    words = [part for part in parts if part.isalpha()]
    face = {"am": "%p", "hh": "%I"} if "am" in words else {}
    known = {**TIME_PARTS, **face}
    dated = _a_day([word for word in words if word in DATE_PARTS]) and len(set(words)) == len(words)
    if re.search(r"[%0-9]", pattern) or not dated or not {"hh", "mi"} <= set(words) <= known.keys():
        said = f"'{pattern}' is not a pattern of date and time; use dd, mm or mon, yyyy or yy, hh, mi, ss, am"
        raise ExpressionError(said, suggestion="'dd.mm.yyyy hh:mi'")
    return "".join(known.get(part, part) for part in parts)


def parse_timestamp(args: Sequence[Node]) -> Node:
    zone = literal(args[1], "text", "parse_timestamp") if len(args) > 1 else None
    if zone is not None and zone not in time_zones():
        said = f"'{zone}' is not a time zone; use a name such as 'America/Chicago', and a pattern third"
        raise ExpressionError(said, suggestion=closest(zone, time_zones()))
    written = literal(args[2], "text", "parse_timestamp") if len(args) > 2 else None
    pattern = written if written is None or written in EPOCHS else _moment(written)
    value = zone if pattern is None else (zone, pattern)
    return Node("parse_timestamp", TIMESTAMP, (need(args[0], TEXT, "parse_timestamp"),), value)


def ago(name: str) -> Build:
    def build(args: Sequence[Node]) -> Node:
        return Node("parameter", TIMESTAMP, (), f"{name}_{literal(args[0], 'integer', name)}")

    return build


CLOSED_THROUGH = "closed_through_"
"""What the time is called until which the books are closed, before the category."""


def closed_through(args: Sequence[Node]) -> Node:
    category = literal(args[0], "text", "closed_through")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", category):
        raise ExpressionError(f"closed_through() needs a category in small letters, got '{category}'")
    return Node("parameter", TIMESTAMP, (), CLOSED_THROUGH + category)


def days_since(args: Sequence[Node]) -> Node:
    if args[0].kind not in (DATE, TIMESTAMP):
        raise ExpressionError(f"days_since() needs date or timestamp, got {args[0].kind.name}")
    return Node("days_since", INTEGER, (*args, Node("parameter", TIMESTAMP, (), "now")))


def days_between(args: Sequence[Node]) -> Node:
    for argument in args:
        if argument.kind not in (DATE, TIMESTAMP):
            raise ExpressionError(f"days_between() needs date or timestamp, got {argument.kind.name}")
    return Node("days_between", INTEGER, tuple(args))


def now(_: Sequence[Node]) -> Node:
    return Node("parameter", TIMESTAMP, (), "now")
