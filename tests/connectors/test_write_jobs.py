"""What a system says of work that it does later: where it is asked, and what its answers mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from loopback import Asked, Loopback, Reply
from pydantic import ValidationError

from exceptions_app.catalog.schema import Operation, System
from exceptions_app.connectors.base import TransportError
from exceptions_app.connectors.registry import build_submitter
from exceptions_app.connectors.rest.write_options import RestJob
from exceptions_app.connectors.writing import AsksJobs, Write

Serve = Callable[..., Loopback]
WORDS = {"done": ["DONE"], "failed": ["failed"], "transient": ["locked"], "message": "why"}
WRITE = Write({"invoice": "I 1", "account": "DE8937"}, "k-1", "0af7651916cd43dd8448eb211c80319c")


def build(url: str, job: dict[str, Any], **connection: Any) -> Any:
    given = {"base_url": url, "timeout": "2s", **connection}
    system = {"code": "erp", "name": "ERP", "kind": "erp", "connector": "rest", "connection": given}
    fields = {"invoice": {"source": "key.i"}, "account": {"source": "erp.a", "sensitivity": "bank"}}
    operation = {
        "code": "send", "title": "Send", "system": "erp", "category": ["c"], "fields": fields,
        "submit": {"path": "/v1/invoices", "job": job},
    }  # fmt: skip
    return build_submitter(System.model_validate(system), Operation.model_validate(operation))


@pytest.mark.parametrize(
    ("job", "reply", "asked"),
    [
        ({"job_header": "Location"}, Reply({}, 202, {"Location": "/v1/jobs/7?full=1"}), "/v1/jobs/7?full=1"),
        ({"job_header": "Location"}, Reply({}, 202, {"Location": "jobs/7"}), "/v1/jobs/7"),
        ({"status": "/jobs/{job}"}, Reply({"id": 7}, 202), "/jobs/7"),
        ({"job": "data.job", "status": "/j/{job}"}, Reply({"data": {"job": "a/b"}}, 202), "/j/a%2Fb"),
        ({"status": "/i/{invoice}/j/{job}"}, Reply({"id": 7}, 202), "/i/I%201/j/7"),
        ({"job": "links.self", "status": "/j/{job}"}, Reply({"links": {"self": "/q/9"}}, 202), "/q/9"),
        ({"answer": [201], "status": "/j/{job}"}, Reply({"id": 7}, 201), "/j/7"),
        ({"status": "/j/{job}"}, Reply({"id": 7}, 200), None),
        ({"status": "/j/{job}"}, Reply({"id": 7}, 422), None),
    ],
)
def test_an_answer_names_where_the_job_is_asked(
    serve: Serve, job: dict[str, Any], reply: Reply, asked: str | None
) -> None:
    server = serve(lambda _: reply)
    submitter = build(server.url, {**WORDS, **job})
    assert isinstance(submitter, AsksJobs)
    answer = submitter.submit(WRITE)
    assert (answer.job, answer.as_expected) == (asked and server.url + asked, True)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply({}, 202), "no job at 'id'"),
        (Reply("<html>", 202), "the answer is not JSON"),
        (Reply({"id": "https://elsewhere.example/jobs/1"}, 202), "not at 127.0.0.1: not asked"),
    ],
)
def test_a_job_that_nobody_can_ask_leaves_the_outcome_open(serve: Serve, reply: Reply, said: str) -> None:
    answer = build(serve(lambda _: reply).url, {**WORDS, "status": "/j/{job}"}).submit(WRITE)
    assert (answer.job, answer.as_expected) == (None, False)
    assert said in answer.problem


@pytest.mark.parametrize(
    ("job", "reply", "stands"),
    [
        ({}, Reply({"state": "Done"}), ("done", "Done")),
        ({}, Reply({"state": "queued"}), ("at_work", "queued")),
        ({}, Reply({"state": "failed", "why": "no  such\nunit"}), ("failed", "failed: no such unit")),
        ({}, Reply({"state": "locked"}), ("transient", "locked")),
        ({}, Reply({"state": "failed", "why": "DE8937 is closed"}), ("failed", "failed: ••• is closed")),
        ({}, Reply({"other": 1}), ("unclear", "the answer says no state at 'state'")),
        ({}, Reply({"other": 1}, 202), ("at_work", "the answer says no state at 'state'")),
        ({}, Reply("<html>sign in</html>"), ("unclear", "the answer is not JSON")),
        ({}, Reply("", 404), ("gone", "the system does not know the job any more")),
        ({}, Reply("", 302), ("unclear", "asked how the job stands, it answered 302")),
        ({}, Reply("", 503), ("unclear", "asked how the job stands, it answered 503")),
        ({"done_status": [303]}, Reply("", 303), ("done", "HTTP 303")),
        ({"failed_status": [422]}, Reply({"why": "wrong"}, 422), ("failed", "wrong")),
    ],
)
def test_what_a_job_says_is_understood(
    serve: Serve, job: dict[str, Any], reply: Reply, stands: tuple[str, str]
) -> None:
    server = serve(lambda _: reply)
    found = build(server.url, {**WORDS, "status": "/j/{job}", **job}).standing(WRITE, f"{server.url}/j/7")
    assert (found.state, found.said[: len(stands[1])]) == stands
    [asked] = server.asked
    assert (asked.method, asked.path, asked.body) == ("GET", "/j/7", "")
    assert "idempotency-key" not in asked.headers


@pytest.mark.parametrize(
    ("status", "state"), [(202, "at_work"), (200, "done"), (204, "done"), (500, "unclear")]
)
def test_a_status_alone_may_say_it(serve: Serve, status: int, state: str) -> None:
    server = serve(lambda _: Reply("", status))
    job = {"job_header": "Location", "state": None}
    assert build(server.url, job).standing(WRITE, f"{server.url}/j").state == state


def test_another_host_is_asked_only_where_it_is_named_and_told_who_we_are_only_where_that_is(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "s3cret")
    auth = {"type": "api_key", "value": "env:KEY"}
    home, other = serve(lambda _: Reply({})), serve(lambda _: Reply({"state": "done"}))
    job = {**WORDS, "status": "/j/{job}"}
    with pytest.raises(TransportError, match=r"name it under connection\.hosts") as raised:
        build(home.url, job, auth=auth).standing(WRITE, f"{other.url}/j/7")
    assert (raised.value.permanent, other.asked) == (True, [])
    for known in (False, True):
        hosts = [{"url": other.url, "known": known}]
        found = build(home.url, job, auth=auth, hosts=hosts).standing(WRITE, f"{other.url}/j/7")
        assert found.state == "done"
    assert ["x-api-key" in asked.headers for asked in other.asked] == [False, True]


def test_a_redirect_of_the_question_is_not_followed(serve: Serve) -> None:
    other = serve(lambda _: Reply({"state": "done"}))

    def onward(_: Asked) -> Reply:
        return Reply("", 303, {"Location": f"{other.url}/j/7"})

    server = serve(onward)
    found = build(server.url, {**WORDS, "status": "/j/{job}"}).standing(WRITE, f"{server.url}/j/7")
    assert (found.state, other.asked) == ("unclear", [])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"done": ["x"]}, "status is missing"),
        ({"job_header": "Location"}, "done is missing"),
        ({"job_header": "Location", "state": None, "done": ["x"]}, "words that stand at state"),
        ({"status": "/j", "done": ["x"], "transient": ["X"]}, "x is both done and transient"),
        ({"status": "/j", "done": ["x"], "done_status": [303], "failed_status": [303]}, "303 is both"),
        ({"status": "//evil.example/j", "done": ["x"]}, "path"),
    ],
)
def test_options_of_a_job_say_what_to_change(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        RestJob.model_validate(options)
