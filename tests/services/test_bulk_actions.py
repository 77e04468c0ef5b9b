"""Many exceptions at once: each judged for itself, all in one go, and taken back as far as nobody was there since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exceptions_app.access import viewer_for
from exceptions_app.domain.lifecycle import Action
from exceptions_app.models import (
    AuditEvent,
    BulkAction,
    BulkItem,
    CaseComment,
    CaseHandBack,
    ExceptionCase,
    Task,
)
from exceptions_app.queries.filters import QueueFilter
from exceptions_app.services import actions, bulk_actions
from exceptions_app.services.acting import NotAllowedError
from exceptions_app.services.audit_verify import verify
from exceptions_app.services.bulk_apply import Asked
from exceptions_app.services.context import ActionContext, Actor
from tests.conftest import NOW


class Desk:
    """A manager with a queue before them."""

    def __init__(self, session: Session, catalog: Any, person: Any, snapshot_id: int) -> None:
        self.session, self.catalog, self.person, self.snapshot_id = session, catalog, person, snapshot_id
        self.now, self.tokens = NOW, 0

    @property
    def ctx(self) -> ActionContext:
        actor = Actor("user", self.person.name, self.person.id)
        return ActionContext(self.catalog, self.now, actor, self.snapshot_id, "c")

    @property
    def viewer(self) -> Any:
        return viewer_for(self.person, self.catalog)

    def do(self, action: Action, cases: list[Any] | None = None, **about: Any) -> BulkAction:
        """To the given exceptions as they are now, or to all that are open."""
        self.tokens += 1
        picked = None if cases is None else [(case.id, case.version) for case in cases]
        made = bulk_actions.start(
            self.session, self.ctx, self.viewer, token=about.pop("token", f"{self.tokens:032d}"), action=action,
            asked=Asked(**about), title=action.value.capitalize(), picked=picked,
            wanted=QueueFilter() if cases is None else None,
        )  # fmt: skip
        self.session.commit()
        return made

    def items(self, made: BulkAction) -> dict[int, tuple[str, str | None]]:
        rows = select(BulkItem.case_id, BulkItem.status, BulkItem.note).where(BulkItem.bulk_id == made.id)
        return {case_id: (status, note) for case_id, status, note in self.session.execute(rows)}

    def undo(self, made: BulkAction) -> None:
        bulk_actions.undo(self.session, self.ctx, self.viewer, made)
        self.session.commit()


@pytest.fixture
def desk(session: Session, catalog: Any, user: Callable[..., Any], snapshot_id: int) -> Desk:
    return Desk(session, catalog, user("manager", name="Mina Park"), snapshot_id)


def test_all_that_match_are_resolved_each_with_its_event_and_the_trail_stays_whole(
    desk: Desk, make_case: Callable[..., Any], session: Session
) -> None:
    cases = [make_case() for _ in range(5)]
    elsewhere = make_case(status="resolved")
    made = desk.do(Action.RESOLVE, reason="fixed_at_source", text="Price list corrected")
    assert (made.status, made.total, made.amount_e4) == ("done", 5, 5_000_000)
    assert {case.status for case in cases} == {"awaiting_confirmation"} and elsewhere.version == 1
    assert {case.owner_id for case in cases} == {desk.person.id}
    tags = session.scalars(select(AuditEvent.tag).where(AuditEvent.case_id.is_not(None))).all()
    assert tags == ["case:resolved"] * 5
    assert session.scalar(select(func.count()).select_from(CaseComment)) == 5
    assert verify(session) == []


def test_of_many_each_is_refused_for_itself_and_says_why(
    desk: Desk, make_case: Callable[..., Any], user: Callable[..., Any]
) -> None:
    other = user("specialist", name="Dana Cole")
    fine, taken, over, changed = (
        make_case(),
        make_case(owner_id=other.id),
        make_case(status="waived"),
        make_case(),
    )
    picked = [fine, taken, over, changed]
    changed.version = 1
    desk.session.commit()
    actions.claim(desk.session, desk.ctx, desk.viewer, changed, expected_version=1)
    desk.session.commit()
    made = bulk_actions.start(
        desk.session, desk.ctx, desk.viewer, token="a" * 32, action=Action.CLAIM, asked=Asked(), title="Claim",
        picked=[(case.id, 1) for case in picked],
    )  # fmt: skip
    found = desk.items(made)
    assert found[fine.id] == ("done", None)
    assert found[taken.id] == ("refused", "Dana Cole already has it. A manager can assign it to you.")
    assert found[over.id] == ("refused", "Cannot claim what is waived.")
    assert found[changed.id][0] == "refused" and "Mina Park claimed it" in str(found[changed.id][1])
    assert over.status == "waived" and taken.owner_id == other.id


def test_what_is_in_another_queue_is_none_of_theirs(
    session: Session, catalog: Any, user: Callable[..., Any], make_case: Callable[..., Any], snapshot_id: int
) -> None:
    desk = Desk(session, catalog, user("specialist", queues=("ap",)), snapshot_id)
    mine, foreign = make_case(), make_case(queue="stores")
    made = desk.do(Action.CLAIM, [mine, foreign])
    assert set(desk.items(made)) == {mine.id}
    assert foreign.owner_id is None and mine.owner_id == desk.person.id
    assert desk.do(Action.COMMENT, text="all of mine").total == 1


@pytest.mark.parametrize(
    ("action", "about", "before"),
    [
        (Action.CLAIM, {}, {}),
        (Action.HOLD, {"reason": "Waiting for the slip", "ball": "supplier"}, {}),
        (
            Action.RESUME,
            {},
            {"on_hold": True, "ball_in_court": "buyer", "hold_reason": "Asked", "held_at": NOW},
        ),
        (Action.RESOLVE, {"reason": "fixed_at_source", "text": "done"}, {}),
        (Action.WAIVE, {"reason": "agreed", "until": NOW + timedelta(days=30)}, {}),
        (Action.COMMENT, {"text": "Called them"}, {}),
    ],
)
def test_an_undo_puts_back_what_was(
    action: Action, about: dict[str, Any], before: dict[str, Any], desk: Desk, make_case: Callable[..., Any],
    session: Session,
) -> None:  # fmt: skip
    cases = [make_case(**before) for _ in range(3)]
    shown = (
        "status",
        "owner_id",
        "on_hold",
        "ball_in_court",
        "end_reason",
        "resolved_at",
        "waiver_expires_at",
    )
    was = [[getattr(case, name) for name in shown] for case in cases]
    made = desk.do(action, cases, **about)
    assert set(desk.items(made).values()) == {("done", None)}
    desk.now += timedelta(minutes=5)
    desk.undo(made)
    assert made.status == "undone" and {status for status, _ in desk.items(made).values()} == {"undone"}
    assert [[getattr(case, name) for name in shown] for case in cases] == was
    assert session.scalar(select(func.count()).select_from(CaseComment)) == 0
    newest = select(AuditEvent.tag).where(AuditEvent.case_id.is_not(None)).order_by(AuditEvent.id.desc())
    assert session.scalars(newest.limit(3)).all() == ["case:undone"] * 3
    assert verify(session) == []


def test_an_undo_leaves_what_somebody_has_touched_since_and_says_who(
    desk: Desk, make_case: Callable[..., Any]
) -> None:
    one, other = make_case(), make_case()
    made = desk.do(Action.CLAIM, [one, other])
    actions.release(desk.session, desk.ctx, desk.viewer, other, expected_version=other.version)
    desk.undo(made)
    found = desk.items(made)
    assert found[one.id][0] == "undone" and one.owner_id is None
    assert found[other.id][0] == "kept" and "Mina Park released it" in str(found[other.id][1])


def test_many_are_handed_back_and_an_undo_makes_it_as_if_they_never_were(
    desk: Desk, make_case: Callable[..., Any], user: Callable[..., Any], session: Session
) -> None:
    dana = user("specialist", name="Dana Cole")
    mine, theirs, free = make_case(owner_id=desk.person.id), make_case(owner_id=dana.id), make_case()
    before = CaseHandBack(case_id=theirs.id, user_id=dana.id, cycle=1, created_at=NOW - timedelta(days=1))
    session.add(before)
    desk.now += timedelta(seconds=1, microseconds=4)
    made = desk.do(Action.RELEASE, [mine, theirs, free], reason="claimed by mistake")
    assert [desk.items(made)[case.id] for case in (mine, theirs, free)] == [
        ("done", None), ("done", None), ("refused", "Nobody has it."),
    ]  # fmt: skip
    assert [case.owner_id for case in (mine, theirs)] == [None, None]
    kept = select(CaseHandBack.user_id, CaseHandBack.reason).order_by(CaseHandBack.id)
    assert len(session.execute(kept).all()) == 3
    assert session.execute(kept).all()[1] == (desk.person.id, "claimed by mistake")
    desk.now += timedelta(minutes=1)
    desk.undo(made)
    assert [case.owner_id for case in (mine, theirs)] == [desk.person.id, dana.id]
    assert session.execute(kept).all() == [(dana.id, None)]
    assert verify(session) == []


def test_what_somebody_else_has_only_a_manager_hands_back(
    session: Session, catalog: Any, user: Callable[..., Any], make_case: Callable[..., Any], snapshot_id: int
) -> None:
    desk = Desk(session, catalog, user("specialist"), snapshot_id)
    mine, theirs = make_case(owner_id=desk.person.id), make_case(owner_id=user("specialist").id)
    found = desk.items(desk.do(Action.RELEASE, [mine, theirs]))
    assert found[mine.id][0] == "done"
    assert found[theirs.id] == ("refused", "Only its owner or a manager releases it.")


def test_the_window_of_an_undo_closes(desk: Desk, make_case: Callable[..., Any]) -> None:
    case = make_case()
    made = desk.do(Action.CLAIM, [case])
    desk.now += bulk_actions.UNDO_WINDOW + timedelta(seconds=1)
    with pytest.raises(NotAllowedError, match="too much time"):
        desk.undo(made)
    assert case.owner_id == desk.person.id


def test_a_form_that_is_sent_twice_is_one_action(desk: Desk, make_case: Callable[..., Any]) -> None:
    case = make_case()
    first = desk.do(Action.HOLD, [case], token="t" * 32, reason="x", ball="supplier")
    again = desk.do(Action.HOLD, [case], token="t" * 32, reason="x", ball="supplier")
    assert first.id == again.id and case.version == 2


def test_a_large_one_waits_for_a_task_and_can_be_cancelled_between_its_chunks(
    desk: Desk, make_case: Callable[..., Any], session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_actions, "AT_ONCE", 2)
    cases = [make_case() for _ in range(5)]
    made = desk.do(Action.CLAIM)
    assert made.status == "running" and {case.owner_id for case in cases} == {None}
    assert session.scalar(select(Task.kind).where(Task.id == made.task_id)) == "bulk"
    assert bulk_actions.step(session, desk.ctx, made, 2)
    assert bulk_actions.progress(session, made) == 2
    bulk_actions.cancel(session, desk.ctx, desk.viewer, made)
    assert not bulk_actions.step(session, desk.ctx, made, 2)
    session.commit()
    states = sorted(status for status, _ in desk.items(made).values())
    assert made.status == "cancelled" and states == ["done", "done", "skipped", "skipped", "skipped"]
    assert sum(case.owner_id is not None for case in cases) == 2


def test_rights_lost_meanwhile_are_lost_for_the_rest(
    desk: Desk, make_case: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_actions, "AT_ONCE", 1)
    cases = [make_case() for _ in range(2)]
    made = desk.do(Action.RESOLVE, reason="fixed_at_source")
    desk.person.role = "auditor"
    assert not bulk_actions.step(desk.session, desk.ctx, made)
    assert {status for status, _ in desk.items(made).values()} == {"refused"}
    assert {case.status for case in cases} == {"open"}


@pytest.mark.parametrize("action", [Action.REOPEN, Action.RETRY])
def test_only_some_verbs_are_for_many(action: Action, desk: Desk, make_case: Callable[..., Any]) -> None:
    with pytest.raises(NotAllowedError):
        desk.do(action, [make_case()])


def test_nothing_that_fits_is_said(desk: Desk) -> None:
    with pytest.raises(NotAllowedError, match="nothing to do"):
        desk.do(Action.CLAIM)


def test_exceptions_of_others_are_never_touched_by_a_cancel_or_an_undo(
    desk: Desk, make_case: Callable[..., Any], user: Callable[..., Any]
) -> None:
    made = desk.do(Action.CLAIM, [make_case()])
    stranger = viewer_for(user("manager"), desk.catalog)
    with pytest.raises(NotAllowedError, match="who asked"):
        bulk_actions.undo(desk.session, desk.ctx, stranger, made)
    assert desk.session.scalar(select(ExceptionCase.owner_id)) == desk.person.id
