"""Every page, light and dark, narrow and wide: no violation of WCAG 2.2 AA, nothing wider than the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from .conftest import ROOT, Site

pytestmark = pytest.mark.browser

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").resolve()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "manager": [
        "/", "/queue", "/queue?stage=breached&q=number", "/queue?q=nothing",
        "/queue?group=category", "/queue?refs=PO-00001+PO-404&status=any", "/queue/views", "/bulk",
        "/bulk/new?action=resolve&all=yes", "/bulk/new?action=waive&all=yes", "/exceptions/{0}", "/sla", "/exports",
    ],
    "integration_analyst": [
        "/integration", "/integration/runs", "/integration/rejects", "/integration/checks",
        "/integration/storms", "/integration/try",
        "/integration/feeds/erp_orders/preview",
        "/integration/dead-letters", "/integration/trace", "/integration/trace?q=PO-00001",
        "/integration/configuration?section=checks&code=p2p.order_match",
    ],
    "administrator": ["/admin/people", "/admin/people/new", "/admin/people/1", "/me", "/nowhere"],
}  # fmt: skip


def violations(page: Page) -> list[str]:
    """What axe finds on the page as it stands, one line each."""
    page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
    return [
        f"{each['id']}: {node['target']}: {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("role", PAGES)
def test_no_page_violates_wcag_and_none_scrolls_sideways(
    role: str, scheme: str, site: Site, open_as: Callable[..., Page]
) -> None:
    page = open_as(role, color_scheme=scheme)
    for path in PAGES[role]:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(path.format(site.references[0]))
        page.wait_for_load_state("networkidle")
        for action in page.query_selector_all("details.action"):
            action.evaluate("one => one.open = true")
        assert violations(page) == [], path
        for width in (320, 768, 2560):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
            if width == 320:
                assert violations(page) == [], (path, width)
    site.complaints[:] = [
        c for c in site.complaints if "404" not in c
    ]  # the designed 404 is one of the pages


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sign_in_violates_nothing(scheme: str, chromium: object, site: Site) -> None:
    context = chromium.new_context(base_url=site.url, color_scheme=scheme)  # type: ignore[attr-defined]
    page = context.new_page()
    page.goto("/sign-in")
    assert violations(page) == []
    context.close()
