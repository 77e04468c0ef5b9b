"""What integration operations should know before a feed fails, or although none does, as exceptions of its own.

Knows no connector.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, cast, exists, func, literal, select
from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import canonical
from exceptions_app.catalog.schema import Feed
from exceptions_app.connectors.quota import QuotaUse
from exceptions_app.domain.fingerprint import evidence_hash
from exceptions_app.domain.instant import iso
from exceptions_app.domain.volume import Judged
from exceptions_app.domain.wording import duration, number, plural
from exceptions_app.models import InboxEvent, Reject

from .context import ActionContext
from .figures import tell_figures
from .inbox import DEAD
from .incidents import incident, report
from .intake_facts import IntakeCounts

QUOTA_CHECK = "integration.quota"
EVENTS_CHECK = "integration.events"
VOLUME_CHECK = "integration.volume"


def quota_nearly_used(session: Session, ctx: ActionContext, system: str, use: QuotaUse) -> IntakeCounts:
    """The system allows little more in this while, or nothing; otherwise it agrees now. Told once a while."""
    if not use.nearly_up:
        return report(session, ctx, QUOTA_CHECK, system, [])
    facts = {
        "system": ctx.catalog.systems[system].name,
        "used": str(use.used),
        "allowed": str(use.allowed),
        "per": duration(use.per),
        "ends": f"{use.ends:%Y-%m-%d %H:%M} UTC",
    }
    found = incident(
        QUOTA_CHECK, "quota_nearly_used", system, {"system": system}, facts, use.ends - use.per, system
    )
    told = canonical({"system": system, "ends": iso(use.ends)})
    return report(session, ctx, QUOTA_CHECK, system, [found._replace(evidence_hash=evidence_hash(told))])


def given_up(session: Session, feed: str) -> tuple[int, str]:
    """How many events of a feed wait for a person without a refused row that says so, and why the newest does."""
    e = InboxEvent
    place = literal("event ").concat(cast(e.id, String)).concat(" (")
    told = exists().where(
        Reject.feed == feed,
        Reject.ended_at.is_(None),
        func.substr(Reject.position, 1, func.length(place)) == place,
    )
    these = (e.feed == feed, e.state == DEAD, ~told)
    count = session.scalar(select(func.count()).where(*these)) or 0
    newest = session.scalar(select(e.reason).where(*these).order_by(e.id.desc()).limit(1)) if count else ""
    return count, newest or ""


def events_given_up(session: Session, ctx: ActionContext, feed: str, count: int, reason: str) -> IntakeCounts:
    """So many events of the feed became no records and wait for a person, the newest for `reason`; none: it agrees."""
    if not count:
        return report(session, ctx, EVENTS_CHECK, feed, [])
    declared = ctx.catalog.feeds[feed]
    facts = {"feed": declared.title or feed, "count": str(count), "reason": reason}
    found = incident(EVENTS_CHECK, "events_given_up", feed, {"feed": feed}, facts, ctx.now, declared.system)
    told = canonical({"feed": feed, "count": count, "reason": reason})
    return report(session, ctx, EVENTS_CHECK, feed, [found._replace(evidence_hash=evidence_hash(told))])


def unusual_volume(
    session: Session, ctx: ActionContext, feed: Feed, judged: Judged, since: datetime
) -> IntakeCounts:
    """The feed brought far fewer records than usual, or far more. Of snapshots, told again when it turns; of others, on
    another day: how many they are comes and goes with every run.
    """
    expected = judged.band
    few = judged.count < expected.least
    facts = {
        "feed": feed.title or feed.code,
        "records": plural(judged.count, "record"),
        "day": judged.day.isoformat(),
        "expected": f"at least {number(expected.least)}" if few else f"at most {number(expected.most)}",
        "usual": str(expected.usual),
    }
    found = incident(
        VOLUME_CHECK, "volume_unusual", feed.code, {"feed": feed.code}, facts, since, feed.system
    )
    day = "" if feed.mode == "snapshot" else facts["day"]
    told = canonical({"feed": feed.code, "few": few, "day": day})
    found = found._replace(evidence_hash=evidence_hash(told))
    counts = report(session, ctx, VOLUME_CHECK, feed.code, [found])
    tell_figures(session, ctx, [found])
    return counts


def volume_usual(session: Session, ctx: ActionContext, feed: str) -> IntakeCounts:
    """As many as usual: what was open about it agrees now."""
    return report(session, ctx, VOLUME_CHECK, feed, [])
