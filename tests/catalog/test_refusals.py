# ruff: noqa: E501 - one row of a table is one line
"""A wrong configuration is refused with file and line, what is wrong, what was expected and what may be meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from exceptions_app.catalog.load import check_directory
from exceptions_app.catalog.problems import Problem
from exceptions_app.connectors.registry import connector_models

from .conftest import SITE

Problems = Callable[..., list[Problem]]


def test_small_configuration_is_accepted(problems: Problems) -> None:
    assert problems() == []


_LOOK_UP = (
    "{record: line, kind: erp, columns",
    "{{record: line, kind: erp, lookups: {{rate: {{record: line, on: {{order_number: order_number}}, columns: [unit], {}}}}}, columns",
)
_VERSIONS = "  - {{code: was, title: Was, key: [order_number], {}}}\nfeeds:\n"
_CAUSED = (
    "target: 1 business day",
    "target: 1 business day\n    caused_by: [{{category: why, crosswalk: unit, key: {{x: a}}, {}}}]\n  - {{code: why, title: W, sentence: x, cause: x, guidance: [x], owner: d, queue: desk, target: 1 day}}",
)
# what is changed, into what, and what must be said: path, message, expected or suggestion
WRONG = [
    ("{code: H1, name: North, parent: NET}", "{code: H1, nam: North, parent: NET}", "entities.H1.nam", "unknown field 'nam'", "name"),
    ("{code: H1, name: North, parent: NET}", "{code: H1, parent: NET}", "entities.H1", "'name' is missing", ""),
    ("{code: H1, name: North, parent: NET}", "{code: H1, name: North, parent: NETT}", "entities.H1.parent", "'NETT' is none of entities", "NET"),
    ("{code: NET, name: Network, kind: network, calendar: office}", "{code: NET, name: Network, parent: H1}", "entities.NET.parent", "above itself: NET → H1 → NET", ""),
    ("{code: H2, name: South, parent: NET}", "{code: H1, name: South}", "entities.H1", "already declared in", ""),
    ("{code: H2, name: South, parent: NET}", "{name: South}", "entities[]", "'code' is missing", ""),
    ("{code: H2, name: South, parent: NET}", "South", "entities", "got 'South'", ""),
    ("{code: H2, name: South, parent: NET}", "{code: H2, name: South, time_zone: America/Chicgo}", "entities.H2.time_zone", "not a time zone", "America/Chicago"),
    ("{code: H2, name: South, parent: NET}", "{code: H2, name: South, currency: dollars}", "entities.H2.currency", "'dollars'", ""),
    ("{code: H2, name: South, parent: NET}", "{code: H2, name: S, valid_from: 2026-05-01, valid_to: 2026-01-01}", "entities.H2.valid_to", "ends before", ""),
    ("    system: erp1\n    record_type: line\n", "    system: erp1\n    record_type: line\n    every: 0s\n", "feeds.erp_lines.every", "got '0s'", ""),
    ("    system: erp1\n    record_type: line\n", "    system: erp1\n    record_type: line\n    lag: 9999999999d\n", "feeds.erp_lines.lag", "got '9999999999d'", ""),
    (_CAUSED[0], _CAUSED[1].format("side_fact: wrote"), "categories.differs.caused_by.0.side_fact", "'wrote'", ""),
    (_CAUSED[0], _CAUSED[1].format("side: erp, side_fact: a"), "categories.differs.caused_by.0", "got {'category'", ""),
    ("target: 1 business day", "target: 9999999 business days", "categories.differs.target", "got '9999999 business days'", ""),
    ("target: 1 business day", "target: 9999999999 minutes", "categories.differs.target", "got '9999999999 minutes'", ""),
    ("{code: H2, name: South, parent: NET}", "{code: H2, name: S, valid_from: 31/12/2026}", "entities.H2.valid_from", "'31/12/2026'", ""),
    ('tue: ["08:00-17:00"]', 'tue: ["08:00-08:00"]', "calendars.office.weekly.tue", "ends when it begins", ""),
    ('tue: ["08:00-17:00"]', 'tue: ["08:00-17:00"], wed: ["22:00-06:00"], thu: ["05:00-12:00"]', "calendars.office.weekly.wed", "run into the next day's", ""),
    ('tue: ["08:00-17:00"]', 'tue: ["22:00-06:00", "23:00-24:00"]', "calendars.office.weekly.tue", "overlaps", ""),
    ("holidays_country: US", "breaks: ['12-13']", "calendars.office.breaks", "not a range of hours", ""),
    ("holidays_country: US", "breaks: ['08:00-17:00']", "calendars.office.breaks", "leave no open hour", ""),
    ("holidays_country: US", "shifts: {2026-12-24: ['7-12']}", "calendars.office.shifts.2026-12-24", "not a range of hours", ""),
    ("queues:\n", "cutoffs:\n  - {code: c, title: Close, calendar: ofice, monthly: {business_day: -1}}\nqueues:\n", "cutoffs.c.calendar", "'ofice' is none of calendars", "office"),
    ("queues:\n", "cutoffs:\n  - {code: c, title: Close, calendar: office}\nqueues:\n", "cutoffs.c", "it never comes", ""),
    ("queues:\n", "cutoffs:\n  - {code: c, title: Close, calendar: office, monthly: {business_day: 0}}\nqueues:\n", "cutoffs.c.monthly.business_day", "got 0", ""),
    ("queues:\n", "cutoffs:\n  - {code: c, title: Close, calendar: office, dates: [2026-11-30T17:00:00Z]}\nqueues:\n", "cutoffs.c.dates.0", "has a zone", ""),
    ("queues:\n", "cutoffs:\n  - {code: c, title: Close, calendar: office, category: [difers], monthly: {business_day: 1}}\nqueues:\n", "cutoffs.c.category.0", "'difers'", "differs"),
    ("since: erp.seen", "since: closed_through('difers')", "checks.lines.differ.findings.0.since", "'difers' is none of the categories", "differs"),
    ("since: erp.seen", "since: closed_through('Differs')", "checks.lines.differ.findings.0.since", "a category in small letters", ""),
    ('tue: ["08:00-17:00"]', 'tue: ["8-17"]', "calendars.office.weekly.tue", "not a range of hours", ""),
    ('tue: ["08:00-17:00"]', 'tue: ["08:00-13:00", "12:00-17:00"]', "calendars.office.weekly.tue", "overlaps", ""),
    ('tue: ["08:00-17:00"]', 'tues: ["08:00-17:00"]', "calendars.office.weekly.tues", "got 'tues'", "tue"),
    ("holidays_country: US", "holidays_country: USX", "calendars.office.holidays_country", "no holidays are known", "US"),
    ("holidays_country: US", "{holidays_country: US, holidays_subdivision: QQ}", "(file)", "not YAML", ""),
    ("holidays_country: US", "holidays_country: US\n    holidays_subdivision: QQ", "calendars.office.holidays_subdivision", "US/QQ", ""),
    ('weekly: {mon: ["08:00-12:00", "13:00-17:00"], tue: ["08:00-17:00"]}', "weekly: {}", "calendars.office", "never opens", ""),
    ("queue: desk", "queue: dsk", "categories.differs.queue", "'dsk' is none of queues", "desk"),
    ("name: Desk, calendar: office", "name: Desk, calendar: offce", "queues.desk.calendar", "'offce'", "office"),
    ("target: 1 business day", "target: soon", "categories.differs.target", "got 'soon'", ""),
    ("guidance: [Look.]", "guidance: Look.", "categories.differs.guidance", "got 'Look.'", ""),
    ("guidance: [Look.]", "guidance: []", "categories.differs.guidance", "got []", ""),
    ("{a|quantity}", "{a|quantty}", "categories.differs.sentence", "unknown style", "quantity"),
    ("{a|quantity}", "{a", "categories.differs.sentence", "brace", ""),
    ("{a|quantity}", "{a|quantity} {c}", "checks.lines.differ.findings.0.facts", "needs the fact 'c'", ""),
    ("connector: rows}", "connector: row}", "systems.erp1.connector", "'row' is none of the connectors", "rows"),
    ("kind: erp, connector", "kind: epr, connector", "systems.erp1.kind", "'epr'", "erp"),
    ('value: "env:SUITE_KEY"', "value: k3y-in-clear", "systems.api.connection.auth.value", "got what is written here", ""),
    ('value: "env:SUITE_KEY"', "valu: env:X", "systems.api.connection.auth.valu", "unknown field 'valu'", "value"),
    ('base_url: "https://suite.example"', 'base_url: "https://me:pw@suite.example"', "systems.api.connection.base_url", "holds a secret", ""),
    ('base_url: "https://suite.example"', 'base_url: "https://s.example", headers: {Authorization: Bearer x}', "systems.api.connection.Authorization", "holds a secret", ""),
    ("{path: /lines}", "{path: /lines, pagin: 3}", "feeds.suite_lines.read.pagin", "unknown field", "paging"),
    ("{path: /lines}", "{}", "feeds.suite_lines.read", "'path' is missing", ""),
    ("{path: /lines}", "{path: /lines, params: {api_key: k3y}}", "feeds.suite_lines.read.params.api_key", "holds a secret", ""),
    ("{path: /lines}", "{path: /lines, method: POST, body: {a: {password: pw}}}", "feeds.suite_lines.read.body.password", "holds a secret", ""),
    ("{path: /lines}", "{path: '/lines?open=1'}", "feeds.suite_lines.read.path", "it is no plain path", ""),
    ("{path: /lines}", "{path: /lines, paging: {type: pages}}", "feeds.suite_lines.read.paging.type", "got 'pages'", "page"),
    ("system: erp1", "system: erp2", "feeds.erp_lines.system", "'erp2' is none of systems", "erp1"),
    ("system: erp1\n    record_type: line", "system: erp1\n    record_type: lines", "feeds.erp_lines.record_type", "'lines'", "line"),
    ("order_number: number, quantity: parse_decimal(qty)", "quantity: parse_decimal(qty)", "feeds.erp_lines.mapping", "'order_number' is required", ""),
    ("entity: site, order_number: number, quantity: parse", "order_number: number, quantity: parse", "feeds.erp_lines.mapping", "'entity' is required", ""),
    ("seen_at: parse_timestamp(at)", "seen: parse_timestamp(at)", "feeds.erp_lines.mapping.seen", "'seen' is none of line's columns", "seen_at"),
    ("seen_at: parse_timestamp(at)", "seen_at: parse_decimal(at)", "feeds.erp_lines.mapping.seen_at", "this is decimal", ""),
    ("seen_at: parse_timestamp(at)", "seen_at: parse_timstamp(at)", "feeds.erp_lines.mapping.seen_at", "is not a function", "parse_timestamp"),
    ("seen_at: parse_timestamp(at)", "unit: {value: at, look_up: {record: item, column: unit}}", "feeds.erp_lines.mapping.unit.look_up.record", "'item' is none of record_types", ""),
    ("seen_at: parse_timestamp(at)", "unit: {value: at, look_up: {record: line, column: unit}}", "feeds.erp_lines.mapping.unit.look_up.record", "looks up line itself", ""),
    ("seen_at: parse_timestamp(at)", "seen_at: {value: at, crosswalk: units}", "feeds.erp_lines.mapping.seen_at.crosswalk", "'units'", "unit"),
    ("system: erp1\n", "system: erp1\n    where: number\n", "feeds.erp_lines.where", "this is text", ""),
    ("key: [order_number]\n    columns", "key: [order_no]\n    columns", "record_types.line.key.0", "'order_no' is none of its columns", "order_number"),
    ("key: [order_number]\n    columns", "key: [unit]\n    columns", "record_types.line.columns.unit", "may be empty", ""),
    ("unit: {crosswalk: unit}", "unit: {crosswalk: uom}", "record_types.line.columns.unit.crosswalk", "'uom'", ""),
    ("unit: {crosswalk: unit}", "unit: {type: quantty}", "record_types.line.columns.unit.type", "'quantty'", "quantity"),
    ("unit: {crosswalk: unit}", "unit: {scale: 6}", "record_types.line.columns.unit", "got {'scale': 6}", ""),
    ("unit: {crosswalk: unit}", "unit: {type: money, scale: 11}", "record_types.line.columns.unit.scale", "got 11", ""),
    ("unit: {crosswalk: unit}", "entity: {}", "record_types.line.columns.entity", "already has", ""),
    ("unit: {crosswalk: unit}", "unit: {}\n      unit_source: {}", "record_types.line.columns.unit_source", "source wrote", ""),
    ("{local: EACH, canonical: EA}", "{local: EACH, canonical: EA}, {local: EACH, canonical: CS}", "crosswalks.unit", "already known as 'EA'", ""),
    ("{local: EACH, canonical: EA}", "{local: EACH, canonical: EA, system: epr1}", "crosswalks.unit.entries", "'epr1'", "erp1"),
    ("record: line, kind: erp,", "record: invoice, kind: erp,", "checks.lines.differ.sides.erp.record", "it is of the pack procure_to_pay, which site.packs does not name", ""),
    ("record: line, kind: erp,", "record: lin, kind: erp,", "checks.lines.differ.sides.erp.record", "'lin'", "line"),
    ("record: line, kind: erp,", "record: line, kind: epr,", "checks.lines.differ.sides.erp.kind", "'epr'", "erp"),
    ("record: line, kind: erp,", "record: line, systems: [erp2],", "checks.lines.differ.sides.erp.systems.0", "'erp2'", "erp1"),
    ("columns: {quantity: sum(quantity), seen", "columns: {quantity: sum(quantty), seen", "checks.lines.differ.sides.erp.columns.quantity", "unknown column 'quantty'", "quantity"),
    ("columns: {quantity: sum(quantity), seen", "columns: {quantity: sum(unit), seen", "checks.lines.differ.sides.erp.columns.quantity", "needs a number, got text", ""),
    ("columns: {quantity: sum(quantity), seen", "columns: {unit: unit, quantity: sum(quantity), seen", "checks.lines.differ.sides.erp.columns.unit", "is grouped", ""),
    ("key: [order_number]\n    reference", "key: [number]\n    reference", "checks.lines.differ.sides.erp.key.number", "unknown column 'number'", "order_number"),
    ('reference: "{order_number}"', 'reference: "{order}"', "checks.lines.differ.reference", "'order'", "order_number"),
    ("category: differs", "category: difers", "checks.lines.differ.findings.0.category", "'difers'", "differs"),
    ("present: [erp, suite]", "present: [erp, suit]", "checks.lines.differ.findings.0.present.1", "'suit'", "suite"),
    ("present: [erp, suite]", "present: [erp]\n        missing: [erp]", "checks.lines.differ.findings.0", "both present and missing", ""),
    ("{name: small, difference", "{name: smal, difference", "checks.lines.differ.findings.0.tolerance.name", "'smal'", "small"),
    ("erp.quantity - suite.quantity", "erp.quantity - suite.qty", "checks.lines.differ.findings.0.tolerance.difference", "unknown column 'suite.qty'", "suite.quantity"),
    ("erp.quantity - suite.quantity", "erp.seen", "checks.lines.differ.findings.0.tolerance.difference", "this is timestamp", ""),
    ("since: erp.seen", "since: erp.quantity", "checks.lines.differ.findings.0.since", "timestamp is needed here", ""),
    ("since: erp.seen", "when: erp.quantity = 'x'\n        since: erp.seen", "checks.lines.differ.findings.0.when", "values of one type", ""),
    ("since: erp.seen", "when: missing(order)\n        since: erp.seen", "checks.lines.differ.findings.0.when", "name of a side", ""),
    ("findings:\n", "cost_of_delay: {due: erp.seen}\n    findings:\n", "checks.lines.differ.cost_of_delay.due", "date is needed here, this is timestamp", ""),
    ("findings:\n", "cost_of_delay: {due: erp.sen}\n    findings:\n", "checks.lines.differ.cost_of_delay.due", "unknown column 'erp.sen'", "erp.seen"),
    ("findings:\n", "cost_of_delay: {credit_hold: erp.quantity}\n    findings:\n", "checks.lines.differ.cost_of_delay.credit_hold", "boolean is needed here", ""),
    ("findings:\n", "cost_of_delay: {discount_percent: '2'}\n    findings:\n", "checks.lines.differ.cost_of_delay", "got", ""),
    ("cells: {erp: quantity, suite: quantity}", "cells: {erp: quantity, suite: qty}", "checks.lines.differ.compare.0.cells.suite", "'qty'", ""),
    ("cells: {erp: quantity, suite: quantity}", "cells: {epr: quantity}", "checks.lines.differ.compare.0.cells.epr", "'epr'", "erp"),
    ("small: {absolute: 1}", "small: {absolute: one}", "checks.lines.differ.tolerances.small.absolute", "'one'", ""),
    (_LOOK_UP[0], _LOOK_UP[1].format("valid_from: known_from"), "checks.lines.differ.sides.erp.lookups.rate", "got {'record': 'line'", ""),
    (_LOOK_UP[0], _LOOK_UP[1].format("as_of: cast(seen_at as date)"), "checks.lines.differ.sides.erp.lookups.rate", "got {'record': 'line'", ""),
    (_LOOK_UP[0], _LOOK_UP[1].format("valid_to: seen_at"), "checks.lines.differ.sides.erp.lookups.rate", "got {'record': 'line'", ""),
    (_LOOK_UP[0], _LOOK_UP[1].format("as_of: seen_at, valid_from: seen_at"), "checks.lines.differ.sides.erp.lookups.rate.as_of", "date is needed here, this is timestamp", ""),
    (_LOOK_UP[0], _LOOK_UP[1].format("as_of: cast(seen_at as date), valid_from: unit"), "checks.lines.differ.sides.erp.lookups.rate.valid_from", "'unit' is none of line's dates", ""),
    (_LOOK_UP[0], _LOOK_UP[1].format("as_of: cast(seen_at as date), valid_from: seen_at, valid_to: seen_at"), "checks.lines.differ.sides.erp.lookups.rate.valid_to", "'seen_at' is none of line's dates", ""),
    (_LOOK_UP[0], _LOOK_UP[1].format("pick: sum"), "checks.lines.differ.sides.erp.lookups.rate", "'unit' is none of line's numbers", ""),
    (_LOOK_UP[0], _LOOK_UP[1].format("pick: sum, as_of: cast(seen_at as date), valid_from: seen_at"), "checks.lines.differ.sides.erp.lookups.rate", "got {'record': 'line'", ""),
    (_LOOK_UP[0], _LOOK_UP[1].replace("{{order_number: order_number}}", "{{order_number: rate.unit}}").format("pick: max"), "checks.lines.differ.sides.erp.lookups.rate.on.order_number", "unknown column 'rate.unit'", ""),
    ("    title: Line\n", "    title: Line\n    versions_of: lnie\n", "record_types.line.versions_of", "'lnie' is none of record_types", "line"),
    ("feeds:\n", _VERSIONS.format("versions_of: line, columns: {order_number: {required: true}, seen_on: {}}"), "record_types.was.columns.seen_on", "'seen_on' is none of line's columns", "seen_at"),
    ("feeds:\n", _VERSIONS.format("versions_of: line, columns: {order_number: {type: integer, required: true}}"), "record_types.was.columns.order_number", "another type or crosswalk", ""),
    ("feeds:\n", _VERSIONS.format("versions_of: line, scope: network, columns: {order_number: {required: true}}"), "record_types.was.scope", "its scope is network", ""),
    ("feeds:\n", _VERSIONS.format("versions_of: was, columns: {order_number: {required: true}}"), "record_types.was.versions_of", "keeps the versions of", ""),
    ("present: [erp, suite]", "present: [erp, suite]\n        settled: [erp.rate]", "checks.lines.differ.findings.0.settled.0", "'erp.rate' is none of the sides", ""),
    ("packs: []", "packs: [procure_too_pay]", "site.packs", "no pack 'procure_too_pay'", "procure_to_pay"),
    ("packs: []", "reporting_currency: euro", "site.reporting_currency", "'euro'", ""),
    ("packs: []", "reporting_currency: USS", "site.reporting_currency", "'USS'", ""),
    ("packs: []", "rates: [{currency: ERU, valid_from: 2026-01-01, rate: 1}]", "site.rates.0.currency", "'ERU'", ""),
    ("{code: H2, name: South, parent: NET}", "{code: H2, name: South, currency: ZZZ}", "entities.H2.currency", "'ZZZ'", ""),
    ("system: erp1\n", "system: erp1\n    mode: keys_and_changes\n", "feeds.erp_lines.read", "'keys' is missing", ""),
    ("{path: /lines}", "{path: /lines}\n    mode: keys_and_changes", "feeds.suite_lines.read", "'keys' is missing", ""),
    ("checks:\n", "overrides: {checks: {lines.differ: {tolerances: {smal: {absolute: 2}}}}}\nchecks:\n", "checks.lines.differ.tolerances.smal", "'smal' is none of its tolerances", "small"),
    ("queues:", "queue:", "queue", "unknown section", "queues"),
    ("queues:\n", "queues: desk\nsla_policies:\n", "queues", "not a list", ""),
    ("checks:\n", "checks:\n  - {code: q, kind: mach, title: t}\n", "checks.q", "unknown kind 'mach'", "match"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "path", "said", "hint"), WRONG, ids=[f"{w[2]}: {w[3]}" for w in WRONG]
)
def test_mistake_is_named_at_its_line(
    problems: Problems, tmp_path: Path, old: str, new: str, path: str, said: str, hint: str
) -> None:
    found = problems((old, new))

    named = [problem for problem in found if problem.path == path and said in problem.message]
    assert named, "\n".join(map(str, found))
    problem = named[0]
    changed = SITE.replace(old, new, 1).splitlines()
    first = SITE[: SITE.index(old)].count("\n") + 1
    assert Path(problem.file) == tmp_path / "site.yaml"
    assert first - 2 <= problem.line <= len(changed)
    if hint:
        assert problem.suggestion == hint
    assert str(problem).startswith(f"{problem.file}:{problem.line}: {path}: ")


def test_what_is_nested_too_deeply_is_refused(problems: Problems) -> None:
    found = problems(("cause: One of them is wrong.", "cause: " + "[" * 3_000 + "]" * 3_000))
    assert [each.message for each in found if each.path == "(file)"] == ["nested too deeply"]


def test_a_file_that_cannot_be_read_is_the_only_one_accused(write: Callable[..., Path]) -> None:
    queues = "queues:\n  - {code: other, name: Other, calendar: office\n"
    moved = "queues:\n  - {code: desk, name: Desk, calendar: office}\n"
    found = check_directory(write((moved, ""), queues=queues), connector_models())
    assert [(Path(each.file).name, each.path) for each in found] == [("queues.yaml", "(file)")]


def test_line_is_that_of_the_very_value(problems: Problems) -> None:
    (problem,) = problems(("since: erp.seen", "since: erp.sen"))
    wrong_line = SITE[: SITE.index("since: erp.seen")].count("\n") + 1
    assert (problem.line, problem.suggestion) == (wrong_line, "erp.seen")
    assert "character 1" in problem.message


def test_all_problems_are_told_at_once(problems: Problems) -> None:
    found = problems(
        ("queue: desk", "queue: dsk"), ("since: erp.seen", "since: erp.sen"), ("name: North, ", "")
    )
    assert {problem.path for problem in found} >= {
        "categories.differs.queue", "checks.lines.differ.findings.0.since", "entities.H1",
    }  # fmt: skip


def test_one_mistake_is_told_once(problems: Problems) -> None:
    (problem,) = problems(("{code: erp1, name: ERP, kind: erp", "{code: erp1, name: ERP, kind: epr"))
    assert problem.path == "systems.erp1.kind"


def test_secret_that_was_written_in_clear_is_not_repeated(problems: Problems) -> None:
    found = problems(('value: "env:SUITE_KEY"', "value: hunter2-hunter2"))
    assert found
    assert "hunter2" not in "\n".join(map(str, found))


def test_keys_and_a_tolerance_that_a_finding_uses_are_accepted(problems: Problems) -> None:
    assert problems(("{path: /lines}", "{path: /lines, keys: {}}\n    mode: keys_and_changes")) == []
    finding = "{category: differs, present: [erp, suite], tolerance: {name: wide, difference: erp.quantity}, since: erp.seen, facts: {order: order_number, a: erp.quantity, b: suite.quantity}}"
    change = f"{{checks: {{lines.differ: {{tolerances: {{wide: {{absolute: 2}}}}, findings: [{finding}]}}}}}}"
    assert problems(more=f"overrides: {change}\n") == []


@pytest.mark.parametrize(("fact", "refused"), [("difference", False), ("difference + 1", True)])
def test_judged_figure_is_said_as_it_is_and_in_no_larger_expression(
    problems: Problems, fact: str, refused: bool
) -> None:
    finding = f"{{category: differs, present: [erp, suite], tolerance: {{name: wide, difference: erp.quantity}}, since: erp.seen, facts: {{order: order_number, a: {fact}, b: suite.quantity}}}}"
    change = f"{{checks: {{lines.differ: {{tolerances: {{wide: {{absolute: 2}}}}, findings: [{finding}]}}}}}}"
    found = problems(more=f"overrides: {change}\n")
    assert [("difference" in problem.message) for problem in found] == ([True] if refused else [])


OPERATION = """\
operations:
  - code: suite.send
    title: Send again
    system: api
    category: [differs]
    entity: [H1]
    fields:
      order: {source: key.order_number}
      quantity: {source: erp.quantity, type: quantity, edit: true, one_of: ["1", "2"]}
      apart: {source: fact.difference, type: decimal, required: false}
      price: {source: suite.quantity, type: money, edit: true, times: erp.quantity, per: quantity, sensitivity: bank}
    approve_above: 5
    order_key: [order]
    submit: {method: PUT, path: "/lines/{order}", body: {q: "{quantity}", ref: "{idempotency_key}"}}
    read_back: {path: "/lines/{order}", found: {path: q, equals: "{quantity}"}}
    errors: [{status: [422], contains: closed, means: permanent, say: It is closed.}]
