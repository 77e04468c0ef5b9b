"""Dates as files write them: several forms in one column, and the days that a spreadsheet counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

_EXCEL_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001 - a day, no instant
_PARTS = {"dd": "%d", "mm": "%m", "mon": "%b", "yyyy": "%Y", "yy": "%y", "hh": "%H", "mi": "%M", "ss": "%S"}


def pattern_problem(pattern: str) -> str | None:
    """What is wrong with a form of dates; None: nothing."""
    if pattern == "excel":
        return None
    parts = [part.lower() for part in _pieces(pattern) if part.isalpha() and part != "T"]
    if "%" in pattern or not set(parts) <= set(_PARTS):
        return f"{pattern!r} is no form of a date; use dd, mm or mon, yyyy or yy, hh, mi, ss, or excel"
    wanted = {"dd"}, {"mm", "mon"}, {"yyyy", "yy"}
    if not all(one & set(parts) for one in wanted):
        return f"{pattern!r} needs a day (dd), a month (mm or mon) and a year (yyyy or yy)"
    return None


def _pieces(pattern: str) -> list[str]:
    return re.findall(r"yyyy|yy|dd|mm|mon|hh|mi|ss|[A-Za-z]+|[^A-Za-z]+", pattern, flags=re.IGNORECASE)


def date_reader(patterns: list[str]) -> Callable[[str], str]:
    """Reads a date or a time in the first of the forms that fits, as ISO text; any other text stays."""
    written = ["".join(_PARTS.get(part.lower(), part) for part in _pieces(pattern)) for pattern in patterns]

    def read(text: str) -> str:
        for pattern in written:
            found = _excel_day(text) if pattern == "excel" else _moment(text.strip(), pattern)
            if found is not None:
                return found
        return text

    return read


def _moment(text: str, pattern: str) -> str | None:
    """Without separators each part has all of its digits: `1112026` could be two days."""
    if re.fullmatch("(%[YymdHMS])+", pattern) and len(text) != len(pattern) + 2 * pattern.count("%Y"):
        return None
    try:
        found = datetime.strptime(text, pattern)  # noqa: DTZ007 - its zone is the mapping's business
    except ValueError:
        return None
    return found.isoformat() if "%H" in pattern else found.date().isoformat()


def _excel_day(text: str) -> str | None:
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]+)?", text.strip()):
        return None
    moment = _EXCEL_DAY_0 + timedelta(days=float(text))
    return moment.date().isoformat() if "." not in text else moment.isoformat(timespec="seconds")
