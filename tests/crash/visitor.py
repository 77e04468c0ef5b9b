"""A person at work in the web while its processes die: signs in, claims, comments, and remembers what was committed."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from itertools import count
from typing import Literal

import httpx2

EMAIL, PASSWORD = "a@example.org", "correct horse battery"
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
_VERSION = re.compile(r'name="version" value="(\d+)"')


class Visitor(threading.Thread):
    """`choose` gives the reference of an exception and what to do with it, claim or comment. While `armed`, the web
    dies right after a commit and only there, so that a comment of which no answer came was committed. (A claim may have
    been refused, since the jobs change open exceptions all the time.)
    """

    def __init__(self, url: str, choose: Callable[[], tuple[str, str] | None]) -> None:
        super().__init__(name="visitor", daemon=True)
        self.url, self.choose = url, choose
        self.comments: list[str] = []
        self.claimed: set[str] = set()
        self.deaths = 0
        self.armed = threading.Event()
        self.error: Exception | None = None
        self._stop_asked = threading.Event()
        self._numbers = count(1)

    def run(self) -> None:
        with httpx2.Client(base_url=self.url, timeout=30) as browser:
            while not self._stop_asked.wait(0.3):
                try:
                    self._work(browser)
                except httpx2.RequestError:
                    continue  # nobody listens yet, or a page was being made when its process died
                except Exception as error:
                    self.error = error
                    return

    def stop(self) -> None:
        self._stop_asked.set()
        self.join(60)

    def _work(self, browser: httpx2.Client) -> None:
        chosen = self.choose()
        if chosen is None:
            return
        reference, deed = chosen
        page = browser.get(f"/exceptions/{reference}")
        if page.status_code == 303:
            form = _CSRF.search(browser.get("/sign-in").text)
            assert form, "no form to sign in with"
            self._post(browser, "/sign-in", csrf_token=form[1], email=EMAIL, password=PASSWORD)
            return
        assert page.status_code == 200, f"{page.status_code}: {page.text[:500]}"
        form, version = _CSRF.search(page.text), _VERSION.search(page.text)
        assert form and version, page.text[:2000]
        given = {"csrf_token": form[1], "version": version[1]}
        if deed == "claim":
            if self._post(browser, f"/exceptions/{reference}/claim", **given) == "committed":
                self.claimed.add(reference)
            return
        text = f"Remark number {next(self._numbers)} of the visitor."
        if self._post(browser, f"/exceptions/{reference}/comment", text=text, **given) in (
            "committed",
            "died",
        ):
            self.comments.append(text)

    def _post(
        self, browser: httpx2.Client, path: str, **form: str
    ) -> Literal["committed", "died", "refused"]:
        """What came of it; `died`: the web was killed at its milestone, after the commit."""
        armed = self.armed.is_set()
        try:
            answer = browser.post(path, data=form)
        except httpx2.ConnectError:
            return "refused"
        except httpx2.RequestError:
            if not (armed and self.armed.is_set()):
                return "refused"
            self.deaths += 1
            return "died"
        return "committed" if answer.status_code == 303 else "refused"
