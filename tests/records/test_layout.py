"""How records lie: their columns, their identity, their partitions."""

from __future__ import annotations

import pytest

from exceptions_app.catalog.schema import RecordType
from exceptions_app.records.layout import Layout, entity_of, part_of

from .conftest import ORDER_LINE, SUPPLIER


def test_the_identity_is_the_source_the_entity_and_the_key() -> None:
    assert Layout(RecordType.model_validate(ORDER_LINE)).identity == (
        "source_system",
        "entity",
        "number",
        "line",
    )


def test_records_of_the_network_are_identified_without_an_entity() -> None:
    assert Layout(RecordType.model_validate(SUPPLIER)).identity == ("source_system", "supplier_id")


@pytest.mark.parametrize("name", ["entity", "run_id", "fetched_at"])
def test_a_column_may_not_take_a_name_that_the_store_needs(name: str) -> None:
    taken = RecordType.model_validate({**SUPPLIER, "columns": {"supplier_id": {}, name: {}}})
    with pytest.raises(ValueError, match=f"'{name}' is taken by the store"):
        _ = Layout(taken).own


@pytest.mark.parametrize("entity", ["NORTH", "chg", "base", "base.x", None])
def test_no_entity_can_be_taken_for_the_changes_or_for_another(entity: str | None) -> None:
    part = part_of(entity)
    assert part != "chg"
    assert entity_of(part) == entity
