"""Pictures of the main pages, in both themes and three widths, for people to look at one by one.

Starts the demo in an instance of its own (`instance/screenshots/site`), waits until the queues have filled, and writes
`instance/screenshots/<page>-<width>-<theme>.png`. `--url` takes a demo that runs already; `--only` names pages,
`--docs` also renews the pictures in docs/images. It knows the application only as a person does: by its pages.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "instance" / "screenshots"
DOCS = ROOT / "docs" / "images"
SITE = "larkhaven.example"
PASSWORD = "larkhaven-demo"  # noqa: S105  (the demo prints it)
WIDTHS = {390: 844, 1024: 768, 1600: 1000}
THEMES = ("light", "dark")
TALLEST = 2600
"""Pixels: what is below is cut off, a picture of it helps nobody."""

DOCS_HEIGHT = 860
"""Pixels that the guides show of a page: a picture stays below 300 KB."""

FILLED = 200
"""Exceptions that the manager sees before pictures are worth taking."""

FILL_SECONDS = 300.0
WORK_SECONDS = 120.0


def _first(page: Page, path: str, selector: str) -> None:
    """Follow the first link of a list."""
    page.goto(path)
    address = page.locator(selector).first.get_attribute("href")
    assert address is not None, (path, selector)
    page.goto(address)


def _panel(page: Page) -> None:
    page.goto("/queue?category=price_variance&sort=-amount")
    page.locator("a[data-case]").first.click()
    wide = page.evaluate("innerWidth") >= 1440
    page.wait_for_selector("#panel .sentence" if wide else ".case-head .sentence")


def _supplier_of_the_order(page: Page) -> str:
    """What the order names as supplier, looked up on the first exception that follows from the cause."""
    cause = page.url
    page.goto(page.locator(".lines a[href*='/exceptions/']").first.get_attribute("href") or "")
    found = page.locator("table.sides tbody tr", has_text="Supplier").first.locator("td").first.inner_text()
    page.goto(cause)
    return found.split()[0]


def _cause_preview(page: Page) -> None:
    """The preview that was asked for at the first width; elsewhere the same one."""
    if asked := getattr(_cause_preview, "asked", None):
        page.goto(asked)
    else:
        _first(page, "/causes", ".cause-list a[href*='/causes/EX-']")
        if page.locator("#canonical").count():
            page.locator("#canonical").fill(_supplier_of_the_order(page))
        for one in page.locator("input[inputmode=decimal]").all():
            one.fill("12")
        page.fill("#reason", "The supplier confirmed by phone that both accounts are theirs.")
        page.get_by_role("button", name="Preview").click()
        page.wait_for_url("**/causes/fix/*")
        _cause_preview.asked = page.url  # type: ignore[attr-defined]
    page.wait_for_selector(".tiles, [role=alert]", timeout=WORK_SECONDS * 1000)


def _feed_preview(page: Page) -> None:
    _first(page, "/integration", "a[href$='/preview']")
    ask = page.get_by_role("button", name="Show the first rows")
    if ask.count():
        ask.click()
    page.wait_for_selector("#preview table, #preview [role=alert]", timeout=WORK_SECONDS * 1000)


def _trace(page: Page) -> None:
    page.goto("/queue")
    reference = page.locator("a[data-case]").first.inner_text()
    page.goto("/integration/trace?q=" + reference.split()[0])


def _at(path: str) -> Callable[[Page], object]:
    return lambda page: page.goto(path)


PAGES: dict[str, tuple[str, Callable[[Page], object]]] = {
    "my-work": ("ana", _at("/")),
    "queue": ("mia", _at("/queue")),
    "queue-panel": ("mia", _panel),
    "queue-grouped": ("mia", _at("/queue?group=category")),
    "exception": (
        "ana",
        lambda page: _first(page, "/queue?category=price_variance&sort=-amount", "a[data-case]"),
    ),
    "causes": ("mia", _at("/causes")),
    "cause": ("mia", lambda page: _first(page, "/causes", ".cause-list a[href*='/causes/EX-']")),
    "cause-preview": ("mia", _cause_preview),
    "retries": ("mia", _at("/retries")),
    "sla": ("mia", _at("/sla")),
    "feeds": ("ivo", _at("/integration")),
    "trace": ("ivo", _trace),
    "feed-preview": ("ivo", _feed_preview),
}
"""Page by the name of its pictures: who looks at it, and how they get there."""

IN_DOCS = {
    "queue-panel-1600-light": "queue",
    "exception-1600-light": "exception",
    "cause-preview-1600-light": "cause",
}
"""Which pictures the guides show, by their name there."""


@contextmanager
def demo() -> Iterator[str]:
    """The address of a demo that ends with the block. Raises SystemExit when it does not start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "TIEOUT_INSTANCE": str(OUT / "site"), "PORT": str(port)}
    tieout = Path(sys.executable).parent / "tieout"
    process = subprocess.Popen([tieout, "demo"], env=environment, stdout=subprocess.DEVNULL, cwd=ROOT)  # noqa: S603
    try:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + FILL_SECONDS
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("the demo did not start: run `make demo` to see why")
            time.sleep(1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + "/healthz", timeout=5):  # noqa: S310
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def enter(browser: Browser, url: str, who: str, width: int, theme: str) -> Page:
    """A page signed in as `who`, of that width (CSS pixels) and colour scheme."""
    size = {"width": width, "height": WIDTHS[width]}
    page = browser.new_context(base_url=url, color_scheme=theme, viewport=size).new_page()  # type: ignore[arg-type]
    page.goto("/sign-in")
    page.fill("#email", f"{who}@{SITE}")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(url + "/")
    return page


