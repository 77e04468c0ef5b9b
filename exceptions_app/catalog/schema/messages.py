"""The kind `messages`: messages between systems that failed or are stuck, with a catalogue of technical errors.

It is written as what it means and becomes a match over one side, so that it is judged, compiled, run and shown as one.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from exceptions_app.catalog.patterns import groups_of

from .base import Code, Expression, Name, Shape, Span
from .match import MatchCheck

SIDE = "message"


class ErrorPattern(Shape):
    """A technical error, and what it means to the business. Named groups become facts of the exception."""

    pattern: str = Field(min_length=1, description="a regular expression, found anywhere, case ignored")
    category: Code
    means: str = Field(min_length=1, description="the error in words, the fact `meaning`")

    @field_validator("pattern")
    @classmethod
    def _readable(cls, pattern: str) -> str:
        groups_of(pattern)
        return pattern


class MessagesCheck(MatchCheck):
    """Messages of one record type. Of `errors` the first that fits decides the category; what none fits is `otherwise`.

    `sides`, `let` and `findings` are made of the rest.
    """

    kind: Literal["messages"]
    record: Name
    record_kind: Code | None = None
    systems: list[Code] | None = None
    where: Expression | None = None
    columns: dict[Name, Expression] = Field(
        default_factory=dict, description="what is shown; each is a fact, too"
    )
    status: Expression = Field(description="the message's status, over the record")
    error: Expression = Field(description="the technical error, over the record")
    failed: list[str] = Field(min_length=1, description="statuses of a message that failed")
    waiting: list[str] = Field(default_factory=list, description="statuses of a message that is on its way")
    sent_at: Expression = Field(description="a timestamp over the record: when it was sent")
    failed_at: Expression | None = Field(None, description="a timestamp: when it failed; default: `sent_at`")
    errors: list[ErrorPattern] = Field(default_factory=list, description="the first that fits counts")
    otherwise: Code = Field(description="the category of a failure that no pattern fits")
    stuck: Code | None = Field(None, description="the category of a message that waits too long")
    stuck_after: Span | None = None

    @property
    def compared_in_full(self) -> bool:
        return True

    @model_validator(mode="before")
    @classmethod
    def _as_a_match(cls, raw: Any) -> Any:
        """Writes the sides and findings, where the rest can be read at all."""
        try:
            made = _made(raw) if isinstance(raw, dict) else {}
        except (AttributeError, KeyError, TypeError, ValueError):
            made = _UNREADABLE
        else:
            for name in ("sides", "findings", "let"):
                given = raw.get(name) if isinstance(raw, dict) else None
                if given and not _same(given, made.get(name)):
                    raise ValueError(f"'{name}' is made of the other fields, expected no '{name}:' here")
        return {**raw, **made} if isinstance(raw, dict) else raw

    @model_validator(mode="after")
    def _timed(self) -> MessagesCheck:
        if (self.stuck is None) != (self.stuck_after is None) or (
            self.stuck is not None and not self.waiting
        ):
            raise ValueError("stuck, stuck_after and waiting belong together, expected all of them or none")
        return self


_UNREADABLE = {
    "sides": {SIDE: {"record": SIDE, "columns": {}}},
    "findings": [{"category": SIDE, "since": "now()"}],
}
"""Stands in where the fields cannot be read: what is wrong is said of them, once."""


def _same(given: Any, made: Any) -> bool:
    """Whether what is given is what was made, as when a configuration is read back."""
    if isinstance(given, dict) and isinstance(made, dict):
        return set(made) <= set(given) and all(_same(given[name], part) for name, part in made.items())
    if isinstance(given, list) and isinstance(made, list):
        return len(given) == len(made) and all(map(_same, given, made))
    return str(given) == str(made)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _made(raw: dict[str, Any]) -> dict[str, Any]:
    errors = [
        dict(one)
        if isinstance(one, dict)
        else {"pattern": one.pattern, "category": one.category, "means": one.means}
        for one in raw.get("errors") or []
    ]
    groups = [groups_of(str(one["pattern"])) for one in errors]
    columns = {**(raw.get("columns") or {})}
    side = {
        "record": raw["record"],
        "columns": {**columns, "status": raw["status"], "error": raw["error"], "sent_at": raw["sent_at"],
                    "failed_at": raw.get("failed_at") or raw["sent_at"]},
    }  # fmt: skip
    side |= {name: raw[given] for name, given in (("kind", "record_kind"), ("systems", "systems"), ("where", "where"))
             if raw.get(given) is not None}  # fmt: skip
    facts = {name: f"{SIDE}.{name}" for name in (*columns, "error", "sent_at")}
    return {
        "sides": {SIDE: side},
        "let": _let(errors, groups),
        "findings": _findings(raw, errors, groups, facts),
    }


def _let(errors: list[dict[str, Any]], groups: list[dict[str, int]]) -> dict[str, str]:
    """Which entry fits first, what it means, and what its named groups hold."""
    fits = {f"fits_{i}": f"matches({SIDE}.error, {_text(one['pattern'])})" for i, one in enumerate(errors, 1)}
    whens = " ".join(f"WHEN fits_{i} THEN {i}" for i in range(1, len(errors) + 1))
    means = " ".join(f"WHEN {i} THEN {_text(one['means'])}" for i, one in enumerate(errors, 1))
    let = {**fits, "entry": f"CASE {whens} ELSE 0 END" if errors else "0"}
    let["meaning"] = f"CASE entry {means} ELSE {SIDE}.error END" if errors else f"{SIDE}.error"
    for name in dict.fromkeys(name for named in groups for name in named):
        held = " ".join(
            f"WHEN {i} THEN match_part({SIDE}.error, {_text(errors[i - 1]['pattern'])}, {_text(name)})"
            for i, named in enumerate(groups, 1)
            if name in named
        )
        let[name] = f"CASE entry {held} END"
    return let


def _findings(
    raw: dict[str, Any], errors: list[dict[str, Any]], groups: list[dict[str, int]], facts: dict[str, str]
) -> list[dict[str, Any]]:
    failed = ", ".join(map(_text, raw["failed"]))
    entries: dict[str, list[int]] = {}
    for i, one in enumerate(errors, 1):
        entries.setdefault(one["category"], []).append(i)
    entries.setdefault(raw["otherwise"], []).append(0)
    found = []
    for category, places in entries.items():
        named = dict.fromkeys(name for i in places if i for name in groups[i - 1])
        found.append({
            "category": category, "present": [SIDE],
            "when": f"{SIDE}.status IN ({failed}) AND entry IN ({', '.join(map(str, places))})",
            "since": f"{SIDE}.failed_at",
            "facts": {**facts, "meaning": "meaning", **{name: name for name in named}},
        })  # fmt: skip
    if raw.get("stuck"):
        waiting = ", ".join(map(_text, raw["waiting"]))
        found.append({
            "category": raw["stuck"], "present": [SIDE], "when": f"{SIDE}.status IN ({waiting})",
            "since": f"{SIDE}.sent_at", "grace": raw["stuck_after"],
            "facts": {**facts, "waits": f"{SIDE}.status"},
        })  # fmt: skip
    return found
