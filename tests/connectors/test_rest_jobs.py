"""A detail for each row, and rows that a system makes in the background."""

from __future__ import annotations

import gzip
import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from loopback import Asked, Loopback, Reply
from rest_feeds import Serve, connector, ids, read_all, reasons

from exceptions_app.connectors.base import FeedContentError, TransportError
from exceptions_app.connectors.rest.options import RestRead

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DETAIL: dict[str, Any] = {"path": "/orders", "records": "value", "detail": {"path": "/orders/{id}"}}


def detailed(answers: dict[str, Any]) -> Any:
    """A list of the ids, and an answer for each."""

    def handler(asked: Asked) -> Reply:
        if asked.path == "/orders":
            return Reply({"value": [{"id": number, "listed": True} for number in answers]})
        answer = answers[asked.path.rpartition("/")[2]]
        return answer if isinstance(answer, Reply) else Reply(answer)

    return handler


def test_each_row_gets_its_detail_in_the_order_of_the_list(serve: Serve) -> None:
    server = serve(detailed({f"o{n}": {"total": n, "nested": {"p": 1}} for n in range(20)}))
    pages, error = read_all(connector(server.url, DETAIL).read(None))
    assert error is None
    assert ids(pages) == [f"o{n}" for n in range(20)]
    assert [row.values["total"] for row in pages[0].rows] == list(range(20))
    assert pages[0].rows[3].values["nested"] == '{"p":1}'
    assert pages[0].rows[3].values["listed"] is True


def test_details_are_asked_some_at_once_but_not_more(serve: Serve) -> None:
    together, most, lock = [0], [0], threading.Lock()
    all_there = threading.Barrier(3, timeout=60)

    def handler(asked: Asked) -> Reply:
        if asked.path == "/orders":
            return Reply({"value": [{"id": number} for number in range(9)]})
        with lock:
            together[0] += 1
            most[0] = max(most[0], together[0])
        all_there.wait()
        with lock:
            together[0] -= 1
        return Reply({})

    read = {**DETAIL, "detail": {"path": "/orders/{id}", "concurrency": 3}}
    pages, error = read_all(connector(serve(handler).url, read).read(None))
    assert (error, len(ids(pages)), most[0]) == (None, 9, 3)


@pytest.mark.parametrize(
    ("missing", "kept", "said"),
    [
        ("reject", ["a", "c"], ["the list names it, but it has no detail there (404)"]),
        ("skip", ["a", "c"], []),
        ("keep", ["a", "b", "c"], []),
    ],
)
def test_a_row_without_a_detail_is_refused_left_out_or_kept(
    serve: Serve, missing: str, kept: list[str], said: list[str]
) -> None:
    server = serve(detailed({"a": {}, "b": Reply("gone", status=404), "c": {}}))
    read = {**DETAIL, "detail": {**DETAIL["detail"], "missing": missing}}
    pages, error = read_all(connector(server.url, read).read(None))
    assert error is None
    assert ids(pages) == kept
    assert reasons(pages) == said


def test_one_bad_detail_stands_aside_and_costs_nobody_else(serve: Serve) -> None:
    answers = {
        "a": {"n": 1},
        "b": Reply("<html>oops</html>", headers={"Content-Type": "text/html"}),
        "c": Reply("no", status=422),
        "d": [1, 2],
        "e": '{"n": 1, "m": {"x": 1, "x": 2}}',
        "f": {"n": 2},
    }
    pages, error = read_all(connector(serve(detailed(answers)).url, DETAIL).read(None))
    assert error is None
    assert ids(pages) == ["a", "f"]
    html, refused, other, twice = reasons(pages)
    assert "its detail: the answer is an HTML page" in html
    assert "its detail is refused: 422" in refused
    assert "its detail: it holds" in other and "not an object" in other
    assert "'x' twice" in twice
    assert pages[0].problems[1].position == "erp /orders page 1 row 3"


