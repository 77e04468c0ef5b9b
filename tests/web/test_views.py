"""How people look at the queue: views, columns, groups, pasted references; every one a form without scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from lxml import html as lxml_html
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.models import QueueLayout, ReferenceList

_HTML: Any = lxml_html
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def _rows(page: str) -> list[str]:
    return [row.get("id") for row in _HTML.fromstring(page).xpath("//tr[starts-with(@id, 'case-')]")]


def _heads(page: str) -> list[str]:
    return [head.text_content().strip() for head in _HTML.fromstring(page).xpath("//table//th")[1:]]


@pytest.fixture
def two(session: Session, make_case: Callable[..., Any]) -> tuple[Any, Any]:
    """One of the first hospital with Medline, one of the second with Baxter."""
    made = make_case(entity="H01"), make_case(entity="H02", counterparty="Baxter", reference="PO-77/1")
    session.commit()
    return made


def test_a_saved_view_opens_again_and_as_the_default_with_no_arguments(
    two: tuple[Any, Any], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    made = client.post("/queue/views", data={"name": "Second site", "f-entity": "H02", "default": "yes"})
    assert made.location == "/queue?view=1"
    for path in ("/queue?view=1", "/queue"):
        assert _rows(client.get(path).text) == [f"case-{two[1].id}"], path
    assert len(_rows(client.get("/queue?all=yes").text)) == 2
    client.post("/queue/views/0/default")
    assert len(_rows(client.get("/queue").text)) == 2


def test_a_chip_of_a_view_can_be_removed_and_the_view_updated(
    two: tuple[Any, Any], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    client.post("/queue/views", data={"name": "Second site", "f-entity": "H02"})
    page = _HTML.fromstring(client.get("/queue?view=1").text)
    without = page.xpath("//span[@class='filter-chip']/a/@href")[0]
    changed = client.get(without).text
    assert len(_rows(changed)) == 2 and "Update “Second site”" in changed
    client.post("/queue/views", data={"update": "1", "f-view": "1"})
    assert len(_rows(client.get("/queue?view=1").text)) == 2


def test_a_shared_view_is_everybodys_to_open_and_its_owners_to_change(
    two: tuple[Any, Any], sign_in: Callable[..., FlaskClient]
) -> None:
    owner, other = sign_in(), sign_in()
    owner.post("/queue/views", data={"name": "Ours", "f-entity": "H02", "shared": "yes"})
    owner.post("/queue/views", data={"name": "Mine", "f-entity": "H02"})
    listed = other.get("/queue/views").text
    assert "Ours" in listed and "Mine" not in listed
    assert _rows(other.get("/queue?view=1").text) == [f"case-{two[1].id}"]
    assert len(_rows(other.get("/queue?view=2").text)) == 2
    for path in ("/queue/views/1/rename", "/queue/views/1/delete"):
        refused = other.post(path, data={"name": "Stolen"})
        assert "Only its owner changes a view." in other.get(refused.location).text
    assert "There is no such view any more." in other.get(other.post("/queue/views/2/default").location).text


def test_a_view_is_renamed_and_deleted_also_as_a_default(
    two: tuple[Any, Any], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    client.post("/queue/views", data={"name": "One", "f-entity": "H02", "default": "yes"})
    client.post("/queue/views/1/rename", data={"name": "Two"})
    assert "Two" in client.get("/queue/views").text
    taken = client.post("/queue/views", data={"name": "Two", "f-entity": "H01"})
    assert "You have a view called “Two” already." in client.get(taken.location).text
    client.post("/queue/views/1/delete")
    assert len(_rows(client.get("/queue").text)) == 2


def test_columns_and_density_are_remembered_for_the_person(
    two: tuple[Any, Any], sign_in: Callable[..., FlaskClient]
) -> None:
    client, other = sign_in(), sign_in()
    form = {"order": ["owner", "reference", "amount"], "column": ["owner", "amount"], "density": "compact"}
    answer = client.post("/queue/layout", data=form | {"f-entity": "H02"})
    assert answer.location == "/queue?entity=H02"
    page = client.get("/queue?all=yes").text
    assert _heads(page) == ["Owner", "Reference", "At risk"] and 'data-density="compact"' in page
    assert len(_heads(other.get("/queue?all=yes").text)) == 7
    client.post("/queue/layout", data=form | {"move": "amount:up"})
    assert _heads(client.get("/queue?all=yes").text) == ["Owner", "At risk", "Reference"]
    client.post("/queue/layout", data={"reset": "yes"})
    assert len(_heads(client.get("/queue?all=yes").text)) == 7


def test_in_a_colleagues_view_columns_and_density_are_ones_own_and_the_owners_stay(
    two: tuple[Any, Any], sign_in: Callable[..., FlaskClient], session: Session
) -> None:
    owner, other = sign_in(), sign_in()
    owner.post("/queue/views", data={"name": "Ours", "shared": "yes", "columns": "reference,cost"})
    other.post("/queue/layout", data={"order": ["owner"], "column": ["owner"], "density": "compact"})
    assert _heads(other.get("/queue?view=1").text) == ["Reference", "Cost of waiting"]
    form = {"order": ["reference", "age"], "column": ["age"], "density": "comfortable", "f-view": "1"}
    other.post("/queue/layout", data=form)
    page = other.get("/queue?view=1").text
    assert _heads(page) == ["Reference", "Business days"] and 'data-density="comfortable"' in page
    assert 'data-density="compact"' in other.get("/queue?all=yes").text
    assert _heads(other.get("/queue?all=yes").text) == ["Reference", "Owner"]
    assert _heads(owner.get("/queue?view=1").text) == ["Reference", "Cost of waiting"]
    other.post("/queue/layout", data={"f-view": "1", "reset": "yes"})
    assert _heads(other.get("/queue?view=1").text) == ["Reference", "Cost of waiting"]
    other.post("/queue/layout", data=form)
    owner.post("/queue/views/1/delete")
    assert [each for each in session.scalars(select(QueueLayout.columns)) if ";" in each] == []


@pytest.mark.parametrize(
    ("by", "titles"),
    [
        ("counterparty", ["Baxter", "Medline"]),
        ("category", ["Price variance"]),
        ("cause", ["No known cause"]),
    ],
)
def test_groups_say_how_many_and_lead_to_their_queue(
    by: str, titles: list[str], two: tuple[Any, Any], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    page = _HTML.fromstring(client.get(f"/queue?group={by}").text)
    heads = page.xpath("//tbody[starts-with(@id, 'group-')]//th")
    assert sorted(head.text_content().strip() for head in heads) == titles
    for link in page.xpath("//tbody[starts-with(@id, 'group-')]//a[@class='apart']/@href"):
        assert "group=" not in link
        assert len(_rows(client.get(link).text)) == (1 if by == "counterparty" else 2)


def test_a_group_opens_below_its_head_by_address_or_alone(
    two: tuple[Any, Any], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    page = _HTML.fromstring(client.get("/queue?group=counterparty").text)
    [link] = page.xpath("//a[@aria-expanded][contains(., 'Medline')]")
    whole = client.get(link.get("href")).text
    assert _rows(whole) == [f"case-{two[0].id}"]
    assert (
        _HTML.fromstring(whole).xpath("//tbody[@class='group']//a[@aria-expanded='true']//text()")[-1].strip()
        == "Medline"
    )
    part = client.get(link.get("hx-get"), headers=HTMX).text
    assert _rows(part) == [f"case-{two[0].id}"]
    assert "Baxter" not in part and "<html" not in part
    [closing] = _HTML.fromstring(part).xpath("//a[@aria-expanded='true']")
    assert _rows(client.get(closing.get("hx-get"), headers=HTMX).text) == []
    assert client.get("/queue?group=counterparty&open=x&part=x", headers=HTMX).status_code == 404


def test_a_group_is_walked_by_keyset_and_acts_lead_back_to_it(
    session: Session, make_case: Callable[..., Any], sign_in: Callable[..., FlaskClient]
) -> None:
    made = [make_case(counterparty="Cardinal").id for _ in range(23)]
    make_case(counterparty="Baxter")
    session.commit()
    client = sign_in()
    page = client.get("/queue?group=counterparty&open=Cardinal").text
    [after] = _HTML.fromstring(page).xpath("//nav[@class='pager']/a[contains(., 'Next rows')]")
    later = client.get(after.get("href")).text
    assert [*_rows(page), *_rows(later)] == [f"case-{number}" for number in made]
    assert _rows(client.get(after.get("hx-get"), headers=HTMX).text) == _rows(later)
    form = {"pick": f"{made[0]}:1", "f-group": "counterparty", "f-open": "Cardinal"}
    assert (
        client.post("/queue/claim", data=form).location == "/queue?all=yes&group=counterparty&open=Cardinal"
    )


def test_pasted_references_are_an_address_that_says_what_was_not_found(
    two: tuple[Any, Any], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    answer = client.post("/queue/references", data={"references": "Dear all,\nPO-77; PO-404 please"})
    page = client.get(answer.location).text
    assert _rows(page) == [f"case-{two[1].id}"]
    assert "not found" in page and "PO-404" in page


def test_a_long_list_is_stored_and_its_address_is_short(
    two: tuple[Any, Any], session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    pasted = "\n".join(f"PO-{number:06d}" for number in range(300)) + "\npo-77"
    answer = client.post("/queue/references", data={"references": pasted})
    assert len(answer.location) < 200
    page = client.get(answer.location).text
    assert _rows(page) == [f"case-{two[1].id}"] and "300 of 301 references were not found" in page
    assert len(session.scalars(select(ReferenceList)).all()) == 1


def test_nothing_pasted_says_so(sign_in: Callable[..., FlaskClient]) -> None:
    client = sign_in()
    answer = client.post("/queue/references", data={"references": " ; ,"})
    assert "No reference was found" in client.get(answer.location).text


def test_refreshed_rows_stay_where_they_are_and_say_when_they_no_longer_fit(
    two: tuple[Any, Any], session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in()
    first, second = two
    address = f"/queue/rows?ids={second.id}-{first.id}&entity=H01"
    text = client.get(address, headers=HTMX).text
    rows = _HTML.fragments_fromstring(f"<table>{text}</table>")[0].xpath(".//tr")
    assert [row.get("id") for row in rows] == [f"case-{second.id}", f"case-{first.id}"]
    assert [row.get("data-moved") is not None for row in rows] == [True, False]
    assert "Moved on" in text


def test_a_refresh_shows_nothing_that_is_not_theirs(
    two: tuple[Any, Any], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in(entities=("H01",))
    text = client.get(f"/queue/rows?ids={two[1].id}-{two[0].id}", headers=HTMX).text
    assert f"case-{two[1].id}" not in text and f"case-{two[0].id}" in text


def test_a_group_by_entity_opens_what_it_counts_without_what_is_below(
    make_case: Callable[..., Any], session: Session, sign_in: Callable[..., FlaskClient]
) -> None:
    """The network has a case of its own beside those of its hospitals: each row stands in one group."""
    made = {entity: make_case(entity=entity).id for entity in ("NET", "H01", "H02")}
    session.commit()
    client = sign_in()
    page = _HTML.fromstring(client.get("/queue?group=entity").text)
    links = page.xpath("//tbody[starts-with(@id, 'group-')]//a[@class='apart']/@href")
    assert sorted(row for link in links for row in _rows(client.get(link).text)) == sorted(
        f"case-{number}" for number in made.values()
    )
    for entity, number in made.items():
        assert _rows(client.get(f"/queue?group=entity&open={entity}").text) == [f"case-{number}"]
        alone = client.get(f"/queue?group=entity&open={entity}&part={entity}", headers=HTMX).text
        assert _rows(alone) == [f"case-{number}"]
    assert len(_rows(client.get("/queue?entity=NET").text)) == 3
    alone = client.get("/queue?entity=%3DNET").text
    assert (
        "The network alone" in alone and 'value="=NET"' in alone and _rows(alone) == [f"case-{made['NET']}"]
    )
