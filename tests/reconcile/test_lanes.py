"""Scopes in lanes: each once, one at a time in a lane, ended in order when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from sys import getswitchinterval
from threading import Barrier, Event, get_ident

import pytest

from exceptions_app.duck import closing_session, connections, scalar, thread_sharing
from exceptions_app.reconcile.lanes import one_after_another, side_by_side

SCOPES = [f"E{n}" for n in range(9)]


def test_every_scope_is_worked_on_once_and_results_keep_the_order_of_scopes() -> None:
    seen: list[str] = []

    def work(lane: int, scope: str) -> str:
        seen.append(scope)
        return scope.lower()

    assert list(side_by_side([1, 2], SCOPES, work).items()) == [(s, s.lower()) for s in SCOPES]
    assert sorted(seen) == SCOPES


def test_as_many_scopes_as_lanes_are_under_way_together() -> None:
    together = Barrier(2, timeout=20)
    found = side_by_side(["left", "right"], ["a", "b"], lambda lane, scope: (lane, together.wait()))
    assert {lane for lane, _ in found.values()} == {"left", "right"}


def test_a_lane_holds_one_scope_at_a_time() -> None:
    inside: dict[int, int] = {}

    def work(lane: int, scope: str) -> int:
        inside[lane] = inside.get(lane, 0) + 1
        most = inside[lane]
        inside[lane] -= 1
        return most

    assert set(side_by_side([1, 2, 3], SCOPES, work).values()) == {1}


def test_leave_is_asked_before_each_scope_in_the_thread_of_the_caller() -> None:
    asked: list[int] = []
    side_by_side([1, 2], SCOPES, lambda lane, scope: None, lambda: asked.append(get_ident()))
    assert asked == [get_ident()] * len(SCOPES)


def test_no_scope_begins_after_leave_is_refused() -> None:
    seen: list[str] = []
    asked = 0

    def go_on() -> None:
        nonlocal asked
        asked += 1
        if asked > 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        side_by_side([1], SCOPES, lambda lane, scope: seen.append(scope), go_on)
    assert len(seen) <= 3


def test_an_error_of_one_scope_is_raised_once_the_others_have_ended() -> None:
    open_scopes: set[str] = set()

    def work(lane: int, scope: str) -> None:
        open_scopes.add(scope)
        try:
            if scope == "E1":
                raise ArithmeticError(scope)
        finally:
            open_scopes.discard(scope)

    with pytest.raises(ArithmeticError, match="E1"):
        side_by_side([1, 2], SCOPES, work)
    assert open_scopes == set()


def test_of_large_pieces_one_is_worked_on_at_a_time_and_finished_beside_the_next() -> None:
    threads, events = set[int](), list[str]()
    begun = Event()

    def work(scope: str) -> Callable[[], str]:
        threads.add(get_ident())
        events.append(scope)
        if scope == "E1":
            begun.set()
        return lambda: rest(scope)

    def rest(scope: str) -> str:
        assert begun.wait(20)
        threads.discard(get_ident())
        return scope.lower()

    assert list(one_after_another(SCOPES, work).items()) == [(s, s.lower()) for s in SCOPES]
    assert (threads, events) == ({get_ident()}, SCOPES)


def test_an_error_in_what_is_left_of_a_large_piece_is_raised() -> None:
    def rest() -> None:
        raise ArithmeticError("E0")

    with pytest.raises(ArithmeticError, match="E0"):
        one_after_another(SCOPES, lambda scope: rest)


def test_turns_of_threads_are_as_usual_afterwards() -> None:
    usual = getswitchinterval()
    assert set(side_by_side([1, 2], SCOPES, lambda lane, scope: getswitchinterval() < usual).values()) == {
        True
    }
    assert getswitchinterval() == usual


def test_whoever_shares_out_threads_is_told_when_lanes_fall_idle() -> None:
    told: list[int] = []
    side_by_side([1, 2, 3], SCOPES, lambda lane, scope: None, busy=told.append)
    assert told[0] == 3 and told[-1] == 0
    assert told == sorted(told, reverse=True)
    told.clear()
    side_by_side([1, 2, 3], ["a"], lambda lane, scope: None, busy=told.append)
    assert told == [1, 0, 0]


def test_the_engine_adds_only_the_threads_that_callers_leave() -> None:
    with closing_session(threads=4) as con:
        share = thread_sharing(con)
        for callers, external in ((4, 4), (2, 2), (0, 1)):
            share(callers)
            assert scalar(con, "SELECT current_setting('external_threads')") == external
        assert scalar(con, "SELECT current_setting('threads')") == 4


def test_connections_share_tables_and_the_time_zone_but_not_temporary_views() -> None:
    with closing_session(threads=3) as con:
        con.execute("CREATE TABLE kept AS SELECT 7 AS n")
        lanes = connections(con, 9)
        assert len(lanes) == 3 and len(connections(con, 2)) == 2 and lanes[0] is con
        for n, lane in enumerate(lanes):
            lane.execute(f"CREATE TEMP VIEW mine AS SELECT n + {n} AS n FROM kept")
        told = [lane.execute("SELECT n, current_setting('TimeZone') FROM mine").fetchall() for lane in lanes]
        assert told == [[(7, "UTC")], [(8, "UTC")], [(9, "UTC")]]
