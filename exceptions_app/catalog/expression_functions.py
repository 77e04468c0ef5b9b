"""The functions that expressions may use: what each takes, what it gives, and what it is for.

One table serves the parser, the error messages and the integrator's guide (a test compares). How a function
is written in SQL is in `expression_sql`.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import expression_times as times
from . import expression_typing as typed
from .expression_tree import INTEGER
from .expression_typing import Build


@dataclass(frozen=True, slots=True)
class Function:
    """One function: its signature and meaning as the guide says them, how many arguments, its typing."""

    name: str
    signature: str
    about: str
    least: int
    most: int | None
    build: Build


_ALL = (
    Function("coalesce", "coalesce(a, b, …)", "the first that is not NULL", 2, None, typed.alike("coalesce")),
    Function("nullif", "nullif(a, b)", "NULL where both are equal, else a", 2, 2, typed.nullif),
    Function("least", "least(a, b, …)", "the smallest; NULLs are left out", 2, None, typed.alike("least")),
    Function(
        "greatest", "greatest(a, b, …)", "the largest; NULLs are left out", 2, None, typed.alike("greatest")
    ),
    Function("abs", "abs(number)", "without its sign", 1, 1, typed.number("abs")),
    Function(
        "round",
        "round(value, n)",
        "a number with at most n decimals (0 to 10), halves away from zero; of a text with any number of decimals, too",
        2,
        2,
        typed.rounded,
    ),
    Function("upper", "upper(text)", "in capital letters", 1, 1, typed.texts("upper")),
    Function("lower", "lower(text)", "in small letters", 1, 1, typed.texts("lower")),
    Function("trim", "trim(text)", "without blanks at both ends", 1, 1, typed.texts("trim")),
    Function("replace", "replace(text, from, to)", "every `from` replaced", 3, 3, typed.texts("replace")),
    Function(
        "substring",
        "substring(text, start, length)",
        "a part; characters count from 1",
        2,
        3,
        typed.substring,
    ),
    Function(
        "concat", "concat(a, b, …)", "texts joined; NULL counts as empty", 2, None, typed.texts("concat")
    ),
    Function(
        "matches",
        "matches(text, 'pattern')",
        "whether a regular expression is found in it, case ignored; no look around, no group that is named again",
        2,
        2,
        typed.matches,
    ),
    Function(
        "match_part",
        "match_part(text, 'pattern', 'name')",
        "what the group `(?P<name>…)` of the pattern holds; NULL where it is not found or empty",
        3,
        3,
        typed.match_part,
    ),
    Function("length", "length(text)", "how many characters", 1, 1, typed.texts("length", INTEGER)),
    Function(
        "normalise",
        "normalise(text)",
        "capital letters and digits only, leading zeros dropped: `inv 00-12a` is `INV0012A`, `0012` is `12`; "
        "NULL where nothing is left",
        1,
        1,
        typed.texts("normalise"),
    ),
    Function("now", "now()", "the time of the check run", 0, 0, times.now),
    Function("days_ago", "days_ago(n)", "n × 24 hours before the check run", 1, 1, times.ago("days_ago")),
    Function(
        "business_days_ago",
        "business_days_ago(n)",
        "n business days before the check run, in the entity's calendar",
        1,
        1,
        times.ago("business_days_ago"),
    ),
    Function(
        "closed_through",
        "closed_through('category')",
        "until when the latest close closes the books for exceptions of a category, from the beginning of its day; "
        "NULL before the first",
        1,
        1,
        times.closed_through,
    ),
    Function(
        "days_since",
        "days_since(when)",
        "calendar days (UTC) from a date or timestamp to the check run",
        1,
        1,
        times.days_since,
    ),
    Function(
        "days_between",
        "days_between(from, to)",
        "calendar days (UTC) from one date or timestamp to another; negative where `to` is the earlier",
        2,
        2,
        times.days_between,
    ),
    Function("sum", "sum(number)", "the total of a group", 1, 1, typed.number("sum")),
    Function("min", "min(value)", "the smallest of a group", 1, 1, typed.extreme("min")),
    Function("max", "max(value)", "the largest of a group", 1, 1, typed.extreme("max")),
    Function(
        "count",
        "count(*), count(value), count(DISTINCT value)",
        "how many rows, values that are not NULL, different values",
        0,
        1,
        typed.count,
    ),
    Function(
        "bool_or",
        "bool_or(condition)",
        "whether it holds anywhere in a group",
        1,
        1,
        typed.booleans("bool_or"),
    ),
    Function(
        "bool_and",
        "bool_and(condition)",
        "whether it holds everywhere in it",
        1,
        1,
        typed.booleans("bool_and"),
    ),
    Function(
        "json_field",
        "json_field(column, 'a.b')",
        "a text out of a nested value: `a.b`; `a[0].b`, of the first item of a list; `a[t=GTIN].b`, of the first "
        "item whose `t` is `GTIN`; NULL where there is none",
        2,
        2,
        typed.json_field,
    ),
    Function(
        "parse_date",
        "parse_date(text, 'dd/mm/yyyy')",
        "a date in that pattern (dd, mm or mon, yyyy or yy); NULL where it is none. Without separators "
        "(`'yyyymmdd'`) each part must have all of its digits",
        2,
        2,
        times.parse_date,
    ),
    Function(
        "parse_timestamp",
        "parse_timestamp(text, 'zone', 'dd.mm.yyyy hh:mi')",
        "an ISO time, or with a pattern (as of dates, and hh, mi, ss, am) a time written so, without "
        "separators too (`'yyyymmddhhmiss'`); one without offset is local to the zone (default UTC), and of an "
        "hour that comes twice in autumn in its first passing; with the "
        "pattern `'epoch'` or `'epoch_ms'` seconds or milliseconds since 1970, these also as `/Date(…)/`; NULL "
        "where it is none",
        1,
        3,
        times.parse_timestamp,
    ),
    Function(
        "parse_decimal",
        "parse_decimal(text, '.', n)",
        "an exact number with at most n decimals (4, up to 10): `1234.5`, `1,234.50`, `1 234.50`; `(12.00)` and "
        "`12.00-` are negative; NULL for anything else, such as `0,5` or `1.234,5`. With `','` as the decimal sign it "
        "is the other way round",
        1,
        3,
        typed.parse_decimal,
    ),
    Function(
        "split", "split(text, separator, n)", "the n-th part, from 1; NULL where none", 3, 3, typed.split
    ),
)

FUNCTIONS = {function.name: function for function in _ALL}
AGGREGATES = frozenset({"sum", "min", "max", "count", "bool_or", "bool_and"})
TIMES = frozenset({"now", "days_ago", "business_days_ago", "closed_through", "days_since"})
SIDES = frozenset({"present", "missing", "allowed"})
MAPPING = frozenset({"json_field", "parse_date", "parse_timestamp", "parse_decimal", "split"})
CORE = frozenset(FUNCTIONS) - AGGREGATES - TIMES - MAPPING
ABOUT_SIDES = {
    "present": ("present(side)", "whether the side has a row for the key"),
    "missing": ("missing(side)", "whether it has none"),
    "allowed": (
        "allowed(pairs, a, b)",
        "whether the two values are one of the check's `pairs` of that name",
    ),
}
"""Functions over sides, which the parser resolves itself."""
