"""What programs get: the queue and one exception, in the scope of the person whose key they send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.models import ApiToken
from exceptions_app.services import api_keys, audit_verify
from tests.conftest import NOW

Program = Callable[..., FlaskClient]


def test_the_queue_comes_with_exact_amounts_and_utc_times(case: Any, program: Program) -> None:
    answer = program().get("/api/v1/exceptions")
    assert answer.status_code == 200
    [found] = answer.json["exceptions"]
    assert found["reference"] == encode(case.id)
    assert found["sentence"] == case.sentence
    assert isinstance(found["amount"], str | None)
    assert found["opened_at"].endswith("Z")
    assert (answer.json["count"], answer.json["next"]) == (1, None)


def test_pages_follow_each_other_without_loss(make_case: Any, session: Session, program: Program) -> None:
    wanted = {encode(make_case().id) for _ in range(5)}
    session.commit()
    seen: list[str] = []
    client, after = program(), None
    while True:
        page = client.get(
            "/api/v1/exceptions", query_string={"size": 2} | ({"after": after} if after else {})
        ).json
        seen += [one["reference"] for one in page["exceptions"]]
        after = page["next"]
        if after is None:
            break
    assert sorted(seen) == sorted(wanted)


def test_what_belongs_to_another_entity_or_queue_does_not_exist(case: Any, program: Program) -> None:
    path = f"/api/v1/exceptions/{encode(case.id)}"
    assert program(entities=(case.entity,)).get(path).status_code == 200
    for about in ({"entities": ()}, {"queues": ("somewhere_else",)}):
        client = program(**about)
        assert client.get(path).status_code == 404
        assert client.get("/api/v1/exceptions").json["exceptions"] == []


def test_one_exception_has_its_sides_its_guidance_and_what_happened(case: Any, program: Program) -> None:
    found = program().get(f"/api/v1/exceptions/{encode(case.id)}").json
    assert found["guidance"]
    assert [head["code"] for head in found["sides"]["heads"]] == ["ordered", "invoiced"]
    assert found["whose_move"]


def test_a_deadline_is_explained(case: Any, program: Program) -> None:
    clock = program().get(f"/api/v1/exceptions/{encode(case.id)}").json["clock"]
    assert clock["target"] == case.sla_target
    assert clock["explanation"]["sentence"].startswith(case.sla_target)
    assert clock["explanation"]["due_at"] is not None
    assert "due " in clock["explanation"]["sentence"]


@pytest.mark.parametrize("role", ["specialist", "integration_analyst", "administrator"])
def test_bank_data_is_masked_for_whom_it_is_on_the_page(role: str, case: Any, program: Program) -> None:
    text = program(role).get(f"/api/v1/exceptions/{encode(case.id)}").text
    assert '"222"' not in text
    assert "masked" in text


def test_bank_data_is_there_for_a_manager(case: Any, program: Program) -> None:
    assert '"222"' in program("manager").get(f"/api/v1/exceptions/{encode(case.id)}").text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("size=0", "size"), ("size=x", "size"), ("status=gone", "status"), ("due=soon", "due"), ("x=1", "x"),
        ("due=2026-12-01", "due"), ("since=9999-12-31T23:59:59Z", "since"), ("after=x", "after"),
        ("sort=amount&after=WyJkdWUiLG51bGwsMV0", "after"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(query: str, field: str, program: Program) -> None:
    answer = program().get(f"/api/v1/exceptions?{query}")
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert field in answer.text


def test_what_is_not_there_is_a_problem_in_json(program: Program) -> None:
    for path in ("/api/v1/exceptions/EX-0", "/api/v1/nothing"):
        answer = program().get(path)
        assert answer.status_code == 404
        assert answer.content_type == "application/problem+json"


def test_a_key_ends_when_it_is_revoked_or_expires_or_its_person_leaves(
    case: Any, program: Program, session: Session
) -> None:
    for end in ("revoked", "expired", "left"):
        client = program()
        assert client.get("/api/v1/exceptions").status_code == 200
        key = session.scalars(select(ApiToken).order_by(ApiToken.id.desc())).first()
        assert key is not None
        if end == "revoked":
            api_keys.revoke(session, key, by="user:1", now=NOW)
        elif end == "expired":
            key.expires_at = NOW - timedelta(seconds=1)
        else:
            client.person.active = False  # type: ignore[attr-defined]
        session.commit()
        assert client.get("/api/v1/exceptions").status_code == 401, end


def test_a_key_opens_no_page_and_nothing_opens_without_one(
    case: Any, program: Program, client: FlaskClient
) -> None:
    assert program().get("/queue").status_code == 303
    answer = client.get("/api/v1/exceptions")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_text_of_a_key_is_kept_nowhere_and_its_making_is_in_the_trail(
    program: Program, session: Session
) -> None:
    client = program()
    text = client.environ_base["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    key = session.scalars(select(ApiToken)).one()
    assert text.encode() not in key.digest
    assert audit_verify.verify(session) == []


def test_a_person_makes_a_key_sees_it_once_and_revokes_it(
    sign_in: Callable[..., FlaskClient], session: Session, client: FlaskClient
) -> None:
    browser = sign_in()
    page = browser.post("/me/keys", data={"name": "Month-end", "days": "90"})
    assert page.status_code == 200
    text = page.text.split('key-text">')[1].split("<")[0]
    headers = {"Authorization": f"Bearer {text}"}
    assert client.get("/api/v1/exceptions", headers=headers).status_code == 200
    assert text not in browser.get("/me/keys").text
    key_id = session.scalars(select(ApiToken.id)).one()
    session.rollback()  # SQLite has one writer at a time
    assert browser.post(f"/me/keys/{key_id}/revoke").status_code == 303
    assert client.get("/api/v1/exceptions", headers=headers).status_code == 401


def test_nobody_revokes_the_key_of_another(
    sign_in: Callable[..., FlaskClient], program: Program, session: Session
) -> None:
    program()
    key_id = session.scalars(select(ApiToken.id)).one()
    session.rollback()
    assert sign_in().post(f"/me/keys/{key_id}/revoke").status_code == 404


def test_the_description_names_every_path_and_how_to_show_who_asks(client: FlaskClient) -> None:
    spec = client.get("/api/v1/openapi.json").json
    assert set(spec["paths"]) == {
        "/api/v1/exceptions", "/api/v1/exceptions/{reference}", "/api/v1/events/{feed}",
        "/api/v1/validate/{record_type}",
    }  # fmt: skip
    assert spec["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert spec["openapi"].startswith("3.")
