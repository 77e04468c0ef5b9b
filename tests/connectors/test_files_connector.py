"""The `files` connector on real files: CSV in the wild, workbooks, JSON, and how files come and go."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from exceptions_app.connectors.base import FeedContentError, Page, RawRow, RowProblem, TransportError
from exceptions_app.connectors.files import gathering
from exceptions_app.connectors.files.connector import FilesConnector
from exceptions_app.connectors.files.drop import Drop
from exceptions_app.connectors.files.options import FilesConnection, FilesRead

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Folder:
    """A drop folder in a test, whose clock stands still. Sleeping calls `while_asleep`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.slept: list[float] = []
        self.while_asleep: Any = lambda: None

    def put(self, name: str, content: str | bytes, age: float = 60) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        at = NOW.timestamp() - age
        os.utime(path, (at, at))
        return path

    def connector(self, mode: str = "changes", **read: Any) -> FilesConnector:
        drop = Drop(FilesConnection(root=str(self.root)), sleep=self._sleep, now=lambda: NOW)
        options = FilesRead.model_validate({"pattern": "*.csv", **read})
        return FilesConnector(drop, options, snapshot=mode == "snapshot")

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.while_asleep()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def read_all(pages: Iterator[Page]) -> tuple[list[Page], Exception | None]:
    got: list[Page] = []
    try:
        for page in pages:
            got.append(page)
    except (TransportError, FeedContentError) as error:
        return got, error
    return got, None


def read_one(folder: Folder, **options: Any) -> tuple[list[RawRow], list[RowProblem], Exception | None]:
    pages, error = read_all(folder.connector(**options).read(None))
    return [r for p in pages for r in p.rows], [q for p in pages for q in p.problems], error


def values(rows: list[RawRow]) -> list[dict[str, Any]]:
    return [dict(row.values) for row in rows]


