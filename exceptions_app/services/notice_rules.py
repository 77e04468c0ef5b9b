"""What each kind of event says, and to whom: the words of a notice and the people whom it concerns.

Must not know where events are kept, nor how a notice reaches anybody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from exceptions_app.access import Permission, Viewer, can, sees_case
from exceptions_app.models import ExceptionCase, Role, User

from .audit import AuditTag


@dataclass(frozen=True, slots=True)
class Event:
    """One event, the exception it is about, who asked for the delivery that it is about, and who watches it."""

    row: Row[Any]
    case: ExceptionCase
    asked_by: int | None
    watchers: frozenset[int]


@dataclass(frozen=True, slots=True)
class Person:
    user: User
    viewer: Viewer

    def manages(self, case: ExceptionCase) -> bool:
        return self.viewer.role is Role.MANAGER and sees_case(self.viewer, case)


Picks = Callable[[Person, Event, str], bool]
"""Whether a person is one of those concerned; the text is the function that the queue escalates to."""


def _owner(person: Person, event: Event, _function: str) -> bool:
    return person.user.id == event.case.owner_id


def _assignee(person: Person, event: Event, function: str) -> bool:
    """Whom it was given to, as long as they still have it."""
    told = json.loads(event.row.payload or "{}").get("after") or {}
    return _owner(person, event, function) and told.get("owner_id", person.user.id) == person.user.id


def _former_owner(person: Person, event: Event, _function: str) -> bool:
    """Whose it was until it was handed back."""
    told = json.loads(event.row.payload or "{}").get("before") or {}
    return bool(told.get("owner_id") == person.user.id)


def _and_managers(person: Person, event: Event, function: str) -> bool:
    return _owner(person, event, function) or person.manages(event.case)


def _and_function(person: Person, event: Event, function: str) -> bool:
    named = bool(function) and (person.user.function or "").casefold() == function.casefold()
    return named or _and_managers(person, event, function)


def _asker_and_owner(person: Person, event: Event, function: str) -> bool:
    return person.user.id == event.asked_by or _owner(person, event, function)


def _watchers(person: Person, event: Event, _function: str) -> bool:
    return person.user.id in event.watchers


def _watchers_and_owner(person: Person, event: Event, function: str) -> bool:
    return _watchers(person, event, function) or _owner(person, event, function)


def _approvers(person: Person, event: Event, _function: str) -> bool:
    return can(person.viewer, Permission.APPROVE_RETRY) and person.user.id != event.asked_by


@dataclass(frozen=True, slots=True)
class Rule:
    """What one kind of event says to whom; to one of `others` it says something else."""

    words: str
    to: Picks
    otherwise: str = ""
    others: Picks | None = None

    def said_to(self, person: Person, event: Event, function: str) -> str:
        """Nothing to who is not concerned."""
        if self.to(person, event, function):
            return self.words
        return self.otherwise if self.others is not None and self.others(person, event, function) else ""


RULES: Mapping[str, Rule] = {
    AuditTag.CASE_HALF: Rule("has used half of its time", _owner),
    AuditTag.CASE_DUE_SOON: Rule("is due soon", _and_managers),
    AuditTag.CASE_BREACHED: Rule("is overdue", _and_function),
    AuditTag.CASE_RESPONSE_MISSED: Rule("was not taken up in time", _and_function),
    AuditTag.CASE_CLAIMED: Rule("was claimed", _watchers),
    AuditTag.CASE_ASSIGNED: Rule("is assigned to you", _assignee, "was assigned to somebody else", _watchers),
    AuditTag.CASE_RELEASED: Rule(
        "was taken from you, back to its queue", _former_owner, "was handed back", _watchers
    ),
    AuditTag.CASE_COMMENTED: Rule("has a new comment", _watchers_and_owner),
    AuditTag.CASE_HELD: Rule("was put on hold", _watchers),
    AuditTag.CASE_RESUMED: Rule("is off hold", _watchers),
    AuditTag.CASE_RESOLVED: Rule("was resolved, unless the data says otherwise", _watchers),
    AuditTag.CASE_WAIVED: Rule("was waived", _watchers),
    AuditTag.CASE_REOPENED: Rule("was opened again", _watchers),
    AuditTag.CASE_RECURRED: Rule("is back", _watchers),
    AuditTag.CASE_CONFIRMED: Rule("is fixed: the data confirms it", _watchers),
    AuditTag.CASE_CLOSED: Rule("is closed by the data", _watchers),
    AuditTag.CASE_NOT_CONFIRMED: Rule(
        "is open again: the data does not confirm that it is fixed", _asker_and_owner
    ),
    AuditTag.CASE_RETRY_FAILED: Rule("could not be sent: the retry gave up", _asker_and_owner),
    AuditTag.CASE_RETRY_UNSURE: Rule("needs you: nobody knows whether the retry arrived", _asker_and_owner),
    AuditTag.CASE_RETRY_DECLINED: Rule("will not be sent: the retry was declined", _asker_and_owner),
    AuditTag.CASE_RETRY_ASKED: Rule("waits for your approval to be sent", _approvers),
}
"""Every kind of event that people are told of."""
FOR_WATCHERS = sorted(tag for tag, rule in RULES.items() if rule.to is _watchers)
"""Told only where somebody watches: runs close thousands that nobody does."""
READ = (AuditTag.CASE_RETRY_ASKED, AuditTag.CASE_ASSIGNED, AuditTag.CASE_RELEASED)
"""What they changed decides whom they concern."""
