"""What is put into a folder as a write, and what is known of it afterwards."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from exceptions_app.catalog.schema import Operation, System
from exceptions_app.connectors.base import TransportError
from exceptions_app.connectors.files.submit import FilesSubmitter
from exceptions_app.connectors.files.submit_options import FilesSubmit
from exceptions_app.connectors.registry import build_submitter
from exceptions_app.connectors.writing import Write

FIELDS = {
    "order": {"source": "key.o"},
    "amount": {"source": "erp.a", "type": "money"},
    "due": {"source": "erp.d", "type": "date"},
    "note": {"source": "erp.n", "required": False},
    "account": {"source": "erp.b", "sensitivity": "bank"},
}
VALUES = {
    "order": "4711",
    "amount": Decimal("1E+3"),
    "due": date(2026, 11, 23),
    "note": None,
    "account": "DE8937",
}
WRITE = Write(VALUES, "k7", "c1")
SUBMIT: dict[str, Any] = {"folder": "in", "name": "{order}-{idempotency_key}.csv", "body": {"No": "{order}"}}
JOB = {
    "taken": "archive/{file}", "errors": "errors/{file}", "reason": "errors/{stem}.log", "ack": "acks/*{stem}*.ack",
    "done": ["accepted"], "failed": ["rejected"], "every": "10s",
}  # fmt: skip
NAME = "4711-k7.csv"


def build(root: Path, submit: dict[str, Any], read_back: Any = None, left: Any = None) -> FilesSubmitter:
    (root / "in").mkdir(exist_ok=True)
    system = {
        "code": "erp",
        "name": "ERP",
        "kind": "erp",
        "connector": "files",
        "connection": {"root": str(root)},
    }
    operation = {
        "code": "send", "title": "Send", "system": "erp", "category": ["c"], "fields": FIELDS,
        "submit": {**SUBMIT, **submit}, "read_back": read_back,
    }  # fmt: skip
    told = () if left is None else (left,)
    built = build_submitter(System.model_validate(system), Operation.model_validate(operation), *told)
    assert isinstance(built, FilesSubmitter)
    return built


def put(root: Path, name: str, text: str = "") -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(text)


def written(root: Path, submit: dict[str, Any], write: Write = WRITE) -> bytes:
    build(root, submit).submit(write)
    [path] = (root / "in").iterdir()
    return path.read_bytes()


# ---- what stands in it ----------------------------------------------------------
@pytest.mark.parametrize(
    ("submit", "content"),
    [
        ({"body": {"No": "{order}", "Amount": "{amount}", "Due": "{due}", "Kind": 7, "Note": "{note}"}},
         b"No,Amount,Due,Kind,Note\n4711,1000,2026-11-23,7,\n"),
        ({"body": [{"Side": "D", "A": "{amount}"}, {"Side": "C", "A": "-{amount}"}], "delimiter": ";",
          "header": False, "line_end": "crlf", "quote": "all"}, b'"D";"1000"\r\n"C";"-1000"\r\n'),
        ({"body": {"A": "{order}"}, "delimiter": "tab", "encoding": "utf-16-le"}, "A\n4711\n".encode("utf-16-le")),
        ({"format": "json", "body": {"order": "{order}", "amount": "{amount}", "note": "{note}", "all": True}},
         b'{"order":"4711","amount":1000,"all":true}\n'),
        ({"format": "xml", "body": "<Order no='{order}'><Due>{due}</Due></Order>"},
         b"<Order no='4711'><Due>2026-11-23</Due></Order>"),
        ({"format": "text", "body": "HDR{order}\nTRL1\n", "line_end": "crlf"}, b"HDR4711\r\nTRL1\r\n"),
    ],
)  # fmt: skip
def test_each_form_of_a_body_is_written(tmp_path: Path, submit: dict[str, Any], content: bytes) -> None:
    assert written(tmp_path, submit) == content


ODD = 'a,"b"; <c> & d\ne'


@pytest.mark.parametrize(
    ("submit", "content"),
    [
        ({"body": {"Note": "{note}", "No": "1"}}, 'Note,No\n"a,""b""; <c> & d\ne",1\n'),
        (
            {"format": "json", "body": {"note": "{note}"}},
            json.dumps({"note": ODD}, separators=(",", ":")) + "\n",
        ),
        ({"format": "xml", "body": "<N>{note}</N>"}, "<N>a,&quot;b&quot;; &lt;c&gt; &amp; d\ne</N>"),
    ],
)
def test_values_are_quoted_as_their_place_demands(
    tmp_path: Path, submit: dict[str, Any], content: str
) -> None:
    write = replace(WRITE, fields={**VALUES, "note": ODD})
    assert written(tmp_path, submit, write).decode() == content


@pytest.mark.parametrize(
    ("submit", "note", "said"),
    [
        ({"format": "text", "body": "N{note}"}, "a\nTRL9", "note cannot stand in a line"),
        ({"format": "xml", "body": "<N>{note}</N>"}, "a\x07", "note cannot stand in XML"),
        ({"body": {"N": "{note}"}, "encoding": "cp1252"}, "中", "U+4E2D"),
        ({"body": {"N": "{note}"}}, "a\0b", "note cannot stand in a CSV file"),
        ({"name": "{note}-{idempotency_key}"}, "../../etc", "note cannot stand in a file's name"),
        ({"name": "{note}-{idempotency_key}"}, "a\\b", "note cannot stand in a file's name"),
        ({"name": "{note}-{idempotency_key}"}, "", "note cannot stand in a file's name"),
        ({"name": "{note}-{idempotency_key}"}, ".hidden", "begins or ends with a dot"),
        ({"name": "{note}-{idempotency_key}"}, "x" * 300, "longer than 200 bytes"),
    ],
)
def test_what_cannot_be_written_is_never_sent(
    tmp_path: Path, submit: dict[str, Any], note: str, said: str
) -> None:
    with pytest.raises(TransportError, match=said.replace("+", r"\+")) as refused:
        build(tmp_path, submit).submit(replace(WRITE, fields={**VALUES, "note": note}))
    assert refused.value.permanent
    assert not refused.value.sent
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize(
    ("submit", "said"),
    [
        ({"name": "{order}.csv"}, "name needs {idempotency_key}"),
        ({"name": "a/{idempotency_key}"}, "without '/'"),
        ({"folder": "../x"}, "without '..'"),
        ({"body": "text"}, "mapping of columns"),
        ({"body": [{"a": "1"}, {"b": "1"}]}, "same columns"),
        ({"body": {"a": {"b": "1"}}}, "a text, a number"),
        ({"format": "xml", "body": "<a>{order}</b>"}, "no XML"),
        ({"format": "text", "body": {"a": "1"}}, "is a text"),
        ({"delimiter": ",,"}, "one character, or tab"),
        ({"temporary": "{file}"}, "temporary must differ"),
        ({"ready": "done"}, "belongs to one file"),
        ({"job": {"errors": "errors/{file}"}}, "nothing says that a file was taken"),
        ({"job": {"taken": "archive/x"}}, "belongs to one file"),
        ({"job": {"taken": "a/{file}", "done": ["ok"]}}, "ack is missing"),
        ({"job": {"ack": "a/{stem}", "done": ["OK"], "failed": ["ok"]}}, "both done and failed"),
    ],
)
def test_options_that_cannot_work_are_refused(submit: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("{", r"\{")):
        FilesSubmit.model_validate({**SUBMIT, **submit})


# ---- how it comes there ---------------------------------------------------------
def test_it_is_written_under_another_name_and_its_marker_comes_last(tmp_path: Path) -> None:
    seen: list[list[str]] = []
    inside = tmp_path / "in"
    submitter = build(
        tmp_path,
        {"ready": "{stem}.ok", "temporary": ".{file}"},
        left=lambda: seen.append(sorted(path.name for path in inside.iterdir())),
    )
    submitter.submit(WRITE)
    assert seen == [[NAME]], "it left when it had its name, and before its marker"
    assert sorted(path.name for path in inside.iterdir()) == [NAME, "4711-k7.ok"]


def test_a_try_that_broke_off_is_taken_up(tmp_path: Path) -> None:
    submitter = build(tmp_path, {"ready": "{file}.done"})
    put(tmp_path, f"in/{NAME}.part", "No\n47")
    submitter.submit(WRITE)
    (tmp_path / "in" / f"{NAME}.done").unlink()  # killed between the file and its marker
    assert "Put before" in submitter.submit(WRITE).body
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == [NAME, f"{NAME}.done"]
    assert (tmp_path / "in" / NAME).read_text() == "No\n4711\n"


@pytest.mark.parametrize("name", [f"archive/{NAME}", f"errors/{NAME}", "acks/X-4711-k7-1.ack"])
def test_what_was_taken_refused_or_answered_is_not_put_again(tmp_path: Path, name: str) -> None:
    submitter = build(tmp_path, {"job": JOB})
    put(tmp_path, name, "rejected")
    assert submitter.submit(WRITE).job == NAME
    assert list((tmp_path / "in").iterdir()) == []


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="there is no such folder") as refused:
        build(tmp_path, {"folder": "inn"}).submit(WRITE)
    assert not refused.value.permanent
    assert not refused.value.sent
    assert not (tmp_path / "inn").exists()


def test_a_name_that_cannot_be_taken_leaves_the_outcome_open(tmp_path: Path, monkeypatch: Any) -> None:
    submitter = build(tmp_path, {})

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("exceptions_app.connectors.files.places.Place.rename", broken)
    with pytest.raises(TransportError, match="Input/output error") as refused:
        submitter.submit(WRITE)
    assert refused.value.sent
    assert not refused.value.permanent


def test_a_folder_that_may_not_be_written_to_is_no_fault_of_the_write(
    tmp_path: Path, monkeypatch: Any
) -> None:
    submitter = build(tmp_path, {})

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.open", refused)
    with pytest.raises(TransportError, match="Permission denied") as error:
        submitter.submit(WRITE)
    assert not error.value.permanent
    assert not error.value.sent


def test_a_folder_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: Any) -> None:
    answers = threading.Event()
    submitter = build(tmp_path, {})
    monkeypatch.setattr(FilesSubmitter, "longest", 0.05)
    monkeypatch.setattr(
        "exceptions_app.connectors.files.whereabouts.Whereabouts.of", lambda *_: answers.wait(10)
    )
    try:
        with pytest.raises(TransportError, match="no answer within") as late:
            submitter.submit(WRITE)
        assert not late.value.sent
    finally:
        answers.set()


def test_a_mailbox_takes_no_files(tmp_path: Path) -> None:
    system = {
        "code": "m",
        "name": "M",
        "kind": "erp",
        "connector": "files",
        "connection": {"root": "imaps://h/I"},
    }
    operation = {
        "code": "o",
        "title": "O",
        "system": "m",
        "category": ["c"],
        "fields": FIELDS,
        "submit": SUBMIT,
    }
    with pytest.raises(TransportError, match="a mailbox takes no files"):
        build_submitter(System.model_validate(system), Operation.model_validate(operation))


# ---- what became of it ----------------------------------------------------------
@pytest.mark.parametrize(
    ("job", "files", "stands"),
    [
        (JOB, {f"in/{NAME}": ""}, ("at_work", "it has not been taken yet")),
        (JOB, {}, ("at_work", "it is nowhere to be found, and nothing has been answered")),
        (JOB, {f"archive/{NAME}": ""}, ("done", f"it was taken: it lies at archive/{NAME}")),
        (JOB, {f"errors/{NAME}": ""}, ("failed", f"it was refused: it lies at errors/{NAME}")),
        (JOB, {f"errors/{NAME}": "", "errors/4711-k7.log": "Account DE8937\n is closed"},
         ("failed", "Account ••• is closed")),
        (JOB, {"acks/4711-k7.ack": "ACCEPTED 1 record"}, ("done", "the system answered that it was taken")),
        (JOB, {f"archive/{NAME}": "", "acks/a4711-k7_2.ack": "Rejected: no such order"},
         ("failed", "Rejected: no such order")),
        (JOB, {f"in/{NAME}": "", "acks/4711-k7.ack": ""}, ("at_work", "the system's answer does not say yet")),
        ({"ack": "{stem}.json", "state": "result.code", "done": ["0"], "failed": ["8"], "message": "result.why"},
         {"4711-k7.json": '{"result":{"code":8,"why":"period closed"}}'}, ("failed", "period closed")),
        ({"ack": "{stem}.json", "state": "result.code", "done": ["0"]},
         {"4711-k7.json": '{"result":{"co'}, ("at_work", "the system's answer does not say yet")),
        ({"ack": "{stem}.xml", "state": "A.State", "done": ["OK"], "failed": ["NOK"], "message": "A.Text"},
         {"4711-k7.xml": "<A><State>NOK</State><Text>no budget</Text></A>"}, ("failed", "no budget")),
        ({"ack": "ok/{order}-{idempotency_key}"}, {"ok/4711-k7": ""}, ("done", "the system answered")),
        ({"ack": "{stem}.nak", "failed": ["no"], "gone": "done"}, {}, ("done", "it does not lie there any more")),
        ({"gone": "done", "errors": "errors/{file}"}, {f"in/{NAME}": ""}, ("at_work", "not been taken yet")),
    ],
)  # fmt: skip
def test_what_became_of_a_file_is_known(
    tmp_path: Path, job: dict[str, Any], files: dict[str, str], stands: tuple[str, str]
) -> None:
    submitter = build(tmp_path, {"job": job})
    for name, text in files.items():
        put(tmp_path, name, text)
    standing = submitter.standing(WRITE, NAME)
    assert (standing.state, stands[1] in standing.said) == (stands[0], True), standing.said
    assert "DE8937" not in standing.answer.body + standing.said
    assert sum(1 for path in tmp_path.rglob("*") if path.is_file()) == len(files), "looking changes nothing"


def test_a_folder_that_cannot_be_looked_into_is_no_folder_without_the_file(
    tmp_path: Path, monkeypatch: Any
) -> None:
    submitter = build(tmp_path, {"job": JOB}, {"nowhere": "absent"})

    def broken(*_: object, **__: object) -> None:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.info", broken)
    for act in (submitter.submit, submitter.read_back, lambda write: submitter.standing(write, NAME)):
        with pytest.raises(TransportError, match="Stale file handle") as refused:
            act(WRITE)
        assert not refused.value.permanent
        assert not refused.value.sent


@pytest.mark.parametrize(
    ("name", "found"),
    [(f"in/{NAME}", True), (f"archive/{NAME}", True), (f"errors/{NAME}", False), ("acks/4711-k7.ack", True)],
)
def test_it_is_read_back_where_it_may_be(tmp_path: Path, name: str, found: bool) -> None:
    submitter = build(tmp_path, {"job": JOB}, {})
    put(tmp_path, name, "accepted")
    assert submitter.read_back(WRITE).found is found


def test_a_file_that_is_nowhere_may_have_been_taken(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="nobody can tell") as open_still:
        build(tmp_path, {}, {}).read_back(WRITE)
    assert not open_still.value.permanent
    assert not build(tmp_path, {}, {"nowhere": "absent"}).read_back(WRITE).found


GUIDE = (Path(__file__).parents[2] / "docs" / "connectors.md").read_text(encoding="utf-8")


def test_the_example_of_the_guide_runs(tmp_path: Path) -> None:
    section = GUIDE.partition("\n## files")[2].partition("\n## ")[0].partition("**Writing** by files")[2]
    example, content, answer = re.findall(r"```(?:yaml|csv|xml)\n(.*?)```", section, flags=re.S)
    values = {"invoice_number": "4711", "amount": Decimal("12.50"), "status": "approved"}
    write = Write(values, "k7", "c")
    given = yaml.safe_load(example)
    (tmp_path / "inbound").mkdir()
    submitter = build(tmp_path, given["submit"], given["read_back"])
    assert not submitter.read_back(write).found
    job = submitter.submit(write).job
    assert job is not None
    assert f"`inbound/{job}`" in section
    assert (tmp_path / "inbound" / job).read_text() == content
    assert (tmp_path / "inbound" / "pay-4711-k7.ok").read_text() == ""
    assert submitter.standing(write, job).state == "at_work"
    put(tmp_path, "acks/pay-4711-k7.xml", answer)
    standing = submitter.standing(write, job)
    assert (standing.state, standing.said) == ("failed", "period closed")
