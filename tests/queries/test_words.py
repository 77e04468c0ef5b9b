"""Codes in people's words, alone and inside a sentence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from exceptions_app.queries.words import entity_name, inside


@pytest.mark.parametrize(
    ("label", "said"), [("IT", "IT"), ("Supplier", "supplier"), ("Due soon", "due soon")]
)
def test_inside_a_sentence_only_an_abbreviation_keeps_its_capitals(label: str, said: str) -> None:
    assert inside(label) == said


def test_an_entity_that_the_configuration_no_longer_has_keeps_its_code() -> None:
    catalog: Any = SimpleNamespace(entities={"H1": SimpleNamespace(name="North")})
    assert [entity_name(catalog, code) for code in ("H1", "H9", "*")] == ["North", "H9", "Whole network"]
