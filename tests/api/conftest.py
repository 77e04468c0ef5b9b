"""The pages' application, and programs that call it with a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from exceptions_app.services import api_keys
from tests.conftest import NOW
from tests.web.conftest import _frozen, app, case, client, compiled_templates, sign_in

__all__ = ["_frozen", "app", "case", "client", "compiled_templates", "sign_in"]


@pytest.fixture
def program(app: Flask, session: Session, user: Callable[..., Any]) -> Callable[..., FlaskClient]:
    """`program(role=…, queues=…, entities=…)`: a client that sends a new person's key with every request."""

    def enter(role: str = "specialist", **about: Any) -> FlaskClient:
        person = user(role, **about)
        _, text = api_keys.make(session, person, "tests", by=f"user:{person.id}", now=NOW)
        session.commit()
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {text}"
        client.person = person  # type: ignore[attr-defined]
        return client

    return enter
