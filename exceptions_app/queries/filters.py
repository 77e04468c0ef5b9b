"""What a person asked the queue for: the chips of the address bar, as a value and as SQL conditions.

The same filter opens the queue, feeds an export and is the target of every chart mark, so it must survive a
round trip through a URL and through JSON. Must not know who is looking: scoping is `access.visible`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal, literal_column, or_, select, text

from exceptions_app.catalog.catalog import Catalog
from exceptions_app.domain import public_id
from exceptions_app.domain.instant import from_iso, iso
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.retry import Sent
from exceptions_app.domain.search_terms import Phrase, phrases, references, spellings
from exceptions_app.domain.sla import AGING, Stage
from exceptions_app.models import CaseWatch, Notice
from exceptions_app.models import ExceptionCase as Case
from exceptions_app.models.search import mentioned, referred
from exceptions_app.models.views import listed

LIVE = "live"
"""As a status: open or awaiting confirmation, which is what a queue shows unless asked otherwise."""
ANY = "any"
ME, NOBODY = "me", "none"
SORTS = ("due", "-due", "amount", "-amount", "opened", "-opened", "cost", "-cost")
"""`amount` is in the reporting currency; `cost` is what waiting costs, in the reporting currency."""
DEFAULT_SORT = "due"
_LISTS = (
    "queue",
    "category",
    "entity",
    "owner",
    "stage",
    "severity",
    "ball",
    "retry",
    "aging",
    "counterparty",
)
_INSTANTS = ("due", "since", "given")
NEVER = "never"
RETRY: Mapping[str, tuple[str, ...]] = {
    "on_its_way": (Sent.WAITING.value, Sent.SENDING.value),
    "awaiting_approval": (Sent.AWAITING_APPROVAL.value,),
    "unsure": (Sent.UNSURE.value,),
    "accepted": (Sent.ACCEPTED.value,),
    "not_confirmed": (Sent.NOT_CONFIRMED.value,),
    "failed": (Sent.FAILED.value,),
    "confirmed": (Sent.CONFIRMED.value,),
}
"""What people choose -> how the newest retry stands, as `ExceptionCase.retry_state`; `never` is none of them."""
_TEXT_LIMIT = 200

LIVE_SQL = text("exception_case.status IN ('open', 'awaiting_confirmation')")
"""Written out, not bound: a partial index serves only a query that repeats its condition."""


def stage_sql(now: datetime) -> ColumnElement[str]:
    """The SLA stage at `now`, exactly as `domain.sla.stage` says it: the stored one may be a sweep
    behind.
    """
    moment = literal(now, Case.due_at.type)
    stage: ColumnElement[str] = case(
        (or_(Case.status != Status.OPEN.value, Case.due_at.is_(None)), literal_column("'stopped'")),
        (Case.on_hold.is_(True), literal_column("'paused'")),
        (Case.due_at <= moment, literal_column("'breached'")),
        (Case.due_soon_at <= moment, literal_column("'due_soon'")),
        else_=literal_column("'on_track'"),
    )
    return stage


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """The chips. Empty means no restriction; `status` is `live`, `any` or a status of the lifecycle.

    `owner` holds ids as text, `me` or `none`; `entity` means the entity or any below it; `due` and `since`
    are instants: due by then, opened from then on. `refs` are references as `search_terms.references` reads them;
    `cause` is the id of the exception that causes others; `aging` holds codes of `domain.sla.AGING`. `watched`: by
    the viewer; `given`: the viewer's own, assigned to them from then on. `listed` is the key of a stored list of
    references; `counterparty` holds names as they are, `none` for what has no counterparty.
    """

    queue: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    entity: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    stage: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    ball: tuple[str, ...] = ()
    retry: tuple[str, ...] = ()
    aging: tuple[str, ...] = ()
    counterparty: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    listed: str = ""
    cause: int | None = None
    status: str = LIVE
    hold: bool | None = None
    due: datetime | None = None
    since: datetime | None = None
    given: datetime | None = None
    watched: bool = False
    q: str = ""
    sort: str = DEFAULT_SORT

    @classmethod
    def from_args(cls, args: Mapping[str, Any]) -> QueueFilter:
        """Read a query string (or the JSON of an export). What cannot be read restricts nothing."""
        lists = {name: tuple(dict.fromkeys(_all(args, name))) for name in _LISTS}
        status, sort = _one(args, "status"), _one(args, "sort")
        known = {LIVE, ANY, *(s.value for s in Status)}
        return cls(
            **lists,
            refs=references(" ".join(_all(args, "refs"))),
            listed=_one(args, "listed")[:32],
            cause=_case_id(_one(args, "cause")),
            status=status if status in known else LIVE,
            hold={"yes": True, "no": False}.get(_one(args, "hold")),
            due=_instant(_one(args, "due")),
            since=_instant(_one(args, "since")),
            given=_instant(_one(args, "given")),
            watched=_one(args, "watched") == "yes",
            q=" ".join(_one(args, "q").split())[:_TEXT_LIMIT],
            sort=sort if sort in SORTS else DEFAULT_SORT,
        )

    def to_args(self) -> dict[str, Any]:
        """The inverse of `from_args`: what differs from the default, as JSON can hold it."""
        args: dict[str, Any] = {name: list(getattr(self, name)) for name in _LISTS if getattr(self, name)}
        if self.refs:
            args["refs"] = " ".join(self.refs)
        if self.listed:
            args["listed"] = self.listed
        if self.cause is not None:
            args["cause"] = public_id.encode(self.cause)
        if self.status != LIVE:
            args["status"] = self.status
        if self.hold is not None:
            args["hold"] = "yes" if self.hold else "no"
        args |= {name: iso(at) for name in _INSTANTS if (at := getattr(self, name)) is not None}
        if self.watched:
            args["watched"] = "yes"
        if self.q:
            args["q"] = self.q
        if self.sort != DEFAULT_SORT:
            args["sort"] = self.sort
        return args

    def without(self, name: str, value: str | None = None) -> QueueFilter:
        """This filter less one chip."""
        if value is not None and name in (*_LISTS, "refs"):
            return replace(self, **{name: tuple(v for v in getattr(self, name) if v != value)})  # type: ignore[arg-type]
        return replace(self, **{name: next(f.default for f in fields(self) if f.name == name)})  # type: ignore[arg-type]

    @property
    def is_empty(self) -> bool:
        return not self.to_args().keys() - {"sort"}

    @property
    def retry_states(self) -> frozenset[str]:
        """The states of a retry that are asked for; none where the filter does not restrict them to few."""
        if NEVER in self.retry:
            return frozenset()
        return frozenset(state for choice in self.retry for state in RETRY.get(choice, ()))

    def conditions(self, catalog: Catalog, viewer_id: int, now: datetime) -> list[ColumnElement[bool]]:
        """As SQL over `exception_case`."""
        found = self._listed(catalog)
        if self.status == LIVE:
            found.insert(0, LIVE_SQL)
        elif self.status != ANY:
            found.insert(0, Case.status == self.status)
        if self.owner:
            found.append(or_(*(_owned(owner, viewer_id) for owner in self.owner)))
        if self.stage:
            found.append(or_(*(_at_stage(stage, now) for stage in self.stage)))
        if self.retry:
            found.append(or_(*(_retried(choice) for choice in self.retry)))
        found += self._named()
        if self.hold is not None:
            found.append(Case.on_hold.is_(self.hold))
        if self.due:
            found += [Case.status == Status.OPEN.value, Case.on_hold.is_(False), Case.due_at <= self.due]
        if self.since:
            found.append(Case.opened_at >= self.since)
        if self.given:
            found += _given(viewer_id, self.given)
        if self.watched:
            found.append(Case.id.in_(select(CaseWatch.case_id).where(CaseWatch.user_id == viewer_id)))
        return found + _mentions(self.q)

    def _named(self) -> list[Any]:
        """What is chosen by what it is called, by whom it is with, or by what causes it."""
        found: list[Any] = [_called(self.refs)] if self.refs else []
        if self.listed:
            found.append(listed(self.listed))
        if self.counterparty:
            found.append(or_(*(_with(name) for name in self.counterparty)))
        return found if self.cause is None else [*found, Case.parent_id == self.cause]

    def _listed(self, catalog: Catalog) -> list[Any]:
        """What is chosen from a list of codes that rows hold as they are."""
        entities = sorted(set().union(*(catalog.below(entity) for entity in self.entity)))
        buckets = [number for number, bucket in enumerate(AGING) if bucket.code in self.aging]
        chosen: tuple[tuple[Any, tuple[str, ...], Sequence[Any]], ...] = (
            (Case.queue, self.queue, self.queue),
            (Case.category, self.category, self.category),
            (Case.severity, self.severity, self.severity),
            (Case.entity, self.entity, entities),
            (Case.aging, self.aging, buckets),
            (Case.ball_in_court, self.ball, self.ball),
        )
        found: list[Any] = [column.in_(values) for column, asked, values in chosen if asked]
        return [*found, Case.on_hold.is_(True)] if self.ball else found


def _all(args: Mapping[str, Any], name: str) -> Sequence[str]:
    getlist: Callable[[str], list[str]] | None = getattr(args, "getlist", None)
    values = getlist(name) if getlist else args.get(name, [])
    values = [values] if isinstance(values, str) else values
    return [str(value) for value in values if str(value)]


def _one(args: Mapping[str, Any], name: str) -> str:
    return next(iter(_all(args, name)), "")


def _instant(value: str) -> datetime | None:
    try:
        return from_iso(value) if value else None
    except ValueError:
        return None


def _called(refs: Sequence[str]) -> ColumnElement[bool]:
    ids = [number for ref in refs if (number := public_id.decode(ref)) is not None]
    return referred(spellings(refs), ids)


def _case_id(value: str) -> int | None:
    """An exception by its public reference or its number."""
    if value.isdecimal() and value.isascii() and len(value) < 19:
        return int(value) or None
    return public_id.decode(value)


def _with(name: str) -> ColumnElement[bool]:
    return Case.counterparty.is_(None) if name == NOBODY else Case.counterparty == name


def _owned(owner: str, viewer_id: int) -> ColumnElement[bool]:
    if owner == NOBODY:
        return Case.owner_id.is_(None)
    number = viewer_id if owner == ME else int(owner) if owner.isdecimal() and len(owner) < 19 else -1
    return Case.owner_id == number


def _given(viewer_id: int, since: datetime) -> list[Any]:
    """What somebody, or a rule, has assigned to the viewer since then, and they still have."""
    told = select(Notice.case_id).where(
        Notice.user_id == viewer_id, Notice.kind == "assigned", Notice.created_at >= since
    )
    return [Case.owner_id == viewer_id, Case.id.in_(told)]


def _retried(choice: str) -> ColumnElement[bool]:
    """How its newest retry stands; an unknown choice fits nothing."""
    if choice == NEVER:
        return Case.retry_state.is_(None)
    states = RETRY.get(choice, ())
    return and_(Case.retry_state.is_not(None), Case.retry_state.in_(states)) if states else literal(False)


def _at_stage(stage: str, now: datetime) -> ColumnElement[bool]:
    """One stage as plain comparisons, so that an index on `due_at` can serve it."""
    running = and_(Case.status == Status.OPEN.value, Case.on_hold.is_(False))
    match stage:
        case Stage.BREACHED:
            return and_(running, Case.due_at <= now)
        case Stage.DUE_SOON:
            return and_(running, Case.due_at > now, Case.due_soon_at <= now)
        case Stage.ON_TRACK:
            return and_(running, Case.due_at > now, or_(Case.due_soon_at.is_(None), Case.due_soon_at > now))
        case Stage.PAUSED:
            return and_(Case.status == Status.OPEN.value, Case.on_hold.is_(True), Case.due_at.is_not(None))
        case Stage.STOPPED:
            return or_(Case.status != Status.OPEN.value, Case.due_at.is_(None))
        case _:
            return literal(False)


def _mentions(typed: str) -> list[ColumnElement[bool]]:
    """A public reference means that exception; all other words must be there. Nothing but signs finds nothing."""
    pieces = typed.split()
    if not pieces:
        return []
    ids = [number for piece in pieces if (number := public_id.decode(piece)) is not None]
    found: list[ColumnElement[bool]] = [Case.id == number for number in ids]
    if asked := phrases_of(typed):
        found.append(mentioned(asked))
    return found or [literal(False)]


def phrases_of(typed: str) -> tuple[Phrase, ...]:
    """What is looked for among the words; public references are no words."""
    return phrases(" ".join(piece for piece in typed.split() if public_id.decode(piece) is None))
