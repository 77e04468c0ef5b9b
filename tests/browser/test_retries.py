"""Retrying in the browser: from an exception to its batch, from the queue, edits before and after, without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.retry import Outcome
from exceptions_app.extensions import db
from tests.web.retrying import Retrying

from .conftest import Site
from .looking import violations

pytestmark = pytest.mark.browser
OpenAs = Callable[..., Page]


def _jobs(site: Site) -> Retrying:
    return Retrying(db.session(), site.app, utc_now())


def test_from_the_exception_to_its_batch_and_on_to_the_confirmation_by_itself(
    site: Site, open_as: OpenAs
) -> None:
    page = open_as("specialist", f"/exceptions/{site.references[1]}")
    page.keyboard.press("r")
    expect(page.locator("#retry-reason")).to_be_focused()
    expect(page.locator("#retry table.sent")).to_contain_text("$43.75")
    page.click("#retry button[value=send]")
    expect(page.locator("#told")).to_contain_text("The newest records are compared first.")
    expect(page.locator("#retry-state")).to_contain_text("Specialist asked for it to be sent again")
    with site.app.app_context():
        _jobs(site).prepare()
    expect(page.locator("#retry-state")).to_contain_text("Waiting to be sent to Order desk.")
    page.click("#retry-state >> text=Batch 1")
    page.wait_for_url("**/retries/1")
    expect(page.locator("#batch-1 [data-part=waiting] dd")).to_have_text("1")
    with site.app.app_context():
        assert _jobs(site).answer(Outcome.ACCEPTED) == 1
    expect(page.locator("#batch-1 [data-part=accepted] dd")).to_have_text("1")
    expect(page.locator("#batch-1")).to_contain_text("the next runs confirm")


def test_an_edit_is_looked_at_before_it_goes_and_wrong_ones_come_back(site: Site, open_as: OpenAs) -> None:
    page = open_as("specialist", f"/exceptions/{site.references[1]}")
    page.click("#edit summary")
    page.fill("#edit-price", "abc")
    page.fill("#edit-reason", "Agreed by phone")
    page.click("#edit button[type=submit]")
    expect(page.locator("#edit-price-wrong")).to_contain_text("A number, such as 12.50.")
    expect(page.locator("#edit-reason")).to_have_value("Agreed by phone")
    page.fill("#edit-price", "41.50")
    page.click("#edit button[type=submit]")
    expect(page.locator("table.diff td.differs")).to_contain_text("$41.50")
    page.click("text=Change it")
    expect(page.locator("#edit-price")).to_have_value("41.50")
    page.click("#edit button[type=submit]")
    page.click("button[value=send]")
    expect(page.locator("#retry-state")).to_contain_text("asked for it to be sent again")
    expect(page).to_have_url(f"{site.url}/exceptions/{site.references[1]}")
    site.complaints[:] = [text for text in site.complaints if "422" not in text]


def test_ticked_rows_are_tried_without_sending_first_then_sent(site: Site, open_as: OpenAs) -> None:
    page = open_as("specialist", "/queue")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("r")
    expect(page.locator("h1")).to_contain_text("Retry 2 exceptions worth $200.00?")
    page.keyboard.press("Tab")
    page.click("text=Try without sending")
    page.wait_for_url("**/retries/1")
    with site.app.app_context():
        _jobs(site).prepare()
    expect(page.locator("#batch-1")).to_contain_text("2 exceptions would be.")
    page.reload()
    page.click("text=Send 2 exceptions")
    expect(page.locator("#told")).to_contain_text("compared once more")
    page.click("text=Cancel what waits")
    expect(page.locator("#batch-1")).to_contain_text("Cancelled")


def test_what_gave_up_is_sent_again_without_scripts(site: Site, open_as: OpenAs) -> None:
    page = open_as("manager", f"/exceptions/{site.references[1]}", java_script_enabled=False)
    page.click("#retry summary")
    page.click("#retry button[value=send]")
    with site.app.app_context():
        jobs = _jobs(site)
        jobs.prepare()
        jobs.answer(Outcome.PERMANENT, error="The order was cancelled meanwhile.", error_class="cancelled")
    page.goto("/retries/gave-up")
    page.check("input[name=pick]")
    page.click("text=Send ticked again")
    expect(page.locator("h1")).to_contain_text("Send 1 retry again")
    page.fill("#reason", "Open again")
    page.click("main button[type=submit]")
    page.wait_for_url("**/retries/2")
    expect(page.locator("#batch-2 [data-part=waiting] dd")).to_have_text("1")
    page.click("button:has-text('Pause')")
    expect(page.locator("#batch-2")).to_contain_text("Paused")


def test_before_and_after_violates_nothing(site: Site, open_as: OpenAs) -> None:
    page = open_as("manager", f"/exceptions/{site.references[1]}")
    page.click("#edit summary")
    page.fill("#edit-price", "4150")
    page.fill("#edit-reason", "Agreed by phone")
    page.click("#edit button[type=submit]")
    expect(page.locator("main")).to_contain_text("A second person must approve this")
    assert violations(page) == []