cutoffs:
  - {code: close, title: Close, calendar: office, monthly: {business_day: 3}, category: [differs], queue: [desk]}
"""

WRONG_WRITES = [
    ("system: api", "system: apy", "operations.suite.send.system", "'apy' is none of systems", "api"),
    ("system: api", "system: erp1", "operations.suite.send.system", "the connector 'rows' of erp1 cannot write", ""),
    ("category: [differs]\n    entity", "category: [difers]\n    entity", "operations.suite.send.category.0", "'difers'", "differs"),
    ("entity: [H1]", "entity: [H9]", "operations.suite.send.entity.0", "'H9'", ""),
    ("order_key: [order]", "order_key: [ordr]", "operations.suite.send.order_key.0", "'ordr' is none of the fields", "order"),
    ("source: key.order_number", "source: key.order", "operations.suite.send.fields.order.source", "does not say 'key.order'", "key.order_number"),
    ("source: erp.quantity", "source: erpp.quantity", "operations.suite.send.fields.quantity.source", "does not say 'erpp.quantity'", "erp.quantity"),
    ("source: fact.difference", "source: fact.difrence", "operations.suite.send.fields.apart.source", "does not say", "fact.difference"),
    ("source: fact.difference", "source: let.nothing", "operations.suite.send.fields.apart.source", "does not say", ""),
    ('one_of: ["1", "2"]', 'one_of: ["1", "two"]', "operations.suite.send.fields.quantity.one_of", "'two' is no quantity", ""),
    ('q: "{quantity}", ref', 'q: "{quantty}", ref', "operations.suite.send.submit.body.q", "'quantty' is none of the fields", "quantity"),
    ('equals: "{quantity}"', 'equals: "{qty}"', "operations.suite.send.read_back.found.equals", "'qty'", ""),
    ('path: "/lines/{order}", body', 'paht: "/lines/{order}", body', "operations.suite.send.submit.paht", "unknown field 'paht'", "path"),
    ('path: "/lines/{order}", body', 'path: "https://evil.example/{order}", body', "operations.suite.send.submit.path", "it is no plain path", ""),
    ('q: "{quantity}", ref', 'api_key: k3y, ref', "operations.suite.send.submit.body.api_key", "holds a secret", ""),
    ("apart: {source", "correlation_id: {source", "operations.suite.send.fields.correlation_id", "the name is taken", ""),
    ("status: [422], contains: closed, means", "means", "operations.suite.send.errors.0", "fits every answer", ""),
    ("status: [422]", "status: [4220]", "operations.suite.send.errors.0.status.0", "4220 is no HTTP status", ""),
    ("order_key: [order]", "backoff: {longest_wait: 1s}", "operations.suite.send.backoff.longest_wait", "shorter than", ""),
    ("approve_above: 5", "approve_above: -1", "operations.suite.send.approve_above", "got -1", ""),
    ("times: erp.quantity", "times: erp.quantty", "operations.suite.send.fields.price.times", "does not say 'erp.quantty'", "erp.quantity"),
    ("times: erp.quantity", "times: quantty", "operations.suite.send.fields.price.times", "'quantty' is none of the fields", "quantity"),
    ("times: erp.quantity", "times: order", "operations.suite.send.fields.price.times", "the field 'order' is no figure", ""),
    ("times: erp.quantity, ", "", "operations.suite.send.fields.price.per", "it divides nothing", ""),
    ("type: money, edit: true, times", "edit: true, times", "operations.suite.send.fields.price.times", "a text comes to nothing", ""),
    ("approve_above: 5", "approve_above: null", "operations.suite.send.fields.price.times", "no limit asks for it", ""),
    ("calendar: office", "calendar: offce", "cutoffs.close.calendar", "'offce'", "office"),
    ("queue: [desk]", "queue: [dsk]", "cutoffs.close.queue.0", "'dsk'", "desk"),
    ("queue: [desk]", "entity: [H9]", "cutoffs.close.entity.0", "'H9'", ""),
    ("monthly: {business_day: 3}, category: [differs]", "category: [difers], dates: [2026-11-30T17:00]", "cutoffs.close.category.0", "'difers'", "differs"),
    ("monthly: {business_day: 3}", "monthly: {business_day: 0}", "cutoffs.close.monthly.business_day", "got 0", ""),
    ("monthly: {business_day: 3}", 'dates: ["2026-11-30T17:00Z"]', "cutoffs.close.dates.0", "has a zone", ""),
    ("monthly: {business_day: 3}, ", "", "cutoffs.close", "it never comes", ""),
    ("monthly: {business_day: 3}", "by_fact: ordr, kind: payroll", "cutoffs.close.by_fact", "'ordr' is none of the facts of differs", "order"),
    ("monthly: {business_day: 3}, category: [differs]", "by_fact: order, kind: payroll", "cutoffs.close.by_fact", "no category says whose facts", ""),
    ("monthly: {business_day: 3}", "by_fact: order, monthly: {business_day: 3}, kind: payroll", "cutoffs.close.by_fact", "it has other days, too", ""),
    ("monthly: {business_day: 3}", "by_fact: order", "cutoffs.close.by_fact", "a close is the same for all", ""),
    ("queue: [desk]}", "fact: {ordr: [A]}}", "cutoffs.close.fact.ordr", "'ordr' is none of the facts of differs", "order"),
    ("category: [differs], queue: [desk]}", "fact: {order: [A]}}", "cutoffs.close.fact", "no category says whose facts", ""),
]  # fmt: skip


def test_operation_and_cut_off_that_fit_are_accepted(problems: Problems) -> None:
    assert problems(writes=OPERATION) == []


@pytest.mark.parametrize(
    ("old", "new", "path", "said", "hint"), WRONG_WRITES, ids=[f"{w[2]}: {w[3]}" for w in WRONG_WRITES]
)
def test_mistake_in_what_is_sent_is_named_at_its_line(
    problems: Problems, old: str, new: str, path: str, said: str, hint: str
) -> None:
    assert old in OPERATION
    found = problems(writes=OPERATION.replace(old, new, 1))
    named = [problem for problem in found if problem.path == path and said in problem.message]
    assert named, "\n".join(map(str, found))
    first = OPERATION[: OPERATION.index(old)].count("\n") + 1
    assert Path(named[0].file).name == "writes.yaml"
    assert first - 5 <= named[0].line <= first + 2
    if hint:
        assert named[0].suggestion == hint


def test_sensitive_column_is_not_sent_as_if_everybody_might_see_it(problems: Problems) -> None:
    bank = (
        "quantity: {type: quantity, required: true}",
        "quantity: {type: quantity, required: true, sensitivity: bank}",
    )
    found = problems(bank, writes=OPERATION)
    named = [problem for problem in found if problem.path.startswith("operations.")]
    assert {problem.path.split(".")[4] for problem in named} == {"quantity", "apart"}
    assert all(problem.expected == "'sensitivity: bank'" for problem in named)
    marked = OPERATION.replace("edit: true", "edit: true, sensitivity: bank").replace(
        "required: false", "required: false, sensitivity: bank"
    )
    assert [
        problem for problem in problems(bank, writes=marked) if problem.path.startswith("operations.")
    ] == []


BROKEN_FILES = {
    "tab": ("site:\n\tname: x\n", "not YAML"),
    "unclosed": ("site: {name: x\n", "not YAML"),
    "list": ("- a\n- b\n", "not a mapping"),
    "twice": ("entities: []\nentities: []\n", "stands twice"),
    "two_documents": ("a: 1\n---\nb: 2\n", "not YAML"),
    "itself": ("entities: &a [*a]\n", "alias contains itself"),
    "tagged": ("site: !!python/object/apply:os.getcwd []\n", "site"),
}


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_file_that_is_no_configuration_is_refused(tmp_path: Path, name: str) -> None:
    text, said = BROKEN_FILES[name]
    (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    found = check_directory(tmp_path, connector_models())
    assert any(said in str(problem) and f"{name}.yaml:" in str(problem) for problem in found), found


def test_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("site: {name: Zürich}".encode("latin-1"))
    (problem,) = check_directory(tmp_path, connector_models())
    assert "not UTF-8" in problem.message


def test_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (problem,) = check_directory(tmp_path / "none", connector_models())
    assert "no such directory" in problem.message


def test_route_and_policy_to_nowhere_are_refused(problems: Problems) -> None:
    found = problems(
        more="routing:\n  - {category: [difers], entity: [H3], queue: dsk}\n"
        "sla_policies:\n  - {code: fast, category: [difers], entity: [H3], queue: [dsk], target: 1 hour, calendar: o}\n"
    )
    assert {problem.path for problem in found} == {
        "routing[0].category.0", "routing[0].entity.0", "routing[0].queue", "sla_policies.fast.category.0",
        "sla_policies.fast.entity.0", "sla_policies.fast.queue.0", "sla_policies.fast.calendar",
    }  # fmt: skip
    assert [problem.line for problem in found] == [2] * 3 + [4] * 4


def test_crosswalk_file_is_read_and_judged(problems: Problems, tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text("system,local,canonical\n,EACH,EA\nerp1,KT,CS\n,EACH,BX\n,\n")
    found = problems(("entries: [{local: EACH, canonical: EA}]", "file: units.csv"))
    assert [(Path(problem.file).name, problem.line) for problem in found] == [
        ("units.csv", 4),
        ("units.csv", 5),
    ]
    (tmp_path / "units.csv").write_text("system,local,canonical\n,EACH,EA\nepr1,KT,CS\nepr1,BX,BX\n")
    (bad,) = problems(("entries: [{local: EACH, canonical: EA}]", "file: units.csv"))
    assert (Path(bad.file).name, bad.line, bad.suggestion) == ("units.csv", 3, "erp1")
    missing = problems(("entries: [{local: EACH, canonical: EA}]", "file: unit.csv"))
    assert "cannot be read" in missing[0].message


@pytest.mark.parametrize(
    ("rows", "line", "said"),
    [
        (',"A\nB",EA\n,EACH,EA,x\n', 4, "got 4 columns"),
        (",EACH,EA\n,,EA\n", 3, "column 2 (local) is empty"),
        (",EACH,\n", 2, "column 3 (canonical) is empty"),
        (',EACH,EA\n,"KT,CS\n,BX,BX\n', 3, "not CSV (unexpected end of data), up to line 4"),
        (',"EA"CH,EA\n', 2, "not CSV ("),
    ],
)
def test_what_is_wrong_in_a_crosswalk_file_is_told_with_its_line_and_column(
    problems: Problems, tmp_path: Path, rows: str, line: int, said: str
) -> None:
    (tmp_path / "units.csv").write_text(f"system,local,canonical\n{rows}")
    found = problems(("entries: [{local: EACH, canonical: EA}]", "file: units.csv"))
    [told] = [problem for problem in found if Path(problem.file).name == "units.csv"]
    assert (told.line, told.message[: len(said)]) == (line, said)


DUPLICATE = """\
checks:
  - code: lines.twice
    kind: duplicate
    title: Twice
    flow: orders
    record: line
    key: [order_number]
    columns: {number: order_number, quantity: sum(quantity), seen: min(seen_at)}
    rules: [{title: same number, same: [normalise(number)], near: seen, within: 3d}]
    order_by: seen
    reference: "{number}"
    category: twice
    amount: quantity
    paid: quantity > 0
    critical_when: paid_members > 1
    lines: [order_number]
    compare: [{label: Quantity, cells: {a: quantity, b: quantity}}]
