"""The register of interfaces, and the systems behind them: who answers, which pattern, which contract, since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.catalog import interfaces
from exceptions_app.catalog.catalog import Catalog
from exceptions_app.catalog.schema import Feed
from exceptions_app.domain import wording
from exceptions_app.models import ConfigSnapshot, FeedChange, FeedState, SystemAllowance, SystemGate


@dataclass(frozen=True, slots=True)
class InterfaceLine:
    """One interface. `direction`: in (a feed) or out (an operation that writes)."""

    code: str
    title: str
    direction: str
    system: str
    pattern: str
    carries: str
    owner_business: str
    owner_technical: str
    criticality: str
    version: str
    schedule: str
    promise: str
    changed_at: datetime | None
    changed: str
    silent: bool
    """What is read or mapped changed under the same version of the contract."""


@dataclass(frozen=True, slots=True)
class SystemLine:
    """A system, its feeds by how they stand, and how much may be asked of it or sent to it now."""

    code: str
    name: str
    kind: str
    pattern: str
    feeds: int
    failing: int
    paused: int
    out_since: datetime | None
    read_at: datetime | None
    reading: str
    writing: str
    error: str


def register(session: Session, catalog: Catalog) -> list[InterfaceLine]:
    """Every interface of the configuration, by system and title."""
    changes = _changes(session, catalog)
    lines = [_feed(catalog, feed, changes.get(code)) for code, feed in catalog.feeds.items()]
    lines += [
        InterfaceLine(
            code, operation.title or code, "out", catalog.systems[operation.system].name,
            f"{pattern_of(catalog, operation.system)}, written to", "writes", "", "", "", "", "when asked", "",
            None, "", False,
        )
        for code, operation in catalog.operations.items()
    ]  # fmt: skip
    return sorted(lines, key=lambda line: (line.system, line.direction, line.title))


def pattern_of(catalog: Catalog, system: str) -> str:
    """The pattern of integration in words."""
    connector = catalog.systems[system].connector
    return interfaces.PATTERNS.get(connector, f"{connector} (another package)")


def history(session: Session, feed: str, most: int = 20) -> list[FeedChange]:
    """The changes of one feed's configuration, newest first."""
    wanted = select(FeedChange).where(FeedChange.feed == feed).order_by(FeedChange.id.desc())
    return list(session.scalars(wanted.limit(most)))


def systems(session: Session, catalog: Catalog, now: datetime) -> list[SystemLine]:
    """Every system, those that are out first."""
    states = {state.feed: state for state in session.scalars(select(FeedState))}
    allowances = {row.system: row for row in session.scalars(select(SystemAllowance))}
    gates = {row.system: row for row in session.scalars(select(SystemGate))}
    written = {operation.system for operation in catalog.operations.values()}
    lines = []
    for code, system in catalog.systems.items():
        own = [states[f.code] for f in catalog.feeds.values() if f.system == code and f.code in states]
        out = [state.out_since for state in own if state.out_since is not None]
        read = [state.read_through for state in own if state.read_through is not None]
        allowance = allowances.get(code)
        errors = [state.last_error for state in own if state.failing_since is not None and state.last_error]
        lines.append(
            SystemLine(
                code, system.name, system.kind.replace("_", " "), pattern_of(catalog, code),
                sum(feed.system == code and feed.enabled for feed in catalog.feeds.values()),
                sum(state.failing_since is not None for state in own),
                sum(state.paused_at is not None for state in own),
                min(out, default=None), max(read, default=None), _reading(allowance, now),
                _writing(gates.get(code), now) if code in written else "", errors[0] if errors else "",
            )
        )  # fmt: skip
    return sorted(lines, key=lambda line: (line.out_since is None, not line.failing, line.name))


def _feed(catalog: Catalog, feed: Feed, change: FeedChange | None) -> InterfaceLine:
    contract = feed.contract
    promise = [f"within {wording.duration(contract.latency)}"]
    if contract.deliver_by is not None:
        promise.append(f"by {contract.deliver_by.at} {contract.deliver_by.time_zone}")
    return InterfaceLine(
        feed.code, feed.title or feed.code, "in", catalog.systems[feed.system].name,
        pattern_of(catalog, feed.system), catalog.record_types[feed.record_type].title,
        contract.owner_business, contract.owner_technical, contract.criticality, contract.version,
        f"every {wording.duration(feed.every)}" if feed.enabled else "switched off", ", ".join(promise),
        change.at if change else None, change.said if change else "", bool(change and change.silent),
    )  # fmt: skip


def _changes(session: Session, catalog: Catalog) -> Mapping[str, FeedChange]:
    """Feed -> when what is in force for it came into force: a configuration may come back."""
    newest = select(func.max(FeedChange.id)).group_by(FeedChange.feed, FeedChange.digest)
    known = {
        (row.feed, row.digest): row
        for row in session.scalars(select(FeedChange).where(FeedChange.id.in_(newest)))
    }
    now = interfaces.digests(catalog)
    return {feed: known[feed, digest] for feed, digest in now.items() if (feed, digest) in known}


def accepted_at(session: Session, catalog: Catalog) -> datetime | None:
    """Since when the configuration in force is known."""
    digest = bytes.fromhex(catalog.digest)
    return session.scalar(select(ConfigSnapshot.accepted_at).where(ConfigSnapshot.digest == digest))


def _reading(row: SystemAllowance | None, now: datetime) -> str:
    """`resting until 14:05 UTC`, or empty where it may be asked."""
    if row is None or row.retry_at is None or row.retry_at <= now:
        return ""
    return f"left in peace until {row.retry_at:%H:%M:%S} UTC"


def _writing(row: SystemGate | None, now: datetime) -> str:
    if row is None or row.state == "closed":
        return "taking writes"
    if row.retry_at is not None and row.retry_at > now:
        return f"resting until {row.retry_at:%H:%M:%S} UTC"
    return "taken up again gently"
