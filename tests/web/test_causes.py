"""The pages of causes: what is theirs to see, what an addition would do, putting it in force, taking it back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Category, CausedBy
from exceptions_app.domain.money import SCALE
from exceptions_app.domain.public_id import encode
from exceptions_app.models import AuditEvent, CatalogAddition, ExceptionCase, Task
from exceptions_app.runtime import runtime
from tests.conftest import NOW

ALIAS = CausedBy(category="unmapped", crosswalk="supplier", key={"alias": "alias"})
RESULT = {
    "flows": ["procure_to_pay"], "partial": {}, "change": {"count": 0, "worth_e4": 0, "by_category": {}, "ids": []},
    "open": {"count": 0, "worth_e4": 0, "by_category": {}, "sample": []},
}  # fmt: skip


def _category(code: str, queue: str, **about: Any) -> Category:
    given: dict[str, Any] = {
        "title": code.capitalize(), "sentence": "x", "cause": "Nobody mapped it.", "guidance": ["Find the tax ID."],
        "owner": "Stewards", "queue": queue, "target": "1 business day",
    }  # fmt: skip
    return Category(code=code, **given | about)


@pytest.fixture
def catalog(app: Flask) -> Catalog:
    """The page network, where blocked orders follow from an alias."""
    found = runtime(app)
    said = "{alias} is unknown: {exceptions|number} exceptions, {worth|money}."
    categories = {
        **found.catalog.categories,
        "blocked": _category("blocked", "ap", caused_by=[ALIAS]),
        "unmapped": _category("unmapped", "stores", sentence=said),
    }
    own = replace(
        found.catalog, categories=categories, crosswalks={"supplier": {(None, "V1-OLD"): "V1"}},
        crosswalk_titles={"supplier": "Suppliers"},
    )  # fmt: skip
    app.extensions["tieout"] = replace(found, catalog=own)
    return own


@pytest.fixture
def cause(session: Session, make_case: Callable[..., Any], catalog: Catalog) -> Any:
    """An unmapped alias of the whole network that blocks one order in each hospital."""
    assert catalog
    made = make_case(
        category="unmapped", check_code="causes", scope="unmapped", entity="*", queue="stores",
        fingerprint=b"cause".ljust(16), sentence="stored", reporting_amount_e4=None, amount_e4=None,
        business_key='{"alias":"MEDLN-02","crosswalk":"supplier","system":"ERP1"}',
        facts='{"alias":"MEDLN-02","crosswalk":"Suppliers","system":"ERP","exceptions":"2","worth":"300"}',
    )  # fmt: skip
    for number, entity in enumerate(("H01", "H02"), start=1):
        make_case(
            category="blocked", entity=entity, scope=entity, parent_id=made.id, reference=f"PO-{entity}",
            fingerprint=f"child{number}".encode().ljust(16), sentence=f"Blocked at {entity}.",
            reporting_amount_e4=number * 100 * SCALE,
        )  # fmt: skip
    session.commit()
    return made


def read(session: Session, statement: Any) -> list[Any]:
    """Rows as they are now; the session holds no lock on SQLite afterwards."""
    found = list(session.scalars(statement.execution_options(populate_existing=True)))
    session.commit()
    return found


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def test_a_cause_is_listed_with_its_figures_and_leads_to_its_queue(
    cause: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    answer = sign_in().get("/causes")
    assert "MEDLN-02 is unknown: 2 exceptions, $300.00." in text_of(answer)
    assert f'href="/causes/{encode(cause.id)}"' in answer.text
    assert f'href="/queue?cause={encode(cause.id)}"' in answer.text


def test_a_person_sees_a_cause_with_the_figures_of_what_is_theirs(
    cause: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in(entities=("H01",), queues=("ap",))
    assert "MEDLN-02 is unknown: 1 exceptions, $100.00." in text_of(client.get("/causes"))
    page = client.get(f"/causes/{encode(cause.id)}")
    assert "Blocked at H01." in page.text and "H02" not in page.text
    assert f'href="/exceptions/{encode(cause.id)}"' not in page.text
    assert 'name="canonical"' not in page.text


def test_a_cause_of_what_one_may_not_see_does_not_exist(
    cause: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in(entities=("H02",), queues=("stores",))
    assert "MEDLN" not in client.get("/causes").text
    assert client.get(f"/causes/{encode(cause.id)}").status_code == 404
    assert client.post(f"/causes/{encode(cause.id)}/preview").status_code == 404


@pytest.mark.parametrize(
    "path", ["/causes/EX-000000", "/causes/none", "/causes/cluster?category=x&by=y&value=z"]
)
def test_what_is_no_cause_does_not_exist(
    path: str, catalog: Catalog, sign_in: Callable[..., FlaskClient]
) -> None:
    assert sign_in().get(path).status_code == 404


def test_an_exception_that_is_no_cause_has_no_page_of_causes(
    case: Any, catalog: Catalog, sign_in: Callable[..., FlaskClient]
) -> None:
    assert sign_in().get(f"/causes/{encode(case.id)}").status_code == 404


def test_without_any_the_page_says_so(catalog: Catalog, sign_in: Callable[..., FlaskClient]) -> None:
    answer = sign_in().get("/causes")
    assert "No known cause" in answer.text
    assert "Nothing stands out" in answer.text


def ask(client: FlaskClient, cause: Any, **form: str) -> Any:
    given = {"canonical": "V1", "reason": "same tax ID"} | form
    return client.post(f"/causes/{encode(cause.id)}/preview", data=given)


def looked_at(session: Session, cause: Any) -> Task:
    """The preview that was asked for last, done."""
    task = session.scalars(select(Task).where(Task.kind == "preview").order_by(Task.id.desc())).first()
    assert task is not None
    ids = [cause.id + 1, cause.id + 2]
    clear = {"count": 2, "worth_e4": 300 * SCALE, "by_category": {"blocked": 2}, "ids": ids}
    task.status, task.result, task.finished_at = "done", json.dumps(RESULT | {"clear": clear}), NOW
    session.commit()
    return task


def test_a_preview_is_a_task_and_puts_nothing_in_force(
    cause: Any, session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    answer = ask(client, cause)
    task = read(session, select(Task).where(Task.kind == "preview"))[0]
    assert (answer.status_code, answer.location) == (303, f"/causes/fix/{task.id}")
    assert json.loads(task.payload)["addition"] == {
        "kind": "crosswalk", "crosswalk": "supplier", "system": "ERP1", "local": "MEDLN-02", "canonical": "V1",
    }  # fmt: skip
    waiting = client.get(answer.location)
    assert "every 1s" in waiting.text
    assert "Look again" in waiting.text
    assert read(session, select(CatalogAddition)) == []
    assert client.post(f"{answer.location}/apply").status_code == 409


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"canonical": " "}, "Say what it is known as here."),
        ({"reason": ""}, "Say why"),
        ({"expires": "soon"}, "is not a date"),
        ({"expires": "2020-01-01"}, "not over yet"),
    ],
)
def test_what_cannot_be_is_told_on_the_form_with_what_was_typed(
    form: dict[str, str], said: str, cause: Any, session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    answer = ask(sign_in(), cause, **{"reason": "kept <text>"} | form)
    assert answer.status_code == 422
    assert said in unescape(answer.text)
    assert ("kept &lt;text&gt;" in answer.text) == ("reason" not in form)
    assert read(session, select(Task).where(Task.kind == "preview")) == []


def test_applying_puts_in_force_what_was_looked_at_and_asks_for_the_checks(
    cause: Any, session: Session, app: Flask, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in(name="Ines Okafor")
    ask(client, cause, everywhere="yes", expires="2027-03-31")
    task = looked_at(session, cause)
    page = client.get(f"/causes/fix/{task.id}")
    assert "Apply: clear 2 exceptions worth $300.00" in text_of(page)
    assert "Blocked at H01." in page.text
    answer = client.post(f"/causes/fix/{task.id}/apply", data={"canonical": "V9"})
    assert answer.status_code == 303, answer.text
    row = read(session, select(CatalogAddition))[0]
    assert json.loads(row.payload)["canonical"] == "V1"
    assert (row.reason, row.case_id, row.asked_by_id) == ("same tax ID", cause.id, row.approved_by_id)
    assert row.expires_at is not None
    tags = read(session, select(AuditEvent.tag).where(AuditEvent.tag.startswith("configuration:addition")))
    assert tags == ["configuration:addition_applied"]
    assert runtime(app).catalog.crosswalks["supplier"][None, "MEDLN-02"] == "V1"
    after = client.get("/causes")
    assert "MEDLN-02 of every system is V1" in text_of(after)
    assert "Ines Okafor" in after.text

    # Once is once; and what is withdrawn is out of force for everybody.
    assert client.post(f"/causes/fix/{task.id}/apply").status_code == 409
    assert client.post(f"/causes/additions/{row.id}/withdraw", data={"why": ""}).status_code == 303
    assert read(session, select(CatalogAddition.withdrawn_at)) == [None]
    client.post(f"/causes/additions/{row.id}/withdraw", data={"why": "wrong one"})
    assert read(session, select(CatalogAddition.withdrawn_why)) == ["wrong one"]
    assert (None, "MEDLN-02") not in runtime(app).catalog.crosswalks["supplier"]


def test_a_preview_is_its_askers_and_of_those_who_may_apply_it(
    cause: Any, session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    ask(sign_in(), cause)
    task = looked_at(session, cause)
    assert sign_in().get(f"/causes/fix/{task.id}").status_code == 200
    for other in (sign_in(entities=("H01",)), sign_in("auditor"), sign_in(queues=("ap",))):
        assert other.get(f"/causes/fix/{task.id}").status_code == 404
        assert other.post(f"/causes/fix/{task.id}/apply").status_code in {403, 404}


def test_another_task_is_no_preview(
    cause: Any, session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    session.add(Task(kind="export", scope="x", payload="{}", not_before=NOW, created_at=NOW, correlation_id="c",
                     requested_by_id=client.person.id))  # type: ignore[attr-defined]  # fmt: skip
    session.commit()
    number = read(session, select(Task.id).order_by(Task.id.desc()))[0]
    assert client.get(f"/causes/fix/{number}").status_code == 404


# -- clusters and wider limits

LIMIT = "p2p.order_match|price"


@pytest.fixture
def cluster(session: Session, make_case: Callable[..., Any], catalog: Catalog) -> dict[str, str]:
    """Six price variances with Medline in the first hospital."""
    assert catalog
    for number in range(6):
        make_case(fingerprint=f"p{number}".encode().ljust(16), reporting_amount_e4=10 * SCALE)
    session.commit()
    return {"category": "price_variance", "by": "counterparty", "value": "Medline"}


def _limit(catalog: Catalog) -> str:
    from exceptions_app.services import remedies

    found = remedies.limits_for(catalog, "price_variance")[0]
    return f"{found.check}|{found.tolerance}"


def test_what_many_have_in_common_is_listed_and_leads_to_its_queue(
    cluster: dict[str, str], sign_in: Callable[..., FlaskClient]
) -> None:
    answer = sign_in().get("/causes")
    assert "with Medline: 6 exceptions, $60.00; 100 % of all" in text_of(answer)
    assert 'href="/queue?category=price_variance&amp;counterparty=Medline&amp;alone=yes"' in answer.text
    page = sign_in().get("/causes/cluster", query_string=cluster)
    assert "Fix once: allow more" in page.text
    assert sign_in(entities=("H02",)).get("/causes/cluster", query_string=cluster).status_code == 404


def ask_limit(client: FlaskClient, catalog: Catalog, cluster: dict[str, str], **form: str) -> Any:
    given = {
        "limit": _limit(catalog),
        "absolute": "400",
        "percent": "",
        "reason": "new list",
        "expires": "2027-01-31",
    }
    return client.post("/causes/limit/preview", data=cluster | given | form)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"expires": ""}, "needs a day on which it ends"),
        ({"expires": "2028-01-31"}, "within a year"),
        ({"absolute": ""}, "an amount or a percentage"),
        ({"absolute": "lots"}, "“lots” is no amount"),
        ({"percent": "-3"}, "must be over 0"),
        ({"limit": "p2p.order_match|other"}, "does not decide"),
    ],
)
def test_a_wider_limit_says_what_it_lacks(
    form: dict[str, str],
    said: str,
    cluster: dict[str, str],
    catalog: Catalog,
    sign_in: Callable[..., FlaskClient],
) -> None:
    answer = ask_limit(sign_in(), catalog, cluster, **form)
    assert answer.status_code == 422
    assert said in unescape(answer.text)


def test_a_wider_limit_for_what_they_share_names_it(
    session: Session,
    make_case: Callable[..., Any],
    catalog: Catalog,
    sign_in: Callable[..., FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    category = catalog.categories["price_variance"]
    shared = category.model_copy(update={"shared": {"order_number": "of order {value}"}})
    monkeypatch.setitem(catalog.categories, "price_variance", shared)  # type: ignore[arg-type]
    for number in range(6):
        make_case(
            fingerprint=f"s{number}".encode().ljust(16), counterparty=f"S{number}", entity="H01",
            business_key=json.dumps({"order_number": "PO-9", "n": number}),
        )  # fmt: skip
    session.commit()
    about = {"category": "price_variance", "by": "order_number", "value": "PO-9"}
    page = sign_in().get("/causes/cluster", query_string=about)
    assert "Fix once: allow more" in page.text
    ask_limit(sign_in(), catalog, about)
    payload = json.loads(read(session, select(Task).where(Task.kind == "preview"))[0].payload)
    assert payload["addition"]["scoped"]["facts"] == {"order_number": ["PO-9"]}


def test_a_wider_limit_takes_the_owner_of_the_category(
    cluster: dict[str, str], catalog: Catalog, session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    asker = sign_in()
    ask_limit(asker, catalog, cluster)
    task = read(session, select(Task).where(Task.kind == "preview"))[0]
    clear = {"count": 1, "worth_e4": SCALE, "by_category": {}, "ids": []}
    task.status, task.result, task.finished_at = "done", json.dumps(RESULT | {"clear": clear}), NOW
    session.commit()
    path = f"/causes/fix/{task.id}"
    owner_name = catalog.categories["price_variance"].owner
    assert f"{owner_name} puts this in force" in text_of(asker.get(path))
    assert asker.post(f"{path}/apply").status_code == 403

    owner = sign_in()
    owner.person.function = owner_name.upper()  # type: ignore[attr-defined]
    session.commit()
    assert owner.post(f"{path}/apply").status_code == 303
    row = read(session, select(CatalogAddition))[0]
    assert (row.asked_by_id, row.approved_by_id) == (asker.person.id, owner.person.id)  # type: ignore[attr-defined]
    assert row.expires_at is not None and row.expires_at > NOW + timedelta(days=60)


def test_a_wider_limit_beyond_ones_own_entities_is_refused(
    cluster: dict[str, str], catalog: Catalog, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in(entities=("H01",))
    assert ask_limit(client, catalog, cluster).status_code == 403
    assert ask_limit(client, catalog, cluster, entity="H02").status_code == 403
    assert ask_limit(client, catalog, cluster, entity="H01").status_code == 303


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true", "HX-Target": "panel"}], ids=["page", "panel"])
def test_an_exception_leads_to_what_it_follows_from_and_a_cause_to_where_it_is_fixed(
    cause: Any, session: Session, sign_in: Callable[..., FlaskClient], headers: dict[str, str]
) -> None:
    """Also who does not see the cause itself, which is the stewards' and the whole network's."""
    mine = sign_in(entities=("H01",), queues=("ap",))
    [child] = read(session, select(ExceptionCase).where(ExceptionCase.reference == "PO-H01"))
    page = mine.get(f"/exceptions/{encode(child.id)}", headers=headers)
    assert "Follows from: MEDLN-02 is unknown: 1 exceptions, $100.00. Fix once" in text_of(page)
    assert f'href="/causes/{encode(cause.id)}"' in page.text
    assert mine.get(f"/causes/{encode(cause.id)}").status_code == 200
    own = sign_in().get(f"/exceptions/{encode(cause.id)}", headers=headers)
    assert "2 exceptions follow from this one. Fix once" in text_of(own)
    assert f'href="/causes/{encode(cause.id)}"' in own.text


def test_what_follows_from_nothing_says_nothing_of_causes(
    cause: Any, make_case: Callable[..., Any], session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    alone = make_case(category="blocked", fingerprint=b"alone".ljust(16))
    session.commit()
    page = sign_in().get(f"/exceptions/{encode(alone.id)}").text
    assert "Fix once" not in page and f"/causes/{encode(cause.id)}" not in page


def test_a_group_by_cause_says_the_figures_of_what_is_the_viewers(
    cause: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    theirs = text_of(sign_in(entities=("H01",), queues=("ap",)).get("/queue?group=cause"))
    assert "MEDLN-02 is unknown: 1 exceptions, $100.00." in theirs
    assert "$300" not in theirs and "2 exceptions" not in theirs
    assert "MEDLN-02 is unknown: 2 exceptions, $300.00." in text_of(sign_in().get("/queue?group=cause"))


def test_what_was_settled_once_leads_to_what_was_added_where_that_may_be_seen(
    cause: Any, session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    network, mine = sign_in(), sign_in(entities=("H01",), queues=("ap",))
    person = network.person.id  # type: ignore[attr-defined]
    made = CatalogAddition(
        kind="crosswalk", payload="{}", summary="MEDLN-02 is V1", reason="same tax ID", case_id=cause.id,
        asked_by_id=person, approved_by_id=person, created_at=NOW - timedelta(hours=1),
    )  # fmt: skip
    session.add(made)
    [child] = session.scalars(select(ExceptionCase).where(ExceptionCase.reference == "PO-H01"))
    child.status, child.end_reason, child.resolved_at = "resolved", "fixed_once", NOW
    session.commit()
    link = f'href="/causes#addition-{made.id}"'
    page = network.get(f"/exceptions/{encode(child.id)}")
    assert "settled by Fix once: what was added" in text_of(page) and link in page.text
    other = mine.get(f"/exceptions/{encode(child.id)}")
    assert "settled by Fix once" in text_of(other) and link not in other.text