# ---- CSV in the wild -----------------------------------------------------------
def test_rows_carry_file_and_line_even_after_quoted_newlines(folder: Folder) -> None:
    folder.put("r.csv", 'id,note\r\n1,"two\r\nlines, ""quoted"""\r\n2,plain\r\n')
    rows, problems, error = read_one(folder)
    assert (problems, error) == ([], None)
    assert values(rows) == [{"id": "1", "note": 'two\r\nlines, "quoted"'}, {"id": "2", "note": "plain"}]
    assert [row.position for row in rows] == ["r.csv:2", "r.csv:4"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiter_and_byte_order_mark_are_recognised(folder: Folder, delimiter: str, encoding: str) -> None:
    text = delimiter.join(["id", '"a,b;c"', "näme"]) + "\n" + delimiter.join(["1", "x", "ü"]) + "\n"
    folder.put("r.csv", text.encode(encoding))
    rows, problems, error = read_one(folder)
    assert (problems, error) == ([], None)
    assert values(rows) == [{"id": "1", "a,b;c": "x", "näme": "ü"}]


def test_too_few_and_too_many_fields_are_problems_with_their_line(folder: Folder) -> None:
    folder.put("r.csv", "a,b,c\n1,2\n1,2,3,4\n1,2,3,,\n\n,,\n4,5,6\n")
    rows, problems, error = read_one(folder)
    assert error is None
    assert [row.position for row in rows] == ["r.csv:4", "r.csv:7"]
    assert [(p.position, p.reason, p.raw_text) for p in problems] == [
        ("r.csv:2", "2 fields, expected 3", "1,2"),
        ("r.csv:3", "4 fields, expected 3", "1,2,3,4"),
    ]


def test_a_truncated_last_line_is_named_and_the_rest_is_kept(folder: Folder) -> None:
    folder.put("r.csv", "a,b,c\n1,2,3\n4,5")
    rows, problems, _ = read_one(folder)
    assert len(rows) == 1
    assert problems[0].position == "r.csv:3"
    assert "ends in the middle of this line" in problems[0].reason


def test_an_unclosed_quote_costs_its_own_line_only(folder: Folder) -> None:
    folder.put("r.csv", 'a,b\n1,"open\n2,x\n3,"y"\n4,"tail')
    rows, problems, _ = read_one(folder)
    assert [row.values["a"] for row in rows] == ["2", "3"]
    assert [p.position for p in problems] == ["r.csv:2", "r.csv:5"]
    assert {p.reason for p in problems} == {"a quoted field is never closed"}


def test_an_inch_mark_inside_a_field_is_text(folder: Folder) -> None:
    folder.put("r.csv", 'a,b\n1,5" pipe\n2,6" pipe\n3,"7"" pipe"\n')
    rows, problems, _ = read_one(folder)
    assert problems == []
    assert [row.values["b"] for row in rows] == ['5" pipe', '6" pipe', '7" pipe']


def test_text_after_a_closing_quote_is_a_problem(folder: Folder) -> None:
    folder.put("r.csv", 'a,b\n1,"x" y\n2,z\n')
    rows, problems, _ = read_one(folder)
    assert [row.values["a"] for row in rows] == ["2"]
    assert problems[0].reason == "text beside a quoted field"


def test_bytes_of_another_encoding_are_named_with_their_position(folder: Folder) -> None:
    folder.put("r.csv", "id,name\n1,Müller\n".encode() + "2,Müller\n".encode("cp1252") + b"3,x\0y\n4,ok\n")
    rows, problems, _ = read_one(folder)
    assert [row.values["id"] for row in rows] == ["1", "4"]
    assert [(p.position, p.reason) for p in problems] == [
        ("r.csv:3", "byte 0xFC at column 4 does not fit the encoding"),
        ("r.csv:4", "holds a NUL byte"),
    ]
    assert problems[0].raw_text == r"2,M\xfcller"
    folder.put("s.csv", "id,name\n2,Müller\n".encode("cp1252"))
    rows, problems, _ = read_one(folder, pattern="s.csv", encoding="cp1252")
    assert (problems, rows[0].values["name"]) == ([], "Müller")


def test_a_utf_16_file_cut_in_half_a_character_is_refused_after_its_whole_rows(folder: Folder) -> None:
    folder.put("r.csv", "id,n\n1,x\n2,y\n".encode("utf-16")[:-1])
    rows, _, error = read_one(folder)
    assert isinstance(error, FeedContentError)
    assert error.where.startswith("r.csv:")
    assert len(rows) <= 2


def test_headers_are_translated_whatever_their_case_and_blanks(folder: Folder) -> None:
    folder.put("r.csv", " PO  Number ,QTY,Extra,,\n7,3,x,,\n")
    rows, _, _ = read_one(folder, columns={"po number": "order_number", "Qty": "quantity"})
    assert values(rows) == [{"order_number": "7", "quantity": "3", "Extra": "x"}]


def test_titles_are_skipped_and_names_may_be_given(folder: Folder) -> None:
    folder.put("r.csv", "Report of Monday\nprinted at 8\nid,n\n1,2\n")
    assert values(read_one(folder, skip_rows=2)[0]) == [{"id": "1", "n": "2"}]
    assert values(read_one(folder, header_row=3, delimiter=",")[0]) == [{"id": "1", "n": "2"}]
    rows = read_one(folder, skip_rows=3, no_header=["a", "b"], delimiter=",")[0]
    assert values(rows) == [{"a": "1", "b": "2"}]
    assert rows[0].position == "r.csv:4"


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ("", {}, "empty"),
        ("id,n,ID\n", {"columns": {"ID": "id"}}, "'id' stands in field 1 and in field 3"),
        ("order_nr,n\n1,2\n", {"required": ["order_no"]}, "did you mean 'order_nr'"),
        (
            "id,quantity\n1,2\n",
            {"decimal_comma": ["quantiy"]},
            "no column 'quantiy' (did you mean 'quantity'",
        ),
        ('"id,n\n1,2\n', {}, "header"),
        (",,\n", {}, "no column has a name"),
    ],
)
def test_a_header_that_is_not_as_agreed_refuses_the_file(
    folder: Folder, content: str, options: dict[str, Any], said: str
) -> None:
    folder.put("r.csv", content)
    rows, _, error = read_one(folder, **options)
    assert rows == []
    assert isinstance(error, FeedContentError)
    assert said in error.message
    assert error.where == "r.csv:1"


