"""The trail shows every tampering: altered, removed, cut off."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import ColumnElement, delete, func, select, update

from exceptions_app.domain.instant import iso
from exceptions_app.models import AuditEvent, AuditPayload, ExceptionCase
from exceptions_app.services.audit import AuditTag, record_subject
from exceptions_app.services.audit_erasure import ErasureError, erase
from exceptions_app.services.audit_verify import checkpoint, verify
from tests.conftest import NOW
from tests.services.story import Story, discrepancy


@pytest.fixture
def told(story: Story) -> Story:
    story.run([discrepancy(1), discrepancy(2)])
    story.claim(1)
    story.resolve(1)
    story.session.commit()
    return story


def test_an_untouched_trail_verifies(told: Story) -> None:
    assert verify(told.session) == []


def test_the_hash_is_what_the_documentation_says(told: Story) -> None:
    first = told.session.scalars(
        select(AuditEvent).where(AuditEvent.case_id == told.case(1).id).limit(1)
    ).one()
    payload = told.session.get_one(AuditPayload, first.id).payload
    parts = [
        f"case:{first.case_id}", "case:opened", "job:reconcile", iso(NOW), "corr-1", str(told.snapshot_id),
    ]  # fmt: skip
    framed = b"".join(b"%d:%s" % (len(p.encode()), p.encode()) for p in parts)
    expected = sha256(framed + b"32:" + sha256(payload.encode()).digest() + b"32:" + bytes(32)).digest()
    assert first.hash == expected


def test_an_altered_event_shows(told: Story) -> None:
    told.session.execute(update(AuditEvent).where(AuditEvent.tag == "case:claimed").values(actor="user:99"))
    assert ["altered" in problem.message for problem in verify(told.session)] == [True]


def test_an_altered_payload_shows(told: Story) -> None:
    claimed = select(AuditEvent.id).where(AuditEvent.tag == "case:claimed")
    told.session.execute(
        update(AuditPayload).where(AuditPayload.event_id == claimed.scalar_subquery()).values(payload="{}")
    )
    assert "payload" in str(verify(told.session)[0])


def event_id(told: Story, tag: str) -> int:
    return told.session.scalars(select(AuditEvent.id).where(AuditEvent.tag == tag)).one()


def test_an_erased_payload_breaks_no_chain_and_the_trail_says_who_erased_it(told: Story) -> None:
    claimed = event_id(told, "case:claimed")
    assert erase(told.session, [claimed], actor="user:1", at=NOW, why="asked to be forgotten") == 1
    assert told.session.get(AuditPayload, claimed) is None
    assert verify(told.session) == []
    with pytest.raises(ErasureError, match="stays"):
        erase(told.session, [event_id(told, "audit:erased")], actor="user:1", at=NOW, why="hide")
    with pytest.raises(ErasureError, match="no event 999999"):
        erase(told.session, [999_999], actor="user:1", at=NOW, why="typing error")


def test_a_payload_that_is_gone_without_an_erasure_shows(told: Story) -> None:
    told.session.execute(delete(AuditPayload).where(AuditPayload.event_id == event_id(told, "case:claimed")))
    assert ["nobody erased it" in str(problem) for problem in verify(told.session)] == [True]


def forget(told: Story, which: ColumnElement[bool]) -> None:
    """Remove these events, with what they said."""
    gone = select(AuditEvent.id).where(which)
    told.session.execute(delete(AuditPayload).where(AuditPayload.event_id.in_(gone)))
    told.session.execute(delete(AuditEvent).where(which))


def test_a_removed_event_shows(told: Story) -> None:
    forget(told, AuditEvent.tag == "case:claimed")
    assert "does not follow" in str(verify(told.session)[0])


def test_a_cut_off_chain_shows_at_the_head(told: Story) -> None:
    forget(told, AuditEvent.tag == "case:resolved")
    assert [str(p) for p in verify(told.session)] == [f"case:{told.case(1).id}: its last event is missing"]


def test_a_checkpoint_shows_that_a_whole_chain_was_removed(told: Story) -> None:
    made = checkpoint(told.session, NOW + timedelta(hours=1))
    assert made is not None
    assert made.events == told.session.scalar(select(func.count()).select_from(AuditEvent))
    assert verify(told.session) == []
    forget(told, AuditEvent.subject.like("person:%"))
    assert [p.where for p in verify(told.session)] == [f"checkpoint {made.id}"]


def test_checkpoints_cover_only_what_has_settled_and_follow_each_other(told: Story) -> None:
    assert checkpoint(told.session, NOW + timedelta(minutes=1)) is None
    first = checkpoint(told.session, NOW + timedelta(minutes=10))
    told.later(hours=1)
    told.reopen(1)
    second = checkpoint(told.session, told.now + timedelta(minutes=10))
    assert first is not None
    assert second is not None
    assert second.events == first.events + 1
    assert checkpoint(told.session, told.now + timedelta(minutes=10)) is None
    assert verify(told.session) == []


def test_each_subject_has_a_chain_of_its_own(told: Story) -> None:
    for subject in ("a", "b", "a"):
        record_subject(told.session, subject, AuditTag.TASK_ASKED, actor="user:1", at=NOW)
    hashes = dict.fromkeys(("a", "b"), bytes(32))
    for event in told.session.scalars(
        select(AuditEvent).where(AuditEvent.subject.in_(["a", "b"])).order_by(AuditEvent.id)
    ):
        assert event.prev_hash == hashes[event.subject or ""]
        hashes[event.subject or ""] = event.hash
    assert told.session.scalar(select(func.count()).select_from(ExceptionCase)) == 2
