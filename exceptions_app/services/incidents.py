"""What goes wrong with the machinery itself, as exceptions for integration operations, through the same
intake.

One failing feed is one exception, whatever its records feed, and a system that is out is one, however many feeds it
has; it closes nothing else. Knows no connector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from exceptions_app.catalog.catalog import Catalog, canonical
from exceptions_app.domain.discrepancy import NETWORK_SCOPE, Discrepancy
from exceptions_app.domain.fingerprint import evidence_hash, fingerprint
from exceptions_app.domain.instant import iso
from exceptions_app.domain.wording import plural
from exceptions_app.records.drift import Drifted

from . import intake
from .context import ActionContext
from .intake_facts import IntakeCounts, ProbedKey, RunFacts

SYSTEM_CHECK = "integration.system"
FEED_CHECK = "integration.feed"
REJECTS_CHECK = "integration.rejects"
DRIFT_CHECK = "integration.drift"
CHECK_CHECK = "integration.check"
STORM_CHECK = "integration.storm"
_NAMED = 5
"""So many feeds are named in the sentence of a system that is out."""


def system_out(
    session: Session, ctx: ActionContext, system: str, feeds: Sequence[str], *, since: datetime, error: str
) -> IntakeCounts:
    """The system has not delivered these feeds since then: it cannot be reached, or does not let us in. It is told
    again when other feeds fail than before, not when the error words itself anew.
    """
    facts = {
        "system": ctx.catalog.systems[system].name,
        "feeds": _named(ctx, system, feeds),
        "since": iso(since),
        "error": error,
    }
    found = incident(SYSTEM_CHECK, "system_out", system, {"system": system}, facts, since, system)
    found = found._replace(evidence_hash=evidence_hash(canonical({"system": system, "feeds": sorted(feeds)})))
    return report(session, ctx, SYSTEM_CHECK, system, [found])


def system_back(session: Session, ctx: ActionContext, system: str) -> IntakeCounts:
    """All of the system's feeds can be read again: what was open about it agrees now."""
    return report(session, ctx, SYSTEM_CHECK, system, [])


def _named(ctx: ActionContext, system: str, feeds: Sequence[str]) -> str:
    """`Orders`; `all 4 of its feeds (…)`; `7 of its 17 feeds (…, and 2 more)`."""
    titles = sorted(ctx.catalog.feeds[feed].title or feed for feed in feeds)
    if len(titles) == 1:
        return titles[0]
    known = len(feeds_of(ctx.catalog, system))
    some = f"all {known} of its feeds" if len(titles) == known else f"{len(titles)} of its {known} feeds"
    more = f", and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
    return f"{some} ({', '.join(titles[:_NAMED])}{more})"


def feeds_of(catalog: Catalog, system: str) -> list[str]:
    """The feeds that are read from a system."""
    return [code for code, feed in catalog.feeds.items() if feed.system == system and feed.enabled]


def feed_failed(
    session: Session, ctx: ActionContext, feed: str, *, since: datetime, error: str, kind: str = ""
) -> IntakeCounts:
    """The feed has brought nothing since then; an error of the same kind again is seen, not told again.

    What an error says changes with every try (a page, a time, a request): the newest is with the feed's
    state.
    """
    declared = ctx.catalog.feeds[feed]
    facts = {
        "feed": declared.title or feed,
        "system": ctx.catalog.systems[declared.system].name,
        "since": iso(since),
        "error": error,
    }
    found = incident(FEED_CHECK, "feed_failed", feed, {"feed": feed}, facts, since, declared.system)
    found = found._replace(evidence_hash=evidence_hash(canonical({"feed": feed, "kind": kind})))
    return report(session, ctx, FEED_CHECK, feed, [found])


def feed_recovered(session: Session, ctx: ActionContext, feed: str) -> IntakeCounts:
    """The feed was read again: what was open about it agrees now."""
    return report(session, ctx, FEED_CHECK, feed, [])


def rejected_rows(
    session: Session, ctx: ActionContext, feed: str, *, count: int, since: datetime,
    reason: str = "", position: str = "", whole: bool = False, unplaced: int = 0,
) -> IntakeCounts:  # fmt: skip
    """`count` rows of the last run were refused, the first at `position` for `reason`. Of `unplaced` of them no
    key could be read: nobody knows which documents they belong to, and that is said.

    None refused closes what is open only where the run read everything (`whole`): a run of changes does not
    bring the refused rows again. What a person has claimed, the next clean run confirms.
    """
    if not count:
        return report(session, ctx, REJECTS_CHECK, feed, [], whole=whole)
    declared = ctx.catalog.feeds[feed]
    if unplaced:
        reason += f". No key could be read of {plural(unplaced, 'row')}: what is there may look missing"
    facts = {"feed": declared.title or feed, "count": str(count), "reason": reason, "position": position}
    found = incident(REJECTS_CHECK, "rejected_rows", feed, {"feed": feed}, facts, since, declared.system)
    return report(session, ctx, REJECTS_CHECK, feed, [found])