def test_decimal_commas_become_points_where_they_are_numbers(folder: Folder) -> None:
    folder.put("r.csv", "id;price;n;account\n1.234;1.234,50;-3,5;1.234\n")
    assert values(read_one(folder, decimal_comma=True)[0]) == [
        {"id": "1.234", "price": "1234.50", "n": "-3.5", "account": "1.234"}
    ]
    assert values(read_one(folder, decimal_comma=["price", "id"])[0]) == [
        {"id": "1234", "price": "1234.50", "n": "-3,5", "account": "1.234"}
    ]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("50,00-", "-50.00"),
        ("50,00 -", "-50.00"),
        ("(50,00)", "-50.00"),
        ("( 1.234,50 )", "-1234.50"),
        ("- 50,00", "-50.00"),
        ("+50,00", "50.00"),
        ("1.234,50-", "-1234.50"),
        ("1.234.567,89", "1234567.89"),
        ("1 234,50", "1234.50"),
        ("1\u00a0234\u00a0567,5", "1234567.5"),
        ("1\u202f234,50", "1234.50"),
        ("-1 234,50", "-1234.50"),
        (",5", "0.5"),
        ("-,5", "-0.5"),
        ("0,0000001", "0.0000001"),
        ("1234,567", "1234.567"),
    ],
)
def test_a_number_with_a_decimal_comma_is_read_exactly(folder: Folder, written: str, number: str) -> None:
    folder.put("r.csv", f"a;b\n{written};x\n")
    for option in (True, ["a"]):
        assert values(read_one(folder, keep=True, decimal_comma=option)[0]) == [{"a": number, "b": "x"}]


NO_COMMA_NUMBERS = ["1.23,4", "1.2345,6", "12.34", "1234.567,8", "1.234 567,8", "0.500", "1 23,4", "1,2,3", "1.234,",
                    "-50,00-", "(-50,00)", "(50,00", "50,00)", "(50,00)-", "--5,0"]  # fmt: skip
NO_NUMBERS = [",", "-", "()", "5,0 EUR", "٣,٥"]


@pytest.mark.parametrize("written", [*NO_COMMA_NUMBERS, *NO_NUMBERS])
def test_what_is_no_number_with_a_decimal_comma_stays_as_it_is(folder: Folder, written: str) -> None:
    folder.put("r.csv", f"a;b\n{written};x\n")
    assert values(read_one(folder, decimal_comma=True)[0]) == [{"a": written, "b": "x"}]


@pytest.mark.parametrize("written", NO_COMMA_NUMBERS)
def test_a_column_that_must_have_decimal_commas_is_never_read_by_the_point(
    folder: Folder, written: str
) -> None:
    folder.put("r.csv", f"a;b\n{written};x\n7,50;y\n")
    rows, problems, _ = read_one(folder, decimal_comma=["a"])
    assert values(rows) == [{"a": "7.50", "b": "y"}]
    (problem,) = problems
    assert problem.position == "r.csv:2"
    assert "column 'a' is no number with a decimal comma" in problem.reason
    assert f"'{written}'" not in problem.reason  # nobody has said how sensitive it is


@pytest.mark.parametrize("written", NO_NUMBERS)
def test_what_is_no_number_at_all_is_left_to_the_mapping(folder: Folder, written: str) -> None:
    folder.put("r.csv", f"a;b\n{written};x\n")
    assert values(read_one(folder, decimal_comma=["a"])[0]) == [{"a": written, "b": "x"}]


def test_zeros_that_a_spreadsheet_dropped_are_put_back(folder: Folder) -> None:
    folder.put("r.csv", "item,n\n42,1\nA7,2\n00042,3\n")
    rows, _, _ = read_one(folder, pad={"item": 5})
    assert [row.values["item"] for row in rows] == ["00042", "A7", "00042"]


