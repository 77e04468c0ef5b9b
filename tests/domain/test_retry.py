"""Waits, what answers mean, and what follows from them."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exceptions_app.catalog.schema import Backoff, ErrorRule
from exceptions_app.domain.retry import (
    LIVE,
    STEPS,
    Outcome,
    Sent,
    Step,
    meaning,
    next_step,
    said,
    stays_doubtful,
    wait,
)

BACKOFF = Backoff(
    max_tries=5, first_wait=timedelta(seconds=5), shortest_wait=timedelta(seconds=1),
    longest_wait=timedelta(seconds=60),
)  # fmt: skip


def rule(**given: object) -> ErrorRule:
    return ErrorRule.model_validate(given)


def seconds(tries: int, chance: float, retry_after: float | None = None) -> float:
    return wait(tries, BACKOFF, chance, retry_after).total_seconds()


def test_waits_double_up_to_the_longest() -> None:
    almost = [round(seconds(tries, 0.999999)) for tries in (1, 2, 3, 4, 5, 6, 90)]
    assert almost == [5, 10, 20, 40, 60, 60, 60]


@given(tries=st.integers(0, 10_000), chance=st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_shorter_or_longer_than_configured(tries: int, chance: float) -> None:
    assert 1 <= seconds(tries, chance) <= 60


def test_the_draw_covers_everything_between_shortest_and_computed() -> None:
    assert [seconds(4, chance) for chance in (0.0, 0.5)] == [1, 20.5]


@pytest.mark.parametrize(
    ("asked", "waited"), [(30.0, 30), (0.5, 1), (-7.0, 1), (float("nan"), 1), (1e300, 86_400), (None, 1)]
)
def test_a_retry_after_is_honoured_where_it_is_longer(asked: float | None, waited: float) -> None:
    assert seconds(4, 0.0, asked) == waited


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "accepted"), (204, "accepted"), (None, "accepted"), (301, "permanent"), (400, "permanent"),
     (404, "permanent"), (408, "transient"), (425, "transient"), (429, "transient"), (500, "transient"),
     (503, "transient"), (504, "transient")],
)  # fmt: skip
def test_what_an_answer_means_where_no_rule_fits(status: int | None, outcome: str) -> None:
    assert meaning(status, "", [], honours_keys=True).outcome == outcome
    broke = status in (500, 502, 504)
    assert meaning(status, "", [], honours_keys=False).outcome == ("unknown" if broke else outcome)


def test_the_first_rule_that_fits_holds() -> None:
    slow = Backoff(max_tries=2)
    rules = [
        rule(status=[200], contains="DUPLICATE", means="accepted"),
        rule(status=[409], means="transient", error_class="locked", backoff=slow),
        rule(contains="inactive", means="permanent", error_class="inactive", say="The supplier is inactive."),
    ]
    assert meaning(200, "duplicate of 7", rules, honours_keys=True).outcome is Outcome.ACCEPTED
    assert meaning(409, '{"message": "locked by Bo"}', rules, honours_keys=True).say == "locked by Bo"
    assert meaning(409, "", rules, honours_keys=True).backoff == slow
    refused = meaning(200, "Supplier INACTIVE", rules, honours_keys=True)
    assert (refused.outcome, refused.error_class, refused.say) == (
        "permanent", "inactive", "The supplier is inactive."
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error": {"code": "X1", "message": "Period is closed"}}', "Period is closed"),
        ('{"errors": [{"detail": "No such order"}]}', "No such order"),
        ("  <h1>Bad\n gateway</h1> ", "<h1>Bad gateway</h1>"),
        ("", "HTTP 502"),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_an_error_is_said_in_the_system_s_own_words(body: str, words: str) -> None:
    assert said(502, body) == words
    assert len(said(502, "x" * 5_000)) == 300


EVERY = [
    {
        "outcome": outcome, "tries": tries, "max_tries": 3, "idempotent": idempotent, "can_read_back": can,
        "reads": reads, "doubtful": doubtful,
    }
    for outcome, tries, idempotent, can, reads, doubtful in product(
        Outcome, (1, 3, 9), (True, False), (True, False), (0, 3), (True, False)
    )
]  # fmt: skip


@pytest.mark.parametrize("case", EVERY, ids=lambda case: "-".join(str(value) for value in case.values()))
def test_nothing_is_sent_twice_and_nothing_given_up_while_its_outcome_is_unknown(
    case: dict[str, object],
) -> None:
    step = next_step(**case)  # type: ignore[arg-type]
    unknown = stays_doubtful(case["outcome"], bool(case["doubtful"]))  # type: ignore[arg-type]
    if unknown:
        assert step is not Step.GIVE_UP
        if not case["idempotent"]:
            assert step in {Step.READ_BACK, Step.ASK_A_PERSON}
    if step is Step.TRY_AGAIN:
        assert int(str(case["tries"])) < 3
    if step is Step.READ_BACK:
        assert case["can_read_back"]
        assert int(str(case["reads"])) < 3


def test_a_refusal_is_given_up_at_once() -> None:
    step = next_step(Outcome.PERMANENT, tries=1, max_tries=8, idempotent=True, can_read_back=True)
    assert step is Step.GIVE_UP


def test_every_status_is_in_the_table_and_what_is_on_its_way_can_end() -> None:
    assert set(STEPS) == set(Sent)
    for status in LIVE:
        reached, left = {status}, [status]
        while left:
            for after in STEPS[left.pop()] - reached:
                reached.add(after)
                left.append(after)
        assert any(not STEPS[end] for end in reached)
