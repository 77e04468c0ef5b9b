"""My work, the SLA board, exports and tasks, integration, people: each works and hides what is not theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.models import CheckRun, FeedState, Reject, SyncRun, Task, User
from exceptions_app.runtime import runtime
from tests.conftest import NOW

HOUR = timedelta(hours=1)
FLOW = {"flow": "procure_to_pay"}


def _tiles(client: FlaskClient) -> dict[str, tuple[str, str]]:
    page = html.fromstring(client.get("/").text)
    return {
        tile.xpath("./span")[0].text_content(): (tile.xpath("./b")[0].text_content(), tile.get("href"))
        for tile in page.find_class("tile")
    }


def _count(client: FlaskClient, href: str) -> int:
    return len(html.fromstring(client.get(href).text).xpath("//tr[starts-with(@id, 'case-')]"))


def test_each_number_of_my_work_leads_to_exactly_that_many(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    me = client.person.id  # type: ignore[attr-defined]
    make_case(due_at=NOW - HOUR, due_soon_at=NOW - 2 * HOUR, owner_id=me)
    make_case(due_at=NOW + HOUR, due_soon_at=NOW - HOUR)
    make_case(due_at=NOW + 30 * HOUR)
    make_case(on_hold=True, held_at=NOW, ball_in_court="supplier", due_at=NOW - HOUR)
    session.commit()
    tiles = _tiles(client)
    assert {title: count for title, (count, _) in tiles.items()} == {
        "Breached": "1", "Due today": "1", "Without an owner": "3", "Mine": "1", "Mine, breached": "1",
        "Mine, due today": "0",
    }  # fmt: skip
    assert all(_count(client, href) == int(count) for count, href in tiles.values())
    page = html.fromstring(client.get("/").text)
    assert page.xpath("//li[contains(., 'Supplier')]//a/@href") == ["/queue?ball=supplier&hold=yes"]


def test_new_since_the_last_visit_is_counted_from_its_end(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    assert "New since your last visit" not in _tiles(client)
    later = NOW + 5 * HOUR
    make_case(opened_at=NOW - HOUR)
    make_case(opened_at=NOW + HOUR)
    session.commit()
    with time_machine.travel(later, tick=False):
        for _ in range(2):  # looking again in the same visit does not lose it
            count, href = _tiles(client)["New since your last visit"]
            assert (count, _count(client, href)) == ("1", 1)


def test_a_feed_that_is_out_is_one_line(session: Session, sign_in: Callable[..., FlaskClient]) -> None:
    session.add(
        FeedState(feed="erp_orders", failing_since=NOW - HOUR, read_through=NOW - 2 * HOUR, last_error="503")
    )
    session.commit()
    page = sign_in().get("/").text
    assert "Orders of the ERP (Page ERP) has not delivered since" in page
    assert "Nothing of it is closed or called missing meanwhile." in page


def test_the_board_counts_by_queue_and_stage_and_each_mark_leads_to_its_rows(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    for _ in range(3):
        make_case(due_at=NOW - HOUR)
    make_case(queue="stores")
    make_case(status="awaiting_confirmation")
    session.commit()
    client = sign_in()
    page = html.fromstring(client.get("/sla").text)
    rows = {
        row.xpath("./th")[0].text_content().strip(): [
            cell.text_content().strip() for cell in row.xpath("./td")
        ]
        for row in page.xpath("//table//tr[th and td]")
    }
    assert rows["Accounts payable"] == ["3", "0", "0", "0", "3"]
    assert rows["Stores"] == ["0", "0", "1", "0", "1"]
    assert rows["All queues"] == ["3", "0", "1", "0", "4"]
    for link in page.xpath("//table//td/a"):
        assert _count(client, link.get("href")) == int(link.text_content())
    figure = client.get("/sla/figure.json").json
    assert figure["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"
    for trace in figure["data"]:
        for count, target in zip(trace["x"], trace["customdata"], strict=True):
            assert _count(client, target) == count


def test_the_board_counts_only_what_is_the_viewers(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    make_case()
    make_case(queue="stores", entity="H02")
    session.commit()
    names = sign_in(queues=("stores",)).get("/sla/figure.json").json["data"][0]["y"]
    assert "Stores" in names and "Accounts payable" not in names


def _task(session: Session) -> Task:
    found = session.scalars(select(Task).order_by(Task.id.desc())).first()
    session.commit()
    assert found is not None
    return found


def test_an_export_is_a_task_with_the_filter_and_who_asked(
    session: Session, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    for _ in range(2):
        answer = client.post("/exports", data={"f-queue": "ap", "f-stage": ["breached", "due_soon"]})
    assert answer.location == "/exports"
    task, me = _task(session), client.person.id  # type: ignore[attr-defined]
    assert (task.kind, task.status, task.requested_by_id) == ("export", "queued", me)
    assert json.loads(task.payload) == {
        "filter": {"queue": ["ap"], "stage": ["breached", "due_soon"]},
        "user_id": me,
    }
    assert task.id == 2
    page = client.get("/exports").text
    assert "SLA: Breached" in page and f'hx-get="/tasks/{task.id}"' in page


def test_progress_asks_again_only_while_there_is_progress_to_show(
    session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    client.post("/exports")
    task = session.get_one(Task, _task(session).id)
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"}
    task.status, task.progress_done, task.progress_total = "running", 20, 80
    session.commit()
    fragment = client.get(f"/tasks/{task.id}", headers=headers).text
    assert 'hx-trigger="every 1s"' in fragment and 'value="25"' in fragment and "20 of 80" in fragment
    task.status, task.error = "failed", "the disk is full"
    session.commit()
    fragment = client.get(f"/tasks/{task.id}", headers=headers).text
    assert "hx-trigger" not in fragment and "the disk is full" in fragment


def test_an_export_is_fetched_only_by_who_asked_for_it(
    app: Flask, session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    owner = sign_in()
    others = [sign_in(), sign_in("manager"), sign_in("auditor"), sign_in("administrator")]
    owner.post("/exports")
    task = session.get_one(Task, _task(session).id)
    assert owner.get(f"/exports/{task.id}/download").status_code == 404
    folder = runtime(app).exports
    folder.mkdir(parents=True)
    (folder / "1.xlsx").write_bytes(b"workbook")
    task.status, task.result, task.finished_at = "done", json.dumps({"file": "1.xlsx", "rows": 3}), NOW
    session.commit()
    answer = owner.get(f"/exports/{task.id}/download")
    assert answer.data == b"workbook"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    for other in others:
        assert other.get(f"/exports/{task.id}/download").status_code in {403, 404}
        assert other.get(f"/tasks/{task.id}").status_code == 404
        assert f"/tasks/{task.id}" not in other.get("/exports").text
    task.result = json.dumps({"file": "../../secret_key"})
    session.commit()
    assert owner.get(f"/exports/{task.id}/download").status_code == 404


def test_only_who_asked_cancels(session: Session, sign_in: Callable[..., FlaskClient]) -> None:
    owner, other = sign_in(), sign_in()
    owner.post("/exports")
    task = _task(session)
    assert other.post(f"/tasks/{task.id}/cancel").status_code == 404
    assert owner.post(f"/tasks/{task.id}/cancel").location == "/exports"
    session.refresh(task)
    assert task.status == "cancelled"
    session.commit()
    assert "already ended" in owner.get(owner.post(f"/tasks/{task.id}/cancel").location).text


def _run(session: Session, snapshot_id: int, **columns: Any) -> SyncRun:
    run = SyncRun(
        **{
            "feed": "erp_orders", "status": "complete", "started_at": NOW, "read_started_at": NOW,
            "finished_at": NOW + HOUR, "rows_read": 1234, "correlation_id": "c", "config_snapshot_id": snapshot_id,
        }
        | columns
    )  # fmt: skip
    session.add(run)
    session.flush()
    return run


def test_feeds_say_how_they_stand(
    session: Session, snapshot_id: int, sign_in: Callable[..., FlaskClient]
) -> None:
    _run(session, snapshot_id)
    session.add(FeedState(feed="erp_orders", read_through=NOW))
    session.add(
        FeedState(
            feed="ap_invoices",
            read_through=NOW - HOUR,
            failing_since=NOW,
            consecutive_failures=3,
            last_error="401",
        )
    )
    session.commit()
    page = html.fromstring(sign_in("integration_analyst").get("/integration").text)
    states = {
        row.get("id"): row.find_class("tag")[0].text for row in page.xpath("//tr[starts-with(@id, 'feed-')]")
    }
    assert states == {"feed-ap_invoices": "Failing", "feed-erp_orders": "Delivering"}
    assert "3 failures in a row" in page.text_content()
    assert "1,234" in page.text_content()


def test_rejects_show_where_and_why_and_the_row_as_it_was_masked(
    session: Session, snapshot_id: int, sign_in: Callable[..., FlaskClient]
) -> None:
    run = _run(session, snapshot_id, rows_rejected=1)
    reject = Reject(
        run_id=run.id, feed="erp_orders", position="orders.csv:42", source_id="77", created_at=NOW
    )
    reject.column_name, reject.reason = "price", "expected a decimal, got '<b>'"
    reject.raw_masked = '{"account":"•••"}'
    session.add(reject)
    session.commit()
    client = sign_in("integration_analyst")
    for path in (
        "/integration/rejects",
        f"/integration/rejects?run={run.id}",
        "/integration/rejects?feed=erp_orders",
    ):
        page = client.get(path).text
        assert "orders.csv:42" in page and "&#39;&lt;b&gt;&#39;" in page and "•••" in page
    assert "No row was rejected" in client.get("/integration/rejects?feed=ap_invoices").text
    one = sign_in("integration_analyst", entities=("H01",)).get("/integration/rejects").text
    assert "orders.csv:42" not in one and "not yours to read" in one
    every = sign_in("integration_analyst", entities=("NET",)).get("/integration/rejects").text
    assert "orders.csv:42" in every


def test_a_check_counts_and_fails_only_in_the_entities_of_who_looks(
    session: Session, snapshot_id: int, sign_in: Callable[..., FlaskClient]
) -> None:
    for scope, compared in (("H01", 1001), ("H02", 2002), ("*", 4004)):
        session.add(
            CheckRun(
                check_code="p2p.order_match", scope=scope, status="held", started_at=NOW, sides="{}",
                compared=compared, error=f"trouble in {scope}", correlation_id="c", config_snapshot_id=snapshot_id,
            )
        )  # fmt: skip
    session.commit()
    one = sign_in("integration_analyst", entities=("H01",)).get("/integration/checks").text
    assert "1,001" in one and "trouble in H01" in one
    assert "trouble in H02" not in one and "trouble in *" not in one
    every = sign_in("integration_analyst").get("/integration/checks").text
    assert "7,007" in every and "Whole network: trouble in *" in every


def test_keys_that_could_not_be_judged_are_told_with_the_check(
    session: Session, snapshot_id: int, sign_in: Callable[..., FlaskClient]
) -> None:
    for scope, unjudged in (("H01", 2), ("H02", 1)):
        session.add(
            CheckRun(
                check_code="p2p.order_match", scope=scope, status="complete", started_at=NOW, sides="{}",
                unjudged=unjudged, correlation_id="c", config_snapshot_id=snapshot_id,
            )
        )  # fmt: skip
    session.commit()
    every = sign_in("integration_analyst").get("/integration/checks").text
    assert "3 keys not judged" in every and "a row of theirs was rejected" in every
    one = sign_in("integration_analyst", entities=("H02",)).get("/integration/checks").text
    assert "1 key not judged" in one


def test_a_reject_says_what_is_not_judged_because_of_it(
    session: Session, snapshot_id: int, sign_in: Callable[..., FlaskClient]
) -> None:
    run = SyncRun(
        feed="erp_orders", status="complete", started_at=NOW, read_started_at=NOW, correlation_id="c",
        config_snapshot_id=snapshot_id,
    )  # fmt: skip
    session.add(run)
    session.flush()
    for known, ended_at in (('{"order_number": "PO-77", "note": null}', None), (None, None), ("{}", NOW)):
        session.add(
            Reject(
                run_id=run.id, feed="erp_orders", position="row 1", reason="bad", raw_masked="{}", created_at=NOW,
                known=known, ended_at=ended_at,
            )
        )  # fmt: skip
    session.commit()
    page = sign_in("integration_analyst").get("/integration/rejects").text
    assert re.search("Nothing is judged on [^<]*PO-77<", page)
    assert page.count("holds nothing back") == 1 and page.count("Settled") == 1


@pytest.mark.parametrize(
    ("path", "kind", "scope", "payload"),
    [
        ("/integration/feeds/erp_orders/read", "poll", "poll:erp_orders", {"feed": "erp_orders"}),
        (
            "/integration/flows/procure_to_pay/compare",
            "reconcile",
            "reconcile:procure_to_pay",
            {"flow": "procure_to_pay", "full": True},
        ),
    ],
)
def test_a_run_asked_for_twice_is_one_task(
    path: str,
    kind: str,
    scope: str,
    payload: dict[str, Any],
    session: Session,
    sign_in: Callable[..., FlaskClient],
) -> None:
    client = sign_in("integration_analyst")
    for _ in range(2):
        assert client.post(path).status_code == 303
    task = _task(session)
    assert (task.id, task.kind, task.scope, json.loads(task.payload)) == (1, kind, scope, payload)
    assert client.post("/integration/feeds/unknown/read").status_code == 404
    assert client.post("/integration/flows/unknown/compare").status_code == 404


def test_the_configuration_in_force_is_shown_by_part(sign_in: Callable[..., FlaskClient]) -> None:
    page = sign_in("auditor").get("/integration/configuration?section=checks&code=p2p.order_match").text
    assert "&#34;flow&#34;: &#34;procure_to_pay&#34;" in page
    assert sign_in("auditor").get("/integration/configuration?section=__class__&code=x").status_code == 200


def test_an_administrator_adds_changes_and_unlocks_people(
    session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in("administrator")
    form = {
        "name": "New Person", "email": "new@example.org", "password": "a long first password",
        "role": "specialist",
        "queues": ["ap", "made-up"], "entities": ["H01"], "time_zone": "America/Chicago",
    }  # fmt: skip
    assert client.post("/admin/people/new", data=form).location == "/admin/people"
    person = session.scalars(select(User).where(User.email == "new@example.org")).one()
    assert ([q.queue for q in person.queues], [e.entity for e in person.entities]) == (["ap"], ["H01"])
    person.locked_until, person.failed_sign_ins = NOW + HOUR, 5
    session.commit()
    assert "Locked out" in client.get("/admin/people").text
    assert client.post(f"/admin/people/{person.id}/unlock").status_code == 303
    changed = {"role": "manager", "queues": "*", "entities": "*", "active": "yes"}
    assert client.post(f"/admin/people/{person.id}", data=changed).status_code == 303
    session.refresh(person)
    assert (person.role, person.locked_until, [q.queue for q in person.queues]) == ("manager", None, ["*"])
    session.commit()


def test_a_function_that_no_breach_reaches_is_told(
    session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    client, told = sign_in("administrator"), "has the function Integration manager"
    form = {
        "name": "Ivo", "email": "ivo@example.org", "password": "a long first password", "role": "integration_analyst",
        "queues": "integration_operations", "entities": "H01", "time_zone": "UTC",
        "function": "integration Manager",
    }  # fmt: skip
    assert f"Nobody who may see Integration operations {told}" in client.get("/admin/people").text
    client.post("/admin/people/new", data=form)
    somewhere = client.get("/admin/people").text
    assert re.search(rf"Nobody at [^<]* who may see Integration operations {told}", somewhere)
    number = session.scalars(select(User.id).where(User.email == "ivo@example.org")).one()
    session.commit()
    changed = form | {"entities": "*", "active": "yes"}
    client.post(f"/admin/people/{number}", data=changed | {"queues": "ap"})
    assert told in client.get("/admin/people").text, "carried by somebody who does not see that queue"
    client.post(f"/admin/people/{number}", data=changed)
    assert told not in client.get("/admin/people").text
    client.post(f"/admin/people/{number}", data={k: v for k, v in changed.items() if k != "active"})
    assert told in client.get("/admin/people").text, "carried by somebody who is switched off"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "short"}, "at least 12"),
        ({"email": "nope"}, "not an email"),
        ({"time_zone": "Mars"}, "not a time zone"),
    ],
)
def test_a_person_that_cannot_be_added_comes_back_with_the_reason(
    change: dict[str, str], said: str, sign_in: Callable[..., FlaskClient]
) -> None:
    form = {
        "name": "Kept Name",
        "email": "k@example.org",
        "password": "a long first password",
        "role": "manager",
    }
    answer = sign_in("administrator").post("/admin/people/new", data=form | change)
    assert answer.status_code == 422
    assert said in answer.text and "Kept Name" in answer.text


def test_nobody_takes_the_administration_away_from_themselves(sign_in: Callable[..., FlaskClient]) -> None:
    client = sign_in("administrator")
    answer = client.post(f"/admin/people/{client.person.id}", data={"role": "auditor", "active": "yes"})  # type: ignore[attr-defined]
    assert answer.status_code == 422


def test_a_failing_page_gives_a_reference_and_no_trace(
    app: Flask,
    sign_in: Callable[..., FlaskClient],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    client = sign_in()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr("exceptions_app.web.dashboards.board", broken)
    answer = client.get("/sla")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text and "ZeroDivision" not in answer.text
    reference = html.fromstring(answer.text).xpath("//code/text()")[0]
    assert reference in caplog.text
