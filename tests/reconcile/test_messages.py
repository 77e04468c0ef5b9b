"""The kind `messages`: what failed under what its error means, and what is stuck."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import CatalogError, load_catalog
from exceptions_app.catalog.schema import MessagesCheck
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.wording import render

from .books import NOW, Books, days_ago

CHECK = "health.message"
SITE = """
site: {name: Test, packs: [finance_masters, messages]}
entities: [{code: H1, name: North}]
systems: [{code: BUS, name: Interface engine, kind: other, connector: rows}]
feeds:
  - code: log
    system: BUS
    record_type: sync_message
    mapping: {message: a, interface: a, status: a, sent_at: parse_timestamp(a)}
"""


def _load(folder: Path, more: str = "") -> Catalog:
    (folder / "site.yaml").write_text(SITE + more)
    return load_catalog(folder, connector_models())


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return _load(tmp_path_factory.mktemp("messages"))


@pytest.fixture
def books(catalog: Catalog) -> Books:
    return Books(catalog)


def _message(books: Books, **said: Any) -> None:
    usual = {
        "entity": None, "message": "M1", "interface": "Orders to AP", "document": "PO-7", "status": "failed",
        "sent_at": days_ago(1), "failed_at": days_ago(1),
    }  # fmt: skip
    books.add("sync_message", "BUS", **{**usual, **said})


ERRORS = [
    (
        "Vendor 'V-100' does not exist in company 1000",
        "message_master_unknown",
        "Vendor V-100 is unknown or inactive there.",
    ),
    (
        "ORA-20001: invalid cost center 4100-ICU",
        "message_master_unknown",
        "cost center 4100-ICU is unknown or inactive there.",
    ),
    ("Posting period 11/2026 is closed", "message_period_closed", "the accounting period is closed there."),
    ("duplicate key value violates unique constraint", "message_duplicate", "it is there already."),
    ("Object is locked by user BATCH01", "message_busy", "somebody else was changing the record."),
    ("HTTP 401 Unauthorized", "message_access", "we are not let in: a password, key or right has ended."),
    (
        "java.net.SocketTimeoutException: Read timed out",
        "message_unreachable",
        "the system could not be reached.",
    ),
    ("Field 'taxCode' is required", "message_refused", "taxCode is missing or not as it must be."),
    ("NullPointerException at com.erp.X", "message_failed", "NullPointerException at com.erp.X"),
    (None, "message_failed", "no error is written"),
    (
        "Vendor 'V-1' does not exist; HTTP 401",
        "message_master_unknown",
        "Vendor V-1 is unknown or inactive there.",
    ),
]


@pytest.mark.parametrize(("error", "category", "told"), ERRORS, ids=[str(row[0])[:24] for row in ERRORS])
def test_errors_become_business_categories_by_the_first_pattern_that_fits(
    books: Books, error: str | None, category: str, told: str
) -> None:
    _message(books, error=error)
    found = books.only(CHECK, entity=None)
    assert found.category == category
    said = render(books.catalog.categories[category].sentence, json.loads(found.facts), None)
    assert said == f"Orders to AP: PO-7 did not arrive: {told}"


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"status": "delivered"}, set()),
        ({"status": "dropped", "error": "HTTP 401"}, set()),
        ({"status": "sent"}, {"message_stuck"}),
        ({"status": "retrying", "error": "HTTP 401"}, {"message_stuck"}),
        ({"status": "sent", "sent_at": NOW - timedelta(hours=3, minutes=59)}, set()),
        ({"status": "sent", "sent_at": NOW - timedelta(hours=4, minutes=1)}, {"message_stuck"}),
    ],
)
def test_what_is_stuck(books: Books, said: dict[str, Any], wanted: set[str]) -> None:
    _message(books, **said)
    assert books.categories(CHECK, entity=None) == wanted


def test_it_is_the_messages_number_that_it_is_known_by_and_the_error_stands_beside(books: Books) -> None:
    _message(books, error="HTTP 401 (request 1)")
    found = books.only(CHECK, entity=None)
    assert json.loads(found.business_key) == {"message": "M1"}
    assert json.loads(found.evidence)["sides"]["message"]["error"] == "HTTP 401 (request 1)"
    assert found.since == days_ago(1)


def test_a_site_has_its_own_catalogue_of_errors(tmp_path: Path) -> None:
    own = """
overrides:
  checks:
    health.message:
      errors:
        - {pattern: "GL-(?P<number>\\\\d+): blocked", category: message_refused, means: the account is blocked}
categories:
  - {code: account_blocked, title: Blocked, rank: 1, sentence: "{number} is blocked", cause: x, guidance: [x], owner: x,
     ball: us, queue: integration_operations, severity: low, target: 1 hour}
"""
    catalog = _load(tmp_path, own.replace("category: message_refused", "category: account_blocked"))
    books = Books(catalog)
    _message(books, error="gl-4711: BLOCKED")
    found = books.only(CHECK, entity=None)
    assert (found.category, json.loads(found.facts)["number"]) == ("account_blocked", "4711")
    _message(books, message="M2", error="HTTP 401")
    assert books.categories(CHECK, entity=None) == {"account_blocked", "message_failed"}


REFUSED = [
    ("(?P<a>x)(?=y)", "'(?=' in a pattern", "no look around"),
    ("(a)\\\\1", "'\\\\1' in a pattern", "no group that is named again"),
    ("(", "missing )", "a regular expression"),
    ("x" * 301, "a pattern of 301 characters", "at most 300"),
]


@pytest.mark.parametrize(("pattern", "message", "expected"), REFUSED, ids=["look", "again", "broken", "long"])
def test_a_pattern_that_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path, pattern: str, message: str, expected: str
) -> None:
    own = f"""
overrides:
  checks:
    health.message:
      errors:
        - {{pattern: "{pattern}", category: message_failed, means: x}}
"""
    with pytest.raises(CatalogError) as refused:
        _load(tmp_path, own)
    (problem,) = refused.value.problems
    assert problem.file.endswith("site.yaml") and problem.line == SITE.count("\n") + 6
    assert message.replace("\\\\", "\\") in problem.message and expected in problem.expected


def test_a_category_that_nobody_declared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="is none of categories"):
        _load(tmp_path, "\noverrides: {checks: {health.message: {otherwise: nonsense}}}\n")


def test_what_is_made_of_the_rest_is_not_written(catalog: Catalog) -> None:
    check = catalog.checks[CHECK]
    assert MessagesCheck.model_validate(check.model_dump()) == check
    with pytest.raises(ValueError, match="'let' is made of the other fields"):
        MessagesCheck.model_validate({**check.model_dump(), "let": {"entry": "5"}})
