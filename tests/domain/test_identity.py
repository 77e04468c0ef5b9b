"""Fingerprints, public references and instants: what other systems and people hold on to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exceptions_app.domain.fingerprint import evidence_hash, fingerprint, netstring
from exceptions_app.domain.instant import from_iso, iso, utc_now
from exceptions_app.domain.public_id import decode, encode

texts = st.text(max_size=8)
parts = st.tuples(texts, texts, texts, st.lists(texts, min_size=1, max_size=3))


@given(parts, parts)
def test_different_keys_never_run_together(
    a: tuple[str, str, str, list[str]], b: tuple[str, str, str, list[str]]
) -> None:
    assert (fingerprint(*a) == fingerprint(*b)) is (a == b)


def test_fingerprint_is_sixteen_bytes_of_netstrings_and_never_changes() -> None:
    assert netstring("é1") == b"3:\xc3\xa91"
    vector = fingerprint("p2p.order_lines", "missing_receipt", "north", ["4500000017", "00010"])
    assert vector.hex() == "bdc321ca0bfa7f6ed5984f2c45f3a96f"


def test_incomplete_key_has_no_identity() -> None:
    with pytest.raises(ValueError, match="complete"):
        fingerprint("c", "k", "e", [])
    with pytest.raises(ValueError, match="complete"):
        fingerprint("c", "k", "e", ["a", None])  # type: ignore[list-item]


def test_evidence_hash_follows_the_text() -> None:
    assert len(evidence_hash("{}")) == 16
    assert evidence_hash('{"a":"1"}') != evidence_hash('{"a":"2"}')


@given(st.integers(1, 2**45))
def test_reference_leads_back_to_its_row(number: int) -> None:
    assert decode(encode(number)) == number
    assert decode(f" {encode(number).lower()} ") == number


def test_references_do_not_count_up_and_have_six_characters() -> None:
    first = [encode(n) for n in range(1, 200)]
    assert len(set(first)) == len(first) and first != sorted(first)
    assert all(len(reference) == len("EX-7F3K2Q") for reference in first)


@pytest.mark.parametrize(
    "text", ["", "7F3K2Q", "EX-", "EX-7F3K2", "EX-7F3K2U", "EX-7F3K2QQQQQQQQ", "EX-7F 3K2"]
)
def test_what_is_no_reference_leads_nowhere(text: str) -> None:
    assert decode(text) is None


def test_row_ids_count_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        encode(0)


def test_instants_are_written_in_utc_and_read_back() -> None:
    at = datetime(2026, 11, 4, 10, 0, 0, 250, tzinfo=timezone(timedelta(hours=-5)))
    assert iso(at) == "2026-11-04T15:00:00.000250Z"
    assert iso(datetime(2026, 11, 4, tzinfo=UTC)) == "2026-11-04T00:00:00Z"
    assert from_iso(iso(at)) == at
    assert utc_now().tzinfo is UTC


def test_naive_times_are_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        iso(datetime(2026, 11, 4))  # noqa: DTZ001
    with pytest.raises(ValueError, match="without a zone"):
        from_iso("2026-11-04T00:00:00")