def test_blank_fields_are_absent_values(folder: Folder) -> None:
    folder.put("r.csv", 'a,b,c\n1,,"  "\n')
    assert values(read_one(folder)[0]) == [{"a": "1", "b": None, "c": None}]


# ---- trailers ------------------------------------------------------------------
TRAILER = {"trailer": {"first_field": "TRL", "count_field": 2}}


def test_a_trailer_that_agrees_is_not_a_row(folder: Folder) -> None:
    folder.put("r.csv", "a,b\n1,2\n3\nTRL,2\n\n")
    rows, problems, error = read_one(folder, **TRAILER)
    assert error is None
    assert (len(rows), len(problems)) == (1, 1)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("TRL,3\n", "says 3, the file holds 2"),
        ("TRL,x\n", "says x"),
        ("TRL\n", "says nothing"),
        ("", "delivered by halves"),
        ("TRL,2\n9,9\n", "follow the trailer"),
    ],
)
def test_a_trailer_that_disagrees_means_nothing_of_the_file_is_read(
    folder: Folder, end: str, said: str
) -> None:
    folder.put("bad.csv", "a,b\n1,2\n3,4\n" + end)
    folder.put("good.csv", "a,b\n5,6\nTRL,1\n")
    rows, _, error = read_one(folder, **TRAILER)
    assert [row.position for row in rows] == ["good.csv:2"]
    assert isinstance(error, FeedContentError)
    assert said in error.message
    assert error.where.startswith("bad.csv")


# ---- workbooks, JSON, gzip -----------------------------------------------------
def workbook(path: Path, rows: list[list[Any]], title: str = "Sheet") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path.read_bytes()


def test_a_workbook_keeps_dates_leading_zeros_and_exact_numbers(
    folder: Folder, tmp_path_factory: Any
) -> None:
    made = tmp_path_factory.mktemp("made") / "g.xlsx"
    at = datetime(2026, 11, 2, 8, 30)  # noqa: DTZ001 - a cell has no zone
    rows = [
        ["Grants extract"],
        ["Award", "From", "At", "Amount", "Units", "Active", "Time", "Took", "None"],
        [
            "00123",
            date(2026, 11, 2),
            at,
            0.1 + 0.2,
            5,
            True,
            time(8, 30),
            timedelta(hours=30),
        ],
        [],
        [42, None, None, 12.5, 1e15, False],
    ]
    folder.put("g.xlsx", workbook(made, rows))
    got, problems, error = read_one(folder, pattern="*.xlsx", format="xlsx", skip_rows=1, pad={"Award": 5})
    assert (problems, error) == ([], None)
    assert got[0].values == {
        "Award": "00123",
        "From": "2026-11-02",
        "At": "2026-11-02T08:30:00",
        "Amount": "0.3",
        "Units": "5",
        "Active": "true",
        "Time": "08:30:00",
        "Took": "108000",
        "None": None,
    }
    assert (got[1].position, got[1].values["Award"], got[1].values["Units"]) == (
        "g.xlsx:5",
        "00042",
        "1000000000000000",
    )


def test_a_workbook_that_is_none_or_lacks_the_sheet_is_refused(folder: Folder, tmp_path_factory: Any) -> None:
    folder.put("a.xlsx", "not a workbook")
    folder.put("b.xlsx", workbook(tmp_path_factory.mktemp("made") / "b.xlsx", [["a"], [1]], "Data"))
    rows, _, error = read_one(folder, pattern="*.xlsx", format="xlsx", sheet="Awards")
    assert rows == []
    assert isinstance(error, FeedContentError)
    assert error.where == "a.xlsx"
    assert "1 more: b.xlsx" in error.message
    folder.put("c.xlsx", (folder.root / "b.xlsx").read_bytes()[:1500])
    _, _, error = read_one(folder, pattern="c.xlsx", format="xlsx")
    assert isinstance(error, FeedContentError)


