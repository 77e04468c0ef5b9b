"""What is refused of a balance when the configuration is read, and that the guide's example is none of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.problems import CatalogError
from exceptions_app.catalog.schema import BalanceCheck
from exceptions_app.connectors.registry import connector_models

CODE = "p2p.vendor_balance"
GUIDE = Path(__file__).parents[2] / "docs/integrator.md"


def refused(folder: Path, change: dict[str, Any]) -> list[tuple[str, str]]:
    """Path and message of each problem of a site that changes the shipped balance."""
    site = {"site": {"name": "T", "packs": ["procure_to_pay"]}, "overrides": {"checks": {CODE: change}}}
    (folder / "site.yaml").write_text(yaml.safe_dump(site))
    try:
        load_catalog(folder, connector_models())
    except CatalogError as error:
        return [(problem.path, f"{problem.message}; {problem.expected}") for problem in error.problems]
    return []


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"documents": {"amount": "amout"}}, "documents.amount", "'amout' is none of the columns of both sides"),
    ({"documents": {"amount": "status"}}, "documents.amount", "a number is needed here, erp.status is text"),
    ({"documents": {"show": ["colour"]}}, "documents.show.0", "'colour' is none of the sides' columns"),
    ({"documents": {"key": ["number"]}}, "sides.erp.key.number", "unknown column 'number'"),
    ({"documents": {"since": "erp.status"}}, "documents.since", "timestamp is needed here"),
    ({"documents": {"when": "erp.open_amount"}}, "documents.when", "boolean is needed here"),
    ({"documents": {"most": 0}}, "documents.most", "got 0"),
    ({"let": {"n": "invoice_number"}}, "let.n", "unknown column 'invoice_number'"),
    ({"let": {"n": "differing_sins"}}, "let.n", "unknown column 'differing_sins'"),
    ({"sides": {"erp": {"optional": True}}}, "", "a balance has two sides, and none is optional"),
    (
        {"sides": {"erp": {"key": {"day": "invoice_date"}}}},
        "sides.erp.key.day",
        "none of the check's key columns",
    ),
]


@pytest.mark.parametrize(("change", "path", "said"), REFUSED, ids=[row[2][:40] for row in REFUSED])
def test_a_mistake_is_named_at_its_place(
    tmp_path: Path, change: dict[str, Any], path: str, said: str
) -> None:
    found = refused(tmp_path, change)
    wanted = f"checks.{CODE}.{path}" if path else f"checks.{CODE}"
    assert any(place == wanted and said in message for place, message in found), found


def test_a_document_shows_nothing_sensitive(tmp_path: Path) -> None:
    change = {"sides": {"erp": {"columns": {"reason": "hold_reason"}}}, "documents": {"show": ["reason"]}}
    assert refused(tmp_path, change) == []
    (tmp_path / "types.yaml").write_text(
        "overrides: {record_types: {invoice: {columns: {hold_reason: {sensitivity: hr}}}}}"
    )
    said = dict(refused(tmp_path, change))[f"checks.{CODE}.documents.show"]
    assert said.startswith("a column that is 'hr' would be read by everybody here")


def test_the_guide_s_example_is_accepted(tmp_path: Path) -> None:
    section = GUIDE.read_text(encoding="utf-8").partition("### balance\n")[2]
    example = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert example
    (check,) = yaml.safe_load(example[1])
    check["code"] = "site.balance"
    site = {"site": {"name": "T", "packs": ["procure_to_pay"]}, "checks": [check]}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))
    assert isinstance(load_catalog(tmp_path, connector_models()).checks["site.balance"], BalanceCheck)