def test_details_that_all_fail_are_a_matter_of_the_source(serve: Serve) -> None:
    page = Reply("<html>sign in</html>", headers={"Content-Type": "text/html"})
    pages, error = read_all(connector(serve(detailed({"a": page, "b": page})).url, DETAIL).read(None))
    assert pages == []
    assert isinstance(error, FeedContentError)
    assert error.where == "erp /orders page 1 row 1 detail"
    _, error = read_all(
        connector(serve(detailed({"a": Reply("", status=403), "b": {}})).url, DETAIL).read(None)
    )
    assert isinstance(error, TransportError)
    assert "403" in error.message


def test_a_row_that_does_not_say_what_its_detail_is_asked_by_stands_aside(serve: Serve) -> None:
    def handler(asked: Asked) -> Reply:
        rows = [{"id": 1, "meta": {"Key": "A/1"}}, {"id": 2, "meta": {}}]
        return Reply({"value": rows} if asked.path == "/orders" else {"lines": [{"n": 1}]})

    detail = {
        "path": "/orders/{meta.Key}/lines",
        "records": "lines",
        "into": "lines",
        "params": {"id": "{id}"},
    }
    server = serve(handler)
    pages, error = read_all(connector(server.url, {**DETAIL, "detail": detail}).read(None))
    assert error is None
    assert pages[0].rows[0].values["lines"] == '[{"n":1}]'
    assert reasons(pages) == ["its detail cannot be asked for: the row has no meta.Key"]
    assert (server.asked[1].path, server.asked[1].query) == ("/orders/A%2F1/lines", {"id": "1"})


def test_a_detail_that_is_a_list_makes_a_row_of_each_item(serve: Serve) -> None:
    lines: dict[str, Any] = {
        "a": {"lines": [{"n": 1}, {"n": 2}]},
        "b": {"lines": []},
        "c": {"lines": "none"},
        "d": {"lines": [7]},
    }
    server = serve(detailed(lines))
    detail = {**DETAIL["detail"], "records": "lines", "shape": "list"}
    pages, error = read_all(connector(server.url, {**DETAIL, "detail": detail}).read(None))
    assert error is None
    assert [(row.values["id"], row.values["n"]) for row in pages[0].rows] == [("a", 1), ("a", 2)]
    other, number = reasons(pages)
    assert "not a list" in other and "no object" in number
    pages, error = read_all(
        connector(server.url, {**DETAIL, "detail": {**detail, "into": "line"}}).read(None)
    )
    assert [row.values["line"] for row in pages[0].rows] == ['{"n":1}', '{"n":2}', 7]
    alone = serve(detailed({"a": [{"n": 1}, {"n": 2}]}))
    _, error = read_all(connector(alone.url, DETAIL).read(None))
    assert isinstance(error, FeedContentError) and "detail.shape: list" in error.message


# -- submit, poll, download


