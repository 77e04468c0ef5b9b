"""What no person types: numbers, times and bytes beyond all measure are answered, never a failure of ours."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from exceptions_app import create_app
from exceptions_app.config import Settings
from exceptions_app.domain.public_id import encode
from exceptions_app.models import ExceptionCase

BIG = "9" * 19
LONG = "9" * 5000


@pytest.fixture
def person(sign_in: Callable[..., FlaskClient]) -> FlaskClient:
    return sign_in("manager")


def cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "path", ["/exports/{}/download", "/bulk/{}", "/tasks/{}", "/retries/{}", "/causes/fix/{}"]
)
@pytest.mark.parametrize("number", [BIG, LONG, "0"])
def test_a_number_too_large_for_any_id_leads_nowhere(path: str, number: str, person: FlaskClient) -> None:
    assert person.get(path.format(number)).status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        *(f"{name}={at}" for name in ("due", "since", "given") for at in (
            "0001-01-01T00:00:00%2B14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z",
        )),
        f"after={cursor('due', None, 10**30)}",
        f"after={cursor('due', '0001-01-01T00:00:00+14:00', 1)}",
        f"sort=-amount&after={cursor('-amount', 10**30, 1)}",
        f"view={BIG}",
    ],
)  # fmt: skip
def test_a_queue_that_cannot_be_read_off_the_address_restricts_nothing(
    asked: str, person: FlaskClient
) -> None:
    assert person.get(f"/queue?{asked}").status_code in (200, 400)
    assert person.get(f"/queue/rows?ids=1-{BIG}-{LONG}&{asked}").status_code in (200, 400)


@pytest.mark.parametrize("value", [BIG, LONG, "-1", "x"])
def test_forms_with_numbers_beyond_all_measure_change_nothing(
    value: str, case: ExceptionCase, person: FlaskClient
) -> None:
    told = [
        person.post(f"/exceptions/{encode(case.id)}/claim", data={"version": value}),
        person.post("/queue/claim", data={"pick": f"{value}:1"}),
        person.post("/queue/claim", data={"pick": f"1:{value}"}),
        person.post("/queue/views", data={"update": value, "name": "x"}),
    ]
    assert [answer.status_code for answer in told] == [400, 400, 400, told[3].status_code]
    assert told[3].status_code < 500


def test_a_zero_byte_is_refused_everywhere(client: FlaskClient, person: FlaskClient) -> None:
    assert client.post("/sign-in", data={"email": "a\x00b", "password": "x"}).status_code == 400
    assert person.get("/queue?q=a%00b").status_code == 400
    assert person.get("/exceptions/EX-%00").status_code == 400
    assert person.post("/me/keys", data={"name": "\x00", "days": "30"}).status_code == 400


def test_lists_within_lists_without_end_are_refused(person: FlaskClient) -> None:
    asked = person.post("/api/v1/validate/order", data="[" * 50_000, content_type="application/json")
    assert asked.status_code == 400


def test_a_database_that_takes_nothing_is_told_as_that(
    case: ExceptionCase, person: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    monkeypatch.setattr("exceptions_app.services.actions.comment", locked)
    answer = person.post(f"/exceptions/{encode(case.id)}/comment", data={"version": "1", "text": "typed"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "what you typed still stands" in answer.text
    assert person.get(f"/exceptions/{encode(case.id)}").status_code == 200


def test_a_database_that_is_gone_is_told_to_who_is_signed_in_too(tmp_path: Path) -> None:
    gone = Settings(
        instance=tmp_path, database_url="postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", secret_key="x",
        catalog=Path(__file__).parent / "site",
    )  # fmt: skip
    client = create_app(gone).test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = "1.x.y", True
    assert client.get("/queue").status_code == 503
    answer = client.get("/api/v1/exceptions", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json["title"]) == (503, "The database does not answer")  # type: ignore[index]


@pytest.mark.parametrize("path", ["/retries", "/retries/gave-up", "/integration/storms", "/notices"])
def test_a_place_beyond_all_ids_is_no_failure_of_ours(path: str, person: FlaskClient) -> None:
    assert person.get(path, query_string={"before": BIG}).status_code in (200, 400)
