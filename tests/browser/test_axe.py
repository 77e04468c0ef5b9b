"""Every page that a GET opens, in its main states, light and dark, narrow and wide: no violation of WCAG 2.2 AA, and
nothing wider than the window. The pages are those of `app.url_map`: one that nobody looks at fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from . import everything
from .conftest import Site, serving, signed_in
from .looking import NARROW, WIDE, faults

pytestmark = pytest.mark.browser

Prepare = Callable[[Page], Any]
State = str | tuple[str, Prepare]
"""An address, with what a person does there before it is looked at. Names in braces are of `everything.plant`."""

NO_PAGE = {
    "static": "files",
    "health.healthz": "a word for a monitor",
    "openapi.spec": "for programs",
    "api_exceptions.index": "for programs",
    "api_exceptions.show": "for programs",
    "dashboards.sla_figure": "the figures of a chart",
    "exports.download": "a workbook",
    "interfaces.export": "a CSV file",
    "notices.bell": "the bell in the head of every page",
    "queues.rows": "the rows of the queue, refreshed",
    "case_retry.state": "a part of an exception's page",
}


def click(selector: str, shows: str) -> Prepare:
    """Click, and wait for what that shows."""

    def act(page: Page) -> None:
        page.locator(selector).first.click()
        page.locator(shows).first.wait_for()

    return act


def key(*keys: str, shows: str) -> Prepare:
    def act(page: Page) -> None:
        for each in keys:
            page.keyboard.press(each)
        page.locator(shows).first.wait_for()

    return act


def send(form: str, shows: str, **values: str) -> Prepare:
    """Send a form as it would never leave a careful hand: past the browser's own checks."""

    def act(page: Page) -> None:
        page.evaluate(
            """([form, values]) => { const one = document.querySelector(form);
               for (const [name, value] of Object.entries(values)) one.elements[name].value = value;
               HTMLFormElement.prototype.submit.call(one) }""",
            [form, values],
        )
        page.locator(shows).first.wait_for()

    return act


def _panel(page: Page) -> None:
    page.set_viewport_size({"width": 1600, "height": 900})
    key("j", "o", shows="#panel .sentence")(page)


def opened(selector: str) -> Prepare:
    return lambda page: page.eval_on_selector_all(selector, "all => all.forEach(one => { one.open = true })")