def test_a_json_document_is_read_exactly(folder: Folder) -> None:
    folder.put(
        "d.json", '{"data": {"rows": [{"id": 1, "p": 0.10, "n": {"x": 1.50}}, {"id": 2, "id": 3}, 4]}}'
    )
    rows, problems, _ = read_one(folder, pattern="*.json", format="json", records="data.rows")
    assert values(rows) == [{"id": 1, "p": Decimal("0.10"), "n": '{"x":1.50}'}]
    assert [p.position for p in problems] == ["d.json:row 2", "d.json:row 3"]


@pytest.mark.parametrize(
    "content", ['{"rows": [', '{"other": []}', '{"rows": [], "rows": []}', b'{"rows": ["\xff"]}']
)
def test_a_json_document_of_another_shape_is_refused(folder: Folder, content: Any) -> None:
    folder.put("d.json", content)
    _, _, error = read_one(folder, pattern="*.json", format="json", records="rows")
    assert isinstance(error, FeedContentError)
    assert error.where == "d.json"


def test_a_bad_line_of_ndjson_stands_aside(folder: Folder) -> None:
    folder.put("d.ndjson", b'{"id": 1}\n{"id": 2,}\n\n[3]\n{"id": "\xff"}\n{"id": 4}\n{"id": 5, "n"')
    rows, problems, error = read_one(folder, pattern="*.ndjson", format="ndjson")
    assert error is None
    assert [row.position for row in rows] == ["d.ndjson:1", "d.ndjson:6"]
    assert [p.position for p in problems] == ["d.ndjson:2", "d.ndjson:4", "d.ndjson:5", "d.ndjson:7"]
    assert "0xFF" in problems[2].reason
    assert "ends in the middle" in problems[3].reason


def test_gzip_is_recognised_and_a_half_one_is_refused_before_any_row(folder: Folder) -> None:
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 5000)
    folder.put("whole.csv.gz", packed)
    folder.put("half.csv.gz", packed[:-20])
    rows, _, error = read_one(folder, pattern="*.csv.gz")
    assert len(rows) == 5000
    assert {row.position.split(":")[0] for row in rows} == {"whole.csv.gz"}
    assert isinstance(error, FeedContentError)
    assert error.where == "half.csv.gz"


# ---- how files come and go -----------------------------------------------------
def test_files_are_read_oldest_first_and_each_is_remembered_by_its_last_page(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "PAGE_SIZE", 2)
    folder.put("b.csv", "a\n1\n2\n3\n", age=100)
    folder.put("a.csv", "a\n4\n", age=50)
    pages, _ = read_all(folder.connector().read(None))
    assert [[row.position for row in page.rows] for page in pages] == [
        ["b.csv:2", "b.csv:3"],
        ["b.csv:4"],
        ["a.csv:2"],
    ]
    assert pages[0].watermark is None
    again, _ = read_all(folder.connector().read(pages[1].watermark))
    assert [row.position for page in again for row in page.rows] == ["a.csv:2"]


def test_the_same_content_under_another_name_is_not_read_twice(folder: Folder) -> None:
    folder.put("r.csv", "a\n1\n")
    source = folder.connector()
    pages, _ = read_all(source.read(None))
    source.acknowledge()
    folder.put("r-again.csv", "a\n1\n")
    source = folder.connector()
    again, error = read_all(source.read(pages[-1].watermark))
    assert error is None
    assert [row for page in again for row in page.rows] == []
    source.acknowledge()
    assert folder.names() == ["archive/r-again.csv", "archive/r.csv"]


def test_nothing_moves_before_acknowledge_and_what_was_not_is_caught_up(
    folder: Folder,
) -> None:
    folder.put("r.csv", "a\n1\n")
    pages, _ = read_all(folder.connector().read(None))
    assert folder.names() == ["r.csv"]
    later = folder.connector()
    again, _ = read_all(later.read(pages[-1].watermark))
    assert [row for page in again for row in page.rows] == []
    later.acknowledge()
    later.acknowledge()
    assert folder.names() == ["archive/r.csv"]


