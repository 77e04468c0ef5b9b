"""Upkeep: what is done once a day, and what is forgotten when its time is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from exceptions_app.domain.instant import utc_now
from exceptions_app.models import BulkAction, BulkItem, Mail, Notice, Reject, Role, User
from exceptions_app.records.store import RecordStore
from exceptions_app.services import forgetting, people

from .conftest import Hospital, order


def maintain(hospital: Hospital) -> dict[str, object]:
    task_id = hospital.request("maintain", "")
    hospital.runner("maintain").drain()
    return hospital.result(task_id)


def test_records_are_vacuumed_once_a_day_whenever_the_install_is_up(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(RecordStore, "vacuum", lambda _store, record_type: asked.append(record_type))
    each = sorted(hospital.runtime.catalog.record_types)
    for forward, vacuumed in (
        ({}, True),
        ({"minutes": 10}, False),
        ({"hours": 12}, False),
        ({"hours": 12}, True),
    ):
        hospital.clock.forward(**forward)
        maintain(hospital)
        assert sorted(asked) == (each if vacuumed else []), forward
        asked.clear()
    hospital.clock.forward(days=30)  # its last result is forgotten
    maintain(hospital)
    assert sorted(asked) == each


def old_ones(session: Session, reader: User, case_id: int, run_id: int, snapshot_id: int) -> None:
    """Of each kind some that may go, and as many that may not, called `kept`."""
    now = utc_now()

    def ago(days: int | None) -> object:
        return None if days is None else now - timedelta(days=days)

    mails = [("gone", "sent", 31), ("gone", "failed", 31), ("kept", "sent", 29), ("kept", "failed", 40)]
    for number, (text, status, days) in enumerate(mails):
        sent_at = ago(days) if status == "sent" else None
        session.add(Mail(
            user_id=reader.id, recipient="r@example.org", subject=text, body="", message_id=f"{number}", status=status,
            not_before=ago(days), created_at=ago(days), sent_at=sent_at, correlation_id="c",
        ))  # fmt: skip
        session.flush()
    notices = [
        ("gone", 31, 40, None),
        ("gone", None, 91, None),
        ("kept", 29, 40, None),
        ("kept", None, 89, 1),
    ]
    session.add_all(
        Notice(
            user_id=reader.id, case_id=case_id, kind="assigned", text=text, link="/", dedupe=f"{number}",
            created_at=ago(created), read_at=ago(read), mail_id=mail, mail_after=ago(created) if mail else None,
        )
        for number, (text, read, created, mail) in enumerate(notices)
    )  # fmt: skip
    actions = [("gone", "undone", 31), ("kept", "done", 29), ("kept", "running", None)]
    for text, status, days in actions:
        made = BulkAction(
            token=f"{text}{status}", action="claim", asked="{}", title=text, status=status, total=1, amount_e4=0,
            requested_by_id=reader.id, created_at=ago(40), finished_at=ago(days), undone_at=ago(days),
            correlation_id="c", config_snapshot_id=snapshot_id,
        )  # fmt: skip
        session.add(made)
        session.flush()
        session.add(BulkItem(bulk_id=made.id, case_id=case_id, seen=1, status="done", note=text))
    session.add_all(
        Reject(
            run_id=run_id, feed="orders", position="1", reason=text, raw_masked="{}", created_at=ago(100),
            ended_at=ago(days),
        )
        for text, days in (("gone", 91), ("gone", 92), ("kept", 89), ("kept", None))
    )  # fmt: skip


def test_what_nobody_looks_for_any_more_is_forgotten_in_portions(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        forgetting, "OLD", {what: replace(old, portion=1) for what, old in forgetting.OLD.items()}
    )
    hospital.source("orders", [order("PO-1")])
    hospital.source("receipts", [])
    hospital.tick()
    case, run = hospital.cases()[0], hospital.runs("orders")[0]
    with hospital.install.transaction() as session:
        reader = people.create_user(
            session, email="r@example.org", name="R", password="correct horse battery", by="system:test",
            role=Role.MANAGER, queues=("*",), entities=("*",), now=utc_now(), time_zone="UTC", cheap=True,
        )  # fmt: skip
        old_ones(session, reader, case.id, run.id, run.config_snapshot_id)
    forgotten = {"notices": 2, "mails": 2, "bulk_items": 1, "rejects": 2}
    assert maintain(hospital)["forgotten"] == forgotten
    assert [one.text for one in hospital.all(Notice)] == ["kept"] * 2
    assert [(one.mail_id, one.mail_after) for one in hospital.all(Notice)] == [(None, None)] * 2, (
        "none is mailed again"
    )
    assert [one.subject for one in hospital.all(Mail)] == ["kept"] * 2
    assert [one.note for one in hospital.all(BulkItem)] == ["kept"] * 2
    assert len(hospital.all(BulkAction)) == 3, "what was done is still told"
    assert [one.reason for one in hospital.all(Reject)] == ["kept"] * 2
    assert maintain(hospital)["forgotten"] == dict.fromkeys(forgotten, 0)
