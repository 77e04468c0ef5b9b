"""docs/options.md is what the option models say, and the tables of docs/connectors.md tell the same defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from exceptions_app.connectors.registry import CONNECTORS
from scripts import options
from scripts.option_examples import EXAMPLES, PARTS, ROOT

PAGE = options.OUT.read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")

TOLD_OTHERWISE = {("files", "region")}
"""`null` in the model, and told by what is then used."""


def models(model: type[BaseModel], place: str) -> Iterator[tuple[str, type[BaseModel]]]:
    yield place, model
    for name, field in model.model_fields.items():
        if within := options.inner(field.annotation):
            yield from models(within, f"{place}.{name}")


PLACES = {
    (kind, place): model
    for kind, connector in CONNECTORS.items()
    for part in PARTS
    if (top := getattr(connector.models, part))
    for place, model in models(top, part)
}


def cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def rows(kind: str, place: str) -> dict[str, list[str]]:
    under = PAGE.split(f"\n### {kind} {place}\n")[1].split("\n#")[0]
    return {row[0].strip("`"): row for row in map(cells, re.findall(r"^\| `.*", under, re.MULTILINE))}


def taken(model: type[BaseModel], name: str, value: Any) -> Any:
    """What the option makes of a value; what other options lack is none of its business."""
    assert not options.refusal(model, name, value), (model, name, value)
    return yaml.safe_load(options.written(value))


def test_page_is_what_the_script_writes() -> None:
    assert options.page() == PAGE, "docs/options.md is out of date: run `make options`"


@pytest.mark.parametrize(("kind", "place"), sorted(PLACES))
def test_defaults_and_examples_are_taken_as_they_stand_there(kind: str, place: str) -> None:
    model, told = PLACES[kind, place], rows(kind, place) if PLACES[kind, place].model_fields else {}
    assert list(told) == list(model.model_fields)
    for name, (_, words, default, example) in told.items():
        field = model.model_fields[name]
        (said, value) = yaml.safe_load(example.strip("`")).popitem()
        assert said == name
        assert words
        taken(model, name, value)
        assert (default == "–") == field.is_required()
        if default != "–":
            taken(model, name, yaml.safe_load(default.strip("`")))


def test_links_of_the_page_lead_to_its_headings() -> None:
    headings = {
        re.sub(r"[^\w -]", "", title).replace(" ", "-") for title in re.findall(r"^#+ (.+)", PAGE, re.M)
    }
    assert set(re.findall(r"\(#([^)]+)\)", PAGE)) <= headings


def test_examples_of_our_own_are_for_options_that_there_are() -> None:
    known = {
        (kind, f"{place}.{name}") for (kind, place), model in PLACES.items() for name in model.model_fields
    }
    assert set(EXAMPLES) <= known


def test_an_example_that_its_option_refuses_ends_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXAMPLES, ("files", "read.trailer.count_at"), "twelve")
    with pytest.raises(SystemExit, match=r"files, read\.trailer\.count_at"):
        options.page()


def guide_tables() -> Iterator[tuple[str, type[BaseModel], dict[str, str]]]:
    """Each table of options in docs/connectors.md: its connector, the model with just these options, the defaults."""
    for section in re.split(r"^## ", GUIDE, flags=re.MULTILINE)[1:]:
        kind = section.partition("\n")[0]
        for text in re.findall(r"^\| option \| default \|.*\n\|[-|]+\n((?:\|.*\n)+)", section, re.MULTILINE):
            told = {row[0].strip("`"): row[1] for row in map(cells, text.splitlines())}
            fitting = [
                model
                for (of, _), model in PLACES.items()
                if of == kind and set(model.model_fields) == set(told)
            ]
            assert len(set(fitting)) == 1, (kind, list(told))
            yield kind, fitting[0], told


def test_defaults_in_the_guide_are_those_of_the_models() -> None:
    wrong = [
        f"{kind}, {model.__name__}.{name}: the guide says {cell}, the model {options.default(model.model_fields[name])}"
        for kind, model, told in guide_tables()
        for name, cell in told.items()
        if (kind, name) not in TOLD_OTHERWISE and not agrees(model, name, cell)
    ]
    assert not wrong, "\n".join(wrong)


def agrees(model: type[BaseModel], name: str, cell: str) -> bool:
    """Whether a cell tells the model's default. Words (`the feed's`) are for an option that is not set."""
    field = model.model_fields[name]
    if field.is_required() or cell == "–":
        return cell == "–" and (field.is_required() or field.default is None)
    default = field.get_default(call_default_factory=True)
    text, value = (
        re.fullmatch(r"`([^`]+)`", cell),
        re.fullmatch(r'\[.*\]|\{.*\}|""|[\d.]+|true|false|[A-Z]+', cell),
    )
    if text:
        return text[1] == default or same(text[1], default)
    if value:
        return same(yaml.safe_load(cell), default)
    return (
        default is None or isinstance(default, BaseModel) or cell.startswith(f"{options.written(default)};")
    )


def same(told: Any, default: Any) -> bool:
    return options.written(told) == options.written(default) or seconds(told) == seconds(default) is not None


def seconds(value: Any) -> int | None:
    found = re.fullmatch(r"(\d+)([smhd])", value if isinstance(value, str) else options.written(value))
    return int(found[1]) * dict(options._UNITS)[found[2]] if found else None
