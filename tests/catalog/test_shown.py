"""What a page shows of a check beside its sides is judged at load: conversions, the chain, letters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.problems import Problem

AFTER = "    compare:\n"
CHAIN = "    chain: [{{label: Order, side: {side}, reference: {reference}{more}}}]\n"
CONVERSIONS = (
    "    conversions: [{{quantity: {{erp: {q}}}, unit: {{erp: quantity}}, base: {{erp: quantity}}{more}}}]\n"
)
LETTER = '    draft: {{to: {to}, subject: "{subject}", body: "{body}"}}\n'


def chain(side: str = "erp", reference: str = "order_number", more: str = "") -> tuple[str, str]:
    return AFTER, CHAIN.format(side=side, reference=reference, more=more) + AFTER


def conversion(q: str = "quantity", more: str = "") -> tuple[str, str]:
    return AFTER, CONVERSIONS.format(q=q, more=more) + AFTER


def letter(
    to: str = "supplier", subject: str = "{order}", body: str = "{a|quantity} for {with}"
) -> tuple[str, str]:
    return "    owner: Desk\n", LETTER.format(to=to, subject=subject, body=body) + "    owner: Desk\n"


def shared(name: str = "a", words: str = "of {value}") -> tuple[str, str]:
    return "    owner: Desk\n", f'    shared: {{{name}: "{words}"}}\n    owner: Desk\n'


def ignored(tolerance: str = "small", one: str = "a") -> tuple[str, str]:
    row = f"{{label: Near, cells: {{erp: quantity}}, ignored: {{tolerance: {tolerance}, one: {one}, other: b}}}}"
    return AFTER, f"    let: {{a: erp.quantity, b: suite.quantity}}\n{AFTER}      - {row}\n"


def told(of: str) -> tuple[str, str]:
    before = "suite: {record: line, kind: procurement, "
    return before, f"{before}told: [{of}], "


@pytest.mark.parametrize(
    "change",
    [
        chain(),
        conversion(),
        letter(),
        shared(),
        shared("order_number"),
        told("quantity"),
        ignored(),
        chain(more=", amount: quantity"),
    ],
)
def test_what_names_its_columns_is_accepted(
    problems: Callable[..., list[Problem]], change: tuple[str, str]
) -> None:
    assert problems(change) == []


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        (chain(side="epr"), "checks.lines.differ.chain.0", "'epr'"),
        (chain(reference="number"), "checks.lines.differ.chain.0", "'number'"),
        (chain(more=", record: lin"), "checks.lines.differ.chain.0.record", "'lin'"),
        (chain(more=", address: {order: nummer}"), "checks.lines.differ.chain.0", "'nummer'"),
        (conversion(q="quantiti"), "checks.lines.differ.conversions.0.quantity.erp", "'quantiti'"),
        (conversion(more=", unless: alike"), "checks.lines.differ.conversions.0.unless", "'alike'"),
        (letter(body="{price}"), "categories.differs.draft", "needs the fact 'price'"),
        (letter(subject="{a|dollars}"), "categories.differs.draft.subject", "unknown style"),
        (letter(body="{a"), "categories.differs.draft.body", "a brace"),
        (letter(to="everybody"), "categories.differs.draft.to", "everybody"),
        (shared("item"), "categories.differs.shared.item", "states 'item'"),
        (shared(words="of an item"), "categories.differs.shared.a", "do not say the value"),
        (ignored(tolerance="large"), "checks.lines.differ.compare.0.ignored", "'large'"),
        (ignored(one="c"), "checks.lines.differ.compare.0.ignored", "'c'"),
        (told("qty"), "checks.lines.differ.sides.suite.told.0", "'qty'"),
    ],
)
def test_a_name_that_is_none_is_refused_at_its_place(
    problems: Callable[..., list[Problem]], change: tuple[str, str], path: str, said: str
) -> None:
    found = problems(change)
    assert [each for each in found if each.path == path and said in each.message], "\n".join(map(str, found))


def test_a_conversion_names_the_same_sides_throughout(problems: Callable[..., list[Problem]]) -> None:
    text = "    conversions: [{quantity: {erp: quantity}, unit: {suite: quantity}, base: {erp: quantity}}]\n"
    found = problems((AFTER, text + AFTER))
    assert any("of the same sides" in str(each) for each in found), found


def test_the_shipped_letters_name_only_what_everybody_reads(p2p_pack: Catalog) -> None:
    written = [each for each in p2p_pack.categories.values() if each.draft is not None]
    assert {"missing_receipt", "price_variance", "received_not_invoiced", "no_valid_order"} <= {
        each.code for each in written
    }
    assert not [each.code for each in written if "bank" in each.code or "excluded" in each.code]


@pytest.fixture
def p2p_pack(tmp_path: Path) -> Catalog:
    from exceptions_app.catalog.load import load_catalog
    from exceptions_app.connectors.registry import connector_models

    (tmp_path / "site.yaml").write_text("site: {name: T, packs: [procure_to_pay]}\n", encoding="utf-8")
    return load_catalog(tmp_path, connector_models())


def test_a_letter_needs_only_one_finding_that_can_fill_it(problems: Callable[..., list[Problem]]) -> None:
    """A site's own check may raise a shipped category without the facts of its letter."""
    own = """\
checks:
  - code: own.differ
    title: Lines differ in our words
    flow: orders
    key: [order_number]
    reference: "{order_number}"
    sides:
      erp: {record: line, kind: erp, columns: {quantity: sum(quantity), seen: max(seen_at)}}
      suite: {record: line, kind: procurement, columns: {quantity: sum(quantity)}}
    findings:
      - category: differs
        present: [erp, suite]
        when: erp.quantity <> suite.quantity
        since: erp.seen
        facts: {order: order_number, a: erp.quantity, b: suite.quantity}
    compare:
      - {label: Quantity, format: quantity, cells: {erp: quantity, suite: quantity}}
"""
    fuller = ("a: erp.quantity,", "a: erp.quantity, gap: erp.quantity - suite.quantity,")
    assert problems(letter(body="{gap|quantity}"), fuller, own=own) == []
    assert problems(letter(body="{gap|quantity}"), own=own)
