"""What tests of the pages may ask for: an application on the test database, a client, people signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from sqlalchemy.orm import Session

from exceptions_app import create_app
from exceptions_app.config import Settings
from exceptions_app.extensions import db
from tests.conftest import NOW, Database

from .foreign import world_of

PASSWORD = "correct horse battery"
EVIDENCE = (
    '{"key":{"order_number":"PO-1"},"let":{},"sides":{'
    '"invoiced":{"account":"222","price":"43.75","rate":"333","unit":"EA"},'
    '"ordered":{"account":"111","price":"31.00","rate":"444","unit":"EA"}},"tolerance":{"base":"31","difference":"12.75",'
    '"excess":"7.75","format":"money","limit":"5","name":"price","sentence":"x; allowed: 5"}}'
)


@pytest.fixture(autouse=True)
def _frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each template is compiled once, not once a test."""
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def app(database: Database, tmp_path: Path, compiled_templates: Path) -> Iterator[Flask]:
    """The application on the test's own database and the page network's catalog; CSRF has its own tests."""
    settings = Settings(
        instance=tmp_path / "instance",
        database_url=database.url,
        catalog=Path(__file__).parent / "site",
        secret_key="for tests only",
        cheap_passwords=True,
    )
    app = create_app(settings)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(compiled_templates))
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that nobody has signed in with."""
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask, session: Session, user: Callable[..., Any]) -> Callable[..., FlaskClient]:
    """`sign_in(role=…, queues=…, entities=…)`: a new person's browser. The person is `client.person`."""

    def enter(role: str = "specialist", **about: Any) -> FlaskClient:
        person = user(role, **about)
        session.commit()
        client = app.test_client()
        answer = client.post("/sign-in", data={"email": person.email, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        client.person = person  # type: ignore[attr-defined]
        return client

    return enter


@pytest.fixture
def case(session: Session, make_case: Callable[..., Any]) -> Any:
    """An open price variance of the first hospital, with both sides."""
    made = make_case(evidence=EVIDENCE, sentence="Medline charged $43.75, the order says $31.00.")
    session.commit()
    return made


@pytest.fixture
def world(session: Session, make_case: Callable[..., Any], user: Callable[..., Any]) -> dict[str, Any]:
    """Exceptions that are another's for most: `cases` by name, a `batch`, and the `deliveries` of some."""
    return world_of(session, make_case, user, EVIDENCE)
