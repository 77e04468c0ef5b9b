"""The guides are complete: what people can set, run or be shown is explained, or this fails."""

from dataclasses import fields
from pathlib import Path

import click
import pytest

from exceptions_app.catalog.load import load_catalog
from exceptions_app.config import Settings
from exceptions_app.connectors.registry import connector_models
from exceptions_app.queries import retry_words
from jobs.cli import tieout
from jobs.scheduler import jobs_of

ROOT = Path(__file__).resolve().parents[1]
OPERATOR = (ROOT / "docs/operator.md").read_text(encoding="utf-8")
USER = (ROOT / "docs/user.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("variable", [field.metadata["variable"] for field in fields(Settings)])
def test_operators_guide_explains_every_setting(variable: str) -> None:
    assert f"`{variable}`" in OPERATOR


def _commands(group: click.Group, prefix: str = "tieout") -> list[str]:
    found: list[str] = []
    for name, command in group.commands.items():
        path = f"{prefix} {name}"
        found += _commands(command, path) if isinstance(command, click.Group) else [path]
    return found


@pytest.mark.parametrize("command", _commands(tieout))
def test_operators_guide_explains_every_command(command: str) -> None:
    assert f"`{command}" in OPERATOR


def test_operators_guide_explains_every_job() -> None:
    shipped = load_catalog(ROOT / "demo/catalog", connector_models())
    for kind in {job.kind for job in jobs_of(shipped)}:
        assert f"| `{kind}` |" in OPERATOR, kind


def test_users_guide_explains_every_category_and_check() -> None:
    shipped = load_catalog(ROOT / "demo/catalog", connector_models())
    for code in [*shipped.categories, *shipped.checks]:
        assert f"`{code}`" in USER, code


@pytest.mark.parametrize("label", sorted({*retry_words.STATE.values()}))
def test_users_guide_explains_every_state_of_a_retry(label: str) -> None:
    assert f"**{label.lower()}**" in USER
