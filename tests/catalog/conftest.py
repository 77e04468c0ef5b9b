"""A small configuration to break: what every test here starts from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import check_directory, load_catalog
from exceptions_app.catalog.merging import known_packs
from exceptions_app.catalog.problems import Problem
from exceptions_app.connectors.registry import connector_models

SITE = """\
site: {name: Test, packs: []}
calendars:
  - code: office
    time_zone: America/New_York
    weekly: {mon: ["08:00-12:00", "13:00-17:00"], tue: ["08:00-17:00"]}
    holidays_country: US
entities:
  - {code: NET, name: Network, kind: network, calendar: office}
  - {code: H1, name: North, parent: NET}
  - {code: H2, name: South, parent: NET}
queues:
  - {code: desk, name: Desk, calendar: office}
categories:
  - code: differs
    title: Differs
    sentence: "{order}: {a|quantity} against {b|quantity}."
    cause: One of them is wrong.
    guidance: [Look.]
    owner: Desk
    queue: desk
    target: 1 business day
systems:
  - {code: erp1, name: ERP, kind: erp, connector: rows}
  - code: api
    name: Suite
    kind: procurement
    connector: rest
    connection: {base_url: "https://suite.example", auth: {type: api_key, value: "env:SUITE_KEY"}}
crosswalks:
  - {code: unit, entries: [{local: EACH, canonical: EA}]}
record_types:
  - code: line
    title: Line
    key: [order_number]
    columns:
      order_number: {required: true}
      quantity: {type: quantity, required: true}
      unit: {crosswalk: unit}
      seen_at: {type: timestamp}
feeds:
  - code: erp_lines
    system: erp1
    record_type: line
    mapping: {entity: site, order_number: number, quantity: parse_decimal(qty), seen_at: parse_timestamp(at)}
  - code: suite_lines
    system: api
    record_type: line
    read: {path: /lines}
    mapping: {entity: site, order_number: number, quantity: qty}
checks:
  - code: lines.differ
    title: Lines differ
    flow: orders
    key: [order_number]
    reference: "{order_number}"
    sides:
      erp: {record: line, kind: erp, columns: {quantity: sum(quantity), seen: max(seen_at)}}
      suite: {record: line, kind: procurement, columns: {quantity: sum(quantity)}}
    tolerances: {small: {absolute: 1}}
    findings:
      - category: differs
        present: [erp, suite]
        tolerance: {name: small, difference: erp.quantity - suite.quantity}
        since: erp.seen
        facts: {order: order_number, a: erp.quantity, b: suite.quantity}
    compare:
      - {label: Quantity, format: quantity, cells: {erp: quantity, suite: quantity}}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the small configuration, with texts replaced and further files beside it."""

    def _write(*changes: tuple[str, str], **files: str) -> Path:
        text = SITE
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        (tmp_path / "site.yaml").write_text(text, encoding="utf-8")
        for name, content in files.items():
            (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
        return tmp_path

    return _write


@pytest.fixture
def problems(write: Write) -> Callable[..., list[Problem]]:
    """What is wrong with the small configuration once it is changed."""
    return lambda *changes, **files: check_directory(write(*changes, **files), connector_models())


@pytest.fixture
def loaded(write: Write) -> Callable[..., Catalog]:
    return lambda *changes, **files: load_catalog(write(*changes, **files), connector_models())


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """All packs, and nothing else."""
    site = tmp_path_factory.mktemp("site")
    (site / "site.yaml").write_text(f"site: {{name: All, packs: [{', '.join(known_packs())}]}}\n")
    return load_catalog(site, connector_models())
