"""What a browser must fetch for a first page: little, compressed, and an asset only once."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from lxml import html

STATIC = Path(__file__).parent.parent.parent / "static"
MOST_BYTES = 250 * 1024
GZIP = {"Accept-Encoding": "gzip"}


def _asked_for(page: bytes) -> list[str]:
    """What a page loads before anybody touches it; the sprite of icons is fetched by its address alone."""
    tree = html.fromstring(page)
    found = tree.xpath("//link[@rel='stylesheet' or @rel='icon']/@href | //script/@src")
    sprites = {one.partition("#")[0] for one in tree.xpath("//*[local-name()='use']/@href")}
    return [*map(str, found), *sorted(filter(None, sprites))]


def _modules() -> list[str]:
    return [f"/static/js/{file.name}" for file in (STATIC / "js").glob("*.js") if file.name != "app.js"]


@pytest.mark.skipif(
    not (STATIC / "vendor" / ".built").exists(), reason="the assets are not built: make assets"
)
@pytest.mark.parametrize("path", ["/", "/queue", "/causes"])
def test_a_first_page_and_all_it_loads_are_light(path: str, sign_in: Callable[..., FlaskClient]) -> None:
    client = sign_in("manager")
    plain, page = client.get(path).data, client.get(path, headers=GZIP)
    assert page.content_encoding == "gzip"
    loaded = [*_asked_for(plain), *_modules()]
    assert not [one for one in loaded if "plotly" in one]
    weights = {one: client.get(one, headers=GZIP) for one in loaded}
    assert {answer.status_code for answer in weights.values()} == {200}
    assert len(page.data) + sum(len(answer.data) for answer in weights.values()) <= MOST_BYTES


def test_a_browser_that_compresses_nothing_is_served(sign_in: Callable[..., FlaskClient]) -> None:
    page = sign_in().get("/queue", headers={"Accept-Encoding": "identity"})
    assert page.content_encoding is None
    assert "Accept-Encoding" in page.headers["Vary"]


def test_an_asset_whose_address_changes_with_it_is_asked_for_once(
    sign_in: Callable[..., FlaskClient],
) -> None:
    client = sign_in()
    (address,) = re.findall(r'href="(/static/css/app\.css\?v=[0-9a-f]+)"', client.get("/queue").text)
    assert "immutable" in client.get(address).headers["Cache-Control"]
    plain = client.get("/static/js/keys.js", headers=GZIP)
    assert "immutable" not in plain.headers.get("Cache-Control", "")
    again = client.get("/static/js/keys.js", headers=GZIP | {"If-None-Match": plain.headers["ETag"]})
    assert again.status_code == 304
