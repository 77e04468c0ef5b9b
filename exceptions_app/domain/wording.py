"""THE formatting of numbers, money, dates and durations, and of a category's sentence from its facts.

English; one place, so that a screen, an export and a sentence say a value alike. Must not know of templates
or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from decimal import Context, Decimal, InvalidOperation
from typing import Any

ABSENT = "not stated"
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}
_PLACEHOLDER = re.compile(r"\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:\|\s*([a-z_]+)\s*)?\}")
_CENT = Decimal("0.01")
_SMALLEST = Decimal("0.0001")
_FINEST = Decimal("0.0000000001")
"""The most decimals that a column keeps."""
_ROOM = Context(prec=80)
"""For products of the largest figures that records can hold, to four places."""
_LONGEST = 60
"""Digits of a figure that are written out; a larger one stands as it was given."""
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula; the full width ones where its language is an Asian one."""


def unformulaic(text: str) -> str:
    """A text for a CSV file that a spreadsheet opens: one that begins like a formula gets an apostrophe before it."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def number(value: Decimal | int) -> str:
    """`1,234.5`: thousands separated, no trailing zeros, at most four places."""
    text = f"{_to(Decimal(value), _SMALLEST):,f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def _to(value: Decimal, place: Decimal) -> Decimal:
    return value.quantize(place, context=_ROOM)


def quantity(value: Decimal | int, unit: str | None = None) -> str:
    """`12 EA`: a number with its unit, where there is one."""
    return f"{number(value)} {unit}" if unit else number(value)


def money(value: Decimal | int, currency: str | None = None) -> str:
    """`$1,234.50`, `CHF 12.00`: an amount, to the cent (half to even)."""
    return _with_currency(Decimal(value), f"{_to(Decimal(value), _CENT).copy_abs():,f}", currency)


def price(value: Decimal | int, currency: str | None = None) -> str:
    """`$93.555`, `$12.00`: a unit price has two places, and up to ten where it needs them."""
    exact = Decimal(value)
    cents = _to(exact, _CENT)
    digits = (
        f"{cents.copy_abs():,f}" if cents == exact else f"{_to(exact, _FINEST).copy_abs():,f}".rstrip("0")
    )
    return _with_currency(exact, digits, currency)


def _with_currency(amount: Decimal, digits: str, currency: str | None) -> str:
    sign = "-" if amount < 0 and digits.strip("0.,") else ""
    if not currency:
        return f"{sign}{digits}"
    symbol = _SIGNS.get(currency)
    return f"{sign}{symbol}{digits}" if symbol else f"{sign}{currency} {digits}"


def size(count: int) -> str:
    """`812 B`, `1.4 MB`: bytes, in thousands."""
    value, unit = Decimal(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{number(value.quantize(Decimal('0.1')))} {unit}"


def percent(value: Decimal | int) -> str:
    return f"{number(value)} %"


def day(value: date) -> str:
    """`4 Nov 2026`: the month as a word, so that no reader takes the day for it."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def instant(value: datetime, zone: tzinfo | None = None) -> str:
    """`4 Nov 2026, 16:05` on the wall clock of `zone` (the value's own zone by default)."""
    local = value.astimezone(zone) if zone else value
    return f"{day(local)}, {local:%H:%M}"


def moment(value: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """`Fri 15:10` within six days of `now`, `Fri 27 Nov 15:10` further off, with the year in another one."""
    local = value.astimezone(zone) if zone else value
    today = now.astimezone(local.tzinfo).date()
    name = _WEEKDAYS[local.weekday()]
    if abs((local.date() - today).days) <= 6:
        return f"{name} {local:%H:%M}"
    year = "" if local.year == today.year else f" {local.year}"
    return f"{name} {local.day} {_MONTHS[local.month - 1]}{year} {local:%H:%M}"


def plural(count: int, singular: str, many: str | None = None) -> str:
    """`1 exception`, `1,204 exceptions`."""
    return f"{number(count)} {singular if count == 1 else many or singular + 's'}"


def duration(value: timedelta) -> str:
    """`3 d 4 h`, `2 h 5 min`, `40 s`: the two largest units."""
    seconds = int(abs(value).total_seconds())
    sign = "-" if value < timedelta(0) else ""
    if seconds < 60:
        return f"{sign if seconds else ''}{seconds} s"
    parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min")]
    first = next(i for i, (amount, _) in enumerate(parts) if amount)
    return sign + " ".join(f"{amount} {unit}" for amount, unit in parts[first : first + 2] if amount)


def hours(value: timedelta) -> str:
    """`2 h 05`, `45 min`, `12 h`: hours however many, as a clock in business time counts them; minutes are cut."""
    whole, minutes = divmod(int(abs(value).total_seconds()) // 60, 60)
    sign = "-" if value < timedelta(0) and (whole or minutes) else ""
    if not whole:
        return f"{sign}{minutes} min"
    return f"{sign}{whole} h {minutes:02}" if minutes else f"{sign}{whole} h"


def _decimal(value: Any) -> Decimal | None:
    try:
        result = Decimal(str(value))
    except InvalidOperation:
        return None
    return result if result.is_finite() and abs(result.adjusted()) < _LONGEST else None


def _exactly(write: Callable[[Decimal], str], value: Any) -> str:
    exact = _decimal(value)
    return str(value) if exact is None else write(exact)


def _day_of(value: Any) -> str:
    text = value.isoformat() if isinstance(value, date) else str(value)
    try:
        return day(date.fromisoformat(text[:10]))
    except ValueError:
        return text


def plain(value: Any) -> str:
    """A value as it stands: yes and no for booleans, lists joined, everything else as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _exceptions(count: Decimal) -> str:
    return plural(int(count), "exception")


def _days(count: Decimal) -> str:
    return plural(int(count), "day")


_NUMBERS: Mapping[str, Callable[[Decimal], str]] = {
    "quantity": number,
    "number": number,
    "percent": percent,
    "exceptions": _exceptions,
    "days": _days,
}


def _written(value: Any, style: str | None, currency: str | None) -> str:
    match style:
        case None:
            return plain(value)
        case "money":
            return _exactly(lambda exact: money(exact, currency), value)
        case "price":
            return _exactly(lambda exact: price(exact, currency), value)
        case "quantity" | "number" | "percent" | "exceptions" | "days":
            return _exactly(_NUMBERS[style], value)
        case "date":
            return _day_of(value)
        case _:
            raise ValueError(f"unknown style {style!r} in a sentence; known are {', '.join(STYLES)}")


STYLES = ("money", "price", "quantity", "number", "percent", "date", "exceptions", "days")
"""What may follow the bar in `{fact|style}`. The last two count them: `1 exception`, `2 days`."""


def placeholders(template: str) -> list[tuple[str, str | None]]:
    """The facts a sentence needs, each with its style."""
    return [(match[1], match[2]) for match in _PLACEHOLDER.finditer(template)]


def render(template: str, facts: Mapping[str, Any], currency: str | None = None) -> str:
    """A sentence from its facts. A fact that is unknown or empty reads `not stated`: it is never refused."""

    def fill(match: re.Match[str]) -> str:
        value = facts.get(match[1])
        return ABSENT if value is None or value == "" else _written(value, match[2], currency)

    return _PLACEHOLDER.sub(fill, template)
