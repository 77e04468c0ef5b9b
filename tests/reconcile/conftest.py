"""A network with an ERP, a procurement suite, AP automation and a warehouse, under the shipped checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import connector_models

from . import people_books
from .books import Books
from .invoice_books import InvoiceBooks, site

_ORDER = "order_number: a, line_number: a, supplier: a, unit: a, currency: a, status: a"
_SITE = """
site: {name: Test, packs: [procure_to_pay]}
entities:
  - {code: H1, name: North}
  - {code: H2, name: South}
systems:
  - {code: ERP, name: ERP, kind: erp, connector: rows}
  - {code: SUITE, name: Suite, kind: procurement, connector: rows}
  - {code: AP, name: AP, kind: ap_automation, connector: rows}
  - {code: WMS, name: Warehouse, kind: wms, connector: rows}
overrides:
  crosswalks:
    supplier:
      entries:
        - {system: AP, local: V1, canonical: S1}
        - {system: AP, local: V1-REMIT, canonical: S1}
        - {system: AP, local: V2, canonical: S2}
    order_status:
      entries:
        - {system: SUITE, local: FULLY_RECEIVED, canonical: received}
feeds:
  - code: erp_orders
    system: ERP
    record_type: purchase_order_line
    lag: 1h
    mapping: &order
      {entity: a, order_number: a, line_number: a, supplier: a, quantity: parse_decimal(a), unit: a,
       unit_price: parse_decimal(a), currency: a, status: a, ordered_at: parse_timestamp(a)}
  - {code: suite_orders, system: SUITE, record_type: purchase_order_line, lag: 1h, mapping: *order}
  - code: invoices
    system: AP
    record_type: invoice_line
    lag: 1h
    mapping:
      {entity: a, supplier: a, invoice_number: a, invoice_line: a, invoice_type: a,
       quantity: parse_decimal(a),
       unit: a, unit_price: parse_decimal(a), amount: parse_decimal(a), currency: a, status: a,
       invoice_date: "parse_date(a, 'yyyy-mm-dd')", entered_at: parse_timestamp(a)}
  - code: receipts
    system: WMS
    record_type: receipt_line
    lag: 1h
    mapping: &receipt
      {entity: a, receipt_number: a, receipt_line: a, order_number: a, line_number: a,
       quantity: parse_decimal(a),
       unit: a, movement: a, received_at: parse_timestamp(a)}
  - {code: erp_receipts, system: ERP, record_type: receipt_line, lag: 1h, mapping: *receipt}
  - code: requisitions
    system: SUITE
    record_type: requisition_line
    lag: 1h
    mapping: {entity: a, requisition: a, requisition_line: a, quantity: parse_decimal(a), status: a}
  - code: inspections
    system: WMS
    record_type: inspection_line
    lag: 1h
    mapping:
      {entity: a, inspection: a, inspection_line: a, order_number: a, line_number: a, unit: a,
       accepted: parse_decimal(a), inspected_at: parse_timestamp(a)}
  - code: confirmations
    system: SUITE
    record_type: service_confirmation
    lag: 1h
    mapping:
      {entity: a, confirmation: a, order_number: a, line_number: a, amount: parse_decimal(a), currency: a,
       confirmed_at: parse_timestamp(a)}
  - code: usage
    system: WMS
    record_type: item_usage
    lag: 1h
    mapping:
      {entity: a, usage_number: a, usage_line: a, case_number: a, item: a, quantity: parse_decimal(a),
       used_at: parse_timestamp(a)}
  - code: prices
    system: SUITE
    record_type: contract_price
    lag: 1h
    mapping:
      {contract: a, supplier: a, item: a, unit: a, unit_price: parse_decimal(a), currency: a,
       valid_from: "parse_date(a, 'yyyy-mm-dd')"}
  - code: settlement_runs
    system: ERP
    record_type: settlement_run
    mapping: {entity: a, run_number: a, run_at: parse_timestamp(a), status: a}
  - {code: supplier_terms, system: ERP, record_type: supplier_terms, mapping: {supplier: a}}
  - {code: site_terms, system: ERP, record_type: site_terms, mapping: {entity: a, supplier: a}}
  - {code: units, system: ERP, record_type: item_unit, mapping: {item: a, unit: a, factor: parse_decimal(a)}}
"""


@pytest.fixture(scope="session")
def p2p(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder: Path = tmp_path_factory.mktemp("catalog")
    (folder / "site.yaml").write_text(_SITE)
    return load_catalog(folder, connector_models())


@pytest.fixture
def books(p2p: Catalog) -> Books:
    """Empty books."""
    return Books(p2p)


@pytest.fixture
def agreed(books: Books) -> Books:
    """One order line, received and billed in full."""
    books.order()
    books.receipt()
    books.invoice()
    return books


@pytest.fixture(scope="session")
def invoice_site(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return site(tmp_path_factory.mktemp("invoices"))


@pytest.fixture
def ledger(invoice_site: Catalog) -> InvoiceBooks:
    """Empty books of invoices as a whole."""
    return InvoiceBooks(invoice_site)


@pytest.fixture(scope="session")
def people_site(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return people_books.site(tmp_path_factory.mktemp("people"))


@pytest.fixture
def people(people_site: Catalog) -> people_books.PeopleBooks:
    """Empty books of workers and their pay."""
    return people_books.PeopleBooks(people_site)
