# ruff: noqa: E501 - one pattern is one line
"""What the functions of the expression language mean, said once more in plain Python: no SQL, no engine.

Every function takes values that are not NULL and gives None for unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

SPACE = " \t\n\f\r"
BLANKS = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
PATTERNS = ["^a", "b$", "[0-9]{2,}", "z|É", "(a|b)+-", "it.s", "x.y", ""]
PARTS = ["b(?P<x>.)", "(?P<x>[0-9]+)", "(?P<y>-)(?P<x>.*)", "(?P<x>z)?a"]
_NUMBER = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
_TIME = r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ]([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})([.][0-9]+)?)?(Z|[+-]\d\d:\d\d)?)?"
_BLANK = "[ \u00a0\u2009\u202f]"
_GROUPED = rf"(?:[0-9]+|[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+|[1-9][0-9]{{0,2}}(?:{_BLANK}[0-9]{{3}})+)(?:\.[0-9]*)?|\.[0-9]+"


def both(left: Any, right: Any) -> Any:
    return False if False in (left, right) else None if None in (left, right) else True


def either(left: Any, right: Any) -> Any:
    return True if True in (left, right) else None if None in (left, right) else False


def any_of(found: Iterable[Any]) -> Any:
    result: Any = False
    for one in found:
        result = either(result, one)
    return result


def found(pattern: str, text: str) -> re.Match[str] | None:
    return re.search("(?is)" + pattern.replace("$", r"\Z"), text)


def upper(text: str) -> str:
    """Letter by letter, so that a text keeps its length: ß is ẞ."""
    return "".join({"ß": "ẞ"}.get(c, c.upper() if len(c.upper()) == 1 else c) for c in text)


def lower(text: str) -> str:
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def normalised(text: str) -> str | None:
    return re.sub("[^A-Z0-9]", "", upper(text)).lstrip("0") or None


def rounded(value: Decimal | int, scale: int) -> Decimal:
    return Decimal(value).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)


def _held(value: Decimal, digits: int) -> Decimal | None:
    return value if abs(value) < 10**digits else None


def rounded_text(text: str, scale: int) -> Decimal | None:
    text = text.strip(SPACE)
    return _held(rounded(Decimal(text), scale), 18 - scale) if re.fullmatch(_NUMBER, text) else None


def exact(text: str, digits: int, scale: int) -> Decimal | None:
    """A number with no more decimals than `scale`."""
    text = text.strip(SPACE)
    if not re.fullmatch(_NUMBER, text):
        return None
    value = Decimal(text)
    return _held(value, digits) if value == rounded(value, scale) else None


def parse_decimal(text: str, sign: str, scale: int) -> Decimal | None:
    if sign == ",":
        text = text.translate(str.maketrans(".,", ",."))
    if (plain := exact(text, 18 - scale, scale)) is not None:
        return plain
    dressed = rf"\s*(?:[+-]?\s*(?:{_GROUPED})|(?:{_GROUPED})\s*-|\(\s*(?:{_GROUPED})\s*\))\s*"
    if not re.fullmatch(dressed, text):
        return None
    value = exact(re.sub("[^0-9.]", "", text), 18 - scale, scale)
    return None if value is None else -value if re.search("[(-]", text) else value


def instant(text: str, zone: str = "UTC") -> datetime | None:
    """An ISO time; one without offset is local to the zone, in the first passing of an hour that comes twice."""
    told = re.fullmatch(_TIME, text.strip(SPACE))
    if told is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in told.groups()[:6])
    try:
        at = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - its zone follows
    except ValueError:
        return None
    at += timedelta(microseconds=int(Decimal(told[7] or 0) * 1_000_000))
    if told[8]:
        return datetime.fromisoformat(at.isoformat() + told[8].replace("Z", "+00:00")).astimezone(UTC)
    return at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def day(value: date | datetime) -> date:
    return value.astimezone(UTC).date() if isinstance(value, datetime) else value


_PATTERNS = {
    "dd/mm/yyyy": "%d/%m/%Y", "mon dd, yyyy": "%b %d, %Y", "yyyymmdd": "%Y%m%d", "dd.mm.yy": "%d.%m.%y",
    "dd.mm.yyyy hh:mi": "%d.%m.%Y %H:%M", "mm/dd/yyyy hh:mi am": "%m/%d/%Y %I:%M %p",
}  # fmt: skip


def _by(text: str, pattern: str) -> datetime | None:
    if pattern == "yyyymmdd" and not re.fullmatch(r"\s*[0-9]{8}\s*", text):
        return None
    try:
        return datetime.strptime(text, _PATTERNS[pattern])  # noqa: DTZ007 - its zone follows
    except ValueError:
        return None


def parse_date(text: str, pattern: str) -> date | None:
    at = _by(text, pattern)
    return at.date() if at else None


def parse_timestamp(text: str, zone: str, pattern: str) -> datetime | None:
    if not pattern.startswith("epoch"):
        at = _by(text, pattern)
        return at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) if at else None
    digits, unit = (11, 1) if pattern == "epoch" else (14, 1000)
    if unit == 1000 and (wrapped := re.fullmatch(r"\s*/Date\((-?[0-9]+)([+-][0-9]{4})?\)/\s*", text)):
        text = wrapped[1]
    if not re.fullmatch(rf"\s*-?[0-9]{{1,{digits}}}(\.[0-9]{{1,6}})?\s*", text):
        return None
    microseconds = int(rounded(Decimal(text.strip()) * 1_000_000 / unit, 0))
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def cast(value: Any, target: str, digits: int, scale: int, own: int) -> Any:
    """`own` is how many decimals the value's kind has."""
    match target:
        case "text":
            return _text(value, own)
        case "boolean":
            return value if isinstance(value, bool) else _yes(value)
        case "integer" if isinstance(value, str):
            number = exact(value, 18, 0) if "e" not in value.lower() else None
            return None if number is None else int(number)
        case "integer":
            return _held(rounded(value, 0), 18)
        case "decimal" if isinstance(value, str):
            return exact(value, digits, scale)
        case "decimal":
            return _held(rounded(value, scale), digits)
        case "date":
            at = instant(value) if isinstance(value, str) else value
            return None if at is None else _local_day(value) if isinstance(value, str) else day(at)
        case _:
            return _instant(value)


