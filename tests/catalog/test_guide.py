"""The integrator's guide keeps up: whatever configuration may say is explained there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from exceptions_app.catalog import schema
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.expression_functions import ABOUT_SIDES, FUNCTIONS
from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.merging import CODED, SECTIONS, known_packs
from exceptions_app.catalog.scopes import EVERY_RECORD
from exceptions_app.connectors.registry import CONNECTORS, connector_models
from exceptions_app.domain.fingerprint import fingerprint
from exceptions_app.domain.wording import STYLES

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "integrator.md").read_text(encoding="utf-8")
CONNECTOR_GUIDE = (DOCS / "connectors.md").read_text(encoding="utf-8")


def part(title: str, text: str = GUIDE) -> str:
    """What stands under a heading, up to the next of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(title)}$(.*?)(?=^#{{1,3}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {title!r}"
    return found[2]


def inner_models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and those inside it."""
    yield model
    for field in model.model_fields.values():
        yield from _models_in(field.annotation)


def _models_in(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from inner_models(kind)
    for argument in get_args(kind):
        yield from _models_in(argument)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_has_its_heading(section: str) -> None:
    part(section)


FIELDS = [
    (section, name)
    for section, model in {**CODED, "site": schema.Site, "routing": schema.Route}.items()
    if section != "checks"
    for inner in inner_models(model)
    for name in inner.model_fields
]


@pytest.mark.parametrize(("section", "name"), sorted(set(FIELDS)))
def test_every_field_is_explained_under_its_section(section: str, name: str) -> None:
    assert f"`{name}`" in part(section)


CHECK_FIELDS = [
    (kind, name)
    for kind, model in (
        ("match", schema.MatchCheck),
        ("balance", schema.Documents),
        ("messages", schema.ErrorPattern),
        ("duplicate", schema.DuplicateCheck),
        ("similar", schema.SimilarCheck),
        ("hierarchy", schema.HierarchyCheck),
    )
    for inner in inner_models(model)
    for name in inner.model_fields
]
CHECK_FIELDS += [  # what these have beside the fields of `match` and `balance`
    (kind, name)
    for kind, model in (("allocation", schema.AllocationCheck), ("messages", schema.MessagesCheck))
    for name in model.__annotations__
]


@pytest.mark.parametrize(("kind", "name"), sorted(set(CHECK_FIELDS)))
def test_every_field_of_a_check_is_explained(kind: str, name: str) -> None:
    assert f"`{name}`" in part(kind) + part("Checks") + (
        part("match") if name in ("label", "format", "cells") else ""
    )


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_is_explained_as_it_explains_itself(name: str) -> None:
    function = FUNCTIONS[name]
    assert f"| `{function.signature}` | {function.about} |" in part("Expressions")


@pytest.mark.parametrize("name", sorted(ABOUT_SIDES))
def test_every_function_about_sides_is_explained(name: str) -> None:
    signature, about = ABOUT_SIDES[name]
    assert f"| `{signature}` | {about}" in part("Expressions")


def test_every_shipped_check_category_and_queue_is_named(shipped: Catalog) -> None:
    text = part("What is shipped")
    for code in (*shipped.checks, *shipped.categories, *shipped.queues):
        assert f"`{code}`" in text, code


def test_the_feed_of_events_that_the_guide_builds_fits_the_shipped_records(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n( +systems:.*?)```", GUIDE.split("**Events, from nothing.**")[1], re.DOTALL)
    assert found
    (tmp_path / "site.yaml").write_text("site: {name: All, packs: [procure_to_pay]}\n", encoding="utf-8")
    (tmp_path / "portal.yaml").write_text(dedent(found[1]), encoding="utf-8")
    assert "portal.suppliers" in load_catalog(tmp_path, connector_models()).feeds


def test_every_example_of_a_check_is_in_order(tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", part("match").split("**By example.**")[1], re.DOTALL)
    (tmp_path / "site.yaml").write_text(f"site: {{name: All, packs: [{', '.join(known_packs())}]}}\n")
    for number, text in enumerate(examples):
        (tmp_path / f"example{number}.yaml").write_text(text, encoding="utf-8")
    catalog = load_catalog(tmp_path, connector_models())
    told = {"example.three_sides", "example.reference", "example.status", "example.duplicate"}
    assert told <= set(catalog.checks)
    contract = catalog.feeds["example.suppliers"].contract
    assert contract.rhythm and contract.volume


def test_every_column_of_every_record_and_every_style_is_named() -> None:
    for name in EVERY_RECORD:
        assert f"`{name}`" in part("record_types")
    for style in STYLES:
        assert f"`{style}`" in part("categories")
    for choice in (*get_args(schema.ColumnType), *get_args(schema.Sensitivity)):
        assert f"`{choice}`" in part("record_types")


OPTIONS = [
    (kind, name)
    for kind, connector in CONNECTORS.items()
    for model in connector.models
    for inner in inner_models(model)
    for name in inner.model_fields
]


@pytest.mark.parametrize(("kind", "name"), sorted(set(OPTIONS)))
def test_every_connector_option_is_explained(kind: str, name: str) -> None:
    assert f"`{name}`" in part(kind, CONNECTOR_GUIDE)


def test_vectors_of_identity_are_right() -> None:
    rows = [
        re.findall(r"`([^`]*)`", line) for line in part("Identity").splitlines() if line.startswith("| `")
    ]
    assert len(rows) >= 3
    for check, category, entity, *key, wanted in rows:
        assert fingerprint(check, category, entity, key).hex() == wanted


def test_every_shipped_column_is_explained_under_its_record_type(shipped: Catalog) -> None:
    text = (DOCS / "records.md").read_text(encoding="utf-8")
    for code, record_type in shipped.record_types.items():
        under = part(code, text)
        for name, column in record_type.columns.items():
            required = "yes" if column.required else ""
            crosswalk = f"`{column.crosswalk}`" if column.crosswalk else ""
            row = re.search(
                rf"^\| `{name}` \| {column.type} \| {required} \| {crosswalk} \| .*", under, re.MULTILINE
            )
            assert row, (code, name)
            assert all(f"`{word}`" in row[0] for word in column.words), (code, name)
    assert all(f"| `{code}` |" in text for code in shipped.crosswalks)
    assert all(f"| `{code}` |" in text for code in shipped.checks if code.startswith("p2p."))


def test_record_that_the_guide_asks_about_is_one(shipped: Catalog) -> None:
    found = re.search(r"/api/v1/validate/(\w+) .*?-d '(\{.*?\})'", GUIDE, re.DOTALL)
    assert found
    columns, asked = shipped.record_types[found[1]].columns, json.loads(found[2])
    assert set(asked["record"]) <= set(columns)
    assert {name for name, column in columns.items() if column.required} <= set(asked["record"])