PAGES: dict[str, list[State]] = {
    "manager: work": [
        "/", ("/", opened(".nav-small")), ("/", opened(".top .menu:last-child")), "/queue", ("/queue", _panel),
        ("/queue", opened("#facet-owner, .row-note")), ("/queue", opened("#more")), ("/queue", opened("#columns")),
        ("/queue", opened("#save-view")), ("/queue", key("?", shows="dialog[open]")),
        "/queue?stage=breached&q=number", "/queue?q=nothing", "/queue?group=category",
        "/queue?group=counterparty&open=Medline",
        "/queue?refs=PO-00001+PO-404&status=any", "/queue/views", "/notices", "/notices?before=1", "/sla", "/exports",
        "/tasks/{exported}", "/tasks/{broken}", "/me", "/me/keys",
        ("/me/keys", send("form[action='/me/keys']", ".key-text", name="Reports")),
    ],
    "manager: many": [
        "/bulk", "/bulk/{moving}", "/bulk/{done}", "/bulk/{done}?kind=undone", "/bulk/new?action=resolve&all=yes",
        "/bulk/new?action=waive&all=yes", "/bulk/new?action=claim&all=yes&q=nothing", "/causes", "/causes/{cause}",
        ("/causes/{cause}", send("form[action$='/preview']", "[role=alert]", canonical="", reason="")),
        "/causes/cluster?category=price_variance&by=counterparty&value=Cardinal", "/causes/fix/{previewing}",
        "/causes/fix/{previewed}", "/causes/fix/{vain}", "/causes/fix/{lost}", "/integration/storms",
        "/integration/storms/1", "/integration/storms/2",
    ],
    "manager: one": [
        "/exceptions/{case0}?from=queue", "/exceptions/{case1}", "/exceptions/{case2}", "/exceptions/{case3}",
        "/exceptions/{case0}?show=people", "/exceptions/{case0}?show=systems",
        ("/exceptions/{case0}", click("text=Show the raw record", "text=Back to the exception")),
        ("/exceptions/{case0}", send("#resolve form", "#problem", version="0")),
        ("/exceptions/{case0}", send("#hold form", "#problem", reason="")),
    ],
    "manager: retries": [
        "/retries", "/retries/1", "/retries/2?kind=approval", "/retries/4", "/retries/new", "/retries/approvals",
        "/retries/new?case=1&case=2", "/retries/decisions", "/retries/gave-up", "/retries/gave-up/1",
        "/retries/gave-up/confirm?do=again", "/retries/gave-up/confirm?do=discard&id=1", "/retries/systems",
        "/queue?retry=failed",
    ],
    "integration_analyst": [
        "/integration", "/integration/runs", "/integration/rejects", "/integration/checks", "/integration/try",
        "/integration/rejects?feed=ap_invoices&run=404", "/integration/try?check=p2p.order_match",
        ("/integration/try", send("main form[method=post]", "[role=alert]", text=" ")), "/integration/try/{tried}",
        "/integration/systems", "/integration/register", "/integration/feeds/erp_orders",
        "/integration/try/{refused}", "/integration/try/{trying}", "/integration/feeds/erp_orders/preview",
        "/integration/feeds/ap_invoices/preview", "/integration/dead-letters", "/integration/dead-letters/{event}",
        "/integration/trace", "/integration/trace?q=PO-00001", "/integration/trace?q=TX-1", "/integration/trace?q=none",
        "/integration/configuration", "/integration/configuration?section=checks&code=p2p.order_match",
        "/integration/storms/1",
    ],
    "auditor": [
        "/", "/queue", "/exceptions/{case0}", "/causes", "/causes/{cause}", "/retries/1", "/retries/gave-up",
        "/integration", "/integration/storms/1", "/integration/dead-letters/{event}", "/exports",
    ],
    "administrator": [
        "/admin/people", "/admin/people/new", "/admin/people/1", "/me",
        ("/admin/people/new", send("main form[method=post]", "[role=alert]", email="nope")),
    ],
    "specialist": [
        "/", "/causes/fix/{previewed}", "/retries/1", "/admin/people", "/nowhere", "/exceptions/EX-404",
        "/exceptions/{case0}/claim", "/exports/{exported}/download",
    ],
}  # fmt: skip
"""Who looks (what is after the colon only splits the work) -> what they look at. The last are the pages of errors."""


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[tuple[Site, dict[str, str]]]:
    """An install with something on every page, and what the names in addresses stand for."""
    with serving(tmp_path_factory.mktemp("whole"), sqlite_template, everything.configure) as site:
        with site.app.app_context():
            everything.retry(site.app, site.references)
            named = everything.plant(site.references)
        site.app.view_functions["exports.download"] = _breaks
        yield site, named


def _breaks(**_: object) -> str:
    raise ZeroDivisionError


def _addresses(states: list[State]) -> list[tuple[str, Prepare | None]]:
    return [(each, None) if isinstance(each, str) else each for each in states]


def test_every_page_is_looked_at(whole: tuple[Site, dict[str, str]]) -> None:
    site, named = whole
    rules = site.app.url_map.bind("localhost")
    looked = {"auth.sign_in"}
    for states in PAGES.values():
        for path, _ in _addresses(states):
            if path != "/nowhere" and not path.endswith("/claim"):
                looked.add(rules.match(path.partition("?")[0].format(**named))[0])
    opened = {rule.endpoint for rule in site.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert looked - NO_PAGE.keys() == opened - NO_PAGE.keys()


@pytest.mark.parametrize("who", PAGES)
def test_no_page_violates_wcag_and_none_scrolls_sideways(
    who: str, whole: tuple[Site, dict[str, str]], chromium: Browser
) -> None:
    site, named = whole
    context = chromium.new_context(base_url=site.url, color_scheme="light", reduced_motion="reduce")
    page, found = signed_in(context, site, who.partition(":")[0]), []
    for path, prepare in _addresses(PAGES[who]):
        page.set_viewport_size({"width": WIDE, "height": 900})
        answer = page.goto(path.format(**named))
        assert answer is not None and (answer.status < 500 or path.endswith("/download")), path
        page.evaluate(
            "for (const one of document.querySelectorAll('main details:not(.facet)')) one.open = true"
        )
        if prepare is not None:
            prepare(page)
        found += [f"{path}: {each}" for each in faults(page)]
    context.close()
    assert not found, "\n".join(found)


def test_signing_in_violates_nothing(whole: tuple[Site, dict[str, str]], chromium: Browser) -> None:
    context = chromium.new_context(base_url=whole[0].url, color_scheme="light", reduced_motion="reduce")
    page = context.new_page()
    page.goto("/sign-in")
    assert faults(page, (NARROW,)) == []
    page.set_viewport_size({"width": WIDE, "height": 900})
    send("main form", "[role=alert]", email="nobody@example.org", password="wrong")(page)
    assert faults(page, (NARROW,)) == []
    context.close()
