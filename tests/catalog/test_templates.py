"""One template for many feeds: what they share, what they say otherwise, and their constants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from exceptions_app.catalog.load import check_directory, load_catalog
from exceptions_app.connectors.registry import connector_models

SITE = """
site: {name: T}
entities: [{code: H01, name: One}, {code: H02, name: Two}]
record_types:
  - {code: thing, title: Thing, key: [number], columns: {number: {required: true}, owner: {}, kind: {}}}
systems: [{code: drop, name: Drop, kind: file_source, connector: files, connection: {root: /tmp}}]
feed_templates:
  - code: things
    record_type: thing
    every: 1h
    constants: {kind: "nurse's"}
    read: {pattern: "${place}/things-*.csv", delimiter: ";"}
    mapping: {entity: "${entity}", number: "concat(${prefix}, no)", owner: owner, kind: "${kind}"}
    contract: {owner_business: Supply}
feeds:
  - {code: north.things, system: drop, template: things, constants: {place: north, entity: H01, prefix: N-}}
  - code: south.things
    system: drop
    template: things
    constants: {place: south, entity: H02, prefix: S-}
    every: 30m
    read: {take: newest}
    mapping: {owner: upper(chief)}
    contract: {version: "2"}
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(text: str) -> Path:
        (tmp_path / "site.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return put


def test_each_feed_has_what_the_template_says_but_for_what_it_says_itself(write: Write) -> None:
    feeds = load_catalog(write(SITE), connector_models()).feeds
    north, south = feeds["north.things"], feeds["south.things"]
    assert north.mapping == {
        "entity": "'H01'", "number": "concat('N-', no)", "owner": "owner", "kind": "'nurse''s'",
    }  # fmt: skip
    assert south.mapping["owner"] == "upper(chief)" and south.mapping["number"] == "concat('S-', no)"
    assert (north.every.total_seconds(), south.every.total_seconds()) == (3600, 1800)
    assert south.read == {"pattern": "south/things-*.csv", "delimiter": ";", "take": "newest"}
    assert (south.contract.owner_business, south.contract.version) == ("Supply", "2")


@pytest.mark.parametrize(
    ("written", "instead", "line", "said"),
    [
        (
            "template: things, constants: {place: north",
            "template: thing, constants: {place: north",
            16,
            "did you mean things?",
        ),
        ("entity: H02, prefix", "entitty: H02, prefix", 13, "no constant 'entity'; expected one of entitty"),
        ("owner: owner", "owner: ownr(", 13, "feeds.north.things.mapping.owner"),
        ("constants: {place: south, entity: H02, prefix: S-}", "constants: 7", 20, "not a mapping"),
        ("- code: things\n", "- code: things\n    colour: red\n", 9, "unknown field 'colour'"),
    ],
)
def test_what_is_wrong_is_told_where_it_was_written(
    write: Write, written: str, instead: str, line: int, said: str
) -> None:
    assert written in SITE
    told = [
        str(problem) for problem in check_directory(write(SITE.replace(written, instead)), connector_models())
    ]
    assert any(said in each for each in told), told
    assert any(f"site.yaml:{line}:" in each for each in told), told


def test_a_constant_is_never_sql(write: Write) -> None:
    feeds = load_catalog(
        write(SITE.replace("prefix: N-", "prefix: \"N' || owner || '\"")), connector_models()
    ).feeds
    assert feeds["north.things"].mapping["number"] == "concat('N'' || owner || ''', no)"
