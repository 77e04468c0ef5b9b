"""What a person asked the queue for: the chips of the address bar, as a value.

The same filter opens the queue, feeds an export and is the target of every chart mark, so it must survive a
round trip through a URL and through JSON. What it means in the database is `filter_sql`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from exceptions_app.domain import public_id
from exceptions_app.domain.instant import from_iso, iso
from exceptions_app.domain.lifecycle import Status
from exceptions_app.domain.retry import AT_WORK, Sent
from exceptions_app.domain.search_terms import references

LIVE = "live"
"""As a status: open or awaiting confirmation, which is what a queue shows unless asked otherwise."""
ANY = "any"
ME, NOBODY = "me", "none"
ALONE = "="
"""Before an entity: it alone, without what is below it."""
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
    "fact",
)
_INSTANTS = ("due", "since", "given")
NEVER = "never"
RETRY: Mapping[str, tuple[str, ...]] = {
    "on_its_way": (Sent.WAITING.value, Sent.SENDING.value, AT_WORK),
    "awaiting_approval": (Sent.AWAITING_APPROVAL.value,),
    "unsure": (Sent.UNSURE.value,),
    "accepted": (Sent.ACCEPTED.value,),
    "not_confirmed": (Sent.NOT_CONFIRMED.value,),
    "failed": (Sent.FAILED.value,),
    "confirmed": (Sent.CONFIRMED.value,),
}
"""What people choose -> how the newest retry stands, as `ExceptionCase.retry_state`; `never` is none of them."""
_TEXT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """The chips. Empty means no restriction; `status` is `live`, `any` or a status of the lifecycle.

    `owner` holds ids as text, `me` or `none`; `entity` means the entity or any below it, with `ALONE` before it
    only itself; `due` and `since` are instants: due by then, opened from then on. `refs` are references as
    `search_terms.references` reads them; `listed` is the key of a stored list of them. `cause` is the id of the
    exception that causes others, `alone` what no known one causes; `aging` holds codes of `domain.sla.AGING`.
    `watched`: by the viewer; `given`: the viewer's own, assigned to them from then on. `counterparty` holds names
    as they are, `none` for what has no counterparty; `fact` holds `name:value`, of what categories declare as
    shared: an exception must state all of them.
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
    fact: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    listed: str = ""
    cause: int | None = None
    status: str = LIVE
    hold: bool | None = None
    due: datetime | None = None
    since: datetime | None = None
    given: datetime | None = None
    watched: bool = False
    alone: bool = False
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
            alone=_one(args, "alone") == "yes",
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
        args |= {name: "yes" for name in ("watched", "alone") if getattr(self, name)}
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


def _all(args: Mapping[str, Any], name: str) -> Sequence[str]:
    getlist: Callable[[str], list[str]] | None = getattr(args, "getlist", None)
    values = getlist(name) if getlist else args.get(name, [])
    values = [values] if isinstance(values, str) else values
    return [str(value) for value in values if str(value)]


def _one(args: Mapping[str, Any], name: str) -> str:
    return next(iter(_all(args, name)), "")


def _instant(value: str) -> datetime | None:
    """A time of the years that records may have, which every zone can show."""
    try:
        found = from_iso(value) if value else None
    except ValueError:
        return None
    return found if found is not None and 1900 <= found.year < 2200 else None


def _case_id(value: str) -> int | None:
    """An exception by its public reference or its number."""
    if value.isdecimal() and value.isascii() and len(value) < 19:
        return int(value) or None
    return public_id.decode(value)
