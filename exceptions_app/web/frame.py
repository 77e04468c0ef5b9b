"""What every template may use: navigation, the person, words, and filters that format values.

Formatting itself is `domain.wording`'s; here it meets the viewer's time zone and HTML.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import groupby
from typing import Any

from flask import Flask, g, request
from flask_login import current_user
from markupsafe import Markup

from exceptions_app.access import Permission
from exceptions_app.domain import wording
from exceptions_app.domain.instant import iso, utc_now
from exceptions_app.queries import retry_words, words
from exceptions_app.queries.rows import CaseRow
from exceptions_app.runtime import runtime

from . import gate
from .addresses import address, asset, case_url, note_url
from .queue_rows import rows_html


@dataclass(frozen=True, slots=True)
class NavItem:
    title: str
    endpoint: str
    icon: str
    blueprints: tuple[str, ...]
    key: str
    """After `g`: the way to it by keyboard."""
    permission: Permission | None = None
    within: Permission | None = None
    """Who may do this finds it on another item's pages."""


NAVIGATION = (
    NavItem("My work", "my_work.index", "home", ("my_work",), "m", Permission.SEE_CASES),
    NavItem(
        "Queue",
        "queues.index",
        "inbox",
        ("queues", "views", "bulk", "cases", "case_notes", "case_retry", "watching"),
        "q",
        Permission.SEE_CASES,
    ),
    NavItem("Causes", "causes.index", "flag", ("causes", "cause_fixes"), "c", Permission.SEE_CASES),
    NavItem(
        "Retries",
        "retries.index",
        "send",
        ("retries", "retry_decisions", "retry_gave_up"),
        "r",
        Permission.SEE_RETRIES,
    ),
    NavItem("SLA", "dashboards.sla", "layout-dashboard", ("dashboards",), "s", Permission.SEE_CASES),
    NavItem("Exports", "exports.index", "file-spreadsheet", ("exports", "tasks"), "e", Permission.EXPORT),
    NavItem(
        "Integration",
        "integration.feeds",
        "plug-connected",
        (
            "integration",
            "integration_feed",
            "interfaces",
            "feed_preview",
            "dead_events",
            "trace",
            "storms",
            "try_out",
        ),
        "i",
        Permission.SEE_INTEGRATION,
    ),
    NavItem(
        "Storms",
        "storms.index",
        "hand-stop",
        ("storms",),
        "t",
        Permission.DECIDE_STORMS,
        Permission.SEE_INTEGRATION,
    ),
    NavItem("People", "admin.people", "users", ("admin",), "p", Permission.ADMINISTER),
)


def install(app: Flask) -> None:
    app.jinja_env.filters |= {
        "when": when,
        "instant": instant,
        "day": wording.day,
        "ago": ago,
        "money": wording.money,
        "number": wording.number,
        "duration": wording.duration,
        "bytes": wording.size,
        "status_words": lambda code: words.said(words.STATUS, code),
        "stage_words": lambda code: words.said(words.STAGE, code),
        "severity_words": lambda code: words.said(words.SEVERITY, code),
        "ball_words": lambda code: words.said(words.BALL, code),
        "retry_words": retry_words.state,
        "retry_tone": retry_words.tone,
        "plural": wording.plural,
        "sla": sla,
        "severity": severity,
        "groupby_day": by_day,
    }
    app.jinja_env.globals |= {
        "asset": asset,
        "icon": icon,
        "case_url": case_url,
        "note_url": note_url,
        "queue_rows": rows_html,
        "url_for": address,
        "allowed": gate.allowed,
        "unread_notices": lambda: g.get("unread_notices", 0),
        "Permission": Permission,
    }
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_frame)


def _frame() -> dict[str, Any]:
    signed_in = bool(current_user.is_authenticated)
    return {
        "site_name": runtime().catalog.site.name,
        "reporting_currency": runtime().catalog.site.reporting_currency,
        "navigation": [item for item in NAVIGATION if signed_in and _may(item)],
        "person": current_user if signed_in else None,
        "theme": current_user.theme if signed_in else "auto",
        "blueprint": request.blueprint,
        "correlation_id": g.get("correlation_id", ""),
    }


def _may(item: NavItem) -> bool:
    if item.within is not None and gate.allowed(item.within):
        return False
    return item.permission is None or gate.allowed(item.permission)


def when(value: datetime | None, absent: str = "never") -> Markup | str:
    """A time in the person's zone, with the exact UTC time on hover."""
    if value is None:
        return absent
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(iso(value), instant(value))


def ago(value: datetime | None, absent: str = "never") -> Markup | str:
    """How long since a time, with the time itself on hover."""
    if value is None:
        return absent
    passed = utc_now() - value
    text = "just now" if passed < timedelta(minutes=1) else f"{_largest(passed)} ago"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(iso(value), instant(value), text)


def instant(value: datetime) -> str:
    """A time in the person's zone, as plain text."""
    if "zone" not in g:
        g.zone = words.zone_of(current_user.time_zone if current_user.is_authenticated else "UTC")
    return wording.instant(value, g.zone)


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on one day, with the day in words."""

    name: str
    items: list[Any]


def by_day(happenings: Iterable[Any], zone: tzinfo) -> list[Day]:
    """What has an `at`, under heads of the person's days, in the order in which it comes."""
    today = utc_now().astimezone(zone).date()
    near = {today: "Today", today - timedelta(days=1): "Yesterday"}
    days = groupby(happenings, key=lambda each: each.at.astimezone(zone).date())
    return [Day(near.get(date) or wording.day(date), list(items)) for date, items in days]


def _largest(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else wording.plural(minutes // 1440, "day")


def icon(name: str, label: str | None = None) -> Markup:
    """An icon of the sprite: decoration, unless it has a label."""
    if "sprite" not in g:
        g.sprite = asset("vendor/icons.svg")
    return _icon(g.sprite, name, label)


@lru_cache(maxsize=512)
def _icon(sprite: str, name: str, label: str | None) -> Markup:
    said = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {}><use href="{}#{}"></use></svg>').format(said, sprite, name)


def sla(row: CaseRow) -> Markup:
    """The SLA chip. Rows of a page share few of them, so each is written once."""
    return _sla(row.sla.stage.value, row.sla.label, row.sla.exact)


@lru_cache(maxsize=1024)
def _sla(stage: str, label: str, exact: str) -> Markup:
    title = Markup(' title="{}"').format(exact) if exact else ""
    return Markup('<span class="sla" data-stage="{}"{}>{}</span>').format(stage, title, label)


@lru_cache(maxsize=32)
def severity(code: str) -> Markup:
    """The coloured square of a severity, with its name for those who do not see colours."""
    said = words.said(words.SEVERITY, code)
    mark = Markup(
        '<span class="sev" data-severity="{0}" role="img" title="{1}" aria-label="{1} severity"></span>'
    )
    return mark.format(code, said)
