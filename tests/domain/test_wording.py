"""How values are written, and how a sentence is made from its facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from zoneinfo import ZoneInfo

import pytest

from exceptions_app.domain import wording


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(125, "2 h 05"), (45, "45 min"), (720, "12 h"), (1575, "26 h 15"), (0, "0 min"), (-90, "-1 h 30")],
)
def test_a_clock_counts_hours_however_many(minutes: int, text: str) -> None:
    assert wording.hours(timedelta(minutes=minutes)) == text


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (0, "Fri 15:10"),
        (6, "Thu 15:10"),
        (-6, "Sat 15:10"),
        (7, "Fri 4 Dec 15:10"),
        (60, "Tue 26 Jan 2027 15:10"),
    ],
)
def test_a_moment_has_its_date_once_the_weekday_could_be_another(days: int, text: str) -> None:
    now = datetime(2026, 11, 27, 21, 10, tzinfo=UTC)
    assert wording.moment(now + timedelta(days=days), now, ZoneInfo("America/Chicago")) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("1234.5000", "1,234.5"), ("-0.00001", "0"), ("0", "0"), ("100", "100"), ("-12.25", "-12.25")],
)
def test_numbers_lose_trailing_zeros_and_gain_separators(value: str, text: str) -> None:
    assert wording.number(D(value)) == text


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [("1234.5", "USD", "$1,234.50"), ("-3", "EUR", "-€3.00"), ("215.185", "USD", "$215.18"),
     ("12", None, "12.00"), ("-0.001", "USD", "$0.00"), ("12", "CHF", "CHF 12.00")],
)  # fmt: skip
def test_an_amount_of_money_is_said_to_the_cent(value: str, currency: str | None, text: str) -> None:
    assert wording.money(D(value), currency) == text


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [("12", "USD", "$12.00"), ("0.0125", "CHF", "CHF 0.0125"), ("0.01254", "USD", "$0.01254"),
     ("93.555", "USD", "$93.555")],
)  # fmt: skip
def test_a_unit_price_has_as_many_places_as_it_needs(value: str, currency: str | None, text: str) -> None:
    assert wording.price(D(value), currency) == text


def test_dates_and_instants_say_the_month_as_a_word() -> None:
    at = datetime(2026, 11, 4, 21, 5, tzinfo=UTC)
    assert wording.day(date(2026, 11, 4)) == "4 Nov 2026"
    assert wording.instant(at) == "4 Nov 2026, 21:05"
    assert wording.instant(at, ZoneInfo("America/New_York")) == "4 Nov 2026, 16:05"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (40, "40 s"),
        (-90, "-1 min"),
        (7500, "2 h 5 min"),
        (86400 * 3 + 14400 + 60, "3 d 4 h"),
        (86400, "1 d"),
    ],
)
def test_durations_name_the_two_largest_units(seconds: int, text: str) -> None:
    assert wording.duration(timedelta(seconds=seconds)) == text


def test_sentence_is_filled_from_its_facts_in_their_styles() -> None:
    template = (
        "{invoice} bills {quantity|quantity} {unit}, {amount|money} over ({share|percent}), "
        "since {since|date}; {paid}"
    )
    facts = {
        "invoice": "INV-7",
        "quantity": "12.0000",
        "unit": "CS",
        "amount": "-1250.5",
        "share": "2.50",
        "since": "2026-11-04T10:00:00Z",
        "paid": True,
    }
    assert (
        wording.render(template, facts, "USD")
        == "INV-7 bills 12 CS, -$1,250.50 over (2.5 %), since 4 Nov 2026; yes"
    )


def test_missing_fact_reads_not_stated_and_an_odd_one_stands_as_it_is() -> None:
    text = wording.render(
        "{a} {b|money} {c|date} {d|number} {e}", {"b": "much", "c": "soon", "d": "NaN", "e": ["x", "y"]}
    )
    assert text == "not stated much soon NaN x, y"


def test_facts_are_never_read_as_templates() -> None:
    assert wording.render("{a}", {"a": "{b}", "b": "secret"}) == "{b}"


def test_what_follows_from_a_cause_is_counted_in_words() -> None:
    said = [wording.render("{exceptions|exceptions} wait.", {"exceptions": count}) for count in ("1", "1204")]
    assert said == ["1 exception wait.", "1,204 exceptions wait."]
    said = [wording.render("since {days|days}", {"days": days}) for days in ("0", "1", "9")]
    assert said == ["since 0 days", "since 1 day", "since 9 days"]


def test_placeholders_are_listed_with_their_styles() -> None:
    assert wording.placeholders("{a} and {b|money}") == [("a", None), ("b", "money")]


def test_unknown_style_is_an_error_of_the_configuration() -> None:
    with pytest.raises(ValueError, match="unknown style 'loud'"):
        wording.render("{a|loud}", {"a": "1"})


def test_counts_agree_with_their_noun() -> None:
    assert wording.plural(1, "exception") == "1 exception"
    assert wording.plural(1204, "exception") == "1,204 exceptions"
    assert wording.plural(2, "entry", "entries") == "2 entries"
    assert wording.quantity(D("2.5"), "CS") == "2.5 CS"


def test_a_figure_beyond_all_measure_is_written_or_left_as_it_is() -> None:
    """The product of two columns at their end; a sentence is never refused for its figures."""
    most = D("99999999999999.9999") ** 2
    assert wording.number(most) == "9,999,999,999,999,999,980,000,000,000"
    assert wording.money(D(f"-{10**30 + 1}.25"), "USD") == "-$1,000,000,000,000,000,000,000,000,000,001.25"
    assert wording.price(D(f"{10**30 + 1}.255")) == "1,000,000,000,000,000,000,000,000,000,001.255"
    assert (
        wording.render("{a|money} of {b|quantity}", {"a": "1e999999999", "b": "-1E-80"})
        == "1e999999999 of -1E-80"
    )
