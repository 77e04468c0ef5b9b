"""The formats beside CSV and workbooks, and what all of them promise: totals, dates, archives."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from exceptions_app.connectors.base import FeedContentError, RawRow, RowProblem
from exceptions_app.connectors.columnar import ColumnRows
from exceptions_app.connectors.files import formats, xlsb
from exceptions_app.connectors.files.connector import FilesConnector
from exceptions_app.connectors.files.content import fetch
from exceptions_app.connectors.files.drop import Drop
from exceptions_app.connectors.files.options import FilesConnection, FilesRead


def read(data: str | bytes, name: str = "f.txt", **options: Any) -> tuple[list[RawRow], list[RowProblem]]:
    wanted = FilesRead.model_validate({"pattern": "*", **options})
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    content = fetch(stream, name, wanted.compression, member=wanted.member, workbook=wanted.format == "xlsx")
    found = list(formats.READERS[wanted.format](content, wanted))
    rows = [row for item in found for row in (item if isinstance(item, ColumnRows) else [item])]
    return [r for r in rows if isinstance(r, RawRow)], [p for p in rows if isinstance(p, RowProblem)]


def values(data: str | bytes, **options: Any) -> list[dict[str, Any]]:
    rows, problems = read(data, **options)
    assert problems == []
    return [dict(row.values) for row in rows]


# ---- fixed width ---------------------------------------------------------------
LAYOUT = {
    "layout": {"item": "2-6", "quantity": {"at": "7-13", "decimals": 2}, "unit": "14-16"},
    "format": "fixed",
}


def test_a_fixed_width_line_is_cut_at_its_characters_and_pointed_where_no_point_is_written() -> None:
    text = "HWMS 20261122\nD000420001250EA \nD00043000005-CA \n"
    rows, problems = read(text, starts="D", **LAYOUT)
    assert problems == []
    assert [dict(row.values) for row in rows] == [
        {"item": "00042", "quantity": "12.50", "unit": "EA"},
        {"item": "00043", "quantity": "-0.05", "unit": "CA"},
    ]
    assert [row.position for row in rows] == ["f.txt:2", "f.txt:3"]


def test_a_fixed_width_line_that_is_too_short_stands_aside() -> None:
    rows, (problem,) = read("D000420001250EA \nD00043\n", **LAYOUT)
    assert len(rows) == 1
    said = "the line ends at character 6, its last column begins at 14"
    assert (problem.position, problem.reason) == ("f.txt:2", said)


FIXED_TRAILER = {
    "first_field": "T", "count_at": "2-4", "total_column": "quantity", "total_at": "5-13", "total_decimals": 2
}  # fmt: skip


def test_a_fixed_width_trailer_counts_and_adds_up() -> None:
    rows = "D000420001250EA \nD000430000050CA \n"
    assert len(values(f"{rows}T002000001300\n", trailer=FIXED_TRAILER, **LAYOUT)) == 2
    with pytest.raises(FeedContentError, match="the trailer says 3, the file holds 2 rows"):
        values(f"{rows}T003000001300\n", trailer=FIXED_TRAILER, **LAYOUT)
    with pytest.raises(
        FeedContentError, match=r"the trailer says 99\.00, 'quantity' of the rows adds up to 13.00"
    ):
        values(f"{rows}T002000009900\n", trailer=FIXED_TRAILER, **LAYOUT)
    with pytest.raises(FeedContentError, match="no trailer 'T' after 2 rows"):
        values(rows, trailer=FIXED_TRAILER, **LAYOUT)


# ---- control totals ------------------------------------------------------------
TOTAL = {"trailer": {"total_column": "amount"}}


@pytest.mark.parametrize("total", ["10.25", "10.250", "+10.25"])
def test_a_total_that_agrees_is_compared_exactly(total: str) -> None:
    assert len(values(f"id,amount\n1,0.10\n2,(0.10)\n3,10.25\nTRL,3,{total}\n", **TOTAL)) == 3


def test_a_total_that_disagrees_refuses_the_file() -> None:
    with pytest.raises(
        FeedContentError, match=r"the trailer says 10\.26, 'amount' of the rows adds up to 10.25"
    ):
        read("id,amount\n1,10.25\nTRL,1,10.26\n", **TOTAL)
    with pytest.raises(FeedContentError, match="the trailer says nothing, 'amount'"):
        read("id,amount\n1,10.25\nTRL,1,\n", **TOTAL)


def test_a_total_is_not_compared_where_a_row_could_not_be_read() -> None:
    rows, problems = read("id,amount\n1,10.25\n2\nTRL,2,20.00\n", **TOTAL)
    assert (len(rows), len(problems)) == (1, 1)


def test_totals_with_decimal_commas_agree() -> None:
    text = "id;amount\n1;1.000,25\n2;50,00-\nTRL;2;950,25\n"
    assert len(values(text, decimal_comma=["amount"], **TOTAL)) == 2


def test_a_large_file_is_added_up_by_the_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "LARGE", 0)
    rows = "".join(f"{n},0.10\n" for n in range(100))
    assert len(values(f"id,amount\n{rows}TRL,100,10\n", **TOTAL)) == 100
    with pytest.raises(FeedContentError, match=r"adds up to 10\.00"):
        values(f"id,amount\n{rows}TRL,100,11\n", **TOTAL)


def test_a_document_that_counts_its_rows_is_held_to_it() -> None:
    control = {"count": "meta.count", "total": "meta.sum", "column": "amount"}
    text = '{"meta": {"count": %s, "sum": 3.5}, "rows": [{"amount": 1.5}, {"amount": 2}]}'
    options: dict[str, Any] = {"format": "json", "records": "rows", "control": control}
    assert len(values(text % 2, **options)) == 2
    with pytest.raises(FeedContentError, match=r"the document \(meta.count\) says 3, the file holds 2 rows"):
        values(text % 3, **options)


# ---- dates ---------------------------------------------------------------------
def test_a_column_of_dates_may_have_several_forms() -> None:
    text = "d\n22/11/2026\n20261121\n20 Nov 2026\n19/11/2026 08:30\n46345\n2026-11-18\nsoon\n"
    forms = ["dd/mm/yyyy hh:mi", "dd/mm/yyyy", "yyyymmdd", "dd mon yyyy", "excel"]
    found = [row["d"] for row in values(text, dates={"d": forms})]
    assert found == ["2026-11-22", "2026-11-21", "2026-11-20", "2026-11-19T08:30:00", "2026-11-19", "2026-11-18",
                     "soon"]  # fmt: skip


def test_a_date_without_separators_has_all_of_its_digits() -> None:
    """Of 1112026 nobody can say whether it is the first or the eleventh."""
    forms = {"d": ["ddmmyyyy", "yyyymmddhhmiss"]}
    found = [row["d"] for row in values("d\n01112026\n1112026\n20261101083000\n2026110183000\n", dates=forms)]
    assert found == ["2026-11-01", "1112026", "2026-11-01T08:30:00", "2026110183000"]


def test_a_day_that_does_not_exist_is_left_for_the_mapping_to_refuse() -> None:
    assert values("d\n31/02/2026\n", dates={"d": ["dd/mm/yyyy"]}) == [{"d": "31/02/2026"}]


def test_dates_of_a_column_that_the_file_lacks_refuse_it() -> None:
    with pytest.raises(FeedContentError, match=r"no column 'paid' \(did you mean 'paid_on'\)"):
        read("paid_on\n1\n", dates={"paid": ["dd/mm/yyyy"]})
    known = {f"a{n}": f"b{n}" for n in range(40)}
    with pytest.raises(FeedContentError, match=r"found renamed, b0, .* and 11 more\).*`columns` says"):
        read(",".join([*known, "renamed"]) + "\n", columns=known, required=["paid"])


# ---- XML and nested JSON -------------------------------------------------------
ORDERS = """<?xml version="1.0"?>
<o:Orders xmlns:o="urn:x" count="2"><Order id="7"><Number>PO-1</Number><Vendor><Code>V1</Code></Vendor>
<Line no="1"><Item>A&amp;B</Item><Qty>2</Qty></Line><Line no="2"><Item>C</Item><Qty>1</Qty><Note/></Line>
</Order><Order id="8"><Number>PO-2</Number><Line no="1"><Item>D</Item><Qty>4</Qty></Line></Order></o:Orders>"""


def test_xml_rows_know_what_they_stand_in() -> None:
    rows = values(ORDERS, format="xml", records="Orders.Order.Line")
    assert [(r["Orders.Order.Number"], r["@no"], r["Item"], r["Qty"]) for r in rows] == [
        ("PO-1", "1", "A&B", "2"), ("PO-1", "2", "C", "1"), ("PO-2", "1", "D", "4")
    ]  # fmt: skip
    assert rows[0]["Orders.Order.Vendor.Code"] == "V1"
    assert rows[1]["Note"] is None


def test_xml_that_counts_itself_is_held_to_it() -> None:
    options: dict[str, Any] = {
        "format": "xml",
        "records": "Orders.Order",
        "control": {"count": "Orders.@count"},
    }
    assert len(values(ORDERS, **options)) == 2
    with pytest.raises(FeedContentError, match="says 9, the file holds 2 rows"):
        values(ORDERS.replace('count="2"', 'count="9"'), **options)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<Orders><Order>", "not XML"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><Orders/>', "DOCTYPE"),
        ("<Other><Order/></Other>", "no list of rows"),
        ("<Orders><Orderr/></Orders>", "no list of rows"),
    ],
)
def test_xml_of_another_shape_is_refused(text: str, said: str) -> None:
    with pytest.raises(FeedContentError, match=said):
        values(text, format="xml", records="Orders.Order")


def test_an_empty_xml_list_is_no_rows() -> None:
    assert values("<Orders/>", format="xml", records="Orders.Order") == []


def test_json_lines_inside_orders_come_with_their_order() -> None:
    text = '{"orders": [{"number": "1", "lines": [{"q": 1.50}, {"q": 2}]}, {"number": "2", "lines": []}]}'
    found = values(text, format="json", records="orders.lines")
    assert [(row["orders.number"], str(row["q"])) for row in found] == [("1", "1.50"), ("1", "2")]


# ---- zip -----------------------------------------------------------------------
def zipped(**files: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return stream.getvalue()


def test_a_zip_of_one_file_is_recognised_and_named_in_places() -> None:
    rows, _ = read(zipped(orders="a\n1\n"), "d.zip")
    assert [row.position for row in rows] == ["d.zip/orders:2"]


def test_a_zip_of_several_files_needs_to_know_which() -> None:
    data = zipped(orders="a\n1\n", readme="hello")
    assert values(data, member="ord*") == [{"a": "1"}]
    with pytest.raises(FeedContentError, match=r"2 files in it fit '\*' \(it holds orders, readme\)"):
        values(data)
    with pytest.raises(FeedContentError, match="broken zip"):
        values(data[:-30], compression="zip")


def test_a_workbook_is_not_taken_for_a_zip_and_its_numbers_not_for_texts_with_commas() -> None:
    book = openpyxl.Workbook()
    book.active.append(["amount", "text"])  # type: ignore[union-attr]
    book.active.append([12.34, "1.234,50"])  # type: ignore[union-attr]
    stream = io.BytesIO()
    book.save(stream)
    found = values(stream.getvalue(), format="xlsx", decimal_comma=["amount", "text"])
    assert found == [{"amount": "12.34", "text": "1234.50"}]


# ---- HL7 -----------------------------------------------------------------------
MFN = ("MSH|^~\\&|HR|SITE|ERP|SITE|20261122||MFN^M02|1|P|2.3\rMFI|STF||UPD\r"
       "MFE|MAD|||s1\rSTF|s1|77|Roe^Jane^M|R|F\rMFE|MUP|||s2\rSTF|s2|78|Fu\\T\\Co^Al~Alias^B||M\r")  # fmt: skip
DFT = (
    "MSH|^~\\&|RIS|SITE|ERP|SITE|20261122||DFT^P03|9|P|2.4\rEVN|P03\rPID||1|900^^^MRN||NAME^SOME\r"
    "FT1|1||A|20261121|20261122|CG|92250^Photo^CPT||x|1\r"
    "FT1|2||B|20261121|20261122|CG|99213^Visit^CPT||x|2\r"
)


def test_each_entry_of_a_master_file_is_a_row() -> None:
    rows, problems = read(MFN, format="hl7")
    assert problems == []
    assert [(r.position, r.values["MFE_1"], r.values["STF_3_1"], r.values["MSH_9_2"]) for r in rows] == [
        ("f.txt:3", "MAD", "Roe", "M02"), ("f.txt:5", "MUP", "Fu&Co", "M02")
    ]  # fmt: skip
    assert rows[1].values["STF_3"] == "Fu&Co^Al~Alias^B"


def test_each_charge_is_a_row_with_what_stands_before_it() -> None:
    found = values(DFT.replace("\r", "\n"), format="hl7")
    assert [(row["FT1_3"], row["FT1_7_1"], row["FT1_10"], row["PID_3_1"]) for row in found] == [
        ("A", "92250", "1", "900"), ("B", "99213", "2", "900")
    ]  # fmt: skip


def test_a_batch_takes_the_feeds_messages_and_is_held_to_its_count() -> None:
    batch = f"FHS|^~\\&|A\rBHS|^~\\&|A\r{MFN}{DFT}BTS|2\rFTS|1\r"
    assert len(values(batch, format="hl7", messages=["DFT"])) == 2
    with pytest.raises(FeedContentError, match="BTS-1 says 3 messages, there are 2"):
        values(batch.replace("BTS|2", "BTS|3"), format="hl7")
    assert len(values(batch.replace("BTS|2", "BTS|3"), format="hl7", envelope="ignore")) == 4


def test_a_message_that_cannot_be_read_costs_no_other() -> None:
    rows, (problem,) = read(f"MSH|^~\\&|A\r{MFN}", format="hl7")
    assert len(rows) == 2
    assert problem.reason.startswith("not a message")


# ---- X12 -----------------------------------------------------------------------
def interchange(body: str, end: str = "~\n", mark: str = "*") -> str:
    isa = "ISA*00*          *00*          *ZZ*S              *ZZ*R              *261122*0800*U*00401*000000007*0*P*>"
    text = (f"{isa}{end}GS*PO*S*R*20261122*0800*1*X*004010{end}{body}{end}GE*1*1{end}IEA*1*000000007{end}")  # fmt: skip
    return text.replace("*", mark)


BODY = "ST*850*0001|BEG*00*SA*PO-1**20261122|PO1*1*5*EA*2.50**VN*A|PO1*2*3*EA*1**VN*B|CTT*2*{}|SE*6*0001"


@pytest.mark.parametrize(
    ("end", "mark"), [("~", "*"), ("\n", "*"), ("\r\n", "|"), ("'\r\n", "+"), ("\r", "*")]
)
def test_separators_are_what_the_interchange_says(end: str, mark: str) -> None:
    text = interchange(BODY.format(8).replace("|", end), end, mark)
    rows, problems = read(text * 2, format="x12", transactions=["850"])
    assert problems == []
    assert [(row.values["BEG_03"], row.values["PO1_02"], row.values["PO1_VN"]) for row in rows] == [
        ("PO-1", "5", "A"), ("PO-1", "3", "B")
    ] * 2  # fmt: skip


def test_a_sum_of_quantities_that_disagrees_refuses_the_order() -> None:
    rows, (problem,) = read(
        interchange(BODY.format(9).replace("|", "~\n")), format="x12", transactions=["850"]
    )
    assert (rows, problem.reason) == ([], "850 refused: CTT02 says 9, the quantities add up to 8")


def test_half_an_interchange_is_refused() -> None:
    text = interchange(BODY.format(8).replace("|", "~\n"))
    for cut in (text.index("SE*"), text.index("GE*"), text.index("IEA*")):
        with pytest.raises(FeedContentError, match="delivered by halves"):
            read(text[:cut], format="x12", transactions=["850"])
    with pytest.raises(FeedContentError, match="an interchange that begins with ISA"):
        read("hello", format="x12", transactions=["850"])


# ---- a file that says that another is whole -----------------------------------
def test_a_file_waits_for_the_one_that_says_that_it_is_whole(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    options = FilesRead(pattern="*", ready="{stem}.ok")

    def connector() -> FilesConnector:
        return FilesConnector(Drop(FilesConnection(root=str(tmp_path)), ready="{stem}.ok", now=lambda: now,
                                   sleep=lambda _: None), options)  # fmt: skip

    (tmp_path / "r.csv").write_text("a\n1\n")
    assert list(connector().read(None)) == []
    (tmp_path / "r.ok").write_text("")
    source = connector()
    assert [len(page.rows) for page in source.read(None)] == [1]
    source.acknowledge()
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["archive/r.csv", "archive/r.ok"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "fixed"}, "layout"),
        ({"layout": {"a": "1-3"}}, "layout"),
        ({"format": "fixed", "layout": {"a": "3-1"}}, "characters counted from 1"),
        ({"format": "fixed", "layout": {"a": "1-3"}, "trailer": {}}, "count_at"),
        ({"format": "xml"}, "records"),
        ({"format": "x12"}, "transactions"),
        ({"control": {"count": "a"}}, "control is for json and xml"),
        ({"format": "json", "control": {"total": "a"}}, "belong together"),
        ({"format": "json", "control": {}}, "count or the total"),
        ({"dates": {"d": ["dd/xx/yyyy"]}}, "dates.d: 'dd/xx/yyyy' is no form"),
        ({"dates": {"d": ["mm/yyyy"]}}, "needs a day"),
        ({"ready": "done"}, r"\{name\}"),
    ],
)
def test_options_that_cannot_work_say_what_to_change(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FilesRead.model_validate({"pattern": "*", **options})


# ---- what would take all the room there is -----------------------------------------
def far(row: int, column: int, value: object = "x", *, other: bool = False) -> bytes:
    """A workbook whose first sheet, or another one, has one cell far off."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["a", "b"])
    sheet.append([1, 2])
    cell = (book.create_sheet("Other") if other else sheet).cell(row, column)
    cell.value, cell.number_format = value, "0.00"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_with_a_cell_at_the_far_end_of_its_sheet_is_refused_before_it_is_laid_out() -> None:
    with pytest.raises(FeedContentError, match="spread over 1,048,576 rows and 16,384 columns"):
        read(far(1_048_576, 16_384), "far.xlsx", format="xlsx")
    assert values(far(1_048_576, 16_384, None), format="xlsx") == [{"a": "1", "b": "2"}]  # it holds nothing
    assert values(far(1_048_576, 16_384, other=True), format="xlsx") == [{"a": "1", "b": "2"}]


