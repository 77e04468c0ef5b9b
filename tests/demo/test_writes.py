"""The systems really apply what they are sent, each in its own way with keys, troubles and refusals."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from demo.catalog_csv import CATALOG
from demo.network import Network
from demo.planting import plant
from demo.systems import ap_automation, erp, portal, procurement, warehouse_api
from demo.systems.writes import book
from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import connector_models

from .conftest import NOW, Build

Post = Callable[..., Any]


@pytest.fixture
def network(build: Build) -> Network:
    return build(faults=False)


def _posting(client: FlaskClient, headers: dict[str, str]) -> Post:
    def post(path: str, key: str | None = None, **body: Any) -> Any:
        keys = {"Idempotency-Key": key} if key else {}
        return client.post(path, json=body, headers={**headers, **keys})

    return post


@pytest.fixture
def to_erp(network: Network) -> Post:
    client = erp.application(network.erp, network.moods, "reader", "secret", network.mended).test_client()
    form = {"grant_type": "client_credentials", "client_id": "reader", "client_secret": "secret"}
    token = client.post("/oauth2/token", data=form).get_json()["access_token"]
    return _posting(client, {"Authorization": f"Bearer {token}"})


@pytest.fixture
def to_suite(network: Network) -> Post:
    app = procurement.application(network.procurement, network.moods, "key", network.mended)
    return _posting(app.test_client(), {"X-Api-Key": "key"})


@pytest.fixture
def to_warehouse(network: Network) -> Post:
    app = warehouse_api.application(network.wms, network.moods, "key", network.mended)
    return _posting(app.test_client(), {"X-Api-Key": "key"})


@pytest.fixture
def line(network: Network) -> dict[str, Any]:
    found = network.erp.row("SELECT * FROM order_lines WHERE status = 'Closed' ORDER BY id")
    assert found is not None
    return found


def _amend(line: dict[str, Any], price: Any = "12.5000") -> dict[str, Any]:
    return {"PurchaseOrder": line["po"], "LineNumber": line["line"], "UnitPrice": price}


def test_the_erp_applies_a_key_once_and_answers_alike(
    network: Network, to_erp: Post, line: dict[str, Any]
) -> None:
    first = to_erp("/odata/v4/PurchaseOrderLines/Amend", "k1", **_amend(line))
    network.erp.alter("order_lines", {"id": line["id"]}, {"price": 1})
    again = to_erp("/odata/v4/PurchaseOrderLines/Amend", "k1", **_amend(line))
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.get_json() == first.get_json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert network.erp.find("order_lines", {"id": line["id"]})[0]["price"] == 1, "applied a second time"
    assert [row["applied"] for row in book(network.erp, key="k1")] == [1]

    to_erp("/odata/v4/PurchaseOrderLines/Amend", "k2", **_amend(line, 13))
    row = network.erp.find("order_lines", {"id": line["id"]})[0]
    assert (row["price"], row["modified_at"] > line["modified_at"]) == (130_000, True)


def test_the_erp_refuses_a_key_that_comes_with_another_write(to_erp: Post, line: dict[str, Any]) -> None:
    to_erp("/odata/v4/PurchaseOrderLines/Amend", "k1", **_amend(line))
    other = to_erp("/odata/v4/PurchaseOrderLines/Amend", "k1", **_amend(line, "99"))
    assert (other.status_code, other.get_json()["error"]["code"]) == (422, "IdempotencyKeyReused")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"PurchaseOrder": "nobody"}, 404, "NotFound"),
        ({"UnitPrice": "12.50001"}, 422, "BadPrice"),
        ({"UnitPrice": "-1"}, 422, "BadPrice"),
        ({"UnitPrice": "NaN"}, 400, "BadRequest"),
        ({"UnitPrice": None}, 400, "BadRequest"),
        ({"LineNumber": "ten"}, 400, "BadRequest"),
    ],
)
def test_the_erp_refuses_by_name_what_it_cannot_post(
    network: Network, to_erp: Post, line: dict[str, Any], change: dict[str, Any], status: int, code: str
) -> None:
    answer = to_erp("/odata/v4/PurchaseOrderLines/Amend", "k", **{**_amend(line), **change})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (status, code)
    assert [row["applied"] for row in book(network.erp)] == [0]
    assert network.erp.find("order_lines", {"id": line["id"]}) == [line]


def test_the_procurement_suite_applies_twice_what_it_is_sent_twice_and_lets_look(
    network: Network, to_suite: Post, line: dict[str, Any]
) -> None:
    body = {"po": line["po"], "line": line["line"], "status": "ordered"}
    assert [to_suite("/api/v2/order-status", "k1", **body).status_code for _ in range(2)] == [200, 200]
    assert [row["applied"] for row in book(network.procurement, key="k1")] == [1, 1]
    app = procurement.application(network.procurement, network.moods, "key")
    look = app.test_client().get(
        f"/api/v2/order-lines/{line['po']}/{line['line']}", headers={"X-Api-Key": "key"}
    )
    assert (look.get_json()["state"], look.get_json()["status"]) == ("ORDERED", "ordered")
    gone = app.test_client().get("/api/v2/order-lines/4711/1", headers={"X-Api-Key": "key"})
    assert gone.status_code == 404


def test_an_answer_that_is_lost_hides_a_write_that_was_applied(
    network: Network, to_suite: Post, line: dict[str, Any]
) -> None:
    body = {"po": line["po"], "line": line["line"], "status": "ordered"}
    network.moods.trouble("procurement", "lose", 1)
    assert to_suite("/api/v2/order-status", **body).status_code == 500
    assert book(network.procurement) == []
    network.moods.trouble("procurement", "drop", 1)
    assert to_suite("/api/v2/order-status", **body).status_code == 500
    assert [row["applied"] for row in book(network.procurement)] == [1]
    assert to_suite("/api/v2/order-status", **body).status_code == 200, "one was asked for"


def test_the_warehouse_sends_what_its_docks_scanned_and_refuses_the_rest_with_its_reason(
    network: Network, to_warehouse: Post
) -> None:
    planted = [plant(network, "missing_receipt", NOW, random.Random(4)) for _ in range(3)]
    assert all(planted)
    said = {}
    for (number,) in planted:
        row = network.ledger.entry(number)
        assert row is not None
        key = json.loads(row["business_key"])
        body = {"po_no": key["order_number"], "po_line": key["line_number"]}
        answer = to_warehouse("/api/v1/receipt-requests", **body)
        said[answer.get_json().get("error", "sent")] = number
        if answer.status_code == 200:
            again = to_warehouse("/api/v1/receipt-requests", **body)
            assert again.get_json()["error"] == "ALREADY_SENT"
    assert set(said) == {"sent", "NO_DELIVERY", "PERIOD_CLOSED"}
    sent = network.ledger.entry(said["sent"])
    refused = network.ledger.entry(said["NO_DELIVERY"])
    assert sent is not None and sent["healed_at"] is not None
    assert refused is not None and refused["healed_at"] is None
    assert len(network.wms.rows("SELECT * FROM receipts WHERE sent = 0 AND posted_at > '2026-11-19'")) == 1


def test_ap_automation_answers_late_and_remembers_keys(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("demo.moods.time.sleep", waited.append)
    app = ap_automation.application(network.ap, network.moods, "token")
    post = _posting(app.test_client(), {"Authorization": "Bearer token"})
    row = network.ap.rows("SELECT * FROM invoice_lines WHERE status = 'ENTERED'")[0]
    network.moods.trouble("ap_automation", "late", -1, 30)
    body = {"vendorCode": row["vendor"], "invoiceNumber": row["number"], "status": "paid"}
    assert [post("/rest/v1/payment-status", "k1", **body).status_code for _ in range(2)] == [200, 200]
    assert waited == [30, 30]
    assert network.ap.find("invoice_lines", {"id": row["id"]})[0]["status"] == "PAID"
    assert len(book(network.ap)) == 1
    unknown = post("/rest/v1/payment-status", **{**body, "invoiceNumber": "none"})
    assert unknown.get_json()["code"] == "NOT_FOUND"


def test_a_payment_that_is_told_to_ap_automation_mends_what_was_open_there(network: Network) -> None:
    [number] = plant(network, "paid_still_open", NOW, random.Random(1))
    entry = network.ledger.entry(number)
    assert entry is not None
    [header] = network.ap.find("invoices", {"number": json.loads(entry["business_key"])["invoice_number"]})
    app = ap_automation.application(network.ap, network.moods, "token", network.mended)
    post = _posting(app.test_client(), {"Authorization": "Bearer token"})
    answer = post(
        "/rest/v1/payment-status", vendorCode=header["vendor"], invoiceNumber=header["number"], status="paid"
    )
    assert (header["status"], answer.status_code) == ("APPROVED", 200)
    [now] = network.ap.find("invoices", {"id": header["id"]})
    assert (now["status"], now["open_amount"], now["changed_at"] > header["changed_at"]) == ("PAID", 0, True)
    healed = network.ledger.entry(number)
    assert healed is not None and healed["healed_at"] is not None


def test_each_of_the_five_manners_is_reached_by_an_operation(network: Network) -> None:
    taken = {
        "erp": erp.application(network.erp, network.moods, "reader", "secret", network.mended),
        "procurement": procurement.application(network.procurement, network.moods, "key", network.mended),
        "ap_automation": ap_automation.application(network.ap, network.moods, "token"),
        "wms_api": warehouse_api.application(network.wms, network.moods, "key", network.mended),
        "portal": portal.application(network.portal, network.moods, "key", network.mended),
    }
    catalog = load_catalog(CATALOG, connector_models())
    operations = catalog.operations.values()
    assert {one.system for one in operations} == taken.keys()
    for one in operations:
        rules = {
            rule.rule for rule in taken[one.system].url_map.iter_rules() if "POST" in (rule.methods or ())
        }
        assert one.submit["path"] in rules, one.code
    honours = {code: system.delivery.idempotent for code, system in catalog.systems.items() if code in taken}
    assert {code for code, keeps in honours.items() if keeps} == {"erp", "ap_automation"}


def test_the_portal_thanks_and_does_nothing(network: Network) -> None:
    app = portal.application(network.portal, network.moods, "key", network.mended)
    post = _posting(app.test_client(), {"X-Api-Key": "key"})
    assert post("/v1/invoice-requests", order="4500117001").status_code == 200
    assert [row["status"] for row in book(network.portal)] == [200]
    assert app.test_client().post("/v1/invoice-requests").status_code == 401


def test_writes_meet_as_many_troubles_as_were_asked_for(
    network: Network, to_suite: Post, line: dict[str, Any]
) -> None:
    body = {"po": line["po"], "line": line["line"], "status": "ordered"}
    network.moods.trouble("procurement", "busy", 2, 7)
    network.moods.trouble("procurement", "unavailable", 1)
    answers = [to_suite("/api/v2/order-status", **body) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 429, 503, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert len(book(network.procurement)) == 1
    with pytest.raises(ValueError, match="no trouble 'rude' of 'procurement'; troubles are busy"):
        network.moods.trouble("procurement", "rude", 1)


def test_a_write_that_puts_a_fault_right_heals_it_in_the_ledger(network: Network, to_suite: Post) -> None:
    (number,) = plant(network, "order_status_mismatch", NOW, random.Random(4))
    row = network.ledger.entry(number)
    assert row is not None
    key = json.loads(row["business_key"])
    to_suite("/api/v2/order-status", po=key["order_number"], line=key["line_number"], status="closed")
    healed = network.ledger.entry(number)
    assert healed is not None and healed["healed_at"] is not None