def test_an_archived_namesake_is_kept_and_a_file_replaced_since_is_not_moved(folder: Folder) -> None:
    folder.put("archive/r.csv", "a\n0\n")
    folder.put("r.csv", "a\n1\n")
    source = folder.connector()
    read_all(source.read(None))
    source.acknowledge()
    assert (folder.root / "archive/r.csv").read_text() == "a\n0\n"
    assert len(folder.names()) == 2
    folder.put("s.csv", "a\n2\n")
    read_all(source.read(None))
    folder.put("s.csv", "a\n2\n3\n", age=1)
    source.acknowledge()
    assert "s.csv" in folder.names()


def test_a_refused_file_is_reported_until_it_is_delivered_again(folder: Folder) -> None:
    folder.put("r.csv", "a,b\n1,2\nTRL,2\n")
    source = folder.connector(**TRAILER)
    read_all(source.read(None))
    source.acknowledge()
    assert folder.names() == ["errors/r.csv"]
    pages, error = read_all(folder.connector(**TRAILER).read(None))
    assert isinstance(error, FeedContentError)
    assert error.where == "errors/r.csv"
    folder.put("r.csv", "a,b\n1,2\n3,4\nTRL,2\n")
    source = folder.connector(**TRAILER)
    pages, _ = read_all(source.read(None))
    assert sum(len(page.rows) for page in pages) == 2
    source.acknowledge()
    assert [name.split("/")[0] for name in folder.names()] == ["archive", "archive"]
    assert read_all(folder.connector(**TRAILER).read(pages[-1].watermark))[1] is None


def test_a_refused_file_is_let_go_when_a_newer_one_was_read_whole(folder: Folder) -> None:
    folder.put("r1.csv", "a,b\n1,2\nTRL,2\n", age=60)
    source = folder.connector(**TRAILER)
    pages, error = read_all(source.read(None))
    assert error is not None and "r1.csv" in [problem.position for problem in pages[0].problems]
    source.acknowledge()
    folder.put("r0.csv", "a,b\n5,6\nTRL,1\n", age=90)
    source = folder.connector(**TRAILER)
    pages, error = read_all(source.read(None))
    assert error is not None, "an older file says nothing of what came later"
    source.acknowledge()
    folder.put("r2.csv", "a,b\n3,4\nTRL,1\n", age=30)
    source = folder.connector(**TRAILER)
    pages, error = read_all(source.read(pages[-1].watermark))
    assert error is None
    source.acknowledge()
    assert folder.names() == ["archive/r0.csv", "archive/r2.csv", "errors/r1.csv"]
    assert read_all(folder.connector(**TRAILER).read(pages[-1].watermark)) == ([], None)


def test_a_file_without_its_end_is_waited_for_while_it_is_young(folder: Folder) -> None:
    half = folder.put("r.csv", "a,b\n1,2\n", age=0)

    def grow() -> None:
        half.write_text("a,b\n1,2\n3,4\n")

    folder.while_asleep = grow
    source = folder.connector(**TRAILER)
    assert read_all(source.read(None)) == ([], None)
    source.acknowledge()
    assert folder.names() == ["r.csv"]


def test_a_file_that_grew_since_it_was_refused_is_not_moved(folder: Folder) -> None:
    folder.put("r.csv", "a,b\n1,2\n")
    source = folder.connector(**TRAILER)
    assert read_all(source.read(None))[1] is not None
    folder.put("r.csv", "a,b\n1,2\nTRL,1\n", age=30)
    source.acknowledge()
    assert folder.names() == ["r.csv"]


def test_a_file_still_being_written_is_waited_for_and_left_if_it_grows(folder: Folder) -> None:
    folder.put("young.csv", "a\n1\n", age=0.5)
    growing = folder.put("growing.csv", "a\n1\n", age=0)

    def grow() -> None:
        growing.write_text("a\n1\n2\n")

    folder.while_asleep = grow
    rows, _, error = read_one(folder)
    assert error is None
    assert [row.position for row in rows] == ["young.csv:2"]
    assert folder.slept == [pytest.approx(2)]


def test_a_long_settling_time_does_not_hold_up_the_run(folder: Folder) -> None:
    folder.put("r.csv", "a\n1\n", age=60)
    drop = Drop(
        FilesConnection(root=str(folder.root), settle=timedelta(minutes=5)),
        sleep=folder._sleep,
        now=lambda: NOW,
    )
    assert drop.finished("*.csv") == []
    assert folder.slept == []


