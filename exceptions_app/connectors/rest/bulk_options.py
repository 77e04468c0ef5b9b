"""How a system that works in the background is asked, as integrators write it."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from exceptions_app.catalog.schema import Interval, Shape

from .plain_path import plain_path


class JobOptions(Shape):
    """How a system says which job it has taken, and how that stands. `{job}` stands for the job's identifier."""

    job: str = Field("id", description="where the answer to it holds the identifier")
    job_header: str | None = Field(
        None,
        description="the header that holds it instead; of an address (Location), the status is asked there",
    )
    status: str | None = Field(None, description="where the job is asked how it stands: /jobs/{job}")
    failed: list[str] = Field(default_factory=list, description="what it says when they never will be")
    message: str | None = Field(None, description="where it says why it failed")
    every: Interval = Field(timedelta(seconds=5), description="how often it is asked; Retry-After wins")
    longest: Interval = Field(timedelta(hours=1), description="longer than this is not waited")

    @field_validator("status")
    @classmethod
    def _asked_here(cls, path: str | None) -> str | None:
        return None if path is None else plain_path(path)

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if self.status is None and self.job_header is None:
            raise ValueError(
                "status is missing: the path where a job is asked how it stands, such as /jobs/{job}"
            )
        if self.every <= timedelta(0):
            raise ValueError("every must be longer than nothing")
        return self


def apart(**words: list[str]) -> None:
    """Raises ValueError where a word stands in two of the lists; case does not matter."""
    for (one, first), (other, second) in combinations(words.items(), 2):
        if both := {text.casefold() for text in first} & {text.casefold() for text in second}:
            raise ValueError(f"{', '.join(sorted(both))} is both {one} and {other}")


class RestBulk(JobOptions):
    """Submit, poll, download. The feed's `path`, `method`, `params` and `body` submit the job; its `format`, `records`
    and `paging` read what is downloaded. `{job}` stands for the job's identifier.
    """

    submit: Literal["POST", "PUT", "GET"] = Field("POST", description="how the job is submitted")
    body: Any = Field(None, description="what submits it; {watermark} is replaced")
    state: str = Field("state", description="where that answer says how it stands")
    done: list[str] = Field(min_length=1, description="what it says when the rows are there")
    result: str | None = Field(None, description="where the rows are: /jobs/{job}/results")
    result_field: str | None = Field(
        None, description="where the last status holds the address instead, or a list of them"
    )
    cleanup: str | None = Field(None, description="deleted once all was read: /jobs/{job}")

    @field_validator("result", "cleanup")
    @classmethod
    def _stays_here(cls, path: str | None) -> str | None:
        return None if path is None else plain_path(path)

    @model_validator(mode="after")
    def _fits(self) -> RestBulk:
        if (self.result is None) == (self.result_field is None):
            raise ValueError("exactly one of result (a path) and result_field (a field of the last status)")
        apart(done=self.done, failed=self.failed)
        return self
