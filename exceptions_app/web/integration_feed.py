"""One feed: its contract and its changes, its runs; pausing it, and reading again what was read before."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.catalog.schema import Feed
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.queries import feed_fields, integration, interfaces
from exceptions_app.queries.words import zone_of
from exceptions_app.runtime import runtime
from exceptions_app.services import again, feed_states
from exceptions_app.services.again import AgainRefusedError, Wish

from . import acting, gate, hx
from .gate import needs
from .transaction import transactional

blueprint = Blueprint("integration_feed", __name__, url_prefix="/integration/feeds")


@blueprint.get("/<feed>")
@needs(Permission.SEE_INTEGRATION)
def show(feed: str) -> ResponseReturnValue:
    return _page(acting.feed_or_404(feed), "")


@blueprint.post("/<feed>/pause")
@needs(Permission.REPEAT_RUNS)
@transactional
def pause(feed: str) -> ResponseReturnValue:
    declared, why = acting.feed_or_404(feed), request.form.get("why", "").strip()
    if not why:
        return _page(declared, "Say why: nobody is told of what is missed while it is paused."), 422
    context = acting.context()
    if feed_states.pause(db.session(), declared.code, why, by=str(context.actor), now=context.now):
        flash(f"{declared.title or feed} is paused.", "amber")
    return hx.go_to(url_for(".show", feed=feed))


@blueprint.post("/<feed>/resume")
@needs(Permission.REPEAT_RUNS)
@transactional
def resume(feed: str) -> ResponseReturnValue:
    declared, context = acting.feed_or_404(feed), acting.context()
    if feed_states.resume(db.session(), declared.code, by=str(context.actor), now=context.now):
        flash(f"{declared.title or feed} is read again as its schedule says.", "green")
    return hx.go_to(url_for(".show", feed=feed))


@blueprint.post("/<feed>/backfill")
@needs(Permission.REPEAT_RUNS)
@transactional
def backfill(feed: str) -> ResponseReturnValue:
    declared = acting.feed_or_404(feed)
    try:
        since, until = (_day(request.form.get(name, "")) for name in ("since", "until"))
    except ValueError:
        return _page(declared, "Give days as 2026-11-22."), 422
    if since is None:
        return _page(declared, "Say from which day on."), 422
    return _ask(declared, Wish(since=since, until=until))


@blueprint.post("/<feed>/replay")
@needs(Permission.REPEAT_RUNS)
@transactional
def replay(feed: str) -> ResponseReturnValue:
    declared = acting.feed_or_404(feed)
    run, file = request.form.get("run", type=int), request.form.get("file", "").strip()
    if run is None and not file:
        return _page(declared, "Name a file, as it lies in the archive."), 422
    return _ask(declared, Wish(run=run, file=file if run is None else ""))


def _ask(declared: Feed, wish: Wish) -> ResponseReturnValue:
    context = acting.context()
    try:
        again.ask(
            db.session(), runtime().catalog, declared.code, wish, by=str(context.actor),
            person=gate.viewer().user_id, now=context.now, correlation_id=context.correlation_id,
        )  # fmt: skip
    except AgainRefusedError as error:
        return _page(declared, str(error)), 422
    flash(f"{declared.title or declared.code} will be read again next: {wish.words}.", "green")
    return hx.go_to(url_for(".show", feed=declared.code))


def _page(declared: Feed, problem: str) -> str:
    catalog = runtime().catalog
    lines = integration.feeds(db.session(), catalog, now=utc_now())
    return render_template(
        "integration/feed.html",
        feed=declared,
        line=next(line for line in lines if line.code == declared.code),
        system=catalog.systems[declared.system],
        pattern=interfaces.pattern_of(catalog, declared.system),
        runs=integration.runs(db.session(), feed=declared.code)[:10],
        drift=feed_fields.drift(db.session(), declared.code),
        words=feed_fields.unknown_words(db.session(), catalog, declared),
        changes=interfaces.history(db.session(), declared.code),
        problem=problem,
        typed=request.form,
    )


def _day(text: str) -> datetime | None:
    """Midnight of a day in the person's own zone, as UTC; None for nothing."""
    if not text.strip():
        return None
    zone = zone_of(gate.viewer().time_zone)
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"a day that no calendar has: {text.strip()!r}") from None
