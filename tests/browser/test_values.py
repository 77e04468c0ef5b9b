"""Values as they come from elsewhere: markup, words without an end, other scripts. None runs, none widens a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog
from sqlalchemy import select

from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.models import CaseComment, CaseEvidence, ExceptionCase, User
from exceptions_app.runtime import runtime
from exceptions_app.services import search_index

from .conftest import Site, serving, signed_in
from .looking import BEYOND, NARROW

pytestmark = pytest.mark.browser

MARKUP = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}${7*7}<!--"
LONG = "W" * 180
MIRRORED = "\u202egnp.exe شركة الأدوية 🏥\u200d🩺 " + "é\u0301" * 20
EVIDENCE = (
    '{"key":{"order_number":%(v)s},"let":{},"sides":{"invoiced":{"account":%(v)s,"price":"43.75","unit":%(v)s},'
    '"ordered":{"account":"111","price":"31.00","unit":"EA"}}}'
)


def _spoil(site: Site) -> None:
    with site.app.app_context():
        author = db.session.scalars(select(User)).first()
        assert author is not None
        cases = db.session.scalars(select(ExceptionCase)).all()
        for case, value in zip(cases, (MARKUP, LONG, MIRRORED), strict=False):
            case.sentence, case.counterparty, case.note = value, value, value[:300]
            case.business_key = json.dumps({"order_number": value[:100]})
            db.session.query(CaseEvidence).filter_by(case_id=case.id).update(
                {"evidence": EVIDENCE % {"v": json.dumps(value)}}
            )
            db.session.add(
                CaseComment(case_id=case.id, author_id=author.id, text=value, created_at=utc_now())
            )
            search_index.refresh(db.session(), runtime().catalog, [case.id])
        author.name = MARKUP[:60]
        db.session.commit()


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("spoiled"), sqlite_template) as site:
        _spoil(site)
        yield site


def test_no_value_runs_breaks_out_or_widens_a_page(spoiled: Site, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": NARROW, "height": 900}, base_url=spoiled.url)
    page = signed_in(context, spoiled, "manager")
    seen: list[str] = []

    def said(dialog: Dialog) -> None:
        seen.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", said)
    page.on("console", lambda told: seen.append(told.text) if told.type == "error" else None)
    cases = [f"/exceptions/{one}" for one in spoiled.references[:3]]
    for path in ("/queue", "/queue?group=counterparty", *cases):
        page.goto(spoiled.url + path)
        for width in (NARROW, 768, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            seen += [f"{path} at {width}: {each}" for each in page.evaluate(BEYOND)]
        seen += [f"{path}: {each}" for each in page.locator("img[src=x], main script").all_inner_texts()]
    context.close()
    assert seen == []