def binary(*cells: tuple[int, int], other: bool = False) -> bytes:
    """An xlsb whose sheet, or another one, has texts at these rows and columns (from 0)."""

    def record(kind: int, content: bytes = b"") -> bytes:
        head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
        return head + bytes([len(content)]) + content

    def text(said: str) -> bytes:
        return struct.pack("<I", len(said)) + said.encode("utf-16-le")

    def sheet(*places: tuple[int, int]) -> bytes:
        found = record(129) + record(148, struct.pack("<IIII", 0, 1, 0, 1)) + record(145)
        for row in sorted({row for row, _ in places}):
            found += record(0, struct.pack("<I", row) + bytes(21))
            for column in sorted(column for at, column in places if at == row):
                found += record(
                    6, struct.pack("<II", column, 0) + text("ab12"[row * 2 + column] if row < 2 else "x")
                )
        return found + record(146) + record(130)

    near = [(0, 0), (0, 1), (1, 0), (1, 1)]
    sheets = [sheet(*near), sheet(*cells)] if other else [sheet(*near, *cells)]
    book = record(131) + record(143)
    for number in range(1, len(sheets) + 1):
        book += record(156, struct.pack("<II", 0, number) + text(f"rId{number}") + text(f"S{number}"))
    links = "".join(
        f'<Relationship Id="rId{number}" Type="t" Target="worksheets/sheet{number}.bin"/>'
        for number in range(1, len(sheets) + 1)
    )
    parts = {f"xl/worksheets/sheet{number}.bin": content for number, content in enumerate(sheets, 1)}
    return archive(
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
            "xl/workbook.bin": book + record(144) + record(132),
            "xl/_rels/workbook.bin.rels": f"<Relationships>{links}</Relationships>",
            **parts,
        }
    )


