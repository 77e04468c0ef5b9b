"""Writes docs/options.md: every option of every connector with its type, default and an example, from the models.

An example is what the guides set at that very place; where they set nothing, it is made of the type and the default,
or stands in option_examples.py. Each is judged by the option's own field, and one that is refused ends the script.
"""

from __future__ import annotations

import argparse
import json
import re
import types
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from exceptions_app.catalog.schema import Secret
from exceptions_app.connectors.files.foreign import SHIPPED
from exceptions_app.connectors.registry import CONNECTORS
from scripts.option_examples import EXAMPLES, PARTS, Examples, from_guides

OUT = Path(__file__).resolve().parent.parent / "docs" / "options.md"
HEAD = """# Options

Every option of every connector, by where it stands. `make options` writes this page from the option models: it
is what this version takes. What an option means, and what it needs beside it, is told in [connectors](connectors.md).

- **Default**: what holds where nothing is said, as YAML writes it. `–`: the option is required. `null`: not set. `{}`:
  the defaults of the options inside.
- **Example**: a line to copy, judged by the option itself. Other options may have to stand beside it.
- A secret is a reference, never a value. A duration is a whole number of `s`, `m`, `h` or `d`.
"""
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_SIMPLE = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "yes/no",
    Any: "any value",
    dict: "mapping",
}
_MANY = {
    "text": "texts",
    "whole number": "whole numbers",
    "secret": "secrets",
    "mapping": "mappings",
    "one of": "any of",
}


def written(value: Any) -> str:  # noqa: PLR0911 one per kind of value
    """A value on one line of YAML, that reads as the same value alone and inside a list."""
    match value:
        case BaseModel():
            return "{}"
        case timedelta():
            seconds = int(value.total_seconds())
            fitting = (f"{seconds // size}{unit}" for unit, size in _UNITS if seconds % size == 0)
            return next(fitting) if seconds else "0s"
        case Secret():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{written(name)}: {written(held)}" for name, held in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(written, value)) + "]"
        case str():
            return value if _plain(value) else json.dumps(value, ensure_ascii=False)
        case float() if value == int(value):
            return str(int(value))
    return json.dumps(value)


def _plain(text: str) -> bool:
    try:
        return bool(text) and yaml.safe_load(f"{{a: {text}, b: [{text}]}}") == {"a": text, "b": [text]}
    except yaml.YAMLError:
        return False


def default(field: FieldInfo) -> str:
    """How YAML would write the default of an option; `–` where it is required."""
    return "–" if field.is_required() else code(written(field.get_default(call_default_factory=True)))


def code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def bare(kind: Any) -> Any:
    """The type itself, without what annotates it and without None."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        kinds = [one for one in get_args(kind) if one is not type(None)]
        return bare(kinds[0]) if len(kinds) == 1 else kind
    return kind


def inner(kind: Any) -> type[BaseModel] | None:
    """The model that stands in an option of that type, alone, in a list or in a mapping."""
    kind = bare(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for one in get_args(kind) if (found := inner(one))), None)


def said(kind: Any, link: str) -> str:  # noqa: PLR0911 one per kind of type
    """A type in the words that people use; `link` leads to the model in it."""
    kind = bare(kind)
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Literal:
        return "one of " + ", ".join(code(written(word)) for word in inside)
    if origin in (Union, types.UnionType):
        return ", or ".join(said(one, link) for one in inside)
    if origin is list:
        return "list of " + _several(said(inside[0], link))
    if origin is dict:
        return f"mapping: name → {said(inside[1], link)}"
    if kind is timedelta:
        return "duration, such as `5m`"
    if kind is Secret:
        return "secret, `env:NAME` or `file:/path`"
    return link if inner(kind) else _SIMPLE[kind]


def _several(words: str) -> str:
    for one, many in _MANY.items():
        words = re.sub(f"^{one}", many, words)
    return words


def limits(field: FieldInfo) -> str:
    """From where to where a number may go."""
    low = next((rule.ge for rule in field.metadata if hasattr(rule, "ge")), None)
    high = next((rule.le for rule in field.metadata if hasattr(rule, "le")), None)
    return "".join((f", from {low}" if low is not None else "", f" to {high}" if high is not None else ""))


def typed(model: type[BaseModel], name: str, place: str, kind: str) -> str:
    """The cell that says what an option takes."""
    field = model.model_fields[name]
    words = said(field.annotation, f"[options of its own](#{anchor(kind, place)})") + limits(field)
    if bare(field.annotation) is timedelta and refusal(model, name, "0s"):
        return words + ", at least `1s`"
    known = refusal(model, name, "no such word") if words == "text" else None
    if known and known["type"] == "literal_error":
        return "one of " + ", ".join(map(code, SHIPPED)) + ", or a format of another package"
    return words


def refusal(model: type[BaseModel], name: str, value: Any) -> Any:
    """The first error that the option's own field finds in a value, or None. What must stand beside it is no error."""
    try:
        model.model_validate({name: value})
    except ValidationError as error:
        return next((one for one in error.errors() if one["loc"][:1] == (name,)), None)
    return None


def example(model: type[BaseModel], name: str, kind: str, place: str, guides: Examples) -> Any:
    """A value for an option. Raises SystemExit where there is none, or the option refuses it."""
    found = guides.get((kind, place))
    if found is None or refusal(model, name, found):
        found = EXAMPLES.get((kind, place), made(model.model_fields[name], place))
    if found is None or refusal(model, name, found):
        raise SystemExit(f"{kind}, {place}: no example that it takes; add one to scripts/option_examples.py")
    return found


def made(field: FieldInfo, place: str) -> Any:
    """An example out of type and default; None where neither suggests one."""
    kind, given = bare(field.annotation), None
    if not field.is_required():
        given = field.get_default(call_default_factory=True)
    if kind is bool:
        return not given
    if get_origin(kind) is Literal:
        return next(word for word in get_args(kind) if word != given)
    if kind is Secret:
        return "env:" + re.sub(r"\W", "_", place.partition(".")[2]).upper()
    if kind is timedelta:
        return written(given) if given else "5m"
    return None if isinstance(given, BaseModel) or given in (None, "", [], {}) else given


def anchor(kind: str, place: str) -> str:
    """How a heading is linked to."""
    return f"{kind}-{place}".replace(".", "")


def table(model: type[BaseModel], kind: str, place: str, guides: Examples) -> Iterator[str]:
    """The table of a model and, after it, those of the models in it."""
    yield f"\n### {kind} {place}\n"
    if not model.model_fields:
        yield "No options.\n"
        return
    yield "| option | type | default | example |\n|---|---|---|---|"
    deeper = []
    for name, field in model.model_fields.items():
        at = f"{place}.{name}"
        line = f"{name}: {written(example(model, name, kind, at, guides))}"
        yield f"| `{name}` | {typed(model, name, at, kind)} | {default(field)} | {code(line)} |"
        if within := inner(field.annotation):
            deeper.append((within, at))
    for within, at in deeper:
        yield from table(within, kind, at, guides)


def page() -> str:
    """The whole of docs/options.md."""
    guides, lines = from_guides(), [HEAD]
    for kind, connector in CONNECTORS.items():
        lines.append(f"\n## {kind}\n\nMeaning: [connectors, {kind}](connectors.md#{kind}).")
        for part in PARTS:
            model = getattr(connector.models, part)
            lines += table(model, kind, part, guides) if model else ()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    OUT.write_text(page(), encoding="utf-8")
