"""What axe and a ruler find on a page as it stands: in light and dark, wide and narrow, from one load."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from .conftest import ROOT

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules that a theme can break; all others see the same page in both."""
WIDE, NARROW = 1440, 320
BEYOND = """dispatchEvent(new Event("resize")),
  [...(document.documentElement.scrollWidth > innerWidth ? ["it scrolls sideways"] : []),
  ...[...document.querySelectorAll("details[open] > .sheet, dialog[open]")].filter(one => one.checkVisibility())
  .filter(one => { const at = one.getBoundingClientRect(); return at.left < 0 || at.right > innerWidth })
  .map(one => `cut off: ${one.parentElement.id || one.parentElement.className}`)]"""
"""What is wider than the window, or opens beyond its edge, once scripts have heard of the window's width."""


@cache
def _axe() -> str:
    return (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, rules: list[str] = TAGS) -> list[str]:
    """What axe finds, one line each. `rules` are tags, or names of rules."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())
    found = page.evaluate(
        "only => axe.run(document, {runOnly: only, resultTypes: ['violations'], preload: false})", rules
    )
    return [
        f"{each['id']}: {node['target']}: {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def faults(page: Page, widths: tuple[int, ...] = (NARROW, 768, 2560)) -> list[str]:
    """Violations in both themes, wide and narrow, and widths at which it scrolls sideways; the page stays loaded."""
    found = [f"light: {each}" for each in violations(page)]
    wear(page, "dark")
    found += [f"dark: {each}" for each in violations(page, COLOURS)]
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{width}: {each}" for each in page.evaluate(BEYOND)]
        if width == NARROW:
            found += [f"dark, {width}: {each}" for each in violations(page)]
    return found


def wear(page: Page, theme: str) -> None:
    """The look that a person can choose, without asking the server."""
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