def wait_until_filled(page: Page) -> None:
    """Until the jobs have polled and compared. A demo that stays emptier is pictured as it is, after a word."""
    until, count = time.monotonic() + FILL_SECONDS, 0
    while time.monotonic() < until:
        page.goto("/queue")
        shown = re.search(r"[\d,]+", page.locator(".queue-bar strong").first.inner_text())
        count = int(shown[0].replace(",", "")) if shown else 0
        page.goto("/causes")
        if count >= FILLED and page.locator(".cause-list a[href*='/causes/EX-']").count():
            return
        time.sleep(3)
    print(f"only {count} exceptions after {FILL_SECONDS:.0f} seconds", file=sys.stderr)


def shoot(page: Page, name: str) -> None:
    """The whole page, down to `TALLEST`, once everything has come."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(250)
    size = page.viewport_size or {"width": 0, "height": 0}
    height = min(TALLEST, max(size["height"], page.evaluate("document.documentElement.scrollHeight")))
    page.screenshot(
        path=OUT / f"{name}.png",
        full_page=True,
        animations="disabled",
        clip={"x": 0, "y": 0, "width": size["width"], "height": height},
    )
    if name in IN_DOCS:
        top = {"x": 0, "y": 0, "width": size["width"], "height": DOCS_HEIGHT}
        page.screenshot(path=OUT / f"docs-{IN_DOCS[name]}.png", animations="disabled", clip=top)  # type: ignore[arg-type]


def main() -> None:
    """Read the arguments, take the pictures, say where they are."""
    asking = argparse.ArgumentParser(description=__doc__)
    asking.add_argument("--url", help="a demo that runs already")
    asking.add_argument("--only", nargs="*", help="names of pages")
    asking.add_argument("--docs", action="store_true", help="renew docs/images")
    asked = asking.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise SystemExit("Chromium is missing: install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        if asked.url:
            take(browser, asked.url.rstrip("/"), asked.only)
        else:
            with demo() as url:
                take(browser, url, asked.only)
        browser.close()
    if asked.docs:
        for name in IN_DOCS.values():
            if (OUT / f"docs-{name}.png").exists():
                shutil.copy(OUT / f"docs-{name}.png", DOCS / f"{name}.png")
    print(f"{len(list(OUT.glob('*.png')))} pictures in {OUT.relative_to(ROOT)}")


def take(browser: Browser, url: str, only: list[str] | None) -> None:
    """Every page (or those named), signed in as whoever looks at it, in each width and theme."""
    wait_until_filled(enter(browser, url, "mia", 1600, "light"))
    wanted = {name: how for name, how in PAGES.items() if not only or name in only}
    for width, height in WIDTHS.items():
        for theme in THEMES:
            if not only or "sign-in" in only:
                size = {"width": width, "height": height}
                stranger = browser.new_context(base_url=url, color_scheme=theme, viewport=size)  # type: ignore[arg-type]
                door = stranger.new_page()
                door.goto("/sign-in")
                shoot(door, f"sign-in-{width}-{theme}")
                stranger.close()
            people: dict[str, Page] = {}
            for name, (who, go) in wanted.items():
                page = people[who] = people.get(who) or enter(browser, url, who, width, theme)
                go(page)
                shoot(page, f"{name}-{width}-{theme}")
            for page in people.values():
                page.context.close()


if __name__ == "__main__":
    main()
