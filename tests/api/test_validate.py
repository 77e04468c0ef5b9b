"""Before a record is written: would it break a check, be there twice, or miss a crosswalk?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert
from sqlalchemy.orm import Session

from exceptions_app.models import ExceptionCase, FeedState, SyncRun
from exceptions_app.queries import validating
from exceptions_app.queries.validating import Judgement
from exceptions_app.runtime import runtime
from tests.conftest import NOW

Program = Callable[..., FlaskClient]
ORDER = "/api/v1/validate/page_order"
KEY = "order_number"


def hold(app: Flask, session: Session, snapshot_id: int, feed: str, rows: str) -> None:
    """Put records into the store, by a run that is over. `rows`: VALUES of number, price, unit, account."""
    at = runtime(app)
    run = SyncRun(
        feed=feed, status="complete", started_at=NOW, read_started_at=NOW, finished_at=NOW, correlation_id="c",
        config_snapshot_id=snapshot_id,
    )  # fmt: skip
    session.add_all([run, FeedState(feed=feed, read_through=NOW, consecutive_failures=0)])
    session.commit()
    declared = at.catalog.feeds[feed]
    with duckdb.connect() as con:
        made = con.sql(
            f"SELECT 'H01' AS entity, '{declared.system}' AS source_system, number AS source_id,"
            " TIMESTAMPTZ '2026-11-01 00:00:00+00' AS source_time, TIMESTAMPTZ '2026-11-01 00:00:00+00' AS fetched_at,"
            " number AS order_number, price::DECIMAL(18,4) AS price, unit, account"
            f" FROM (VALUES {rows}) AS t(number, price, unit, account)"
        )
        at.store.land(declared.record_type, feed, run.id, 0, made)


@pytest.fixture
def known(app: Flask, session: Session, snapshot_id: int) -> Flask:
    """An invoice over 30 for order PO-1, and an order PO-2; units have a crosswalk."""
    hold(app, session, snapshot_id, "ap_invoices", "('PO-1', 30, 'EA', 'A-1')")
    hold(app, session, snapshot_id, "erp_orders", "('PO-2', 12.5, 'CS', 'Main Street 1')")
    at = runtime(app)
    kind = at.catalog.record_types["page_order"]
    unit = kind.columns["unit"].model_copy(update={"crosswalk": "units"})
    kind = kind.model_copy(update={"columns": {**kind.columns, "unit": unit}})
    units = {("ERP1", "EACH"): "EA", (None, "CASE"): "CS"}
    changed = replace(
        at.catalog, record_types={**at.catalog.record_types, "page_order": kind},
        crosswalks={**at.catalog.crosswalks, "units": units},
    )  # fmt: skip
    app.extensions["tieout"] = replace(at, catalog=changed)
    return app


def ask(client: FlaskClient, record: dict[str, Any], **more: Any) -> Any:
    asked = {"system": "ERP1", "entity": "H01", "record": record, **more}
    return client.post(ORDER, json=asked)


def kinds(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 200, answer.text
    return [
        (one["kind"], one["column"] or one["category"] or one["reference"])
        for one in answer.json["objections"]
    ]


def test_nobody_waits_to_write_while_a_record_is_judged(
    known: Flask, session: Session, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(*_: Any, **__: Any) -> Judgement:
        with Session(session.get_bind()) as other:
            other.execute(insert(FeedState).values(feed="another", consecutive_failures=0))
            other.commit()
        return Judgement()

    monkeypatch.setattr(validating, "judge", judge)
    assert kinds(ask(program(), {KEY: "PO-9"})) == []
    session.expire_all()
    assert session.get(FeedState, "another") is not None


@pytest.mark.usefixtures("known")
def test_a_record_that_would_break_a_check_is_told_with_its_figures(
    program: Program, session: Session
) -> None:
    answer = ask(program(), {KEY: "PO-1", "price": "20", "unit": "EACH"})
    [found] = answer.json["objections"]
    assert (found["kind"], found["check"], found["category"]) == (
        "check",
        "p2p.order_match",
        "price_variance",
    )
    assert (
        found["said"] == "x charged 30.00." and found["severity"] == "medium" and found["reference"] == "PO-1"
    )
    assert answer.json["checks"] == ["p2p.order_match"] and answer.json["ok"] is False
    assert session.query(ExceptionCase).count() == 0, "nothing is opened"


@pytest.mark.usefixtures("known")
def test_a_record_within_tolerance_is_in_order(program: Program) -> None:
    answer = ask(program(), {KEY: "PO-1", "price": 27, "unit": "EACH"})
    assert answer.json == answer.json | {
        "ok": True,
        "objections": [],
        "checks": ["p2p.order_match"],
        "not_run": {},
    }


@pytest.mark.usefixtures("known")
def test_a_value_that_no_crosswalk_knows_is_told_with_what_may_be_meant(program: Program) -> None:
    answer = ask(program(), {KEY: "PO-7", "price": "1", "unit": "EACHH"})
    assert kinds(answer) == [("crosswalk", "unit")]
    assert answer.json["objections"][0]["suggestion"] == "EACH"
    assert kinds(ask(program(), {KEY: "PO-7", "unit": "CS"})) == [], "the canonical one is known, too"


@pytest.mark.parametrize("crosswalked", [True, False])
def test_a_word_that_its_column_does_not_list_is_told_with_what_may_be_meant(
    known: Flask, program: Program, crosswalked: bool
) -> None:
    at = runtime(known)
    kind = at.catalog.record_types["page_order"]
    update = {"words": ["EA", "CS"], **({} if crosswalked else {"crosswalk": None})}
    unit = kind.columns["unit"].model_copy(update=update)
    kind = kind.model_copy(update={"columns": {**kind.columns, "unit": unit}})
    types = {**at.catalog.record_types, "page_order": kind}
    known.extensions["tieout"] = replace(at, catalog=replace(at.catalog, record_types=types))
    answer = ask(program(), {KEY: "PO-7", "price": "1", "unit": "Ea"})
    assert kinds(answer) == [("crosswalk" if crosswalked else "value", "unit")]
    assert crosswalked or "expected one of CS, EA, found 'Ea'" in answer.json["objections"][0]["said"]
    assert kinds(ask(program(), {KEY: "PO-7", "unit": "EACH"})) == (
        [] if crosswalked else [("value", "unit")]
    )
    assert kinds(ask(program(), {KEY: "PO-7", "unit": "CS"})) == []


@pytest.mark.usefixtures("known")
def test_what_is_there_already_is_an_objection_to_a_new_record_only(program: Program) -> None:
    same = {KEY: "PO-2", "price": "12.5", "unit": "CS"}
    assert kinds(ask(program(), same)) == []
    assert kinds(ask(program(), same, new=True)) == [("exists", "")]


@pytest.mark.usefixtures("known")
def test_the_same_under_another_key_is_a_duplicate(program: Program) -> None:
    twin = {KEY: "PO-9", "price": "99", "unit": "cs ", "account": " main  street 1"}
    answer = ask(program("manager"), twin, new=True)
    assert ("duplicate", "PO-2") in kinds(answer)
    other = {**twin, "account": "Main Street 2"}
    assert ("duplicate", "PO-2") not in kinds(ask(program("manager"), other, new=True))


@pytest.mark.usefixtures("known")
def test_values_that_do_not_fit_are_told_all_at_once_and_no_check_is_run(program: Program) -> None:
    answer = ask(program(), {"price": "dear", "unt": "EA"})
    assert kinds(answer) == [("value", "unt"), ("value", KEY), ("value", "price")]
    assert answer.json["objections"][0]["suggestion"] == "unit"
    assert "an amount such as 1234.50" in answer.json["objections"][2]["said"]
    assert answer.json["not_run"] == {"p2p.order_match": "the record cannot be read"}


@pytest.mark.usefixtures("known")
def test_nobody_learns_of_facilities_columns_or_queues_that_are_not_theirs(program: Program) -> None:
    order = {KEY: "PO-1", "price": "20"}
    assert ask(program(entities=("H02",)), order).status_code == 403
    refused = ask(program(), {**order, "account": "A-1"})
    assert refused.status_code == 403 and "account" in refused.text
    [found] = ask(program(queues=("stores",)), order).json["objections"]
    assert found["said"] == "Price variance" and found["reference"] == ""


def test_questions_that_make_no_sense_are_problems(program: Program) -> None:
    client = program()
    for path, asked, status in (
        ("/api/v1/validate/nothing", {"system": "ERP1", "record": {"a": 1}}, 404),
        (ORDER, {"system": "SAP", "entity": "H01", "record": {KEY: "1"}}, 422),
        (ORDER, {"system": "ERP1", "record": {KEY: "1"}}, 422),
        (ORDER, {"system": "ERP1", "entity": "H01", "record": {}}, 422),
        (ORDER, {"system": "ERP1", "entity": "H01", "record": {KEY: "1"}, "more": 1}, 422),
    ):
        answer = client.post(path, json=asked)
        assert answer.status_code == status, (path, asked, answer.text)
        assert answer.content_type == "application/problem+json"
    empty = client.post(ORDER, json={"system": "ERP1", "entity": "H01", "record": {}}).get_json()
    assert empty["title"].startswith("record: it is empty; expected")
    broken = client.post(ORDER, data="{", content_type="application/json")
    assert broken.status_code == 400 and "not JSON" in broken.get_json()["detail"]


@pytest.mark.usefixtures("known")
def test_text_that_looks_like_sql_is_text(program: Program) -> None:
    evil = "'; DROP TABLE kept_page_order; --"
    answer = ask(program(), {KEY: evil, "price": "1", "unit": "CS"})
    assert kinds(answer) == []
    assert kinds(ask(program(), {KEY: "PO-2", "unit": "CS"}, new=True)) == [("exists", "")]


def test_records_that_were_all_folded_are_judged_too(known: Flask, program: Program) -> None:
    runtime(known).store.fold("page_order")
    runtime(known).store.fold("page_invoice")
    answer = ask(program(), {KEY: "PO-1", "price": "20", "unit": "EACH"})
    assert answer.status_code == 200 and answer.json["checks"], answer.text
