"""Links lead from an exception into the systems that hold its records, and the page there names the record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from demo.network import Network
from demo.serve import Credentials, applications
from exceptions_app.access import viewer_for
from exceptions_app.models import CaseEvidence, ExceptionCase, User
from exceptions_app.queries.chain import chain
from exceptions_app.queries.record_links import record_links
from exceptions_app.services.cause_keys import CAUSES_CHECK

from .live import SimulatedNetwork, Site

_VARIABLE = re.compile(r"env:DEMO_(\w+)_URL/")
_SYSTEM = {"ap": "ap_automation"}


@dataclass(frozen=True)
class Browser:
    """Opens addresses of the network's systems, none of which listens."""

    clients: dict[str, FlaskClient]

    def wrong_with(self, url: str) -> str:
        """Empty where a page comes that says what the address names."""
        parts = urlsplit(url)
        named = [value for _, value in parse_qsl(parts.query)] or [unquote(parts.path).rpartition("/")[2]]
        answer = self.clients[parts.netloc].get(f"{parts.path}?{parts.query}")
        if answer.status_code != 200:
            return f"{url}: {answer.status_code}"
        return "" if all(name in answer.text for name in named) else f"{url} does not say {named}"


@pytest.fixture
def browser(seen: tuple[SimulatedNetwork, Site], monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    network = Network(seen[0].home, calm=True)
    apps = applications(network, Credentials.of(seen[0].home / "credentials.json"))
    for system in seen[1].install.runtime.catalog.systems.values():
        for pattern in system.record_urls.values():
            if found := _VARIABLE.match(pattern if isinstance(pattern, str) else pattern[0]):
                name = found[1].lower()
                monkeypatch.setenv(f"DEMO_{found[1]}_URL", f"http://{_SYSTEM.get(name, name)}")
    yield Browser({name: app.test_client() for name, app in apps.items()})
    network.close()


def _links(site: Site) -> dict[str, dict[str, str]]:
    """Check -> (what is linked, and in which system) -> one such address, of everything that was found."""
    catalog = site.install.runtime.catalog
    viewer = replace(
        viewer_for(User(name="All", role="administrator", time_zone="UTC"), catalog), entities=None
    )
    shown = select(ExceptionCase, CaseEvidence.evidence).join(
        CaseEvidence, CaseEvidence.case_id == ExceptionCase.id
    )
    found: dict[str, dict[str, str]] = {}
    with Session(site.install.engine) as session:
        rows = session.execute(shown.where(ExceptionCase.check_code != CAUSES_CHECK)).all()
    for case, text in rows:
        evidence: dict[str, Any] = json.loads(text)
        key, code = json.loads(case.business_key), case.check_code
        links = [one.url for one in record_links(viewer, catalog, code, key, evidence)]
        links += [step.url for step in chain(viewer, catalog, code, evidence, case.currency) if step.url]
        by_place = found.setdefault(code, {})
        for url in links:
            parts = urlsplit(url)
            by_place.setdefault(f"{parts.netloc}/{parts.path.split('/')[2]}", url)
    return found


def test_whatever_is_found_opens_in_the_systems_that_hold_it(
    seen: tuple[SimulatedNetwork, Site], browser: Browser
) -> None:
    found = _links(seen[1])
    checks = seen[1].install.runtime.catalog.checks
    unlinked = {code for code, by_place in found.items() if code in checks and not by_place}
    assert not unlinked, f"nothing to open: {unlinked}"
    wrong = [browser.wrong_with(url) for by_place in found.values() for url in by_place.values()]
    assert not any(wrong), "\n".join(filter(None, wrong))
    systems = {place.partition("/")[0] for by_place in found.values() for place in by_place}
    assert systems == set(browser.clients) - {"recall_list"}