BULK: dict[str, Any] = {
    "path": "/jobs",
    "method": "POST",
    "format": "csv",
    "bulk": {
        "body": {"object": "Order", "since": "{watermark}"},
        "status": "/jobs/{job}",
        "state": "status.state",
        "done": ["JobComplete"],
        "failed": ["Failed", "Aborted"],
        "message": "status.why",
        "result": "/jobs/{job}/results",
        "cleanup": "/jobs/{job}",
        "every": "7s",
        "longest": "1m",
    },
}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between two looks at a job: recorded, not waited."""
    recorded: list[float] = []
    monkeypatch.setattr("exceptions_app.connectors.rest.bulk.pause", recorded.append)
    return recorded


def jobs(serve: Serve, states: list[Any], result: Any = "id,at\n1,2026-11-20T00:00:00Z\n") -> Loopback:
    left = iter(states)

    def handler(asked: Asked) -> Reply:
        if asked.method == "DELETE":
            return Reply("", status=204)
        if asked.method == "POST":
            return Reply({"id": "J 1"}, status=202, headers={"Location": "/queue/J2"})
        if asked.path.endswith("/results"):
            return result(asked) if callable(result) else Reply(result)
        state = next(left)
        return state if isinstance(state, Reply) else Reply({"status": state})

    return serve(handler)


def test_a_job_is_submitted_asked_about_and_downloaded(serve: Serve, pauses: list[float]) -> None:
    busy = Reply({"status": {"state": "InProgress"}}, headers={"Retry-After": "3"})
    server = jobs(serve, [{"state": "UploadComplete"}, busy, {"state": "jobcomplete"}])
    read = {**BULK, "watermark": {"field": "at", "place": "body", "overlap": "0s"}}
    with time_machine.travel(NOW, tick=False):
        pages, error = read_all(connector(server.url, read).read(None))
        read_all(connector(server.url, read).read(pages[-1].watermark))
    assert error is None
    assert ids(pages) == ["1"]
    assert pauses[:2] == [7, 3]
    asked = [(each.method, each.path) for each in server.asked[:6]]
    assert asked == [
        ("POST", "/jobs"), ("GET", "/jobs/J%201"), ("GET", "/jobs/J%201"), ("GET", "/jobs/J%201"),
        ("GET", "/jobs/J%201/results"), ("DELETE", "/jobs/J%201"),
    ]  # fmt: skip
    assert json.loads(server.asked[0].body) == {"object": "Order"}
    assert json.loads(server.asked[6].body) == {"object": "Order", "since": "2026-11-20T00:00:00Z"}


def test_what_was_made_is_read_page_by_page(serve: Serve, pauses: list[float]) -> None:
    def result(asked: Asked) -> Reply:
        at = int(asked.query.get("locator", 0))
        return Reply(
            gzip.compress(f"id\n{at}\n".encode()), headers={"Locator": str(at + 1) if at < 2 else "null"}
        )

    server = jobs(serve, [{"state": "JobComplete"}], result)
    read = {**BULK, "paging": {"type": "cursor", "header": "Locator", "param": "locator"}}
    pages, error = read_all(connector(server.url, read).read(None))
    assert error is None
    assert ids(pages) == ["0", "1", "2"]
    assert pages[2].rows[0].position == "erp /jobs result page 3 row 1"


def test_a_job_may_answer_with_addresses(serve: Serve, pauses: list[float]) -> None:
    files = serve(lambda asked: Reply(f"id\n{asked.path}\n"))
    done = {"state": "JobComplete", "urls": [f"{files.url}/1", f"{files.url}/2"]}
    server = jobs(serve, [done])
    bulk = {**BULK["bulk"], "status": None, "job_header": "Location", "result": None, "cleanup": None}
    read = {**BULK, "bulk": {**bulk, "result_field": "status.urls"}}
    pages, error = read_all(connector(server.url, read, hosts=[{"url": files.url}]).read(None))
    assert error is None
    assert ids(pages) == ["/1", "/2"]
    assert server.asked[1].path == "/queue/J2"
    _, error = read_all(connector(jobs(serve, [done]).url, read).read(None))
    assert "connection.hosts" in str(error), "a download elsewhere is not asked for unless its host is named"


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([{"state": "Failed", "why": "too many rows"}], "the job says 'Failed': too many rows"),
        ([{"progress": 3}], "no state at 'status.state'"),
        ([Reply("", status=404)], "404"),
    ],
)
def test_a_job_that_fails_is_named(serve: Serve, pauses: list[float], states: list[Any], said: str) -> None:
    pages, error = read_all(connector(jobs(serve, states).url, BULK).read(None))
    assert said in str(error)
    assert ids(pages) == []


def test_a_job_that_never_ends_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = jobs(serve, [{"state": "InProgress"}] * 100)
    passed = [0.0]

    def pause(seconds: float) -> None:
        passed[0] += seconds

    monkeypatch.setattr("exceptions_app.connectors.rest.bulk.pause", pause)
    monkeypatch.setattr("exceptions_app.connectors.rest.bulk.monotonic", lambda: passed[0])
    _, error = read_all(connector(server.url, BULK).read(None))
    assert isinstance(error, TransportError)
    assert "still says" in error.message
    assert "JobComplete" in error.message
    assert not error.permanent
    assert len(server.asked) < 15


def test_a_submission_that_names_no_job_is_refused(serve: Serve, pauses: list[float]) -> None:
    _, error = read_all(connector(serve(lambda asked: Reply({"ok": True})).url, BULK).read(None))
    assert isinstance(error, FeedContentError)
    assert "no job at 'id'" in error.message


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"detail": {"path": "/orders/all"}}, "name a field of the row"),
        ({"bulk": {"done": ["ok"], "result": "/r"}}, "status is missing"),
        ({"bulk": {"done": ["ok"], "status": "/s"}}, "exactly one of result"),
        (
            {"bulk": {"done": ["ok"], "failed": ["OK"], "status": "/s", "result": "/r"}},
            "both done and failed",
        ),
        ({"bulk": {"done": ["ok"], "status": "https://x/s", "result": "/r"}}, "no plain path"),
    ],
)
def test_options_of_jobs_and_details_say_what_to_change(options: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RestRead.model_validate({"path": "/x", **options})


# -- a run that was interrupted


class Notebook:
    """Notes as a feed's state keeps them."""

    def __init__(self) -> None:
        self.note: str | None = None

    def held(self) -> str | None:
        return self.note

    def keep(self, note: str | None) -> None:
        self.note = note


