"""The queue in a real browser: rows that refresh in place, the exception beside them, keys, many at once."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from exceptions_app.extensions import db
from exceptions_app.models import ExceptionCase, User

from .conftest import LOST, ROOT, Site
from .looking import BEYOND, violations

pytestmark = pytest.mark.browser
WIDE = {"viewport": {"width": 1600, "height": 900}}
REFRESH = "document.dispatchEvent(new Event('tieout:refresh'))"


def _change(site: Site, number: int, **columns: object) -> None:
    with site.app.app_context():
        case = db.session.get_one(ExceptionCase, number)
        for name, value in columns.items():
            setattr(case, name, value)
        case.version += 1
        db.session.commit()


def test_a_refresh_changes_what_has_changed_and_keeps_place_focus_ticks_and_the_current_row(
    site: Site, open_as: Callable[..., Page]
) -> None:
    page = open_as("manager", "/queue", viewport={"width": 1280, "height": 420})
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.check("#case-3 input[name=pick]")
    page.locator("#case-2 a.ref").focus()
    page.evaluate("scrollTo(0, 120)")
    before = page.evaluate(
        "[scrollY, ...[...document.querySelectorAll('#rows tr')].map(r => r.getBoundingClientRect().top)]"
    )
    page.evaluate("document.getElementById('case-2').mark = 'same'")
    _change(site, 2, owner_id=2)
    page.evaluate(REFRESH)
    expect(page.locator("#case-2")).to_contain_text("Manager")
    assert page.evaluate("document.getElementById('case-2').mark") == "same"
    assert page.evaluate("document.activeElement.closest('tr').id") == "case-2"
    expect(page.locator("tr.is-current")).to_have_attribute("id", "case-2")
    expect(page.locator("input[name=pick]:checked")).to_have_count(2)
    expect(page.locator("[data-picked]")).to_have_text("2 ticked")
    expect(page.locator("#case-2 input[name=pick]")).to_have_value("2:2")
    after = page.evaluate(
        "[scrollY, ...[...document.querySelectorAll('#rows tr')].map(r => r.getBoundingClientRect().top)]"
    )
    assert after == before
    page.route("**/queue/rows?**", lambda route: route.abort())
    page.evaluate(REFRESH)
    expect(page.locator("#trouble")).to_contain_text("No connection")
    expect(page.locator("input[name=pick]:checked")).to_have_count(2)
    page.unroute_all()
    page.evaluate(REFRESH)
    expect(page.locator("#trouble")).to_be_hidden()
    site.complaints[:] = [text for text in site.complaints if not LOST.search(text)]


SHIFTS = """window.shifts = []; new PerformanceObserver(list => {
  for (const one of list.getEntries()) for (const moved of one.sources)
    window.shifts.push([moved.node?.nodeName, moved.node?.id, moved.previousRect.toJSON(), moved.currentRect.toJSON()]);
}).observe({type: "layout-shift"})"""


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_a_refresh_shifts_nothing(width: int, site: Site, open_as: Callable[..., Page]) -> None:
    page = open_as("manager", "/queue", viewport={"width": width, "height": 900})
    page.wait_for_load_state("networkidle")
    page.evaluate(SHIFTS)
    with site.app.app_context():
        db.session.get_one(User, 3).name = "Wilhelmina Featherstonehaugh"
        db.session.commit()
    _change(site, 1, status="resolved")
    _change(site, 2, owner_id=3, retry_count=3, retry_state="failed", note="They sent a credit note.")
    _change(
        site,
        3,
        recurring=True,
        sentence="It was $43.75, and the order says now what it did not say before: $29.00. " * 4,
    )
    page.evaluate(REFRESH)
    expect(page.locator("#case-2")).to_contain_text("Featherstonehaugh")
    expect(page.locator("#case-1")).to_contain_text("Moved on")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert not (shifts := page.evaluate("window.shifts")), "\n".join(map(str, shifts))
    kept = page.locator("#case-3.is-kept")
    page.check("#case-3 input[name=pick]")
    expect(kept).to_have_count(1)  # the mouse finds everything where it was
    page.locator("#case-3 .what").click(position={"x": 5, "y": 5})
    expect(kept).to_have_count(0)
    page.check("#case-4 input[name=pick]")
    expect(kept).to_have_count(0)  # and nothing folds up under it
    page.uncheck("#case-4 input[name=pick]")


def test_what_has_left_the_filter_says_so_and_stays_until_the_reader_reloads(
    site: Site, open_as: Callable[..., Page]
) -> None:
    page = open_as("manager", "/queue")
    _change(site, 1, status="resolved")
    page.evaluate(REFRESH)
    expect(page.locator("#case-1")).to_contain_text("Moved on")
    expect(page.locator("[data-moved-on]")).to_contain_text("1 moved on")
    expect(page.locator("#rows tr")).to_have_count(4)
    assert violations(page) == []
    page.reload()
    expect(page.locator("#rows tr")).to_have_count(3)


def test_on_a_wide_screen_an_exception_opens_beside_the_list_and_is_worked_there(
    site: Site, open_as: Callable[..., Page]
) -> None:
    page = open_as("manager", "/queue", **WIDE)
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.locator("#panel")).to_contain_text("Number 1 charged")
    expect(page).to_have_url(f"{site.url}/queue")
    assert violations(page) == []
    page.keyboard.press("j")
    expect(page.locator("#panel")).to_contain_text("Number 2 charged")
    page.keyboard.press("n")
    page.keyboard.press("c")  # before the next one is there: it is about the next one
    expect(page.locator("#panel")).to_contain_text("Number 3 charged")
    expect(page.locator("#panel-told")).to_contain_text("It is yours now.")
    expect(page.locator("tr.is-current")).to_have_attribute("id", "case-3")
    assert page.evaluate("document.activeElement.closest('tr').id") == "case-3"
    expect(page.locator("#case-3")).to_contain_text("Manager")
    page.keyboard.press("c")  # it has it already: nothing else is claimed instead
    page.locator("#panel a[rel=next]").click()
    expect(page.locator("#panel")).to_contain_text("Number 4 charged")
    expect(page.locator("tr.is-current")).to_have_attribute("id", "case-4")
    expect(page.locator("#panel-title")).to_be_focused()
    page.keyboard.press("e")
    expect(page.locator("#panel #resolve-reason")).to_be_focused()
    with site.app.app_context():
        assert [db.session.get_one(ExceptionCase, number).owner_id for number in (1, 2, 4)] == [None] * 3
    page.locator("#panel-title").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator("tr.is-current")).to_have_attribute("id", "case-4")
    expect(page.locator("#case-4 a.ref")).to_be_focused()


def test_on_a_narrow_screen_it_is_a_page_that_knows_the_list(
    site: Site, open_as: Callable[..., Page]
) -> None:
    page = open_as("manager", "/queue?stage=breached&stage=due_soon")
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_url(f"**/exceptions/{site.references[0]}?stage=breached&stage=due_soon")
    page.keyboard.press("n")
    page.wait_for_url(f"**/exceptions/{site.references[1]}?**")


HIDDEN = """[...document.querySelectorAll("main a, main input, main button, main summary")].filter(one => {
  const seen = one.checkVisibility() && one.type !== "hidden";
  return seen && (one.getBoundingClientRect().width < 4 || one.closest("thead"));
}).map(one => one.outerHTML)"""


def test_on_a_phone_it_is_sorted_and_ticked_without_the_heads_that_are_not_there(
    site: Site, open_as: Callable[..., Page]
) -> None:
    page = open_as("manager", "/queue", viewport={"width": 390, "height": 900})
    assert page.evaluate(HIDDEN) == []
    page.click("#sort-by summary")
    assert page.evaluate(BEYOND) == []
    assert violations(page, ["wcag2a", "wcag2aa"]) == []
    page.click("#sort-by >> text=Age")
    page.wait_for_url("**/queue?sort=opened")
    page.click("#sort-by summary")
    page.click("#sort-by >> text=oldest first")
    page.wait_for_url("**/queue?sort=-opened")
    page.check(".pick-page input")
    expect(page.locator("[data-picked]")).to_have_text("4 ticked")
    for width in (768, 1100):
        page.set_viewport_size({"width": width, "height": 900})
        for menu in ("sort-by", "save-view", "columns", "facet-status", "facet-category", "more"):
            page.click(f"#{menu} summary")
            assert page.evaluate(BEYOND) == []
            page.keyboard.press("Escape")


def test_many_are_resolved_and_undone_from_the_keyboard(site: Site, open_as: Callable[..., Page]) -> None:
    page = open_as("manager", "/queue")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(page.locator("[data-picked]")).to_have_text("3 ticked")
    page.keyboard.press("e")
    expect(page.locator("h1")).to_have_text("Resolve 3 exceptions worth $300.00?")
    page.select_option("#reason", index=1)
    page.click("button.btn-primary")
    expect(page.locator("h1")).to_have_text("Resolve 3 exceptions")
    expect(page.locator(".parts")).to_contain_text("Done")
    assert violations(page) == []
    page.keyboard.press("u")
    expect(page.locator("#told")).to_contain_text("Undone")
    page.keyboard.press("g")
    page.keyboard.press("q")
    page.wait_for_url("**/queue")
    expect(page.locator("#rows tr")).to_have_count(4)


def test_escape_unticks_and_the_sheet_tells_every_key(site: Site, open_as: Callable[..., Page]) -> None:
    page = open_as("manager", "/queue")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    expect(page.locator("input[name=pick]:checked")).to_have_count(0)
    page.keyboard.press("?")
    told = set(page.locator("#keys kbd").all_text_contents())
    offered = set(page.eval_on_selector_all("[data-go]", "all => all.map(one => one.dataset.go)"))
    assert len(offered) > 5
    for template in (ROOT / "templates").rglob("*.html"):
        offered |= set(re.findall(r'data-key="(\w|/)"', template.read_text(encoding="utf-8")))
    offered |= set(page.eval_on_selector_all("[data-key]", "all => all.map(one => one.dataset.key)"))
    assert {*offered, "j", "k", "x", "?", "g", "Esc", "Enter"} == told - {"Shift"}


def test_views_columns_and_many_at_once_without_scripts(site: Site, open_as: Callable[..., Page]) -> None:
    page = open_as("manager", "/queue?stage=breached", java_script_enabled=False)
    page.click("#save-view summary")
    page.fill("#view-name", "Late")
    page.check("input[name=default]")
    page.click("#save-view button")
    page.goto("/queue")
    expect(page.locator("h1")).to_have_text("Late")
    expect(page.locator("#rows tr")).to_have_count(1)
    page.click("#columns summary")
    page.uncheck("#columns input[name=column][value=owner]")
    page.click("#columns >> text=Apply")
    expect(page.locator("table.queue thead")).not_to_contain_text("Owner")
    page.check("input[name=pick]")
    page.click("text=Hold…")
    page.select_option("#ball", "supplier")
    page.fill("#reason", "Waiting for the slip")
    page.click("button.btn-primary")
    expect(page.locator(".parts")).to_contain_text("Done")


def test_a_group_opens_in_place_and_its_rows_are_worked_by_keyboard(
    site: Site, open_as: Callable[..., Page]
) -> None:
    page = open_as("manager", "/queue?group=category")
    page.evaluate("document.querySelector('.group').mark = 'same'")
    page.click(".fold")
    expect(page.locator(".group .queue tbody tr")).to_have_count(4)
    assert page.evaluate("document.querySelector('.group').mark") == "same"
    expect(page).to_have_url(re.compile("open=price_variance"))
    expect(page.locator(".fold")).to_be_focused()
    _change(site, 4, owner_id=2)
    page.evaluate(REFRESH)
    expect(page.locator(".group #case-4")).to_contain_text("Manager")
    _change(site, 4, status="resolved")
    page.evaluate(REFRESH)
    expect(page.locator("[data-moved-on]")).to_contain_text("1 moved on")
    expect(page.locator(".group [data-of-group=count]")).to_have_text("3")
    expect(page.locator(".group [data-of-group=amount]")).to_have_text("$300.00")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("c")
    expect(page.locator("#told")).to_contain_text("1 exception claimed.")
    expect(page.locator(".group .queue tbody tr")).to_have_count(3)
    page.click(".fold")
    expect(page.locator(".group .queue")).to_have_count(0)
    for number in (1, 2, 3):
        _change(site, number, status="resolved")
    page.evaluate(REFRESH)
    expect(page.locator(".group [data-of-group=count]")).to_have_text("0")
