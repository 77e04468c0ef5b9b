"""Real files from elsewhere: each is read, or refused with the reason that it deserves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exceptions_app.connectors.base import FeedContentError, RawRow, RowProblem
from exceptions_app.connectors.columnar import ColumnRows
from exceptions_app.connectors.files.content import fetch
from exceptions_app.connectors.files.formats import READERS
from exceptions_app.connectors.files.options import FilesRead

DATA = Path(__file__).parents[1] / "data"
SETS = ["810", "832", "850", "940"]
SPEND = {
    "Body Name": "body", "body_name": "body", "Client": "body", "Organisational Unit": "unit",
    "organisational_unit": "unit", "Service Area": "unit", "Trans No": "number", "trans_no": "number",
    "Paid Date": "paid_on", "paid_date": "paid_on", "Amount": "amount", "Supplier ID": "supplier",
    "supplier_id": "supplier",
}  # fmt: skip


def read(name: str, **options: Any) -> tuple[list[RawRow], list[RowProblem]]:
    read = FilesRead.model_validate({"pattern": "*", **options})
    with (DATA / name).open("rb") as stream:
        content = fetch(stream, Path(name).name, "auto")
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    for item in READERS[read.format](content, read):
        if isinstance(item, ColumnRows):
            rows += item
        elif isinstance(item, RawRow):
            rows.append(item)
        else:
            problems.append(item)
    return rows, problems


@pytest.mark.parametrize("path", sorted((DATA / "spend").glob("*.csv")), ids=lambda path: path.stem[-12:])
def test_quarters_whose_headers_change_lead_to_the_same_columns(path: Path) -> None:
    rows, problems = read(
        f"spend/{path.name}", columns=SPEND, required=["body", "unit", "number", "paid_on", "amount", "supplier"],
        dates={"paid_on": ["dd/mm/yyyy"]},
    )  # fmt: skip
    assert problems == []
    assert len(rows) == len(path.read_text().splitlines()) - 1
    dates = {row.values["paid_on"][4] for row in rows}
    assert dates == ({"0"} if "2014" in path.name else {"-"})  # 00:00:00 is no date, and stays what it is


@pytest.mark.parametrize("year", ["2018", "2019"])
def test_an_item_master_is_read_with_its_quoted_descriptions(year: str) -> None:
    rows, problems = read(f"items/hcpcs_{year}.csv", dates={"added": ["yyyymmdd"]})
    assert (len(rows), problems) == (199, [])
    assert rows[0].values["long_description"].startswith("Ambulance service, outside state per mile")
    assert rows[0].values["added"] == "1985-01-01"


def test_trusts_without_a_header_are_read_by_given_names() -> None:
    rows, problems = read(
        "orgs/nhs_trusts_etr.csv", no_header=["code", "name", *(f"f{n}" for n in range(3, 28))]
    )
    assert (len(rows), problems) == (120, [])
    assert rows[0].values["name"] == "NORTH LONDON NHS FOUNDATION TRUST"


def test_events_by_the_hundred_thousand_are_read_out_of_gzip() -> None:
    rows, problems = read("bpi2019/events.csv.gz")
    assert (len(rows), problems) == (338_247, [])
    assert rows[-1].position == "events.csv.gz:338248"


@pytest.mark.parametrize(
    ("name", "count"),
    [("850.OK.edi", 6), ("simple810.edi", 9), ("invoice810_po850_dual.edi", 13), ("x12.810a.edi", 2),
     ("x12.810b.edi", 2)],
)  # fmt: skip
def test_interchanges_are_read_line_by_line(name: str, count: int) -> None:
    rows, problems = read(f"edi/{name}", format="x12", transactions=SETS)
    assert (len(rows), problems) == (count, [])


def test_an_order_line_knows_its_order_its_parties_and_its_identifiers() -> None:
    rows, _ = read("edi/850.OK.edi", format="x12", transactions=["850"])
    values = rows[0].values
    wanted = {
        "ISA_13": "000003438", "GS_02": "4405197800", "BEG_03": "08292233294", "BEG_05": "20101127",
        "REF_DP_02": "038", "N1_ST_02": "XYZ RETAIL", "N4_ST_01": "SOLON", "PO1_01": "1", "PO1_02": "120",
        "PO1_04": "9.25", "PO1_CB": "065322-117", "PO1_VN": "AB3542", "line_PID_05": "SMALL WIDGET",
        "CTT_01": "6", "AMT_1_02": "13045.94",
    }  # fmt: skip
    assert {name: values[name] for name in wanted} == wanted
    assert rows[-1].values["PO1_VN"] == "DX1875"


def test_an_invoice_line_keeps_what_stands_around_it_apart_from_its_own() -> None:
    rows, _ = read("edi/x12.810a.edi", format="x12", transactions=["810"])
    values = rows[1].values
    assert (values["BIG_02"], values["IT1_04"], values["IT1_VP"]) == ("DO091003TESTINV01", "79.99", "ID002")
    assert (values["N1_SO_02"], values["line_N1_SF_02"]) == ("Aaron Copeland", "Philadelphia")
    assert (values["TDS_01"], values["AMT_N_02"]) == ("36596", "365.96")


def test_of_an_interchange_with_invoices_and_orders_a_feed_takes_its_own() -> None:
    assert len(read("edi/invoice810_po850_dual.edi", format="x12", transactions=["850"])[0]) == 4


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ControlNumbersMismatch.edi", "GE02 is 3315, GS06 is 3314; IEA02 is 000003439, ISA13 is 000003438"),
        ("x12.850.edi", "IEA02 is 000000001, ISA13 is 000000055"),
    ],
)
def test_an_interchange_whose_control_numbers_disagree_is_refused(name: str, said: str) -> None:
    with pytest.raises(FeedContentError, match="envelopes that agree") as refused:
        read(f"edi/{name}", format="x12", transactions=SETS)
    assert refused.value.message == said


def test_a_partner_whose_envelopes_never_agree_can_be_read_all_the_same() -> None:
    rows, problems = read("edi/x12.850.edi", format="x12", transactions=SETS, envelope="ignore")
    assert ([row.values["PO1_VN"] for row in rows], problems) == (["0054321"], [])


def test_a_set_that_miscounts_itself_is_refused_alone() -> None:
    rows, (problem,) = read("edi/x12.832.edi", format="x12", transactions=SETS)
    assert rows == []
    said = "832 refused: SE01 counts 17 segments, there are 12; CTT01 counts 5, there are 2 LIN"
    assert (problem.position, problem.reason) == ("x12.832.edi:segment 3", said)


def test_a_set_whose_lines_are_not_known_asks_for_the_segment_that_begins_one() -> None:
    with pytest.raises(
        FeedContentError, match=r"which segment begins a row of a 856 is not known.*read\.row"
    ):
        read("edi/856.Crossdock.OK.edi", format="x12", transactions=["856"])
    rows, _ = read(
        "edi/856.Crossdock.OK.edi", format="x12", transactions=["856"], row="LIN", envelope="ignore"
    )
    assert [row.values.get("LIN_UP", "")[-3:] for row in rows] == ["642", "", "283", "203", "642"]


def test_a_batch_that_counts_right_is_read_and_one_without_messages_is_refused() -> None:
    rows, problems = read("hl7/python-hl7_sample_batch.hl7", format="hl7")
    assert problems == []
    assert [(row.values["MSH_9_1"], row.values["PID_3_1"]) for row in rows] == [("ADT", "0000112234")]
    with pytest.raises(FeedContentError, match="EVN stands before any MSH"):
        read("hl7/python-hl7_sample_bad_batch.hl7", format="hl7")