def archive(parts: dict[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return out.getvalue()


def open_document(more: str = "", beside: str = "") -> bytes:
    """An ods with two columns and a row, with more rows behind them and more cells beside the last."""
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    rows = f"<table:table-row>{held('a')}{held('b')}</table:table-row>"
    rows += f"<table:table-row>{held('1')}{held('2')}{beside}</table:table-row>{more}"
    sheet = f'<table:table table:name="S">{rows}</table:table>'
    return archive(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
            "content.xml": f"<office:document-content {spaces}><office:body><office:spreadsheet>{sheet}"
            "</office:spreadsheet></office:body></office:document-content>",
        }
    )


def held(said: str, often: int = 1) -> str:
    repeated = f' table:number-columns-repeated="{often}"' if often > 1 else ""
    return (
        f'<table:table-cell office:value-type="string"{repeated}><text:p>{said}</text:p></table:table-cell>'
    )


def test_a_binary_workbook_with_a_far_cell_is_refused_too() -> None:
    with pytest.raises(FeedContentError, match="spread over 1,048,576 rows and 16,384 columns"):
        read(binary((1_048_575, 16_383)), "far.xlsb", format="xlsx")
    assert values(binary(), format="xlsx") == [{"a": "1", "b": "2"}]
    assert values(binary((1_048_575, 16_383), other=True), format="xlsx") == [{"a": "1", "b": "2"}]


def test_an_open_document_with_a_far_cell_or_one_that_stands_everywhere_is_refused_too() -> None:
    gap = '<table:table-row table:number-rows-repeated="1000000"><table:table-cell/></table:table-row>'
    for more, beside in (
        (f"{gap}<table:table-row>{held('x')}</table:table-row>", held("y", 200)),
        (f'<table:table-row table:number-rows-repeated="1048000">{held("x", 16_000)}</table:table-row>', ""),
        ("", f'<table:table-cell table:number-columns-repeated="99999999"/>{held("x")}'),
    ):
        with pytest.raises(FeedContentError, match="something stands far off the others"):
            read(open_document(more, beside), "far.ods", format="xlsx")
    empty = '<table:table-cell table:number-columns-repeated="16000"/>'
    assert values(open_document(gap, empty), format="xlsx") == [{"a": "1", "b": "2"}]


def test_records_of_a_binary_workbook_are_read_whatever_the_pieces_they_come_in() -> None:
    content = bytes([6, 3]) + b"abc" + bytes([148, 1, 130, 1]) + b"x" * 130 + bytes([0, 0])
    wanted = [(6, b"abc"), (148, b"x" * 130), (0, b"")]
    for size in (1, 2, 3, 7, 1000):
        pieces = [content[at : at + size] for at in range(0, len(content), size)]
        assert list(xlsb.records(pieces)) == wanted


@pytest.mark.parametrize("packing", ["gzip", "zip"])
def test_a_file_that_unpacks_without_end_is_refused(packing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exceptions_app.connectors.files.content.MOST_UNPACKED", 1 << 20)
    packed = io.BytesIO()
    if packing == "zip":
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("f.csv", b"0" * (8 << 20))
    else:
        packed.write(gzip.compress(b"0" * (8 << 20)))
    with pytest.raises(FeedContentError, match="unpacks without end; expected at most"):
        read(packed.getvalue(), "bomb")


def test_a_zip_with_a_broken_lzma_file_is_refused_as_a_broken_zip() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("f.csv", b"a,b\n1,2\n" * 500)
    broken = bytearray(packed.getvalue())
    broken[45:70] = b"\xff" * 25
    with pytest.raises(FeedContentError, match="broken zip"):
        read(bytes(broken), "broken.zip")


def test_a_number_beyond_all_measure_costs_its_own_row() -> None:
    rows, problems = read(
        '{"a": 1e999999999999999999999}\n{"a": 1e99999999}\n{"a": 1.5e3}\n', format="ndjson"
    )
    assert [row.values for row in rows] == [{"a": Decimal("1.5e3")}]
    assert [problem.position for problem in problems] == ["f.txt:1", "f.txt:2"]
    assert all("beyond all measure" in problem.reason for problem in problems)