def submitted(server: Loopback) -> int:
    return sum(asked.method == "POST" for asked in server.asked)


def killed(source: Any) -> None:
    """Read until the process ends while the job still works."""

    def end(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("exceptions_app.connectors.rest.bulk.pause", end)
        list(source.read(None))


def again(server: Loopback, notes: Notebook, read: dict[str, Any] | None = None) -> Any:
    source = connector(server.url, {**(read or BULK), "read_ahead": False})
    source.notes = notes
    return source


def test_a_job_of_an_interrupted_run_is_taken_up_and_what_it_tells_is_as_old_as_it(
    serve: Serve, pauses: list[float]
) -> None:
    server, notes = (
        jobs(serve, [{"state": "Busy"}, {"state": "JobComplete"}, {"state": "JobComplete"}]),
        Notebook(),
    )
    read = {**BULK, "watermark": {"field": "at", "place": "body", "overlap": "0s"}}
    with time_machine.travel(NOW, tick=False) as clock:
        killed(again(server, notes, read))
        clock.shift(30)
        second = again(server, notes, read)
        pages, error = read_all(second.read(None))
        assert error is None and ids(pages) == ["1"]
        assert submitted(server) == 1
        assert second.read_through(datetime.now(UTC)) == NOW
        assert notes.note is not None, "kept until the run has ended"


@pytest.mark.parametrize(
    "answer",
    [Reply("", status=404), {"state": "Aborted"}, Reply("<html>", status=200)],
    ids=["gone", "failed", "other"],
)
def test_a_job_that_is_gone_or_has_failed_is_submitted_anew(
    serve: Serve, pauses: list[float], answer: Any
) -> None:
    server, notes = jobs(serve, [{"state": "Busy"}, answer, {"state": "JobComplete"}]), Notebook()
    killed(again(server, notes))
    pages, error = read_all(again(server, notes).read(None))
    assert (error, ids(pages), submitted(server)) == (None, ["1"], 2)


def test_another_question_an_old_job_and_one_tried_too_often_are_not_taken_up(
    serve: Serve, pauses: list[float]
) -> None:
    server, notes = jobs(serve, [{"state": "Busy"}] * 40), Notebook()
    with time_machine.travel(NOW, tick=False) as clock:
        killed(again(server, notes))
        other = {**BULK, "bulk": {**BULK["bulk"], "body": {"object": "Receipt"}}}
        killed(again(server, notes, other))
        assert submitted(server) == 2
        for _ in range(4):
            killed(again(server, notes, other))
        assert submitted(server) == 3, "three times taken up, then anew"
        clock.shift(61)
        killed(again(server, notes, other))
        assert submitted(server) == 4


def test_a_job_that_fails_is_not_kept(serve: Serve, pauses: list[float]) -> None:
    server, notes = jobs(serve, [{"state": "Failed", "why": "no rights"}]), Notebook()
    _, error = read_all(again(server, notes).read(None))
    assert "no rights" in str(error)
    assert notes.note is None