def source_drift(session: Session, ctx: ActionContext, feed: str, drift: Sequence[Drifted]) -> IntakeCounts:
    """The feed's source sends these fields otherwise than agreed; none: it agrees. Told again when it is others."""
    if not drift:
        return report(session, ctx, DRIFT_CHECK, feed, [])
    declared = ctx.catalog.feeds[feed]
    said = "; ".join(one.words for one in drift[:_NAMED])
    said += f"; and {len(drift) - _NAMED} more" if len(drift) > _NAMED else ""
    since = min(one.since for one in drift)
    facts = {"feed": declared.title or feed, "fields": said, "since": since}
    begun = datetime.fromisoformat(since)
    found = incident(DRIFT_CHECK, "source_drift", feed, {"feed": feed}, facts, begun, declared.system)
    told = canonical({"feed": feed, "fields": [one.words for one in drift]})
    return report(session, ctx, DRIFT_CHECK, feed, [found._replace(evidence_hash=evidence_hash(told))])


def check_failed(
    session: Session, ctx: ActionContext, check: str, scope: str, *, since: datetime, error: str
) -> IntakeCounts:
    """The comparison itself broke in this scope."""
    title = ctx.catalog.checks[check].title
    name = title if scope == NETWORK_SCOPE else f"{title} ({scope})"
    key = {"check": check, "scope": scope}
    found = incident(CHECK_CHECK, "check_failed", check, key, {"check": name, "error": error}, since, None)
    return report(session, ctx, CHECK_CHECK, _check_scope(check, scope), [found])


def check_recovered(session: Session, ctx: ActionContext, check: str, scope: str) -> IntakeCounts:
    """The comparison ran again."""
    return report(session, ctx, CHECK_CHECK, _check_scope(check, scope), [])


def storm_held(
    session: Session, ctx: ActionContext, check: str, scope: str, *, since: datetime, round: int, count: int,
    most: int, cause: str,
) -> IntakeCounts:  # fmt: skip
    """A run is held. It is told again when it is something else that would open, not at each run of the same."""
    facts = {"check": _check_name(ctx, check, scope), "count": str(count), "most": str(most), "cause": cause}
    key = {"check": check, "scope": scope}
    found = incident(STORM_CHECK, "storm_held", check, key, facts, since, None)
    told = canonical({**key, "since": iso(since), "round": round})
    found = found._replace(evidence_hash=evidence_hash(told))
    return report(session, ctx, STORM_CHECK, _check_scope(check, scope), [found])


def storm_over(session: Session, ctx: ActionContext, check: str, scope: str) -> IntakeCounts:
    """Nothing is held there any more."""
    return report(session, ctx, STORM_CHECK, _check_scope(check, scope), [])


def _check_name(ctx: ActionContext, check: str, scope: str) -> str:
    title = ctx.catalog.checks[check].title
    if scope == NETWORK_SCOPE:
        return title
    entity = ctx.catalog.entities.get(scope)
    return f"{title} ({entity.name if entity else scope})"


@dataclass(frozen=True, slots=True)
class _ReadNow:
    """The machinery answers for itself: whether it is still wrong is known now."""

    present: bool
    fetched_at: datetime | None
    changed_at: datetime | None = None


def _check_scope(check: str, scope: str) -> str:
    return f"{check}@{scope}"[-64:]


def incident(
    check: str, category: str, reference: str, key: Mapping[str, str], facts: Mapping[str, str],
    since: datetime, system: str | None,
) -> Discrepancy:  # fmt: skip
    """One thing that is wrong with the machinery, as its facts say it; `reference` is the scope of its check."""
    evidence = canonical({"key": key, "let": {}, "sides": {"feed": facts}, "tolerance": None})
    of_check = check in (CHECK_CHECK, STORM_CHECK)
    scope = _check_scope(key["check"], key["scope"]) if of_check else reference
    return Discrepancy(
        fingerprint=fingerprint(check, category, NETWORK_SCOPE, list(key.values())),
        check=check,
        scope=scope,
        category=category,
        entity=NETWORK_SCOPE,
        reference=reference,
        business_key=canonical(key),
        lines=(),
        counterparty=system,
        facts=canonical(facts),
        evidence=evidence,
        evidence_hash=evidence_hash(evidence),
        amount=None,
        currency=None,
        since=since,
    )


def report(
    session: Session, ctx: ActionContext, check: str, scope: str, found: Sequence[Discrepancy], *,
    whole: bool = True,
) -> IntakeCounts:  # fmt: skip
    """What is wrong with the machinery or with master data, in one scope, as of now: the rest of it agrees now
    where the look was at the `whole`."""
    session.connection()  # begins as a writer: planning alone would begin as a reader
    run = RunFacts(check, scope, None, complete=True, read_through=ctx.now, proves_absence=whole)

    def probe(keys: Sequence[Mapping[str, str]]) -> dict[str, ProbedKey]:
        return {canonical(key): _ReadNow(whole, ctx.now) for key in keys}

    planned = intake.plan(session, ctx, run, found, probe)
    counts = planned.counts
    for chunk in planned.chunks():
        counts += intake.apply(session, ctx, chunk)
    return counts
