"""What is wrong with a hierarchy or a check for similar documents is refused: file, line, expected, what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from exceptions_app.catalog.load import CatalogError, load_catalog
from exceptions_app.connectors.registry import connector_models

HIERARCHY: dict[str, Any] = {
    "code": "site.tree", "title": "Tree", "kind": "hierarchy", "flow": "f", "record": "cost_center",
    "key": ["cost_center"],
    "columns": {"kind": "'Center'", "parent": "MIN(parent)", "name": "MIN(name)", "from_day": "MIN(valid_from)"},
    "parent": "parent", "cycle": "master_cycle", "reference": "{cost_center}",
}  # fmt: skip
SIMILAR: dict[str, Any] = {
    "code": "site.alike", "title": "Alike", "kind": "similar", "flow": "f", "record": "cost_center",
    "key": ["cost_center"], "columns": {"name": "MIN(name)"}, "order_by": "name", "category": "master_renamed_twice",
    "parts": {"name": {"title": "name", "of": "name", "by": "name"}}, "threshold": 0.8, "reference": "{cost_center}",
}  # fmt: skip
CATEGORY = {
    "code": "master_renamed_twice", "title": "Twice", "rank": 1, "sentence": "{a} and {b}: {keys}, {score}",
    "cause": "x", "guidance": ["x"], "owner": "x", "ball": "us", "queue": "master_data", "severity": "low",
    "target": "1 day",
}  # fmt: skip


def _problems(folder: Path, check: dict[str, Any]) -> list[Any]:
    text = "site: {name: Test, packs: [finance_masters]}\n"
    text += yaml.safe_dump({"categories": [CATEGORY]}, sort_keys=False)
    text += yaml.safe_dump({"checks": [check]}, sort_keys=False)
    (folder / "site.yaml").write_text(text)
    try:
        load_catalog(folder, connector_models())
    except CatalogError as refused:
        return refused.problems
    return []


@pytest.mark.parametrize("check", [HIERARCHY, SIMILAR], ids=["hierarchy", "similar"])
def test_what_is_right_is_taken(tmp_path: Path, check: dict[str, Any]) -> None:
    assert _problems(tmp_path, check) == []


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("a key of two columns", HIERARCHY, {"key": ["cost_center", "name"]}, "expected the one that `parent` names"),
    ("nothing to raise", HIERARCHY, {"cycle": None}, "expected cycle or orphan"),
    ("an unknown category", HIERARCHY, {"orphan": "master_orphans"}, "did you mean master_orphan?"),
    ("a column that is none", HIERARCHY, {"parent": "parnt"}, "did you mean parent?"),
    ("a parent that is no text", HIERARCHY, {"parent": "from_day"}, "text is needed here, this is date"),
    ("a day that is none", HIERARCHY, {"valid_to": "name"}, "date is needed here, this is text"),
    ("a field that is none", HIERARCHY, {"parnt": "parent"}, "did you mean parent?"),
    ("nothing to compare by", SIMILAR, {"parts": {"name": {"title": "name", "of": "name"}}},
     "expected blocks or a part by name"),
    ("noise in a text", SIMILAR, {"blocks": ["name"], "parts": {"name": {"title": "n", "of": "name", "noise": ["x"]}}},
     "expected no noise here"),
    ("a threshold of nothing", SIMILAR, {"threshold": 0}, "greater than 0"),
    ("a way that is none", SIMILAR, {"parts": {"name": {"title": "n", "of": "name", "by": "names"}}},
     "did you mean name?"),
    ("a check that is no duplicate", SIMILAR, {"besides": "fin.account"}, "is none of the checks for duplicates"),
    ("a part that is none", SIMILAR, {"parts": {"name": {"title": "n", "of": "nam", "by": "name"}}},
     "did you mean name?"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "change", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_is_wrong_is_refused(
    tmp_path: Path, check: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    problems = _problems(tmp_path, {**check, **change})
    assert problems and all(one.file.endswith("site.yaml") and one.line > 1 for one in problems)
    assert said in str(problems[0])
