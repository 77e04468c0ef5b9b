"""Examples of options: those that the guides set, and, where they set none and no type suggests one, our own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml

from exceptions_app.connectors.registry import CONNECTORS

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("connection", "read", "submit", "read_back")
Examples = Mapping[tuple[str, str], Any]
"""A value, by connector and place (`read.paging.size`)."""

EXAMPLES: dict[tuple[str, str], Any] = {
    ("rest", "connection.auth.template"): "Token {token}",
    ("rest", "connection.auth.username"): "tieout",
    ("rest", "connection.auth.scope"): "orders.read",
    ("rest", "connection.auth.token_params"): {"audience": "https://erp.example/api"},
    ("rest", "connection.headers"): {"X-Tenant": "larkhaven"},
    ("rest", "read.params"): {"status": "open"},
    ("rest", "read.bulk.job_header"): "Location",
    ("rest", "read.bulk.result_field"): "result.urls",
    ("rest", "read.bulk.cleanup"): "/jobs/{job}",
    ("rest", "read.expected"): {"path": "status", "equals": "ok", "message": "error.text"},
    ("rest", "read.expected.path"): "status",
    ("rest", "read.expected.equals"): "ok",
    ("rest", "read.expected.message"): "error.text",
    ("rest", "read.watermark.zone"): "America/Chicago",
    ("rest", "read.may_lack"): ["@removed"],
    ("rest", "read.delta.header"): "X-Sync-Token",
    ("rest", "read.delta.param"): "syncToken",
    ("rest", "read.detail.params"): {"expand": "lines", "id": "{id}"},
    ("rest", "read.detail.into"): "detail",
    ("rest", "read.keys.params"): {"$select": "number"},
    ("rest", "read.keys.body"): {"fields": ["number"]},
    ("rest", "read.one"): {"path": "/invoices/{invoice_number}"},
    ("rest", "read.one.path"): "/invoices/{invoice_number}",
    ("rest", "read.one.params"): {"number": "{invoice_number}"},
    ("rest", "read.one.body"): {"number": "{invoice_number}"},
    ("rest", "read.one.records"): "data",
    ("rest", "submit.query"): {"company": "{company}"},
    ("rest", "submit.headers"): {"X-Tenant": "larkhaven"},
    ("rest", "submit.success"): "accepted",
    ("rest", "submit.job.status"): "/jobs/{job}",
    ("rest", "submit.job.done_status"): [303],
    ("rest", "submit.job.failed_status"): [422],
    ("rest", "read_back.query"): {"reference": "{idempotency_key}"},
    ("rest", "read_back.headers"): {"X-Tenant": "larkhaven"},
    ("rest", "read_back.body"): {"reference": "{idempotency_key}"},
    ("rest", "read_back.found.rows"): "items",
    ("files", "connection.endpoint"): "https://minio.site.example",
    ("files", "connection.region"): "eu-central-1",
    ("files", "connection.senders"): ["@vendor.example"],
    ("files", "read.format_options"): {"separator": ":"},
    ("files", "read.ready"): "{name}.done",
    ("files", "read.no_header"): ["order_number", "line_number", "quantity"],
    ("files", "read.layout"): {"item": "2-6", "quantity": {"at": "7-13", "decimals": 2}},
    ("files", "read.layout.at"): "7-13",
    ("files", "read.starts"): "D",
    ("files", "read.trailer.total_column"): "quantity",
    ("files", "read.trailer.count_at"): "4-12",
    ("files", "read.trailer.total_at"): "13-24",
    ("files", "read.control"): {"count": "meta.count", "total": "meta.total", "column": "amount"},
    ("files", "read.control.count"): "meta.count",
    ("files", "read.control.total"): "meta.total",
    ("files", "read.control.column"): "amount",
    ("files", "read.dates"): {"paid_on": ["dd/mm/yyyy", "yyyymmdd", "excel"]},
    ("files", "read.pad"): {"item": 5},
    ("files", "read.sheet"): "Receipts",
    ("files", "read.records"): "orders.lines",
    ("files", "read.messages"): ["MFN"],
    ("files", "read.row"): "PO1",
    ("files", "submit.job.reason"): "errors/{stem}.log",
    ("sql", "read.table"): "wms.receipts",
    ("sql", "read.watermark.zone"): "America/Chicago",
    ("sql", "read.watermark.initial"): "2026-01-01T00:00:00Z",
    ("sql", "read.one"): {"receipt_number": "receipt_no"},
    ("events", "connection.signature.prefix"): "sha256=",
    ("events", "connection.signature.key"): "v1",
    ("events", "connection.signature.timestamp"): "t",
    ("events", "connection.signature.id_header"): "X-Event-Id",
    ("events", "connection.transport_options"): {"visibility_timeout": "3600"},
    ("events", "read.records"): "lines",
    ("events", "read.carry"): {"order_number": "order.number"},
    ("events", "read.broker"): {"queue": "tieout.suppliers", "declare": True},
    ("events", "read.broker.queue"): "tieout.suppliers",
    ("events", "read.broker.exchange"): "masters",
    ("events", "read.broker.routing_key"): "supplier.changed",
    ("rows", "read.watermark"): "changed_at",
    ("rows", "read.keys"): ["order", "line"],
    ("rows", "read.one"): {"order_number": "order", "line_number": "line"},
    ("rows", "read.fail_after"): 1,
    ("rows", "read.garbage_after"): 1,
}
"""Ours."""


def from_guides() -> dict[tuple[str, str], Any]:
    """The first value that an example of the guides sets at each place, by connector and place."""
    found: dict[tuple[str, str], Any] = {}
    for kind, block in _blocks():
        for part in PARTS:
            for place, value in _places(part, block.get(part)):
                found.setdefault((kind, place), value)
    return found


def _blocks() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each piece of an example that says how a system is spoken to, with its connector."""
    sections = re.split(r"^## ", (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8"), flags=re.M)
    sections.append((ROOT / "docs" / "integrator.md").read_text(encoding="utf-8"))
    for section in sections:
        kind = section.partition("\n")[0].strip()
        for text in re.findall(r"^ *```yaml\n(.*?)^ *```", section, re.M | re.S):
            block = yaml.safe_load(dedent(text).replace("{…}", "{}"))
            if not isinstance(block, dict):
                continue
            systems = {system["code"]: system for system in block.get("systems", ())}
            yield from ((system["connector"], system) for system in systems.values())
            feeds = (feed for feed in block.get("feeds", ()) if feed.get("system") in systems)
            yield from ((systems[feed["system"]]["connector"], feed) for feed in feeds)
            if kind in CONNECTORS:
                yield kind, block


def _places(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    yield place, value
    if isinstance(value, list):
        for one in value:
            yield from (found for found in _places(place, one) if found[0] != place)
    if isinstance(value, dict):
        for name, held in value.items():
            yield from _places(f"{place}.{name}", held)
