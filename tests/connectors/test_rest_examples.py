"""The worked examples of the guide run: what they ask, what is answered and what rows come of it are as written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import yaml
from loopback import Asked, Reply
from rest_feeds import Serve, connector, read_all

from exceptions_app.connectors.exact_json import parse
from exceptions_app.connectors.rest.options import RestConnection, RestRead

GUIDE = (Path(__file__).parents[2] / "docs" / "connectors.md").read_text(encoding="utf-8")
SECTION = re.split(r"^##+ ", GUIDE.split("### Worked examples (rest)", 1)[1], maxsplit=1, flags=re.M)[0]
_BLOCKS = re.compile(
    r"^\*\*(.+?)\*\*(?:(?!```).)*?```yaml\n(.*?)```\n(?:```exchange\n(.*?)```)?", re.S | re.M
)
EXAMPLES = {title.rstrip("."): (text, exchange) for title, text, exchange in _BLOCKS.findall(SECTION)}
RUNNING = [title for title, (_, exchange) in EXAMPLES.items() if exchange]


@dataclass
class Exchange:
    """What an example says: requests with their answers, and rows."""

    steps: list[tuple[str, Reply]] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> Exchange:
        found, asked, headers = cls(), "", dict[str, str]()
        for line in text.splitlines():
            mark, _, rest = line.partition(" ")
            if mark == ">":
                asked = rest
            elif mark == "<<":
                name, _, value = rest.partition(": ")
                headers[name] = value
            elif mark == "<":
                status, _, body = rest.partition(" ")
                found.steps.append((asked, Reply(body.replace("\\n", "\n"), int(status), headers)))
                headers = {}
            elif mark == "=":
                found.rows.append(parse(rest).value)
        return found


def as_written(asked: str) -> tuple[str, str, dict[str, list[str]], Any]:
    method, _, rest = asked.partition(" ")
    address, _, body = rest.partition(" {") if " {" in rest else rest.partition(" <")
    body = (("{" if " {" in rest else "<") + body) if body else ""
    parts = urlsplit(address)
    return method, unquote(parts.path), parse_qs(parts.query.replace("+", "%2B")), comparable(body)


def comparable(body: str) -> Any:
    return parse(body).value if body.startswith("{") else body


def as_asked(asked: Asked) -> tuple[str, str, dict[str, list[str]], Any]:
    query = {name: [value] for name, value in asked.query.items()}
    form = "urlencoded" in asked.headers.get("content-type", "")
    return asked.method, unquote(asked.path), query, "" if form else comparable(asked.body)


def answers(exchange: Exchange) -> Iterator[Reply]:
    for _, reply in exchange.steps:
        yield reply


@pytest.mark.parametrize("title", EXAMPLES)
def test_each_example_is_accepted(title: str) -> None:
    example = yaml.safe_load(EXAMPLES[title][0])
    RestConnection.model_validate(example["connection"])
    RestRead.model_validate(example["read"])


@pytest.mark.parametrize("title", RUNNING)
def test_each_example_runs_as_it_is_written(
    title: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, told = EXAMPLES[title]
    exchange = Exchange.of(told)
    left = answers(exchange)
    server = serve(lambda asked: next(left))
    monkeypatch.setenv("ERP_URL", server.url)
    for name in ("ERP_PASSWORD", "ERP_KEY"):
        monkeypatch.setenv(name, "s3cret")
    monkeypatch.setattr("exceptions_app.connectors.rest.bulk.pause", lambda seconds: None)
    example = yaml.safe_load(text)
    connection = {name: value for name, value in example["connection"].items() if name != "base_url"}
    source = connector("env:ERP_URL", {**example["read"], "read_ahead": False}, **connection)
    pages, error = read_all(source.read(None))
    source.close()
    assert error is None
    assert [as_asked(asked) for asked in server.asked] == [as_written(asked) for asked, _ in exchange.steps]
    assert [dict(row.values) for page in pages for row in page.rows] == exchange.rows


def test_the_guide_has_an_example_for_each_way() -> None:
    assert len(EXAMPLES) >= 12
    assert len(RUNNING) >= 11
