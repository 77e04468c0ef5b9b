"""No name turns the text around it: what runs the other way is set apart, a mark that turns text is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from exceptions_app.domain.public_id import encode
from exceptions_app.web.direction import isolated

ARABIC, HEBREW = "شركة الأدوية", "חברה"


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        (f"<p>{ARABIC} billed 3 for PO-1</p>", f"<p><bdi>{ARABIC}</bdi> billed 3 for PO-1</p>"),
        (f"<td>{ARABIC} 12,50</td><td>7</td>", f"<td><bdi>{ARABIC}</bdi> 12,50</td><td>7</td>"),
        (f"<td>{HEBREW} 24 {HEBREW}, Ltd</td>", f"<td><bdi>{HEBREW} 24 {HEBREW}</bdi>, Ltd</td>"),
        (f"<td>{HEBREW} & {ARABIC}</td>", f"<td><bdi>{HEBREW} & {ARABIC}</bdi></td>"),
        ("<p>\u202egnp.exe owes 5</p>", "<p><bdi>[RLO]</bdi>gnp.exe owes 5</p>"),
        ("<p>a\u2069\u2067b</p>", "<p>a<bdi>[PDI]</bdi><bdi>[RLI]</bdi>b</p>"),
        ("<p>1 \u200f 2</p>", "<p>1 <bdi>\u200f</bdi> 2</p>"),
    ],
)
def test_a_value_is_set_apart_from_its_sentence(html: str, shown: str) -> None:
    assert isolated(html) == shown


@pytest.mark.parametrize(
    "html",
    [
        "<p>Plain – text … → ®</p>",
        f'<input value="{ARABIC}"><a title="x > \u202ey" href="/a">b</a>',
        f"<textarea name='t'>\u202e{ARABIC}</textarea><TITLE>{ARABIC}</TITLE>",
        f"<select><option>{ARABIC}</option></select>",
        f"<!-- {ARABIC} <p> -->",
    ],
)
def test_what_is_no_text_or_is_sent_back_stays_as_it_is(html: str) -> None:
    assert isolated(html) == html


def test_no_page_obeys_a_mark_in_a_supplier_s_name_and_forms_send_it_back_as_it_is(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    name = "\u202egnp.exe"
    case = make_case(sentence=f"{name} charged $43.75, {ARABIC} 31", counterparty=name)
    session.commit()
    client = sign_in("manager")
    for path in ("/queue", f"/exceptions/{encode(case.id)}", "/queue?group=counterparty"):
        page = client.get(path).text
        assert f"<bdi>[RLO]</bdi>gnp.exe charged $43.75, <bdi>{ARABIC}</bdi> 31" in page or "group" in path, (
            path
        )
        assert "\u202e" not in "".join(re.findall(">([^<]*)<", page)), path
    searched = client.get("/queue", query_string={"q": name}).text
    assert f'value="{name}"' in searched
