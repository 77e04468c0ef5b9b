"""A look-up in a mapping that could never work is refused when the configuration is loaded, where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from exceptions_app.catalog.load import check_directory
from exceptions_app.catalog.problems import Problem
from exceptions_app.connectors.registry import connector_models

SITE = """
entities: [{code: H1, name: North}]
systems: [{code: ERP, name: ERP, kind: erp, connector: rows}]
record_types:
  - {code: center, title: Center, key: [number], scope: network,
     columns: {number: {required: true}, site: {}, opened: {type: date}, pay: {sensitivity: hr}}}
  - {code: shelf, title: Shelf, key: [store, place], columns: {store: {required: true}, place: {required: true}}}
  - {code: ghost, title: Ghost, key: [number], columns: {number: {required: true}}}
  - {code: hours, title: Hours, key: [badge], columns: {badge: {required: true}, note: {}, pay: {sensitivity: hr}}}
feeds:
  - {code: centers, system: ERP, record_type: center, mapping: {number: n, site: s, opened: o, pay: p}}
  - {code: shelves, system: ERP, record_type: shelf, mapping: {entity: e, store: s, place: p}}
  - code: hours
    system: ERP
    record_type: hours
    mapping:
      badge: b
      pay: {value: c, look_up: {record: center, column: pay}}
      entity: {value: c, look_up: LOOK_UP}
"""


def refused(tmp_path: Path, look_up: str, column: str = "entity") -> list[Problem]:
    text = SITE.replace("LOOK_UP", look_up)
    (tmp_path / "site.yaml").write_text(text.replace("      entity:", f"      {column}:") if column else text)
    return list(check_directory(tmp_path, connector_models()))


def test_one_that_fits_is_accepted(tmp_path: Path) -> None:
    assert refused(tmp_path, "{record: center, column: site}") == []
    assert refused(tmp_path, "{record: shelf, by: place, column: entity, system: ERP, absent: empty}") == []


@pytest.mark.parametrize(
    ("look_up", "path", "said", "suggestion"),
    [
        ("{record: centre, column: site}", "record", "'centre' is none of record_types", "center"),
        ("{record: center, column: sit}", "column", "'sit' is none of center's columns", "site"),
        ("{record: center, column: site, by: numbr}", "by", "'numbr' is none of center's columns", "number"),
        ("{record: center, column: site, system: ERB}", "system", "'ERB' is none of systems", "ERP"),
        ("{record: center, column: entity}", "column", "'entity' is none of center's columns", ""),
        ("{record: shelf, column: entity}", "", "more than one key column: store, place", ""),
        ("{record: ghost, column: number}", "record", "no feed brings ghost", ""),
        ("{record: center, column: opened}", "column", "this is date", ""),
        ("{record: center, column: pay}", "column", "'pay' is hr data, and 'entity' is internal", ""),
        ("{record: center, column: site, absent: ignore}", "absent", "got 'ignore'", ""),
    ],
)  # fmt: skip
def test_one_that_cannot_work_is_refused(
    tmp_path: Path, look_up: str, path: str, said: str, suggestion: str
) -> None:  # fmt: skip
    [problem] = refused(tmp_path, look_up)
    assert problem.path == f"feeds.hours.mapping.entity.look_up{'.' if path else ''}{path}"
    assert said in problem.message and suggestion in problem.suggestion
    assert problem.file.endswith("site.yaml") and problem.line > 17
