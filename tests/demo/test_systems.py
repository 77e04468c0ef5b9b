"""The systems answer as their real kind would: tokens, paging, filters, aliases, files with trailers."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient

from demo.moods import Moods
from demo.suppliers import BLOCKED_SUPPLIER
from demo.systems import ap_automation, erp, procurement, warehouse, warehouse_api, words

from .conftest import NOW, Build


def _token(client: FlaskClient) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "client_id": "reader", "client_secret": "secret"}
    answer = client.post("/oauth2/token", data=form).get_json()
    return {"Authorization": f"Bearer {answer['access_token']}"}


def _all(client: FlaskClient, path: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    following: str | None = path
    while following:
        body = client.get(following, headers=headers).get_json()
        rows += body["value"]
        following = body.get("@odata.nextLink")
    return rows


def test_erp_pages_by_next_link_and_filters_by_modified_time(build: Build) -> None:
    network = build()
    client = erp.application(network.erp, network.moods, "reader", "secret").test_client()
    headers = _token(client)
    rows = _all(client, "/odata/v4/PurchaseOrderLines?$top=700", headers)
    total = network.erp.rows("SELECT count(*) AS n FROM order_lines")[0]["n"]
    assert len(rows) == len({(row["PurchaseOrder"], row["LineNumber"]) for row in rows}) == total
    since = "2026-11-10T00:00:00Z"
    recent = _all(client, f"/odata/v4/PurchaseOrderLines?$filter=ModifiedAt ge {since}&$top=50", headers)
    assert len(recent) == len([row for row in rows if row["ModifiedAt"] >= since]) > 50
    assert (
        client.get("/odata/v4/PurchaseOrderLines?$filter=Vendor eq 'x'", headers=headers).status_code == 400
    )


def test_erp_refuses_wrong_secrets_and_unknown_tokens(build: Build) -> None:
    network = build()
    client = erp.application(network.erp, network.moods, "reader", "secret").test_client()
    form = {"grant_type": "client_credentials", "client_id": "reader", "client_secret": "guess"}
    assert client.post("/oauth2/token", data=form).status_code == 401
    assert client.get("/odata/v4/Vendors", headers={"Authorization": "Bearer x"}).status_code == 401


def test_erp_asks_for_patience_now_and_then(build: Build, tmp_path: Path) -> None:
    network = build()
    client = erp.application(network.erp, Moods(tmp_path / "moods.json", 1), "reader", "secret").test_client()
    answers = [client.get("/odata/v4/ItemUnits") for _ in range(60)]
    patience = [answer for answer in answers if answer.status_code == 429]
    assert patience and all(answer.headers["Retry-After"] == "1" for answer in patience)


def test_one_supplier_holds_deliveries_and_some_give_a_discount(build: Build) -> None:
    network = build()
    client = erp.application(network.erp, network.moods, "reader", "secret").test_client()
    accounts = client.get("/odata/v4/VendorAccounts", headers=_token(client)).get_json()["value"]
    assert [one["Vendor"] for one in accounts if one["DeliveriesHeld"]] == [BLOCKED_SUPPLIER.number]
    client = ap_automation.application(network.ap, network.moods, "token").test_client()
    path, headers = "/rest/v1/invoice-lines?per_page=1000", {"Authorization": "Bearer token"}
    lines = client.get(path, headers=headers).get_json()["invoiceLines"]
    given = [line for line in lines if line["discountPercent"]]
    assert 0 < len(given) < len(lines)
    assert all(line["invoiceDate"] < line["discountUntil"] < line["dueDate"] for line in given)


def test_procurement_pages_by_cursor_in_its_own_words(build: Build) -> None:
    network = build()
    client = procurement.application(network.procurement, network.moods, "key").test_client()
    assert client.get("/api/v2/order-lines").status_code == 401
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 900, "cursor": cursor} if cursor else {"limit": 900}
        body = client.get("/api/v2/order-lines", query_string=query, headers={"X-Api-Key": "key"}).get_json()
        rows, cursor = rows + body["data"], body["next_cursor"]
    assert (
        len({row["id"] for row in rows}) == network.erp.rows("SELECT count(*) AS n FROM order_lines")[0]["n"]
    )
    assert {row["state"] for row in rows} <= set(words.PROCUREMENT.values())
    assert all(row["po"]["number"].startswith("PO-") for row in rows)


def test_ap_automation_pages_by_number_and_says_the_total(build: Build) -> None:
    network = build()
    client = ap_automation.application(network.ap, network.moods, "token").test_client()
    assert client.get("/rest/v1/invoice-lines").status_code == 401
    headers, rows, page = {"Authorization": "Bearer token"}, list[dict[str, Any]](), 1
    while body := client.get(f"/rest/v1/invoice-lines?page={page}&per_page=400", headers=headers).get_json():
        rows += body["invoiceLines"]
        page += 1
        if len(rows) >= body["total"]:
            break
    assert len({row["id"] for row in rows}) == len(rows) == body["total"]
    since = {"changed_after": "2026-11-12T00:00:00Z"}
    recent = client.get("/rest/v1/invoice-lines", query_string=since, headers=headers).get_json()
    assert 0 < recent["total"] < body["total"]


def test_a_system_that_is_out_answers_503_with_a_page(build: Build) -> None:
    network = build()
    client = ap_automation.application(network.ap, network.moods, "token").test_client()
    network.moods.set("outage", "ap_automation", 60)
    answer = client.get("/rest/v1/invoice-lines", headers={"Authorization": "Bearer token"})
    assert answer.status_code == 503 and answer.content_type.startswith("text/html")
    network.moods.set("outage", "ap_automation", 0)
    assert client.get("/rest/v1/invoice-lines", headers={"Authorization": "Bearer token"}).status_code == 200


def test_the_warehouse_counts_its_records_in_a_trailer_and_sends_each_once(build: Build) -> None:
    network = build()
    (path,) = warehouse.drop(network.wms, network.drop, NOW)
    assert [file.name for file in network.drop.iterdir()] == [path.name]
    with path.open(encoding="utf-8", newline="") as file:
        header, *records, trailer = csv.reader(file)
    assert tuple(header) == warehouse.HEADER
    assert trailer == ["TRL", str(len(records))]
    assert {len(record) for record in records} == {11} | ({7} if any(len(r) == 7 for r in records) else set())
    assert warehouse.drop(network.wms, network.drop, NOW) == []


def test_the_quiet_warehouse_says_so_in_a_file_without_records(build: Build) -> None:
    network = build()
    warehouse.drop(network.wms, network.drop, NOW)
    (path,) = warehouse.drop(network.wms, network.drop, NOW + warehouse.QUIET)
    header, trailer = path.read_text(encoding="utf-8").splitlines()
    assert (header.split(",")[0], trailer) == ("receipt_no", "TRL,0")


def test_every_document_has_a_page_that_opens_without_credentials_and_nothing_else_does(build: Build) -> None:
    network = build()
    apps = {
        "erp": erp.application(network.erp, network.moods, "reader", "secret"),
        "procurement": procurement.application(network.procurement, network.moods, "key"),
        "ap": ap_automation.application(network.ap, network.moods, "token"),
        "wms": warehouse_api.application(network.wms, network.moods, "key"),
    }
    line = network.erp.rows("SELECT * FROM order_lines ORDER BY id DESC LIMIT 1")[0]
    requisition = network.procurement.rows("SELECT * FROM requisitions ORDER BY id DESC LIMIT 1")[0]
    invoice = network.ap.rows("SELECT * FROM invoice_lines ORDER BY id DESC LIMIT 1")[0]
    receipt = network.wms.rows("SELECT * FROM receipts ORDER BY id DESC LIMIT 1")[0]
    pages = [
        ("erp", f"orders/{line['po']}/{line['line']}", line["description"]),
        ("erp", f"vendors/{line['vendor']}", "orders@"),
        ("procurement", f"orders/{line['po']}", line["po"]),
        ("procurement", f"requisitions/{requisition['requisition']}", "requester"),
        ("ap", f"invoices/{quote(invoice['number'], safe='')}", invoice["number"]),
        ("wms", f"receipts/{receipt['receipt']}", receipt["po"]),
    ]
    for name, address, said in pages:
        answer = apps[name].test_client().get(f"/pages/{address}")
        assert (answer.status_code, said in answer.text) == (200, True), address
    assert apps["erp"].test_client().get("/pages/orders/<b>/1").status_code == 404
    assert "<b>" not in apps["erp"].test_client().get("/pages/orders/<b>/1").text
    assert apps["erp"].test_client().get("/odata/v4/Vendors").status_code == 401
    assert apps["ap"].test_client().get("/rest/v1/invoice-lines").status_code == 401
