# ruff: noqa: E501 - one row of a table is one line
"""Columns list the words that they may hold; what is compared with another word can never be true, and is refused."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.problems import Problem
from exceptions_app.catalog.words import compared_columns, comparisons, words_known

Problems = Callable[..., list[Problem]]

FREE = {
    ("fa_exclusion", "award"), ("recall", "match_lot"), ("site_terms", "supplier"),  # '*' for all
    ("supplier_bank_account", "site"), ("supplier_bank_account_version", "site"),  # 'main', where none is named
    ("gl_balance", "subledger"), ("journal_line", "subledger"),  # ledgers have others, that no check looks at
    ("settlement_run", "status"),  # completed, or anything else
}  # fmt: skip
"""Compared with a word, though they hold names and any other text."""


def test_whatever_a_shipped_check_compares_with_a_word_lists_that_word(shipped: Catalog) -> None:
    types = {
        code: record.model_copy(
            update={
                "columns": {
                    name: column.model_copy(update={"words": column.words or ["(no list)"]})
                    if column.type == "text"
                    else column
                    for name, column in record.columns.items()
                }
            }
        )
        for code, record in shipped.record_types.items()
    }
    found = defaultdict(set)
    for check in shipped.checks.values():
        for one in comparisons(check, types):
            if one.held.words is not None and one.word not in one.held.words:
                for column in one.held.columns:
                    found[column].add((check.code, one.word))
    assert found.keys() == FREE, {column: words for column, words in found.items() if column not in FREE}
    assert sum(1 for check in shipped.checks.values() for _ in comparisons(check, types)) > 200


_STATUS = (
    "      unit: {crosswalk: unit}\n",
    "      unit: {crosswalk: unit}\n      status: {words: [open, closed], crosswalk: state}\n",
)
_STATE = (
    "{code: unit, entries: [{local: EACH, canonical: EA}]}",
    "{code: unit, entries: [{local: EACH, canonical: EA}]}\n  - {code: state, entries: [{system: erp1, local: ZU, canonical: closed}]}",
)
_SIDE = "record: line, kind: erp, columns"
_WHERE = "record: line, kind: erp, where: {}, columns"
_SEEN = "seen: max(seen_at)"
_WHEN = ("        since: erp.seen\n", "        since: erp.seen\n        when: {}\n")
_PLACED = [
    ((_SIDE, _WHERE.format("\"status = 'clsed'\"")), "sides.erp.where"),
    ((_SIDE, _WHERE.format("\"status IN ('open', 'clsed')\"")), "sides.erp.where"),
    ((_SIDE, _WHERE.format("\"coalesce(status, 'open') <> 'clsed'\"")), "sides.erp.where"),
    ((_SIDE, _WHERE.format("\"nullif(status, 'clsed') IS NULL\"")), "sides.erp.where"),
    ((_SIDE, _WHERE.format("\"upper(status) = 'CLSED'\"")), "sides.erp.where"),
    ((_SIDE, _WHERE.format("\"CASE status WHEN 'clsed' THEN true ELSE false END\"")), "sides.erp.where"),
    ((_SIDE, "record: line, kind: erp, lookups: {here: {record: line, on: {order_number: order_number}, where: \"status = 'clsed'\", columns: [unit]}}, columns"), "sides.erp.lookups.here.where"),
    ((_SIDE, "record: line, kind: erp, lookups: {here: {record: line, on: {status: \"'clsed'\"}, columns: [unit]}}, columns"), "sides.erp.lookups.here.on.status"),
    ((_SIDE, "record: line, kind: erp, lookups: {here: {record: line, on: {order_number: order_number}, columns: [status]}}, where: \"here.status = 'clsed'\", columns"), "sides.erp.where"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "path"), _PLACED)
def test_comparing_with_a_word_that_is_never_there_is_refused(
    problems: Problems, change: tuple[str, str], path: str
) -> None:
    [problem] = problems(_STATUS, _STATE, change)
    assert problem.path == f"checks.lines.differ.{path}"
    assert problem.line > 1
    assert "is none of the words that line.status may hold" in problem.message
    assert problem.expected.lower() == "one of closed, open"
    assert problem.suggestion.lower() == "closed"
    assert (
        problems(
            _STATUS, _STATE, (change[0], change[1].replace("clsed", "closed").replace("CLSED", "CLOSED"))
        )
        == []
    )


def test_word_is_followed_through_sides_and_computed_columns(problems: Problems) -> None:
    side = (_SEEN, f"{_SEEN}, status: max(status)")
    let = ("    tolerances:", "    let: {state: \"coalesce(erp.status, 'unknown')\"}\n    tolerances:")
    found = problems(_STATUS, _STATE, side, let, (_WHEN[0], _WHEN[1].format("state = 'unknwon'")))
    assert [(one.path, one.suggestion) for one in found] == [
        ("checks.lines.differ.findings.0.when", "unknown")
    ]
    assert problems(_STATUS, _STATE, side, let, (_WHEN[0], _WHEN[1].format("state = 'unknown'"))) == []


def test_what_the_source_wrote_and_any_other_text_may_be_anything(problems: Problems) -> None:
    where = _WHERE.format("\"status_source = 'ZU' OR unit = 'clsed' OR status = ''\"")
    assert problems(_STATUS, _STATE, (_SIDE, where)) == []


def test_mapping_and_crosswalk_give_no_word_that_the_column_does_not_know(
    problems: Problems, tmp_path: Path
) -> None:
    mapped = (
        "quantity: parse_decimal(qty)",
        "quantity: parse_decimal(qty), status: \"CASE WHEN x = 'Y' THEN 'clsed' ELSE state END\"",
    )
    [problem] = problems(_STATUS, _STATE, mapped)
    assert (problem.path, problem.suggestion) == ("feeds.erp_lines.mapping.status", "closed")
    [problem] = problems(_STATUS, (_STATE[0], _STATE[1].replace("canonical: closed", "canonical: clsed")))
    assert (problem.path, problem.suggestion) == ("crosswalks.state.entries", "closed")
    (tmp_path / "states.csv").write_text("system,local,canonical\nerp1,ZU,closed\nerp1,ZV,clsed\n")
    of_file = re.sub(r"code: state, entries: .*", "code: state, file: states.csv}", _STATE[1])
    [problem] = problems(_STATUS, (_STATE[0], of_file))
    assert (Path(problem.file).name, problem.line, problem.suggestion) == ("states.csv", 3, "closed")


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("{type: date, words: [a]}", "a column of type text"),
        ("{words: [a, a]}", "words that differ"),
        ("{words: ['']}", "words that differ"),
        ("{sensitivity: hr, words: [a]}", "is hr data"),
    ],
)
def test_lists_are_of_texts_that_may_be_told(problems: Problems, column: str, said: str) -> None:
    [problem] = problems((_STATUS[0], f"{_STATUS[0]}      state: {column}\n"))
    assert said in f"{problem.message} {problem.expected}"


def test_what_may_be_stored_is_what_the_crosswalk_makes_a_word(shipped: Catalog) -> None:
    checks = shipped.checks
    assert ("receipt_line", "movement") in compared_columns(checks["p2p.three_way"], shipped.record_types)
    assert ("supplier", "status") not in compared_columns(checks["p2p.three_way"], shipped.record_types)
    assert all(words_known(shipped, feed) == {} for feed in shipped.feeds.values())
