"""The tests that every submitter must pass, for pytest: the shipped ones and another package's.

    from exceptions_app.connectors.submit_contract import SubmitterContract

    class TestAcme(SubmitterContract):
        @pytest.fixture
        def target(self, tmp_path): return AcmeTarget(tmp_path)

Needs nothing but pytest to collect it; knows no shipped connector.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

from .base import TransportError
from .writing import AsksJobs, Submitter, Write

WRITE = Write(
    {"order": 'PO 4711, "A" & <B>', "amount": Decimal("12.50"), "account": "DE89370400440532013000"},
    "k0af7651916cd43dd",
    "0af7651916cd43dd8448eb211c80319c",
)


class Target(Protocol):
    """A real system that is written to. Its operation sends `order` and `amount`, and the bank data `account`."""

    def connect(self) -> Submitter:
        """A submitter of its operation, which can read back."""
        ...

    def arrived(self) -> list[Mapping[str, Any]]:
        """What the system has taken, in order: `order` and `amount` as texts."""
        ...

    def breaks(self) -> None:
        """From now on it is not there."""
        ...


class SubmitterContract:
    """What `connectors/base.py` promises of a submitter. A subclass gives the fixture `target`."""

    def test_a_write_arrives_as_it_was_given(self, target: Target) -> None:
        submitter = target.connect()
        answer = submitter.submit(WRITE)
        assert answer.as_expected
        assert answer.status is None or 200 <= answer.status < 300
        assert [(one["order"], one["amount"]) for one in target.arrived()] == [
            (WRITE.fields["order"], "12.50")
        ]

    def test_the_same_write_again_is_still_one(self, target: Target) -> None:
        for _ in range(2):
            submitter = target.connect()
            submitter.submit(WRITE)
            submitter.submit(WRITE)
            submitter.close()
        assert len(target.arrived()) == 1

    def test_another_write_is_another(self, target: Target) -> None:
        submitter = target.connect()
        submitter.submit(WRITE)
        submitter.submit(replace(WRITE, idempotency_key="k2"))
        assert len(target.arrived()) == 2

    def test_reading_back_tells_whether_it_arrived_and_changes_nothing(self, target: Target) -> None:
        submitter = target.connect()
        assert not submitter.read_back(WRITE).found
        assert target.arrived() == []
        submitter.submit(WRITE)
        assert submitter.read_back(WRITE).found
        assert len(target.arrived()) == 1

    def test_what_only_some_may_see_stands_in_no_request_and_no_answer(self, target: Target) -> None:
        submitter, account = target.connect(), WRITE.fields["account"]
        answer, arrival = submitter.submit(WRITE), submitter.read_back(WRITE)
        shown = (
            submitter.request_of(WRITE),
            answer.request,
            answer.body,
            arrival.answer.request,
            arrival.answer.body,
        )
        assert all(account not in text for text in shown)
        assert "4711" in shown[0]

    def test_what_is_away_was_not_sent_to(self, target: Target) -> None:
        target.breaks()
        error = _error_of(target)
        assert not error.permanent
        assert not error.sent
        assert error.where

    def test_many_threads_may_send_at_once(self, target: Target) -> None:
        submitter = target.connect()
        writes = [replace(WRITE, idempotency_key=f"k{number}") for number in range(12)]
        with ThreadPoolExecutor(4) as threads:
            assert all(answer.as_expected for answer in threads.map(submitter.submit, writes))
        assert len(target.arrived()) == 12
        assert submitter.longest > 0

    def test_a_job_that_was_taken_can_be_asked_about(self, target: Target) -> None:
        submitter = target.connect()
        answer = submitter.submit(WRITE)
        if answer.job is None:
            return
        assert isinstance(submitter, AsksJobs)
        assert submitter.asked_every > 0 < submitter.asked_for
        standing = submitter.standing(WRITE, answer.job)
        assert standing.said
        assert len(target.arrived()) == 1

    def test_closing_is_safe_to_repeat(self, target: Target) -> None:
        submitter = target.connect()
        submitter.submit(WRITE)
        for _ in range(2):
            submitter.close()
        target.connect().close()


def _error_of(target: Target) -> TransportError:
    try:
        target.connect().submit(WRITE)
    except TransportError as error:
        return error
    raise AssertionError("it was sent")
