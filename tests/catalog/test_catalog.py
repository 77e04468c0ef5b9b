"""What the configuration says once it is accepted: merged, overridden, digested, asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.load import load_catalog
from exceptions_app.catalog.merging import known_packs
from exceptions_app.connectors.registry import connector_models
from exceptions_app.domain.clock import add_business

from .conftest import SITE

Loaded = Callable[..., Catalog]


def test_install_without_configuration_still_knows_integration_health() -> None:
    catalog = load_catalog(None, {})
    assert set(catalog.categories) == {
        "system_out",
        "events_given_up",
        "feed_failed",
        "quota_nearly_used",
        "rejected_rows",
        "source_drift",
        "unknown_word",
        "check_failed",
        "storm_held",
        "volume_unusual",
    }
    assert catalog.calendar_for("anything", "integration_operations").always_open
    assert [reason.code for reason in catalog.common_reasons] == [
        "fixed_at_source",
        "fixed_by_retry",
        "false_alarm",
    ]


@pytest.mark.parametrize("pack", known_packs())
def test_shipped_pack_is_in_order(tmp_path: Path, pack: str) -> None:
    (tmp_path / "site.yaml").write_text(f"site: {{packs: [{pack}]}}\n")
    catalog = load_catalog(tmp_path, connector_models())
    for category in catalog.categories.values():
        assert 2 <= len(category.guidance) <= 4
        assert len(catalog.reasons(category.code)) > len(catalog.common_reasons)


def test_what_flows_share_comes_with_any_of_them_and_with_none_of_its_own_accord(tmp_path: Path) -> None:
    assert "item_unit" not in load_catalog(None, {}).record_types
    (tmp_path / "site.yaml").write_text("site: {packs: [procure_to_pay]}\n")
    assert {"item_unit", "cost_center"} <= set(load_catalog(tmp_path, {}).record_types)


def test_override_changes_fields_and_keeps_the_others(loaded: Loaded) -> None:
    catalog = loaded(
        zz="overrides:\n"
        "  checks: {lines.differ: {tolerances: {small: {percent: 2}}, enabled: false}}\n"
        "  categories: {differs: {guidance: [Call.], severity: high}}\n"
        "  crosswalks: {unit: {title: Units, entries: [{local: KT, canonical: CS, system: erp1}]}}\n"
    )
    small = catalog.checks["lines.differ"].tolerances["small"]  # type: ignore[union-attr]
    assert (small.absolute, small.percent) == (Decimal(1), Decimal(2))
    assert catalog.checks_in("orders") == []
    assert catalog.flows() == []
    assert catalog.categories["differs"].guidance == ["Call."]
    assert catalog.categories["differs"].cause == "One of them is wrong."
    assert catalog.crosswalks["unit"] == {(None, "EACH"): "EA", ("erp1", "KT"): "CS"}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("overrides: {check: {a: {}}}", "overrides.check"),
        ("overrides: {checks: {lines.differs: {enabled: false}}}", "overrides.checks.lines.differs"),
        ("overrides: {checks: {lines.differ: {code: other}}}", "overrides.checks.lines.differ"),
        ("overrides: {checks: {lines.differ: off}}", "overrides.checks.lines.differ"),
        ("overrides: {checks: {lines.differ: {findings: []}}}", "checks.lines.differ.findings"),
        ("overrides: {queues: {desk: {calendar: none}}}", "queues.desk.calendar"),
        ("overrides: []", "overrides"),
    ],
)
def test_wrong_override_is_refused_where_it_stands(
    problems: Callable[..., list], text: str, path: str
) -> None:  # type: ignore[type-arg]
    found = problems(zz=text + "\n")
    assert [(Path(problem.file).name, problem.line, problem.path) for problem in found] == [
        ("zz.yaml", 1, path)
    ]


def test_site_rules_come_before_those_of_packs(loaded: Loaded) -> None:
    catalog = loaded(
        a="routing: [{queue: desk, entity: [H1]}]\nsla_policies: [{code: fast, target: 1 hour}]\n",
        b="routing: [{queue: integration_operations}]\nsla_policies: [{code: slow, target: 9 days}]\n",
    )
    assert [route.queue for route in catalog.routing] == ["desk", "integration_operations"]
    assert [policy.code for policy in catalog.sla_policies] == ["fast", "slow"]


def test_digest_is_of_the_content_and_not_of_how_it_is_written(loaded: Loaded, tmp_path: Path) -> None:
    first = loaded()
    again = loaded(("site: {name: Test, packs: []}", "# a remark\n\nsite:\n  packs: []\n  name: Test"))
    changed = loaded(("absolute: 1", "absolute: 2"))
    assert first.digest == again.digest
    assert first.digest != changed.digest
    content = json.loads(first.to_json())
    assert content["systems"][1]["connection"]["auth"]["value"] == "env:SUITE_KEY"
    assert str(tmp_path) not in first.to_json()


def test_source_says_where_something_is_declared(loaded: Loaded, tmp_path: Path) -> None:
    line = SITE[: SITE.index("- code: lines.differ")].count("\n") + 1
    assert loaded().source("checks", "lines.differ") == (str(tmp_path / "site.yaml"), line)


def test_entities_are_a_tree(loaded: Loaded) -> None:
    catalog = loaded()
    assert catalog.below("NET") == {"NET", "H1", "H2"}
    assert catalog.below("H1") == {"H1"}
    assert catalog.ancestors("H1") == ["H1", "NET"]


def test_calendar_of_an_entity_is_its_own_or_the_nearest_above(loaded: Loaded) -> None:
    catalog = loaded(more="calendars: [{code: early, time_zone: UTC, weekly: {mon: ['06:00-24:00']}}]\n")
    own = loaded(
        ("{code: H2, name: South, parent: NET}", "{code: H2, name: South, parent: NET, calendar: early}"),
        more="calendars: [{code: early, time_zone: UTC, weekly: {mon: ['06:00-24:00']}}]\n",
    )
    assert catalog.calendar_for("H1", "desk").code == "office"
    assert own.calendar_for("H2", "desk").code == "early"
    assert own.calendar_for("H2", "integration_operations").code == "always"
    assert own.calendar_for("*", "desk").code == "office"
    assert own.calendar("early").hours_per_day == timedelta(hours=18)


def test_calendar_knows_its_holidays_and_hours(loaded: Loaded) -> None:
    office = loaded().calendar("office")
    assert date(2026, 11, 26) in office.holidays
    assert office.hours_per_day == timedelta(hours=9)
    monday = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # 11:00 in New York
    assert add_business(monday, timedelta(hours=2), office) == datetime(2026, 11, 23, 19, 0, tzinfo=UTC)


def test_feeds_are_found_by_type_kind_and_system(loaded: Loaded) -> None:
    catalog = loaded()
    check = catalog.checks["lines.differ"]
    assert [feed.code for feed in catalog.side_feeds(check, "suite")] == ["suite_lines"]
    assert [feed.code for feed in catalog.feeds_for("line")] == ["erp_lines", "suite_lines"]
    assert [feed.code for feed in catalog.feeds_for("line", systems=["erp1"])] == ["erp_lines"]
    right = loaded(("title: Line\n", "title: Line\n    system_of_record: erp\n"))
    assert [feed.code for feed in right.sources_of("line")] == ["erp_lines"]
    off = loaded(("system: erp1\n", "system: erp1\n    enabled: false\n"))
    assert off.feeds_for("line", "erp") == []


def test_sensitivity_follows_what_the_source_wrote(loaded: Loaded) -> None:
    catalog = loaded(("unit: {crosswalk: unit}", "unit: {crosswalk: unit, sensitivity: bank}"))
    assert catalog.sensitivity("line", "unit") == "bank"
    assert catalog.sensitivity("line", "unit_source") == "bank"
    assert catalog.sensitivity("line", "source_id") == "internal"


def test_rate_is_the_latest_of_that_day(loaded: Loaded) -> None:
    rates = "[{currency: EUR, valid_from: 2026-01-01, rate: 1.1}, {currency: EUR, valid_from: 2026-06-01, rate: 1.2}]"
    catalog = loaded(("packs: []", f"rates: {rates}"))
    assert catalog.rate("USD", date(2020, 1, 1)) == 1
    assert catalog.rate("EUR", date(2026, 5, 31)) == Decimal("1.1")
    assert catalog.rate("EUR", date(2026, 6, 1)) == Decimal("1.2")
    assert catalog.rate("EUR", date(2025, 12, 31)) is None


def test_yaml_scalars_are_what_they_look_like(loaded: Loaded) -> None:
    catalog = loaded(
        (
            "{local: EACH, canonical: EA}",
            "{local: NO, canonical: 007}, {local: 12, canonical: 1e5}, {local: 08:30, canonical: on}",
        )
    )
    assert catalog.crosswalks["unit"] == {(None, "NO"): "007", (None, "12"): "1e5", (None, "08:30"): "on"}


def test_crosswalk_file_beside_the_yaml_is_read(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text(
        'system,local,canonical\n,EACH,EA\nerp1,"K,T",CS\n', encoding="utf-8-sig"
    )
    catalog = loaded(("entries: [{local: EACH, canonical: EA}]", "file: units.csv"))
    assert catalog.crosswalks["unit"] == {(None, "EACH"): "EA", ("erp1", "K,T"): "CS"}


def test_crosswalk_file_may_hold_any_text_in_quotes(loaded: Loaded, tmp_path: Path) -> None:
    content = (
        'system,local,canonical\r\nerp1,"KIT\r\nLARGE",CS\r\n,"10"" tube",EA\r\n\r\n,a\u2028b\x0cc,BX\r\n'
    )
    (tmp_path / "units.csv").write_bytes(content.encode())
    catalog = loaded(("entries: [{local: EACH, canonical: EA}]", "file: units.csv"))
    assert catalog.crosswalks["unit"] == {
        ("erp1", "KIT\r\nLARGE"): "CS", (None, '10" tube'): "EA", (None, "a\u2028b\x0cc"): "BX",
    }  # fmt: skip
