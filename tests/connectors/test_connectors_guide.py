"""The guide names every option of every connector, in its own section, with an example that holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from exceptions_app.connectors.registry import CONNECTORS

GUIDE = (Path(__file__).parents[2] / "docs" / "connectors.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n", 1)[0].strip(): part for part in re.split(r"^## ", GUIDE, flags=re.M)[1:]}


def models_in(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from models_in(inner)


@pytest.mark.parametrize("kind", sorted(CONNECTORS))
def test_every_option_is_in_a_table_of_the_connectors_section(kind: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", SECTIONS[kind], flags=re.M)
    options = CONNECTORS[kind].models
    fields = [name for top in options for m in models_in(top) for name in m.model_fields]
    assert sorted(rows) == sorted(fields)


@pytest.mark.parametrize("kind", sorted(CONNECTORS))
def test_the_example_of_each_connector_is_accepted(kind: str) -> None:
    example: dict[str, Any] = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", SECTIONS[kind], flags=re.S)[0])
    options = CONNECTORS[kind].models
    options.connection.model_validate(example.get("connection", {}))
    options.read.model_validate(example["read"])


def test_the_example_of_an_operation_is_accepted() -> None:
    for kind, connector in CONNECTORS.items():
        if connector.models.submit is not None and connector.models.read_back is not None:
            blocks = [yaml.safe_load(b) for b in re.findall(r"```yaml\n(.*?)```", SECTIONS[kind], flags=re.S)]
            examples = [block for block in blocks if "submit" in block]
            assert examples, kind
            for example in examples:
                connector.models.submit.model_validate(example["submit"])
                connector.models.read_back.model_validate(example.get("read_back", {"path": "/"}))


def test_every_section_but_the_last_is_a_connector() -> None:
    assert sorted(list(SECTIONS)[:-1]) == sorted(CONNECTORS)