@pytest.mark.parametrize("name", ["r.csv.part", ".r.csv", "r.csv~", "R.CSV.TMP"])
def test_unfinished_transfers_and_hidden_files_are_left_alone(folder: Folder, name: str) -> None:
    folder.put(name, "a\n1\n")
    assert read_one(folder, pattern="*") == ([], [], None)


def test_a_link_and_a_pipe_are_no_files(folder: Folder, tmp_path_factory: Any) -> None:
    """A link may lead out of the folder; whoever opens a pipe waits for ever."""
    outside = tmp_path_factory.mktemp("elsewhere") / "secret.csv"
    outside.write_text("a\n1\n")
    (folder.root / "link.csv").symlink_to(outside)
    os.mkfifo(folder.root / "pipe.csv")
    folder.put("plain.csv", "a\n2\n")
    connector = folder.connector()
    pages, error = read_all(connector.read(None))
    assert error is None and [row.values for page in pages for row in page.rows] == [{"a": "2"}]
    connector.acknowledge()
    assert "link.csv, pipe.csv" in connector.nothing_found()


def test_a_name_that_is_not_utf_8_is_told_in_bytes_that_are(folder: Folder) -> None:
    (folder.root / os.fsdecode(b"caf\xe9.csv")).write_text("a\n1\n")
    (folder.root / os.fsdecode(b"bad\xe9.csv")).write_bytes(b"a,a\n1,1\n")
    connector = folder.connector()
    pages, error = read_all(connector.read(None))
    assert [row.position for page in pages for row in page.rows] == ["caf\\xe9.csv:2"]
    assert str(error).encode().startswith(b"bad\\xe9.csv:1: column 'a' stands")
    connector.acknowledge()
    assert folder.names() == ["archive/caf\\xe9.csv", "errors/bad\\xe9.csv"]


def test_kept_files_stay_and_are_read_again_only_when_they_change(folder: Folder) -> None:
    folder.put("r.csv", "a\n1\n")
    source = folder.connector(keep=True)
    pages, _ = read_all(source.read(None))
    source.acknowledge()
    assert folder.names() == ["r.csv"]
    assert list(folder.connector(keep=True).read(pages[-1].watermark)) == []
    folder.put("r.csv", "a\n1\n2\n", age=30)
    pages, _ = read_all(folder.connector(keep=True).read(pages[-1].watermark))
    assert [row.values["a"] for row in pages[0].rows] == ["1", "2"]


def test_nothing_delivered_is_no_page_and_an_empty_snapshot_is_one(
    folder: Folder,
) -> None:
    assert list(folder.connector("snapshot").read(None)) == []
    folder.put("r.csv", "a\n")
    pages, _ = read_all(folder.connector("snapshot").read(None))
    assert [page.rows for page in pages] == [[]]
    assert list(folder.connector("snapshot", keep=True).read(pages[0].watermark)) == []


@pytest.mark.parametrize(
    ("read", "refused"),
    [
        ({}, True),
        ({"format": "json"}, True),
        ({"format": "xml", "records": "A.B"}, True),
        ({"format": "x12", "transactions": ["850"]}, True),
        ({"format": "hl7"}, True),
        ({"format": "ndjson"}, False),
        ({"format": "fixed", "layout": {"a": "1-3"}}, False),
        ({"no_header": ["a"]}, False),
    ],
)
def test_a_file_without_any_bytes_is_empty_only_where_nothing_stands_around_rows(
    folder: Folder, read: dict[str, Any], refused: bool
) -> None:
    folder.put("r.csv", "")
    pages, error = read_all(folder.connector("snapshot", **read).read(None))
    assert isinstance(error, FeedContentError) is refused
    assert [page.rows for page in pages] == ([] if refused else [[]])


