"""What no person types: numbers, times and bytes beyond all measure are answered, never a failure of ours."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

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
    value: str, person: FlaskClient, case: ExceptionCase
) -> None:
    told = [
        person.post(f"/exceptions/{case.reference}/claim", data={"version": value}),
        person.post("/queue/claim", data={"pick": f"{value}:1"}),
        person.post("/queue/claim", data={"pick": f"1:{value}"}),
        person.post("/queue/views", data={"update": value, "name": "x"}),
    ]
    assert [answer.status_code for answer in told if answer.status_code >= 500] == []


def test_a_zero_byte_is_refused_everywhere(client: FlaskClient, person: FlaskClient) -> None:
    assert client.post("/sign-in", data={"email": "a\x00b", "password": "x"}).status_code == 400
    assert person.get("/queue?q=a%00b").status_code == 400
    assert person.get("/exceptions/EX-%00").status_code == 400
    assert person.post("/me/keys", data={"name": "\x00", "days": "30"}).status_code == 400


def test_lists_within_lists_without_end_are_refused(person: FlaskClient) -> None:
    asked = person.post("/api/v1/validate/order", data="[" * 50_000, content_type="application/json")
    assert asked.status_code == 400
