"""One exception in a real browser: on paper, by keyboard, beside the queue's list."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from .conftest import LOST, Site
from .looking import violations

pytestmark = pytest.mark.browser
AWAY = '<section data-error="503"><h1>The database does not answer</h1><p>Go back.</p></section>'


def test_print_has_the_facts_and_none_of_the_controls(site: Site, open_as: Callable[..., Page]) -> None:
    page = open_as("manager", f"/exceptions/{site.references[0]}?from=queue")
    page.emulate_media(media="print")
    for kept in ("h1.sentence", "table.sides", "#timeline-title", "#do-title", "#clock-title"):
        expect(page.locator(kept).first).to_be_visible()
    for control in (".top", ".beside", "#resolve", "#comment", "#record-title", ".foot", "#letter"):
        expect(page.locator(control).first).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_n_and_p_walk_the_list_it_was_opened_from(site: Site, open_as: Callable[..., Page]) -> None:
    page = open_as("manager", f"/exceptions/{site.references[1]}?from=queue")
    coming: list[Route] = []

    def hold(route: Route) -> None:
        coming.append(route)

    page.route(f"**/{site.references[2]}?**", hold)
    page.keyboard.press("n")
    page.keyboard.press("c")  # before the next one is here: it is about the next one
    while not coming:
        page.wait_for_timeout(10)
    coming[0].continue_()
    page.wait_for_url(f"**/{site.references[2]}?from=queue")
    expect(page.locator("#told")).to_contain_text("It is yours now.")
    page.unroute_all()
    page.keyboard.press("p")
    page.wait_for_url(f"**/{site.references[1]}?from=queue")
    page.keyboard.press("a")
    expect(page.locator("#assign-owner")).to_be_focused()
    page.keyboard.press("Escape")
    page.select_option("#assign-owner", label="Specialist")
    page.click("#assign button[type=submit]")
    expect(page.locator("#told")).to_contain_text("Assigned.")
    page.keyboard.press("b")
    expect(page.locator("#release-reason")).to_be_focused()
    expect(page.locator("#release .form-hint")).to_contain_text("no rule gives it to Specialist again")
    page.click("#release button[type=submit]")
    expect(page.locator("#told")).to_contain_text("Handed back")
    page.keyboard.press("n")
    page.wait_for_url(f"**/{site.references[2]}?from=queue")
    page.keyboard.press("n")
    page.wait_for_url(f"**/{site.references[3]}?from=queue")
    page.keyboard.press("h")
    expect(page.locator("#told")).to_contain_text("Resumed")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/sla")


def test_a_comment_is_pinned_and_the_raw_record_is_read(site: Site, open_as: Callable[..., Page]) -> None:
    page = open_as("manager", f"/exceptions/{site.references[1]}")
    page.fill("#comment-text", "They sent a credit note.")
    page.check("input[name=pin]")
    page.route("**/comment", lambda route: route.abort())
    page.click("#comment button[type=submit]")
    expect(page.locator("#trouble")).to_contain_text("what you typed is still here")
    expect(page.locator("#comment-text")).to_have_value("They sent a credit note.")
    page.unroute_all()
    page.route("**/comment", lambda route: route.fulfill(status=503, body=AWAY))
    page.click("#trouble >> text=Send again")
    expect(page.locator("#trouble")).to_contain_text("The database does not answer. Nothing was changed")
    expect(page.locator("#comment-text")).to_have_value("They sent a credit note.")
    page.unroute_all()
    page.click("#trouble >> text=Try again")
    expect(page.locator("#pinned")).to_contain_text("They sent a credit note.")
    assert violations(page) == []
    page.click("text=Show the raw record")
    expect(page.locator("h1")).to_have_text("Raw record")
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    site.complaints[:] = [text for text in site.complaints if not LOST.search(text)]
