"""What every response carries, and what no page contains: inline code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.web.hx import CHOOSING_HEADERS
from exceptions_app.web.security import CONTENT_SECURITY_POLICY

from .foreign import belongings, path_of, surroundings
from .test_roles import TABLE

GETS = sorted(endpoint for (method, endpoint), _ in TABLE.items() if method == "GET")


def _role(endpoint: str) -> str:
    return (TABLE["GET", endpoint] or "manager").split()[0]


@pytest.mark.parametrize("endpoint", GETS)
def test_every_answer_has_the_policy_and_no_page_has_code_or_style_in_it(
    endpoint: str, app: Flask, world: dict[str, Any], session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in(_role(endpoint))
    ids = belongings(session, client.person, world) | surroundings(session, world)  # type: ignore[attr-defined]
    answer = client.get(path_of(app, endpoint, world, ids))
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if answer.mimetype != "text/html" or not answer.text.strip():
        return
    page = html.fromstring(answer.text)
    assert not page.xpath("//style | //script[not(@src)] | //*[@style]")
    assert not page.xpath("//@*[starts-with(name(), 'on') or starts-with(name(), 'hx-on')]")
    assert not page.xpath("//*[starts-with(@href, 'javascript:')]")
    assert not page.xpath("//@src[starts-with(., 'http')] | //link/@href[starts-with(., 'http')]")
    for form in page.xpath("//form[@method='post']"):
        assert form.xpath(".//input[@name='csrf_token']"), html.tostring(form)


@pytest.mark.parametrize("path", ["/queue", "/exceptions/{}", "/nothing-here"])
def test_a_body_chosen_by_headers_says_so(path: str, case: Any, sign_in: Callable[..., FlaskClient]) -> None:
    answer = sign_in().get(path.format(encode(case.id)))
    assert set(CHOOSING_HEADERS) <= set(answer.vary.as_set(preserve_casing=True))


def test_pages_are_not_kept_by_the_browser_and_assets_are(sign_in: Callable[..., FlaskClient]) -> None:
    client = sign_in()
    assert client.get("/queue").headers["Cache-Control"] == "no-store"
    assert "no-store" not in client.get("/static/css/app.css").headers.get("Cache-Control", "")


def test_a_post_without_a_token_changes_nothing_and_is_explained(
    app: Flask, case: Any, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    app.config["WTF_CSRF_ENABLED"] = True
    answer = client.post(f"/exceptions/{encode(case.id)}/claim", data={"version": 1})
    assert answer.status_code == 419
    assert "session has moved on" in answer.text
    assert answer.headers["HX-Push-Url"] == "false"
    assert "Owner</dt><dd>Nobody yet" in client.get(f"/exceptions/{encode(case.id)}").text
