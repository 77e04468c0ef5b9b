"""Which exceptions should have been confirmed by now: one condition, as the page says it of each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.catalog.load import load_catalog
from exceptions_app.connectors.registry import connector_models
from exceptions_app.models import ExceptionCase
from exceptions_app.queries.confirming import expected, late_sql
from tests.conftest import NOW

DEMO = Path(__file__).parents[2] / "demo" / "catalog"


@pytest.fixture(scope="module")
def catalog() -> Any:
    """A configuration whose checks have feeds."""
    return load_catalog(DEMO, connector_models())


@pytest.mark.parametrize("minutes", [0, 5, 9, 10, 11, 20, 60, 24 * 60])
def test_late_in_a_list_is_what_is_late_on_the_page(
    session: Session, catalog: Any, make_case: Callable[..., Any], minutes: int
) -> None:
    at = NOW - timedelta(minutes=minutes)
    for code in catalog.checks:
        make_case(status="awaiting_confirmation", check_code=code, resolved_at=at)
    late = set(session.scalars(select(ExceptionCase.check_code).where(late_sql(catalog, NOW))))
    assert late == {code for code in catalog.checks if expected(catalog, code, at, NOW).late}


def test_what_awaits_nothing_is_never_late(
    session: Session, catalog: Any, make_case: Callable[..., Any]
) -> None:
    long_ago = NOW - timedelta(days=9)
    for status in ("open", "resolved", "waived"):
        make_case(status=status, resolved_at=long_ago)
    make_case(status="awaiting_confirmation", check_code="gone.check", resolved_at=long_ago, reference="gone")
    found = session.scalars(select(ExceptionCase.reference).where(late_sql(catalog, NOW))).all()
    assert found == ["gone"]
