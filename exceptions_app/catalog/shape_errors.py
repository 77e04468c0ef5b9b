"""Says what pydantic refused, in words for the person who wrote the YAML. Reads no files."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError

from .problems import Place, Problem, closest, listing
from .reading import place_of

_PLAIN = {
    "string_type": "text; write it in quotes",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "decimal_parsing": "a number such as 2.5",
    "decimal_type": "a number such as 2.5",
    "float_parsing": "a number such as 7.5",
    "float_type": "a number such as 7.5",
    "list_type": "a list",
    "dict_type": "a mapping of names to values",
    "model_type": "a mapping of fields to values",
    "model_attributes_type": "a mapping of fields to values",
    "too_short": "at least one",
    "string_too_short": "text that is not empty",
    "date_parsing": "a date as YYYY-MM-DD",
    "date_from_datetime_parsing": "a date as YYYY-MM-DD",
    "date_type": "a date as YYYY-MM-DD",
    "string_pattern_mismatch": "a letter first, then letters, digits, underscores (in codes also . and -)",
}


def _inside(kind: Any, part: str | int) -> Any:
    """The type one step inside `kind`; None when it cannot be told."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _inside(arguments[0], part)
    if origin in (Union, types.UnionType):
        found = (_inside(argument, part) for argument in arguments if argument is not type(None))
        return next((inner for inner in found if inner is not None), None)
    if origin in (dict, Mapping):
        return arguments[1]
    if origin in (list, tuple, Sequence):
        return arguments[0]
    if isinstance(kind, type) and issubclass(kind, BaseModel) and part in kind.model_fields:
        return kind.model_fields[str(part)].annotation
    return None


def _models(kind: Any) -> list[type[BaseModel]]:
    """The models that a type may be: itself, or the members of a union."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    arguments = get_args(kind)[:1] if get_origin(kind) is Annotated else get_args(kind)
    return [model for argument in arguments for model in _models(argument)]


def _member(kind: Any, tag: str) -> Any:
    """The member of a union that carries a tag; None where there is none."""
    members = get_args(get_args(kind)[0]) if get_origin(kind) is Annotated else ()
    return next((member for member in members if Tag(tag) in get_args(member)[1:]), None)


def _fields(kind: Any, path: Sequence[str | int]) -> list[str]:
    """The fields of the model that stands at `path` inside `kind`; a union's tag chooses its member."""
    for part in path:
        kind = _member(kind, str(part)) or _inside(kind, part) or kind
    return sorted({name for model in _models(kind) for name in model.model_fields})


def _shown(value: Any) -> str:
    text = "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _choices(expected: str) -> list[str]:
    return [word.strip(" '") for part in expected.split(",") for word in part.split(" or ")]


def problems_in(
    error: ValidationError, kind: Any, raw: Any, place: Place, path: str, *, secret: bool = False
) -> list[Problem]:
    """One problem per complaint of pydantic. `secret` keeps what was written out of the message."""
    found = []
    for complaint in error.errors(include_url=False):
        location = [part for part in complaint["loc"] if part != "[key]"]
        where, seen = place_of(raw, location)
        where = where or place
        name = ".".join([path, *(str(part) for part in seen)])
        message, expected, suggestion = _say(complaint, kind, location, secret)
        no_text = complaint["type"] == "string_type" and isinstance(complaint["input"], Mapping)
        found.append((no_text, Problem(where.file, where.line, name, message, expected, suggestion)))
    inner = [problem.path for _, problem in found]
    return [problem for no_text, problem in found if not (no_text and _told_inside(problem.path, inner))]


def _told_inside(path: str, others: Sequence[str]) -> bool:
    """Where a text or a mapping may stand and a mapping does, what is wrong in it is all that is to be said."""
    return any(other.startswith(f"{path}.") for other in others)


def _say(complaint: Any, kind: Any, location: list[str | int], secret: bool) -> tuple[str, str, str]:
    sort, last, context = complaint["type"], str(location[-1]) if location else "", complaint.get("ctx") or {}
    known = _fields(kind, location[:-1])
    if sort == "extra_forbidden":
        return f"unknown field '{last}'", listing(known, 30), closest(last, known)
    if sort == "missing":
        return f"the field '{last}' is missing", f"'{last}:'", ""
    got = "what is written here" if secret else _shown(complaint["input"])
    if sort == "literal_error":
        choices = _choices(str(context.get("expected", "")))
        return f"got {got}", listing(choices, 30), closest(str(complaint["input"]), choices)
    if sort in ("union_tag_invalid", "union_tag_not_found"):
        choices = _choices(str(context.get("expected_tags", ""))) or tags(kind)
        return (
            f"unknown kind {_shown(context.get('tag', None))}",
            listing(choices),
            closest(str(context.get("tag", "")), choices),
        )
    text = (
        str(context["error"])
        if "error" in context
        else _PLAIN.get(sort, complaint["msg"].removeprefix("Input should be "))
    )
    told, _, wanted = text.rpartition("expected ")
    if told.strip(" ,;"):
        return told.strip(" ,;"), wanted, ""
    return f"got {got}", wanted or text, ""


def tags(kind: Any) -> list[str]:
    """The values of `kind:` that tell the members of a union apart."""
    members = get_args(get_args(kind)[0]) if get_origin(kind) is Annotated else ()
    return [part.tag for member in members for part in get_args(member)[1:] if isinstance(part, Tag)]