categories:
  - {code: twice, title: Twice, sentence: "{a} and {b} share {keys}; {paid}.", cause: x, guidance: [y], owner: z, queue: desk, target: 1 hour}
"""
WRONG_DUPLICATE = [
    ("record: line", "record: lien", "record", "line"),
    ("key: [order_number]", "key: [order]", "key.0", "order_number"),
    ("seen: min(seen_at)", "seen: seen_at", "columns.seen", ""),
    ("normalise(number)", "normalise(numbr)", "rules.0.same.0", "number"),
    ("near: seen", "near: number", "rules.0.near", ""),
    ("order_by: seen", "order_by: sen", "order_by", "seen"),
    ('reference: "{number}"', 'reference: "{nmber}"', "reference", "number"),
    ("category: twice", "category: twiec", "category", "twice"),
    ("amount: quantity", "amount: number", "amount", ""),
    ("paid: quantity > 0", "paid: quantity", "paid", ""),
    ("paid_members > 1", "paid_member > 1", "critical_when", "paid_members"),
    ("lines: [order_number]", "lines: [order_numbr]", "lines.0", "order_number"),
    ("{keys};", "{shared};", "category", ""),
    ("cells: {a: quantity", "cells: {c: quantity", "compare.0.cells.c", ""),
    ("cells: {a: quantity", "cells: {a: quantty", "compare.0.cells.a", "quantity"),
]


def test_duplicate_check_is_accepted(problems: Problems) -> None:
    assert problems(more=DUPLICATE) == []


@pytest.mark.parametrize(("old", "new", "path", "hint"), WRONG_DUPLICATE, ids=[w[2] for w in WRONG_DUPLICATE])
def test_mistake_in_a_duplicate_check_is_named(
    problems: Problems, old: str, new: str, path: str, hint: str
) -> None:
    found = problems(more=DUPLICATE.replace(old, new, 1))
    named = [problem for problem in found if problem.path == f"checks.lines.twice.{path}"]
    assert named, "\n".join(map(str, found))
    assert named[0].suggestion == hint
