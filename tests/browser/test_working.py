"""A day's work in the browser: by keyboard, with htmx, without scripts, beside a colleague."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import PASSWORD

from .conftest import LOST, Site
from .looking import violations

pytestmark = pytest.mark.browser


def test_a_specialist_never_needs_the_mouse(site: Site, open_as: Callable[..., Page]) -> None:
    page = open_as("specialist", "/queue")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tr.is-current a.ref")).to_have_text("PO-00002/1")
    page.keyboard.press("x")
    expect(page.locator("[data-picked]")).to_have_text("1 ticked")
    page.keyboard.press("c")
    expect(page.locator("#told")).to_contain_text("1 exception claimed.")
    page.keyboard.press("/")
    page.keyboard.type("po-00003")
    expect(page.locator("[data-rows] tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=po-00003"))
    page.keyboard.press("Escape")
    page.locator("a.ref").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/exceptions/{site.references[2]}?q=po-00003")
    page.keyboard.press("e")
    expect(page.locator("#resolve-reason")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("#main").focus()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()


def test_a_double_click_is_one_comment_and_the_next_one_still_goes(
    site: Site, open_as: Callable[..., Page]
) -> None:
    page = open_as("specialist", f"/exceptions/{site.references[0]}")
    for text, count in (("Asked the supplier.", 1), ("They answered.", 2)):
        page.get_by_placeholder("Write a comment").fill(text)
        page.get_by_role("button", name="Comment", exact=True).dblclick()
        expect(page.locator(".timeline .said").filter(has_text=text)).to_have_count(1)
        expect(page.locator(".timeline .said")).to_have_count(count)


def test_filters_apply_as_they_are_ticked_keep_the_menu_open_and_go_back(
    site: Site, open_as: Callable[..., Page]
) -> None:
    page = open_as("manager", "/queue")
    page.click("#facet-stage summary")
    page.check("#facet-stage input[value=breached]")
    expect(page.locator("[data-rows] tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("stage=breached"))
    expect(page.locator("#facet-stage input[value=paused]")).to_be_visible()
    page.check("#facet-stage input[value=paused]")
    expect(page.locator("[data-rows] tbody tr")).to_have_count(2)
    expect(page.locator(".filter-chip")).to_have_count(2)
    page.go_back()
    expect(page.locator(".filter-chip")).to_have_count(1)
    page.route("**/queue?**", lambda route: route.abort())
    page.keyboard.press("/")
    page.keyboard.type("po-00004")
    expect(page.locator("#trouble")).to_contain_text(
        "No answer from the server. What you see is what was there before."
    )
    assert violations(page) == []
    page.unroute_all()
    page.click("#trouble button")
    expect(page).to_have_url(re.compile("q=po-00004"))
    expect(page.locator("#trouble")).to_be_hidden()
    site.complaints[:] = [text for text in site.complaints if not LOST.search(text)]


def test_a_session_that_ended_is_begun_again_in_place_and_nothing_typed_is_lost(
    site: Site, open_as: Callable[..., Page]
) -> None:
    page = open_as("manager", "/queue")
    page.check("#case-2 input[name=pick]")
    page.locator("#case-1 .row-note summary").click()
    page.fill("#case-1 textarea", "They sent a credit note.")
    page.context.clear_cookies()
    page.evaluate("document.dispatchEvent(new Event('tieout:refresh'))")
    expect(page.locator("#trouble")).to_contain_text("You have been signed out.")
    expect(page.locator("#again")).to_be_hidden()
    page.click("#trouble button")
    expect(page.locator("#again-password")).to_be_focused()
    assert violations(page) == []
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    expect(page.locator("#again .problem")).to_be_visible()
    page.fill("#again-password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#again")).to_be_hidden()
    expect(page.locator("#trouble")).to_be_hidden()
    expect(page.locator("#case-2 input[name=pick]")).to_be_checked()
    expect(page).to_have_url(f"{site.url}/queue")
    page.context.clear_cookies()
    page.click("#case-1 .row-note button")
    page.fill("#again-password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#told")).to_contain_text("the note is on its row now")
    expect(page.locator("#case-1 .note")).to_contain_text("They sent a credit note.")
    site.complaints[:] = [text for text in site.complaints if not LOST.search(text)]


def test_the_second_person_is_told_and_keeps_their_words(site: Site, open_as: Callable[..., Page]) -> None:
    path = f"/exceptions/{site.references[1]}"
    first, second = open_as("manager", path), open_as("specialist", path)
    first.keyboard.press("c")
    expect(first.locator("#told")).to_contain_text("It is yours now.")
    second.click("#hold summary")
    second.select_option("#hold-ball", "supplier")
    second.fill("#hold-reason", "Waiting for the slip")
    second.click("#hold button[type=submit]")
    expect(second.locator("#problem")).to_contain_text("Manager claimed it")
    expect(second.locator("#hold-reason")).to_have_value("Waiting for the slip")
    expect(second).to_have_url(site.url + path)
    second.click("#hold button[type=submit]")
    expect(second.locator("#told")).to_contain_text("On hold")
    site.complaints[:] = [text for text in site.complaints if "409" not in text]


def test_everything_works_without_scripts(site: Site, open_as: Callable[..., Page]) -> None:
    page = open_as("manager", "/queue", java_script_enabled=False)
    page.check("input[name=pick][value^='1:']")
    page.click("text=Claim ticked")
    expect(page.locator("#told")).to_contain_text("1 exception claimed.")
    page.fill("#q", "po-00002")
    page.click("#filters button[type=submit]")
    expect(page.locator("[data-rows] tbody tr")).to_have_count(1)
    page.click("a.ref")
    page.click("#resolve summary")
    page.select_option("#resolve-reason", "price_accepted")
    page.click("#resolve button[type=submit]")
    expect(page.locator("#told")).to_contain_text("Resolved.")
    page.click(".nav-main >> text=SLA")
    expect(page.locator("table.board")).to_be_visible()


def test_the_chart_is_drawn_under_the_policy_and_a_bar_leads_to_its_rows(
    site: Site, open_as: Callable[..., Page]
) -> None:
    page = open_as("manager", "/")
    page.click(".nav-main >> text=SLA")
    expect(page.locator(".chart .trace.bars .point")).not_to_have_count(0)
    bars = page.locator(".chart .trace.bars").first.locator(".point path")
    box = max((bar.bounding_box() or {} for bar in bars.all()), key=lambda box: box.get("width", 0))
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".chart .hovertext")).to_have_count(1)
    page.mouse.down()
    page.mouse.up()
    page.wait_for_url("**/queue?**")
    assert "stage=breached" in page.url and "queue=ap" in page.url
    expect(page.locator("[data-rows] tbody tr")).to_have_count(1)


def test_a_chart_that_cannot_be_had_says_so_and_is_tried_again(
    site: Site, open_as: Callable[..., Page]
) -> None:
    page = open_as("manager", "/")
    page.route("**/sla/figure.json", lambda route: route.fulfill(status=500))
    page.goto("/sla")
    expect(page.locator(".chart")).to_contain_text("The chart could not be drawn.")
    expect(page.locator(".chart[data-drawn]")).to_have_count(0)
    page.unroute("**/sla/figure.json")
    page.click(".nav-main >> text=SLA")
    expect(page.locator(".chart .trace.bars .point")).not_to_have_count(0)
    expect(page.locator(".chart")).not_to_contain_text("could not be drawn")
    with page.expect_response("**/sla/figure.json"):
        page.emulate_media(color_scheme="dark")
    expect(page.locator(".chart .trace.bars .point")).not_to_have_count(0)
    site.complaints[:] = [said for said in site.complaints if "500" not in said]


def test_the_look_follows_the_system_and_then_the_person(site: Site, open_as: Callable[..., Page]) -> None:
    page = open_as("specialist", "/", color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.click("header details.menu:last-child summary")
    page.click("button[value=light]")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.wait_for_load_state("networkidle")
    light = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == light


def test_progress_moves_by_itself(site: Site, open_as: Callable[..., Page]) -> None:
    from exceptions_app.extensions import db
    from exceptions_app.models import Task

    page = open_as("manager", "/exports")
    expect(page.locator("#task-1 progress")).to_have_attribute("value", "25")
    with site.app.app_context():
        task = db.session.get_one(Task, 1)
        task.status, task.result = "done", '{"file": "1.xlsx", "rows": 3}'
        db.session.commit()
    expect(page.locator("#task-1")).to_contain_text("Download")
