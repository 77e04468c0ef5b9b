"""Retrying in the browser: from an exception to its batch, from the queue, edits before and after, without scripts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from exceptions_app.access import viewer_for
from exceptions_app.domain.instant import utc_now
from exceptions_app.domain.public_id import decode
from exceptions_app.domain.retry import Outcome
from exceptions_app.extensions import db
from exceptions_app.models import Delivery, ExceptionCase, SystemGate, User
from exceptions_app.services import retry_asking
from tests.web.retrying import Retrying

from .conftest import Site
from .test_axe import violations

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
    assert page.url.endswith(f"/exceptions/{site.references[1]}")
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


def _in_every_state(site: Site) -> list[str]:
    """One that gave up, one that waits for approval, one that needs a decision, one that waits at a resting system;
    and a batch that is being prepared. The addresses to look at.
    """
    session, jobs = db.session(), _jobs(site)
    asker = session.query(User).filter_by(role="specialist").one()
    ids = [decode(reference) or 0 for reference in site.references]

    def ask(number: int, **edits: str) -> None:
        retry_asking.start(
            session, jobs.ctx, viewer_for(asker, jobs.catalog), token=f"{number:032}", case_ids=[ids[number]],
            title=f"Batch of {number}", reason="Agreed", edits={ids[number]: edits} if edits else None,
        )  # fmt: skip
        session.commit()

    ask(0)
    jobs.prepare()
    jobs.answer(Outcome.TRANSIENT, error="503 Service Unavailable", status_code=503)
    jobs.answer(Outcome.PERMANENT, later=timedelta(hours=1), error="No such order.", error_class="cancelled")
    ask(1, price="4150")
    jobs.prepare()
    ask(2)
    jobs.prepare()
    ask(3)
    session.query(Delivery).filter_by(case_id=ids[2]).update({"status": "unsure", "last_error": "No answer."})
    session.query(ExceptionCase).filter_by(id=ids[2]).update({"retry_state": "unsure"})
    until = jobs.now + timedelta(hours=1)
    session.add(
        SystemGate(system="DESK", state="open", opened_at=jobs.now, retry_at=until, changed_at=jobs.now)
    )
    session.commit()
    return [
        "/retries", "/retries/1", "/retries/2?kind=approval", "/retries/4", "/retries/new", "/retries/approvals",
        "/retries/decisions", "/retries/gave-up", "/retries/gave-up/1", "/retries/gave-up/confirm?do=again",
        "/retries/gave-up/confirm?do=discard&id=1", "/retries/systems", "/queue?retry=failed",
        *(f"/exceptions/{reference}" for reference in site.references),
    ]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_retries_violates_wcag_and_none_scrolls_sideways(
    scheme: str, site: Site, open_as: OpenAs
) -> None:
    with site.app.app_context():
        pages = _in_every_state(site)
    page, found = open_as("manager", color_scheme=scheme), []
    for path in pages:
        for width in (1440, 320):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(path)
            for details in page.query_selector_all("main details:not(.facet)"):
                details.evaluate("one => one.open = true")
            found += [(path, width, each) for each in violations(page)]
            if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                found.append((path, width, "it scrolls sideways"))
    assert found == []


def test_before_and_after_violates_nothing(site: Site, open_as: OpenAs) -> None:
    page = open_as("manager", f"/exceptions/{site.references[1]}")
    page.click("#edit summary")
    page.fill("#edit-price", "4150")
    page.fill("#edit-reason", "Agreed by phone")
    page.click("#edit button[type=submit]")
    expect(page.locator("main")).to_contain_text("A second person must approve this")
    assert violations(page) == []
