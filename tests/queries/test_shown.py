"""What the page says beside the sides: conversions that were applied, the chain of documents, and a letter."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from sqlalchemy.orm import Session

from exceptions_app.access import viewer_for
from exceptions_app.catalog.schema import ChainStep, Conversion, ExchangeRate
from exceptions_app.catalog.schema.shown import Draft
from exceptions_app.queries.chain import chain
from exceptions_app.queries.conversions import conversions
from exceptions_app.queries.drafts import LONGEST, draft
from exceptions_app.queries.record_urls import record_url

DAY = date(2026, 11, 24)
UNITS = Conversion(
    quantity={"ordered": "quantity", "invoiced": "quantity"}, unit={"ordered": "unit", "invoiced": "unit"},
    base={"ordered": "base", "invoiced": "base"}, unless="alike",
)  # fmt: skip


@pytest.fixture
def page(catalog: Any) -> Any:
    """The test network, whose check shows more than it ships with."""
    from pathlib import Path

    from exceptions_app.catalog.load import load_catalog
    from exceptions_app.connectors.registry import connector_models

    return load_catalog(Path(__file__).parent.parent / "web" / "site", connector_models())


def showing(page: Any, **more: Any) -> Any:
    check = page.checks["p2p.order_match"]
    page.checks["p2p.order_match"] = check.model_copy(update=more)
    return page


@pytest.fixture
def viewer(session: Session, page: Any, user: Callable[..., Any]) -> Any:
    return viewer_for(user("manager"), page)


def sides(ordered: tuple[str, str, str], invoiced: tuple[str, str, str], **let: Any) -> dict[str, Any]:
    names = ("quantity", "unit", "base")
    return {
        "sides": {
            "ordered": dict(zip(names, ordered, strict=True)),
            "invoiced": dict(zip(names, invoiced, strict=True)),
        },
        "let": let,
    }


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (sides(("10", "CS", "120"), ("120", "EA", "120"), alike=False), ("10 CS = 120 EA (1 CS = 12 EA)",)),
        (
            sides(("10", "CS", "120"), ("6", "BX", "60"), alike=False),
            ("10 CS = 120 base units (1 CS = 12 base units)", "6 BX = 60 base units (1 BX = 10 base units)"),
        ),
        (sides(("3", "CS", "10"), ("10", "EA", "10"), alike=False), ("3 CS = 10 EA",)),
        (sides(("10", "CS", "120"), ("120", "EA", "120"), alike=True), ()),
        ({"sides": {"ordered": {}, "invoiced": {"quantity": "1"}}}, ()),
    ],
)
def test_units_that_were_converted_are_said(
    page: Any, viewer: Any, make_case: Callable[..., Any], evidence: dict[str, Any], said: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from exceptions_app.catalog import sensitivity

    monkeypatch.setattr(sensitivity, "of_cell", lambda *_: "internal")
    shown = showing(page, conversions=[UNITS])
    assert conversions(viewer, shown, make_case(), evidence, DAY) == said


def test_an_amount_and_a_limit_in_another_currency_are_said_with_rate_and_date(
    page: Any, viewer: Any, make_case: Callable[..., Any]
) -> None:
    rates = [
        ExchangeRate(currency="EUR", rate="1.05", valid_from="2026-01-01"),
        ExchangeRate(currency="EUR", rate="1.083", valid_from="2026-11-20"),
    ]  # type: ignore[list-item]
    page = replace(page, site=page.site.model_copy(update={"rates": rates}))
    case = make_case(
        currency="EUR", amount_e4=10_000_000, reporting_amount_e4=10_830_000, rate_e8=108_300_000
    )
    evidence = {"tolerance": {"name": "price", "format": "money"}}
    assert conversions(viewer, page, case, evidence, DAY) == (
        "1,000.00 EUR = 1,083.00 USD at 1.083 of 20 Nov 2026",
        "The limit of 5.00 USD = 4.62 EUR",
    )
    assert conversions(viewer, page, make_case(), evidence, DAY) == ()


def test_the_chain_says_what_is_there_what_is_not_and_what_nobody_reads(page: Any, viewer: Any) -> None:
    steps = [
        ChainStep(label="Order", side="ordered", reference="order_number", amount="price"),
        ChainStep(label="Invoice", side="invoiced", reference="order_number"),
        ChainStep(label="Account", side="ordered", reference="account"),
    ]
    shown = showing(page, chain=steps)
    evidence = {
        "key": {"order_number": "PO/1"},
        "sides": {"ordered": {"price": "31", "account": "111"}, "invoiced": {}},
    }
    order, invoice, account = chain(viewer, shown, "p2p.order_match", evidence, "USD")
    assert (order.reference, order.about, order.url) == (
        "PO/1",
        ("$31.00",),
        "https://erp.example/orders/PO%2F1",
    )
    assert (invoice.reference, invoice.missing) == ("", "none found")
    assert account.reference == "111"
    del shown.feeds["ap_invoices"]
    shown.__dict__.pop("_side_feeds", None)
    assert chain(viewer, shown, "p2p.order_match", evidence, "USD")[1].missing in {
        "not read here",
        "none found",
    }
    assert chain(viewer, shown, "gone", evidence, "USD") == ()


def test_an_address_may_begin_in_a_variable_of_the_environment(page: Any, monkeypatch: Any) -> None:
    system = page.systems["ERP1"]
    pattern = {"page_order": "env:ERP_PAGES/orders/{order_number}"}
    page.systems["ERP1"] = system.model_copy(update={"record_urls": pattern})
    monkeypatch.setenv("ERP_PAGES", "http://127.0.0.1:4711/")
    found = record_url(page, "ERP1", "page_order", {"order_number": "PO/1"})
    assert found == "http://127.0.0.1:4711/orders/PO%2F1"
    assert record_url(page, "ERP1", "page_order", {"order_number": ""}) == ""
    monkeypatch.delenv("ERP_PAGES")
    assert record_url(page, "ERP1", "page_order", {"order_number": "PO/1"}) == ""


def test_a_sensitive_reference_is_hidden_from_who_may_not_read_it(
    page: Any, user: Callable[..., Any]
) -> None:
    shown = showing(page, chain=[ChainStep(label="Account", side="ordered", reference="account")])
    evidence = {"key": {}, "sides": {"ordered": {"account": "111"}}}
    (step,) = chain(viewer_for(user("specialist"), page), shown, "p2p.order_match", evidence, None)
    assert step.reference == "hidden"


def writing(page: Any, **words: Any) -> Any:
    about = {"to": "supplier", "subject": "{reference}", "body": "{x}", **words}
    category = page.categories["price_variance"]
    page.categories["price_variance"] = category.model_copy(update={"draft": Draft(**about)})
    return page


def letter(page: Any, make_case: Callable[..., Any], facts: dict[str, Any], **words: Any) -> Any:
    return draft(writing(page, **words), make_case(facts=json.dumps(facts)))


def test_a_letter_has_the_figures_in_it_and_opens_in_a_mail_program(
    page: Any, make_case: Callable[..., Any]
) -> None:
    made = letter(page, make_case, {"x": "40"}, body="Dear {with},\n{x|money} & more?", subject="Order {x}")
    parts = urlsplit(made.mailto)
    assert (parts.scheme, parts.path) == ("mailto", "")
    assert parse_qs(parts.query) == {"subject": ["Order 40"], "body": ["Dear Medline,\r\n$40.00 & more?"]}
    assert not made.cut


@pytest.mark.parametrize("evil", ["a\r\nBcc: x@evil.example", "a&bcc=x@evil.example", "a?cc=x@evil.example#"])
def test_no_value_adds_a_header_or_a_recipient(page: Any, make_case: Callable[..., Any], evil: str) -> None:
    made = letter(page, make_case, {"x": evil, "to": evil}, subject="{x}", address="to")
    query = urlsplit(made.mailto).query
    assert set(parse_qs(query)) == {"subject", "body"}
    assert "%0D" not in query.partition("&body=")[0] and "%0A" not in query.partition("&body=")[0]
    assert (made.address, urlsplit(made.mailto).path) == ("", "")


def test_an_address_among_the_facts_is_used(page: Any, make_case: Callable[..., Any]) -> None:
    made = letter(page, make_case, {"x": "1", "mail": "ann@medline.example"}, address="mail")
    assert made.mailto.startswith("mailto:ann@medline.example?subject=")


def test_where_no_record_says_an_address_the_facility_or_the_one_above_it_does(
    page: Any, make_case: Callable[..., Any]
) -> None:
    case = make_case()
    above = page.entities[case.entity].model_copy(update={"letters": {"supplier": "desk@hospital.example"}})
    below = above.model_copy(update={"code": "BELOW", "parent": above.code, "letters": {}})
    page.entities.update({above.code: above, "BELOW": below})
    shown = writing(page, body="Hello")
    assert draft(shown, make_case(entity="BELOW")).address == "desk@hospital.example"
    stated = make_case(entity="BELOW", facts=json.dumps({"letter_to": "ann@medline.example"}))
    assert draft(shown, stated).address == "ann@medline.example"
    assert draft(writing(page, body="Hello", to="requester"), case).address == ""


def test_a_long_letter_is_shortened_in_the_address_only(page: Any, make_case: Callable[..., Any]) -> None:
    made = letter(page, make_case, {"x": "häß " * 900})
    assert made.cut and len(made.mailto) <= LONGEST
    assert unquote(made.mailto).endswith("…")
    assert len(made.body) > LONGEST


def test_a_category_without_a_letter_has_none(page: Any, make_case: Callable[..., Any]) -> None:
    assert draft(page, make_case(category="bank_differs")) is None
    assert draft(page, make_case(category="gone")) is None
