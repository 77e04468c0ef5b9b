"""Feeds, runs, rejects, checks and configurations; and asking for a read or a comparison to be repeated
now.
"""

from __future__ import annotations

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission, sees_network
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.queries import additions, check_lines, integration
from exceptions_app.queries import configuration as settings
from exceptions_app.queries.my_work import feeds_out
from exceptions_app.runtime import runtime
from exceptions_app.services.forgetting import REJECTS_KEPT

from . import acting, gate, hx
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("integration", __name__, url_prefix="/integration")

SECTIONS = ("feeds", "checks", "categories", "queues", "entities", "systems", "record_types", "calendars")


@blueprint.get("")
@needs(Permission.SEE_INTEGRATION)
def feeds() -> ResponseReturnValue:
    now = utc_now()
    lines = integration.feeds(db.session(), runtime().catalog, now=now)
    return render_template(
        "integration/feeds.html", feeds=lines, out=feeds_out(db.session(), runtime().catalog)
    )


@blueprint.get("/runs")
@needs(Permission.SEE_INTEGRATION)
def runs() -> ResponseReturnValue:
    feed = request.args.get("feed") or None
    found = integration.runs(db.session(), feed=feed, before=request.args.get("before", type=int))
    return render_template(
        "integration/runs.html", runs=found, feed=feed, catalog=runtime().catalog, size=integration.PAGE
    )


@blueprint.get("/rejects")
@needs(Permission.SEE_INTEGRATION)
def rejects() -> ResponseReturnValue:
    feed, run = request.args.get("feed") or None, request.args.get("run", type=int)
    viewer, catalog = gate.viewer(), runtime().catalog
    found = integration.rejects(
        db.session(), viewer, catalog, feed=feed, run=run, before=request.args.get("before", type=int)
    )
    return render_template(
        "integration/rejects.html",
        rejects=found,
        hidden=not sees_network(viewer, catalog),
        feed=feed,
        run=run,
        catalog=catalog,
        size=integration.PAGE,
        kept_for=REJECTS_KEPT,
    )


@blueprint.get("/checks")
@needs(Permission.SEE_INTEGRATION)
def checks() -> ResponseReturnValue:
    catalog = runtime().catalog
    lines = check_lines.checks(db.session(), gate.viewer(), catalog)
    return render_template("integration/checks.html", checks=lines, flows=catalog.flows())


@blueprint.get("/configuration")
@needs(Permission.SEE_INTEGRATION)
def configuration() -> ResponseReturnValue:
    catalog = runtime().catalog
    section, code = request.args.get("section", ""), request.args.get("code", "")
    shown = settings.settings_of(catalog, section, code) if section in SECTIONS and code else None
    return render_template(
        "integration/configuration.html",
        snapshots=settings.snapshots(db.session(), catalog),
        sections={name: list(getattr(catalog, name)) for name in SECTIONS},
        section=section,
        code=code,
        shown=shown,
        fixed=additions.lines(db.session(), gate.viewer(), runtime().files, utc_now()),
        exported=additions.exported(db.session(), utc_now()),
    )


@blueprint.post("/feeds/<feed>/read")
@needs(Permission.REPEAT_RUNS)
@transactional
def read_now(feed: str) -> ResponseReturnValue:
    found = runtime().catalog.feeds.get(feed)
    if found is None or not found.enabled:
        abort(404)
    acting.ask_task("poll", f"poll:{feed}", {"feed": feed})
    flash(f"{found.title or feed} will be read next.", "green")
    return hx.go_to(url_for(".feeds"))


@blueprint.post("/flows/<flow>/compare")
@needs(Permission.REPEAT_RUNS)
@transactional
def compare_now(flow: str) -> ResponseReturnValue:
    if flow not in runtime().catalog.flows():
        abort(404)
    acting.ask_task("reconcile", f"reconcile:{flow}", {"flow": flow, "full": True})
    flash(f"The checks of {flow.replace('_', ' ')} will run next.", "green")
    return hx.go_to(url_for(".checks"))