def test_a_snapshot_of_several_files_is_read_whole_when_one_of_them_changes(folder: Folder) -> None:
    folder.put("a.csv", "a\n1\n")
    folder.put("b.csv", "a\n2\n")
    pages, _ = read_all(folder.connector("snapshot", keep=True).read(None))
    assert [page.watermark for page in pages][:-1] == [None]
    folder.put("b.csv", "a\n3\n", age=10)
    pages, _ = read_all(folder.connector("snapshot", keep=True).read(pages[-1].watermark))
    assert sorted(row.values["a"] for page in pages for row in page.rows) == ["1", "3"]


def test_a_snapshot_that_goes_back_to_an_earlier_content_is_read_again(folder: Folder) -> None:
    mark = None
    for content in ("a\n1\n", "a\n2\n", "a\n1\n"):
        folder.put("r.csv", content)
        source = folder.connector("snapshot")
        pages, _ = read_all(source.read(mark))
        source.acknowledge()
        assert len(pages) == 1
        mark = pages[-1].watermark


def test_a_snapshot_with_a_refused_file_moves_nothing_and_keeps_its_watermark(folder: Folder) -> None:
    folder.put("a.csv", "a\n1\nTRL,1\n")
    folder.put("b.csv", "a\n2\nTRL,9\n")
    source = folder.connector("snapshot", **TRAILER)
    pages, error = read_all(source.read(None))
    assert error is not None
    assert [page.watermark for page in pages] == [None]
    source.acknowledge()
    assert folder.names() == ["a.csv", "b.csv"]


def test_of_dated_full_extracts_only_the_newest_is_read(folder: Folder) -> None:
    folder.put("full-1.csv", "a\n1\n", age=100)
    folder.put("full-2.csv", "a\n2\n", age=50)
    source = folder.connector("snapshot", take="newest")
    pages, _ = read_all(source.read(None))
    assert [row.values["a"] for page in pages for row in page.rows] == ["2"]
    source.acknowledge()
    assert folder.names() == ["archive/full-1.csv", "archive/full-2.csv"]


def test_the_memory_of_digests_is_bounded_but_never_forgets_what_lies_there(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exceptions_app.connectors.files.memory.REMEMBERED", 2)
    mark = None
    for number in range(5):
        folder.put(f"{number}.csv", f"a\n{number}\n", age=100 - number)
    pages, _ = read_all(folder.connector(keep=True).read(mark))
    pages, _ = read_all(folder.connector(keep=True).read(pages[-1].watermark))
    assert pages == []
    for name in folder.names()[1:]:
        (folder.root / name).unlink()
    pages, _ = read_all(
        folder.connector(keep=True).read(json.dumps({"digests": list("abcd"), "present": {}}))
    )
    assert len(json.loads(pages[-1].watermark or "")["digests"]) == 3


def test_a_folder_that_is_not_there_may_come_back(tmp_path: Path) -> None:
    pages, error = read_all(Folder(tmp_path / "mount").connector().read(None))
    assert pages == []
    assert isinstance(error, TransportError)
    assert not error.permanent
    assert str(tmp_path / "mount") in error.where


def test_the_root_may_be_another_file_system_named_by_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/drop/r.csv", b"a\n1\n")
    monkeypatch.setenv("DROP", "memory://drop")
    drop = Drop(FilesConnection(root="env:DROP"), sleep=lambda _: None)
    source = FilesConnector(drop, FilesRead(pattern="*.csv"))
    pages, error = read_all(source.read(None))
    source.acknowledge()
    try:
        assert error is None
        assert [row.position for row in pages[0].rows] == ["r.csv:2"]
        assert memory.exists("/drop/archive/r.csv")
    finally:
        memory.rm("/drop", recursive=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pattern": "../secret.csv"}, "below root"),
        ({"pattern": "/etc/*"}, "below root"),
        ({"pattern": "a", "encoding": "klingon"}, "expected an encoding"),
        ({"pattern": "a", "delimiter": ",,"}, "expected one character"),
        ({"pattern": "a", "format": "json", "trailer": {}}, "no trailer"),
        ({"pattern": "a", "no_header": ["x", "x"]}, "twice"),
    ],
)
def test_file_options_that_cannot_work_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FilesRead.model_validate(options)
