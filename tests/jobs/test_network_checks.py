"""Checks over the whole network and balances, from rows to exceptions and back to agreement."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.catalog.load import load_catalog
from exceptions_app.config import Settings
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.discrepancy import NETWORK_SCOPE
from exceptions_app.domain.instant import iso
from exceptions_app.records.store import RecordStore
from exceptions_app.runtime import Runtime
from jobs.install import Install

from .conftest import NOW, SITE, Clock, Hospital

_MORE = """
record_types:
  - code: vendor
    title: Vendor
    key: [vendor]
    scope: network
    columns:
      vendor: {required: true}
      terms: {required: true}
      changed_at: {type: timestamp, required: true}
  - code: bill
    title: Bill
    key: [vendor, number]
    columns:
      vendor: {required: true}
      number: {required: true}
      amount: {type: money, required: true}
      entered_at: {type: timestamp, required: true}
feeds:
  -
    code: vendors_erp
    system: ERP
    record_type: vendor
    mode: snapshot
    lag: 1m
    mapping: {vendor: vendor, terms: terms, changed_at: parse_timestamp(changed_at)}
  - code: vendors_wms
    system: WMS
    record_type: vendor
    mode: snapshot
    lag: 1m
    mapping: {vendor: vendor, terms: terms, changed_at: parse_timestamp(changed_at)}
  - code: bills_erp
    system: ERP
    record_type: bill
    mode: snapshot
    lag: 1m
    mapping: &bill
      {entity: entity, vendor: vendor, number: number, amount: parse_decimal(amount), entered_at: parse_timestamp(at)}
  - {code: bills_wms, system: WMS, record_type: bill, mode: snapshot, lag: 1m, mapping: *bill}
categories:
  -
    code: terms_differ
    title: Terms differ
    sentence: "{vendor}: {erp} or {wms}."
    cause: Changed in one system only.
    guidance: [Ask.]
    owner: buyers
    queue: goods_desk
    target: 2 business days
  - code: balance_differs
    title: Balance differs
    sentence: "{vendor}: {documents|number} bills."
    cause: A bill is missing.
    guidance: [Look.]
    owner: buyers
    queue: goods_desk
    target: 2 business days
checks:
  - code: goods.terms
    title: Terms are the same
    flow: goods
    scope: network
    key: [vendor]
    reference: "{vendor}"
    line_type: vendor
    sides:
      erp: {record: vendor, kind: erp, columns: {terms: terms, changed_at: changed_at}}
      wms: {record: vendor, kind: wms, columns: {terms: terms, changed_at: changed_at}}
    findings:
      - category: terms_differ
        present: [erp, wms]
        when: erp.terms <> wms.terms
        since: GREATEST(erp.changed_at, wms.changed_at)
        facts: {vendor: vendor, erp: erp.terms, wms: wms.terms}
  - code: goods.balance
    title: Bills add up
    kind: balance
    flow: goods
    key: [vendor]
    reference: "{vendor}"
    line_type: balance
    sides:
      erp: {record: bill, kind: erp, columns: {amount: amount, entered_at: entered_at}}
      wms: {record: bill, kind: wms, columns: {amount: amount, entered_at: entered_at}}
    documents: {key: [number], amount: amount, since: "GREATEST(erp.entered_at, wms.entered_at)"}
    tolerances: {none: {absolute: 1}}
    findings:
      - category: balance_differs
        tolerance: {name: none, difference: "COALESCE(erp.amount, 0) - COALESCE(wms.amount, 0)"}
        since: differing_since
        amount: difference
        facts: {vendor: vendor, documents: differing}
"""


@pytest.fixture
def network(database: Any, clock: Clock, tmp_path: Path) -> Hospital:
    """The hospital with vendors of the whole network and bills of each entity, in both systems."""
    site = tmp_path / "site"
    shutil.copytree(SITE, site)
    (site / "more.yaml").write_text(_MORE)
    settings = Settings(
        instance=tmp_path / "instance", catalog=site, duck_memory="500MB", cheap_passwords=True
    )
    catalog = load_catalog(site, connector_models())
    runtime = Runtime(settings, catalog, RecordStore(settings.records_uri, catalog))
    hospital = Hospital(Install(runtime, database.engine), clock)
    for feed in catalog.feeds:
        hospital.source(feed, [])
    return hospital


def vendor(terms: str) -> dict[str, Any]:
    return {"vendor": "Medline", "terms": terms, "changed_at": iso(NOW - timedelta(days=1))}


def bill(number: str, amount: str, entity: str = "H01") -> dict[str, Any]:
    at = iso(NOW - timedelta(days=2))
    return {"entity": entity, "vendor": "Medline", "number": number, "amount": amount, "at": at}


def test_what_is_of_no_entity_is_one_exception_and_closes_when_it_agrees(network: Hospital) -> None:
    for entity in ("H01", "H02"):
        network.source("bills_erp", [bill("1", "5", entity)])
    network.source("vendors_erp", [vendor("30 days")])
    network.source("vendors_wms", [vendor("60 days")])
    network.tick()
    network.tick()
    [case] = network.cases("terms_differ")
    assert (case.entity, case.status, case.queue) == (NETWORK_SCOPE, "open", "goods_desk")

    network.source("vendors_wms", [vendor("30 days")])
    network.tick()
    [case] = network.cases("terms_differ")
    assert (case.status, case.end_reason) == ("resolved", "agrees_now")

    network.source("vendors_wms", [vendor("90 days")])
    network.tick()
    [case] = network.cases("terms_differ")
    assert (case.status, case.cycle) == ("open", 2)


def test_a_balance_is_an_exception_of_its_entity_and_closes_when_the_bill_arrives(network: Hospital) -> None:
    network.source("bills_erp", [bill("1", "100"), bill("2", "40"), bill("3", "7", "H02")])
    network.source("bills_wms", [bill("1", "100"), bill("3", "7", "H02")])
    network.tick()
    [case] = network.cases("balance_differs")
    assert (case.entity, case.status, case.amount_e4) == ("H01", "open", 400_000)
    assert json.loads(case.facts)["documents"] == 1

    network.source("bills_wms", [bill("1", "100"), bill("2", "40"), bill("3", "7", "H02")])
    network.tick()
    [case] = network.cases("balance_differs")
    assert (case.status, case.end_reason) == ("resolved", "agrees_now")