def _local_day(text: str) -> date | None:
    """Of a text only its day counts."""
    told = re.fullmatch(_TIME, text.strip(SPACE))
    return date(*(int(part) for part in told.groups()[:3])) if told else None


def _instant(value: Any) -> datetime | None:
    if isinstance(value, str):
        return instant(value)
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)


def _yes(text: str) -> bool | None:
    said = text.strip(SPACE).lower()
    return (
        True
        if said in ("true", "t", "yes", "y", "1")
        else False
        if said in ("false", "f", "no", "n", "0")
        else None
    )


def _text(value: Any, own: int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        fraction = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") + fraction + "+00"
    if isinstance(value, Decimal | int):
        return f"{rounded(value, own) + 0:f}"
    return value if isinstance(value, str) else str(value.isoformat())


def json_field(text: str, path: str) -> str | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    for step in re.findall(r"\[[^]]*\]|\w+", path):
        if step.startswith("["):
            items = value if isinstance(value, list) else [value]
            value = _item(items, step[1:-1])
        else:
            value = value.get(step) if isinstance(value, dict) else None
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def _item(items: Sequence[Any], said: str) -> Any:
    if said.isdigit():
        return items[int(said)] if int(said) < len(items) else None
    name, _, wanted = said.partition("=")
    return next((item for item in items if isinstance(item, dict) and item.get(name) == wanted), None)


def aggregate(name: str, form: str, values: Sequence[Any], digits: int, scale: int) -> Any:
    """Over what each row says."""
    told = [value for value in values if value is not None]
    if name == "count":
        return len(values) if form == "*" else len(set(told)) if "DISTINCT" in form else len(told)
    if not told:
        return None
    if name == "sum":
        most = Decimal(10**digits) - Decimal(1).scaleb(-scale)
        return max(-most, min(most, sum(told)))
    ways: Mapping[str, Any] = {"min": min, "max": max, "bool_or": any, "bool_and": all}
    return ways[name](told)
