"""Each configuration that was ever in force is kept once, and named by an id."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.models import AuditEvent, ConfigSnapshot
from exceptions_app.services import configuration
from tests.conftest import NOW


def test_the_same_configuration_has_one_snapshot(session: Session, catalog: Any) -> None:
    first = configuration.accept(session, catalog, "user:1", NOW)
    assert configuration.accept(session, catalog, "user:2", NOW) == first
    assert len(session.scalars(select(AuditEvent).where(AuditEvent.subject == "configuration")).all()) == 1


def test_a_changed_configuration_has_another_that_holds_what_was_in_force(
    session: Session, catalog: Any
) -> None:
    changed = replace(catalog, site=catalog.site.model_copy(update={"name": "Renamed"}))
    ids = [configuration.accept(session, each, "user:1", NOW) for each in (catalog, changed, catalog)]
    assert ids[0] == ids[2] != ids[1]
    kept = json.loads(configuration.content(session.get_one(ConfigSnapshot, ids[1])))
    assert kept["site"]["name"] == "Renamed"
