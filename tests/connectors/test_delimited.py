"""The reader of delimited text against Python's own writer, and against lines that nobody can read."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from exceptions_app.connectors.files.delimited import BadRecord, Lines, Record, guess, records

FIELD = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)
TRICKY = st.text(st.sampled_from('ab",;\n\r '), max_size=8)


def read(text: str, delimiter: str) -> list[Record | BadRecord]:
    return list(records(Lines(io.StringIO(text, newline="")), delimiter))


@given(
    st.lists(st.lists(FIELD | TRICKY, min_size=2, max_size=4), min_size=1, max_size=5),
    st.sampled_from(",;|\t"),
    st.booleans(),
)
def test_what_a_writer_wrote_is_read_back(table: list[list[str]], delimiter: str, quoted: bool) -> None:
    written = io.StringIO(newline="")
    if quoted:
        csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(table)
    else:  # CRLF, since Python 3.11 does not quote a lone carriage return otherwise
        csv.writer(written, delimiter=delimiter, lineterminator="\r\n").writerows(table)
    got = read(written.getvalue(), delimiter)
    assert [record.fields for record in got if isinstance(record, Record)] == table


@given(st.text(st.sampled_from('ab",\n'), max_size=60))
def test_no_text_breaks_the_reader_and_every_line_is_accounted_for(text: str) -> None:
    got = read(text, ",")
    lines = io.StringIO(text, newline="").readlines()
    assert sum(len(record.text.splitlines()) or 1 for record in got) == len(lines)
    assert [record.line for record in got] == sorted({record.line for record in got})


def test_a_quote_left_open_does_not_read_ahead_for_ever() -> None:
    text = "a,b\n" + '1,"open\n' * 300 + "2,x\n" * 300
    got = read(text, ",")
    assert sum(isinstance(record, Record) for record in got) >= 301
    assert sum(isinstance(record, BadRecord) for record in got) == 300


def test_without_quotes_a_quote_is_a_character() -> None:
    lines = Lines(io.StringIO('a;"BIG" box\n2" tape;"open\n', newline=""))
    found = [record.fields for record in records(lines, ";", quotes=False) if isinstance(record, Record)]
    assert found == [["a", '"BIG" box'], ['2" tape', '"open']]


def test_the_delimiter_is_the_one_the_header_uses_outside_quotes() -> None:
    assert guess('"a,b,c";d;e') == ";"
    assert guess("only") == ","
