"""Reads one exception's record again from every side and compares, sending nothing to anybody.

Where a system can be asked for one record, only that is read; else the feed is read as it always is. What comes of it
is for the comparison to say, which runs as any other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from exceptions_app.catalog.schema import Check, ClusterCheck, Feed
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import CaseEvidence, ExceptionCase, Task
from exceptions_app.services import tasks

from . import poll, reconcile
from .flows import can_run, sides_of
from .runner import Runner
from .work import Handler, Work

LONGEST = 600.0
"""Seconds that other work is waited for. What is not over by then goes on without being waited for."""

_LOOK_EVERY = 0.2
_OVER = ("done", "failed", "cancelled")
_HANDLERS: Mapping[str, Handler] = {"poll": poll.run, "pull": poll.run_one, "reconcile": reconcile.run}

Keys = list[dict[str, str]]
"""Canonical columns of a record and their values, as the source writes them."""


def run(work: Work) -> Mapping[str, Any]:
    """The handler of `reread` tasks; payload `{"case": id}`."""
    with work.reading() as session:
        case = session.get_one(ExceptionCase, work.payload["case"])
        newest = (CaseEvidence.case_id == case.id, CaseEvidence.version == case.evidence_version)
        evidence = json.loads(session.scalar(select(CaseEvidence.evidence).where(*newest)) or "{}")
    check = work.runtime.catalog.checks.get(case.check_code)
    if check is None or not can_run(work.runtime.catalog, check):
        return {"case": case.id, "status": "not configured"}
    wanted = _wanted(work, check, case, evidence)
    work.progress(0, 2, "reading the records again")
    read = _read(work, wanted)
    work.progress(1, 2, "comparing")
    compared = _see_through(work, [_ask(work, "reconcile", check.flow, {"flow": check.flow})])
    work.progress(2, 2, "compared")
    with work.reading() as session:
        after = session.get_one(ExceptionCase, case.id)
    return {
        "case": case.id,
        "feeds": read,
        "compared": compared[0].status,
        "before": case.status,
        "status": after.status,
        "changed": after.evidence_version != case.evidence_version,
    }


def _wanted(
    work: Work, check: Check, case: ExceptionCase, evidence: Mapping[str, Any]
) -> dict[str, tuple[Feed, Keys]]:
    """Feed -> the keys to ask it for: its side's columns, with what the exception says they are."""
    key = {**json.loads(case.business_key), "entity": case.entity}
    wanted: dict[str, tuple[Feed, Keys]] = {}
    for side, feeds in sides_of(work.runtime.catalog, check).items():
        keys = _keys(check, side, key, evidence)
        for feed in feeds:
            wanted.setdefault(feed.code, (feed, []))[1].extend(keys)
    return wanted


def _keys(check: Check, side: str, key: Mapping[str, str], evidence: Mapping[str, Any]) -> Keys:
    if isinstance(check, ClusterCheck):
        members = (evidence.get("sides") or {}).values()
        others = [{name: str(each[name]) for name in check.key if each.get(name)} for each in members]
        return [dict(key), *(each for each in others if each and not each.items() <= key.items())]
    named = {name: check.sides[side].key.get(name, name).removesuffix("_source") for name in check.key}
    found = {column: key[name] for name, column in named.items() if column.isidentifier() and name in key}
    return [{**found, "entity": key["entity"]}]


def _read(work: Work, wanted: Mapping[str, tuple[Feed, Keys]]) -> dict[str, str]:
    """Feed -> how it was read: `one record`, `whole feed`, or what went wrong."""
    asked = {
        code: _ask(work, "pull", code, {"feed": code, "keys": keys}, scope=f"poll:{code}")
        for code, (_, keys) in wanted.items()
    }
    told = {code: _said(task) for code, task in _by_feed(asked, _see_through(work, list(asked.values())))}
    whole = [code for code, said in told.items() if said == poll.NOT_ABLE]
    polls = {code: _ask(work, "poll", code, {"feed": code}) for code in whole}
    for code, task in _by_feed(polls, _see_through(work, list(polls.values()))):
        said = _said(task)
        told[code] = "whole feed" if said == "complete" else said
    return {code: "one record" if said == "complete" else said for code, said in told.items()}


def _by_feed(asked: Mapping[str, int], found: Sequence[Task]) -> list[tuple[str, Task]]:
    tasks_by_id = {task.id: task for task in found}
    return [(code, tasks_by_id[task_id]) for code, task_id in asked.items()]


def _said(task: Task) -> str:
    if task.status != "done":
        return task.error or task.status
    result = json.loads(task.result or "{}")
    return str(result.get("error") or result.get("status"))


def _ask(work: Work, kind: str, subject: str, payload: Mapping[str, Any], scope: str | None = None) -> int:
    with work.transaction() as session:
        return tasks.request(
            session,
            kind,
            scope or f"{kind}:{subject}",
            payload,
            work.requested_by,
            utc_now(),
            correlation_id=work.correlation_id,
            always=kind == "pull",
        ).id


def _see_through(work: Work, ids: list[int]) -> list[Task]:
    """Run these tasks here, or wait for whoever runs them already."""
    runner = Runner(work.runtime, work.engine, _HANDLERS, only=ids, stop=work.stopping)
    until = time.monotonic() + LONGEST
    while True:
        work.go_on()
        ran = runner.run_one()
        with work.reading() as session:
            found = list(session.scalars(select(Task).where(Task.id.in_(ids)).order_by(Task.id)))
        if all(task.status in _OVER for task in found) or time.monotonic() > until:
            return found
        if not ran:
            time.sleep(_LOOK_EVERY)
