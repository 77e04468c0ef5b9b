"""Who is told what: by the trail, once, never of their own doing, never of what they may not see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from exceptions_app.access import viewer_for
from exceptions_app.models import Mail, Notice, User
from exceptions_app.services import audit, mail_digest, notices, ownership, watching
from exceptions_app.services.audit import AuditTag
from exceptions_app.services.context import ActionContext, Actor
from tests.conftest import NOW

Add = Callable[..., Any]


@pytest.fixture
def ctx(catalog: Any, snapshot_id: int) -> ActionContext:
    queue = catalog.queues["test_ap"].model_copy(update={"escalation": "Controller"})
    catalog.queues["test_ap"] = queue
    return ActionContext(catalog, NOW, Actor("job", "tell"), snapshot_id, "c0ffee")


@pytest.fixture
def happens(session: Session, ctx: ActionContext) -> Callable[..., None]:
    """`happens(case, tag, by=…)`: an event of the trail."""

    def record(case: Any, tag: AuditTag, by: Any = None, **after: Any) -> None:
        actor = Actor("user", by.name, by.id) if by is not None else Actor("job", "sweep")
        acting = ActionContext(ctx.catalog, NOW, actor, ctx.snapshot_id, "c0ffee")
        audit.record(session, acting, case, tag, after=after)

    return record


def tell(session: Session, ctx: ActionContext, *, mails: bool = False) -> int:
    told, _ = notices.tell(session, ctx, NOW - timedelta(hours=1), mails=mails)
    session.commit()
    return told


def told(session: Session, person: User) -> list[str]:
    found = select(Notice.kind).where(Notice.user_id == person.id).order_by(Notice.id)
    return list(session.scalars(found))


@pytest.mark.parametrize(
    ("tag", "owner", "manager", "controller"),
    [
        (AuditTag.CASE_HALF, True, False, False),
        (AuditTag.CASE_DUE_SOON, True, True, False),
        (AuditTag.CASE_BREACHED, True, True, True),
        (AuditTag.CASE_RESPONSE_MISSED, True, True, True),
        (AuditTag.CASE_NOT_CONFIRMED, True, False, False),
        (AuditTag.CASE_EVIDENCE_CHANGED, False, False, False),
    ],
)
def test_each_event_is_told_to_those_whom_it_concerns(
    tag: AuditTag, owner: bool, manager: bool, controller: bool, session: Session, ctx: ActionContext,
    user: Add, make_case: Add, happens: Callable[..., None],
) -> None:  # fmt: skip
    has, manages, controls = user("specialist"), user("manager"), user("auditor")
    controls.function = "controller"
    happens(make_case(queue="test_ap", owner_id=has.id), tag)
    tell(session, ctx)
    assert [bool(told(session, one)) for one in (has, manages, controls)] == [owner, manager, controller]


def test_nobody_is_told_of_what_they_did_themselves(
    session: Session, ctx: ActionContext, user: Add, make_case: Add, happens: Callable[..., None]
) -> None:
    mina, ana = user("manager"), user("specialist")
    happens(make_case(owner_id=mina.id), AuditTag.CASE_ASSIGNED, by=mina)
    happens(make_case(owner_id=ana.id), AuditTag.CASE_ASSIGNED, by=mina)
    tell(session, ctx)
    assert (told(session, mina), told(session, ana)) == ([], ["assigned"])


def test_who_was_given_it_is_told_once_and_only_while_it_is_theirs(
    session: Session, ctx: ActionContext, user: Add, make_case: Add, happens: Callable[..., None]
) -> None:
    mina, ana, bo = user("manager"), user("specialist"), user("specialist")
    case = make_case(owner_id=bo.id)
    happens(case, AuditTag.CASE_ASSIGNED, by=mina, owner_id=ana.id)
    happens(case, AuditTag.CASE_ASSIGNED, by=mina, owner_id=bo.id)
    tell(session, ctx)
    assert (told(session, ana), told(session, bo)) == ([], ["assigned"])


def test_nobody_is_told_of_another_entity_or_queue(
    session: Session, ctx: ActionContext, user: Add, make_case: Add, happens: Callable[..., None]
) -> None:
    elsewhere = [user("manager", entities=("H02",)), user("manager", queues=("test_big",))]
    here = user("manager", entities=("NET",), queues=("test_ap",))
    happens(make_case(entity="H01", queue="test_ap"), AuditTag.CASE_BREACHED)
    tell(session, ctx)
    assert [told(session, one) for one in (*elsewhere, here)] == [[], [], ["breached"]]


def test_an_event_is_told_once_however_often_it_is_looked_at(
    session: Session, ctx: ActionContext, user: Add, make_case: Add, happens: Callable[..., None]
) -> None:
    user("manager")
    happens(make_case(), AuditTag.CASE_BREACHED)
    assert [tell(session, ctx), tell(session, ctx)] == [1, 0]
    happens(make_case(), AuditTag.CASE_BREACHED)
    assert tell(session, ctx) == 1


def test_somebody_who_has_left_is_told_nothing(
    session: Session, ctx: ActionContext, user: Add, make_case: Add, happens: Callable[..., None]
) -> None:
    user("manager").active = False
    happens(make_case(), AuditTag.CASE_BREACHED)
    assert tell(session, ctx) == 0


def test_mail_gathers_and_is_one_message(
    session: Session, ctx: ActionContext, user: Add, make_case: Add, happens: Callable[..., None]
) -> None:
    mina = user("manager", time_zone="America/Chicago")
    for _ in range(3):
        happens(make_case(sentence="Medline charged\r\nBcc: x@example.org more."), AuditTag.CASE_BREACHED)
    tell(session, ctx, mails=True)
    assert mail_digest.compose(session, ctx, "https://tieout.example.org") == 0
    later = ActionContext(ctx.catalog, NOW + notices.GATHER, ctx.actor, ctx.snapshot_id, "c0ffee")
    assert mail_digest.compose(session, later, "https://tieout.example.org") == 1
    mail = session.scalars(select(Mail)).one()
    assert (mail.recipient, mail.subject) == (mina.email, "Test network: 3 notices")
    assert mail.body.count("https://tieout.example.org/exceptions/EX-") == 3
    assert mail_digest.compose(session, later, "https://tieout.example.org") == 0


def test_a_critical_breach_hurries_and_a_night_waits(
    session: Session, ctx: ActionContext, user: Add, make_case: Add, happens: Callable[..., None]
) -> None:
    user("manager", time_zone="America/Chicago")
    user("manager", time_zone="Asia/Tokyo")  # 00:00 there
    happens(make_case(severity="critical"), AuditTag.CASE_BREACHED)
    tell(session, ctx, mails=True)
    waits = [at - NOW for at in session.scalars(select(Notice.mail_after).order_by(Notice.user_id)) if at]
    assert waits == [timedelta(minutes=1), timedelta(hours=7)]


def test_who_wants_no_mail_is_told_on_screen_only(
    session: Session, ctx: ActionContext, user: Add, make_case: Add, happens: Callable[..., None]
) -> None:
    user("manager").mail_notices = False
    happens(make_case(), AuditTag.CASE_BREACHED)
    assert tell(session, ctx, mails=True) == 1
    assert session.scalars(select(Notice.mail_after)).one() is None


def test_what_a_reader_may_no_longer_see_is_not_mailed(
    session: Session, ctx: ActionContext, user: Add, make_case: Add, happens: Callable[..., None]
) -> None:
    mina, case = user("manager", queues=("test_ap",)), make_case(queue="test_ap")
    happens(case, AuditTag.CASE_BREACHED)
    tell(session, ctx, mails=True)
    case.queue = "test_big"
    later = ActionContext(ctx.catalog, NOW + notices.GATHER, ctx.actor, ctx.snapshot_id, "c0ffee")
    assert mail_digest.compose(session, later, "https://t") == 0
    assert told(session, mina) == ["breached"]


def test_the_subject_tells_nothing_of_what_was_left_out(
    session: Session, ctx: ActionContext, user: Add, make_case: Add, happens: Callable[..., None]
) -> None:
    user("manager", queues=("test_ap",))
    kept, gone = (make_case(queue="test_ap", sentence=f"Medline {n}.") for n in ("stays", "goes"))
    happens(kept, AuditTag.CASE_BREACHED)
    happens(gone, AuditTag.CASE_BREACHED)
    tell(session, ctx, mails=True)
    gone.queue = "test_big"
    later = ActionContext(ctx.catalog, NOW + notices.GATHER, ctx.actor, ctx.snapshot_id, "c0ffee")
    assert mail_digest.compose(session, later, "https://t") == 1
    mail = session.scalars(select(Mail)).one()
    assert "Medline stays." in mail.subject and "Medline stays." in mail.body
    assert "goes" not in mail.subject + mail.body


@pytest.mark.parametrize("change", [{"active": False}, {"mail_notices": False}])
def test_a_message_that_waits_is_dropped_when_its_reader_leaves_or_wants_none(
    change: dict[str, bool], session: Session, user: Add
) -> None:
    mina = user("manager")
    session.add(Mail(
        user_id=mina.id, recipient=mina.email, subject="s", body="b", message_id="<1@t>", not_before=NOW,
        created_at=NOW, correlation_id="c",
    ))  # fmt: skip
    for name, value in change.items():
        setattr(mina, name, value)
    session.flush()
    assert mail_digest.claim(session, NOW) is None
    assert session.scalars(select(Mail.status)).one() == "dropped"


def test_a_message_that_cannot_be_sent_is_tried_again_and_then_shown(session: Session, user: Add) -> None:
    mina = user("manager")
    session.add(Mail(
        user_id=mina.id, recipient=mina.email, subject="s", body="b", message_id="<1@t>", not_before=NOW,
        created_at=NOW, correlation_id="c",
    ))  # fmt: skip
    session.flush()
    at, waits = NOW, []
    for _ in range(mail_digest.MAX_TRIES):
        mail = mail_digest.claim(session, at)
        assert mail is not None
        assert mail_digest.claim(session, at) is None
        again = mail_digest.not_sent(session, mail.id, at, "450 later", permanent=False)
        waits.append(mail.not_before - at)
        at = mail.not_before
    assert not again
    assert (mail.status, mail.error) == ("failed", "450 later")
    assert waits[0] == timedelta(minutes=2)
    assert timedelta(hours=2) < sum(waits[:-1], timedelta()) < timedelta(days=1)


def test_watchers_are_told_what_others_do_and_nobody_of_what_nobody_watches(
    session: Session, ctx: ActionContext, user: Add, make_case: Add, happens: Callable[..., None]
) -> None:
    sam, mina = user("specialist"), user("manager")
    watched, other = make_case(), make_case()
    watching.watch(session, viewer_for(sam, ctx.catalog), watched.id, NOW)
    watching.watch(session, viewer_for(sam, ctx.catalog), watched.id, NOW)
    for case in (watched, other):
        happens(case, AuditTag.CASE_HELD, by=mina)
        happens(case, AuditTag.CASE_CLOSED)
        happens(case, AuditTag.CASE_RESUMED, by=sam)
    happens(watched, AuditTag.CASE_COMMENTED, by=mina)
    tell(session, ctx)
    assert (told(session, sam), told(session, mina)) == (["held", "closed", "commented"], [])
    watching.unwatch(session, viewer_for(sam, ctx.catalog), watched.id)
    happens(watched, AuditTag.CASE_WAIVED, by=mina)
    assert tell(session, ctx) == 0


def test_who_takes_it_up_and_who_gives_it_to_whom_is_told_to_watchers_too(
    session: Session, ctx: ActionContext, user: Add, make_case: Add
) -> None:
    sam, ana, bo, mina = user("specialist"), user("specialist"), user("specialist"), user("manager")
    watched, other = make_case(), make_case()
    watching.watch(session, viewer_for(sam, ctx.catalog), watched.id, NOW)

    def acting(person: User) -> tuple[ActionContext, Any]:
        actor = Actor("user", person.name, person.id)
        return replace(ctx, actor=actor), viewer_for(person, ctx.catalog)

    for case in (watched, other):
        ownership.claim(session, *acting(ana), case, expected_version=case.version)
        ownership.release(session, *acting(mina), case, expected_version=case.version, reason="for Bo")
        ownership.assign(session, *acting(mina), case, expected_version=case.version, owner_id=bo.id)
    tell(session, ctx)

    def words(person: User) -> list[str]:
        texts = session.scalars(select(Notice.text).where(Notice.user_id == person.id).order_by(Notice.id))
        return [text.partition(" ")[2].partition(". ")[0] for text in texts]

    assert words(sam) == ["was claimed", "was handed back", "was assigned to somebody else"]
    assert words(ana) == ["was taken from you, back to its queue"] * 2
    assert words(bo) == ["is assigned to you"] * 2
    assert words(mina) == []


def test_the_owner_is_told_of_what_others_say(
    session: Session, ctx: ActionContext, user: Add, make_case: Add, happens: Callable[..., None]
) -> None:
    sam, mina = user("specialist"), user("manager")
    happens(make_case(owner_id=sam.id), AuditTag.CASE_COMMENTED, by=mina)
    tell(session, ctx)
    assert (told(session, sam), told(session, mina)) == (["commented"], [])
