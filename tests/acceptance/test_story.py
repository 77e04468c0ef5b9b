"""The whole story in order, as a specialist in accounts payable lives it.

Sign in; an exception that the jobs found by polling; its repair at the source system; its closure by the
next run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape

import pytest
from flask.testing import FlaskClient

from exceptions_app import create_app
from exceptions_app.domain import public_id
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import Role
from exceptions_app.services import people

from .live import SimulatedNetwork, Site

_PASSWORD = "harbor lights at dusk"


class Browser:
    """What a person does without JavaScript: follows links, fills in forms."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        self.page = ""

    def open(self, path: str) -> int:
        answer = self._client.get(path, follow_redirects=True)
        self.page = answer.get_data(as_text=True)
        return answer.status_code

    def send(self, path: str, **fields: str) -> int:
        """Send the form of this page that goes to `path`, hidden fields included."""
        form = next(
            form for form in re.findall(r"<form.*?</form>", self.page, re.S) if f'action="{path}"' in form
        )
        for tag in re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", form):
            name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
            if name:
                fields.setdefault(name[1], unescape(value[1]) if value else "")
        answer = self._client.post(path, data=fields, follow_redirects=True)
        self.page = answer.get_data(as_text=True)
        return answer.status_code


@pytest.fixture
def browser(site: Site) -> Iterator[Browser]:
    with site.install.transaction() as session:
        people.create_user(
            session,
            email="dana@larkhaven.example",
            name="Dana Whitfield",
            password=_PASSWORD,
            role=Role.SPECIALIST,
            queues=("accounts_payable",),
            entities=("*",),
            time_zone="America/New_York",
            by="system:test",
            now=utc_now(),
            cheap=True,
        )
    app = create_app(site.install.runtime.settings)
    with app.test_client() as client:
        yield Browser(client)


@pytest.mark.parametrize("network", ["new"], indirect=True)
def test_from_sign_in_to_an_exception_that_the_data_closed(
    network: SimulatedNetwork, site: Site, browser: Browser
) -> None:
    # Signing in.
    assert browser.open("/queue") == 200
    assert "/sign-in" in browser.page
    assert browser.send("/sign-in", email="dana@larkhaven.example", password="a guess") == 401
    assert browser.send("/sign-in", email="dana@larkhaven.example", password=_PASSWORD) == 200

    # Nothing is there until the jobs have polled; no script inserts an exception.
    browser.open("/queue?category=price_variance")
    assert "/exceptions/" not in browser.page
    site.one_pass("procure_to_pay")
    browser.open("/queue?category=price_variance")

    # The exception says what is wrong, in words, with both sides.
    path = re.findall(r'href="(/exceptions/EX-[0-9A-Z]+)[?"]', browser.page)[0]
    number = public_id.decode(path.rpartition("/")[2])
    (case,) = [case for case in site.cases() if case.id == number]
    assert browser.open(path) == 200
    assert case.reference in browser.page and case.sentence in unescape(browser.page)
    assert case.counterparty is not None and case.counterparty in unescape(browser.page)

    # Dana takes it, and AP automation's clerk corrects the price there.
    assert browser.send(f"{path}/claim") == 200
    browser.open("/")
    assert path in browser.page
    key = json.loads(case.business_key)
    (fault,) = [row for row in network.ledger("fault", category="price_variance") if row["key"] == key]
    network.ask("repair", id=fault["id"])
    browser.open(path)
    assert f'action="{path}/release"' in browser.page, "a repair alone closes nothing"

    # The next run reads the line again and finds that everybody agrees.
    site.one_pass("procure_to_pay")
    (after,) = [one for one in site.cases() if one.id == case.id]
    assert (after.status, after.end_reason) == ("resolved", "agrees_now")
    browser.open(path)
    assert "the systems agree now" in unescape(browser.page)
    assert f'action="{path}/release"' not in browser.page
    browser.open("/queue?category=price_variance")
    assert path not in browser.page
