"""What has become of a file that was put into a folder: it lies there, was taken, was refused, or was answered.

Looks and changes nothing. What cannot be looked at is an error, and never taken for a file that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any, Literal

from ..base import cut
from ..exact_json import find, parse
from ..exact_xml import parse_xml
from ..rest.system_jobs import says
from ..rest.templates import plain
from .places import Place
from .submit_options import FilesJob, FilesSubmit
from .written import beside

LARGEST_ACK = 256 << 10
"""Bytes of an answer that are looked at."""

_UNTOLD = FilesJob.model_validate({"gone": "done"})
State = Literal["lies", "done", "failed", "answering", "nowhere"]


@dataclass(frozen=True, slots=True)
class Found:
    """How a file stands. `said`: that, in words; `text`: what the system answered, or where the file lies."""

    state: State
    said: str
    text: str = ""


class Whereabouts:
    """The places in which files of one operation may be found."""

    def __init__(self, place: Place, submit: FilesSubmit) -> None:
        self._place, self._submit = place, submit
        self._job = submit.job

    def path(self, name: str, folder: str = "") -> str:
        return str(PurePosixPath(self._place.base, folder, name))

    def of(self, name: str, fields: Mapping[str, Any]) -> Found:
        """How the file `name` stands. The folder is looked into first: what leaves it meanwhile is found elsewhere."""
        self._place.fs.invalidate_cache()
        lies = self._there(self.path(name, self._submit.folder))
        job = self._job or _UNTOLD
        return self._answered(job, name, fields) or self._moved(job, name, fields) or self._unmoved(job, lies)

    def _answered(self, job: FilesJob, name: str, fields: Mapping[str, Any]) -> Found | None:
        """What the answer says, where there is one."""
        path = None if job.ack is None else self._find(beside(job.ack, name, fields))
        if path is None:
            return None
        content = self._text(path)
        word = content if job.state is None else _at(content, job.state)
        why = content if job.message is None else _at(content, job.message)
        if word and _holds(job, word, job.failed):
            return Found("failed", cut(" ".join((why or word).split()), 300), content)
        if _holds(job, word, job.done) if job.done else not job.failed or bool(word):
            return Found("done", "the system answered that it was taken", content)
        return Found("answering", "the system's answer does not say yet", content)

    def _moved(self, job: FilesJob, name: str, fields: Mapping[str, Any]) -> Found | None:
        refused = None if job.errors is None else self._find(beside(job.errors, name, fields))
        told = None if job.reason is None else self._find(beside(job.reason, name, fields))
        if refused is not None or told is not None:
            content = self._text(told).strip() if told is not None else ""
            lies = self._below(refused or told or "")
            return Found(
                "failed", cut(" ".join(content.split()), 300) or f"it was refused: it lies at {lies}", content
            )
        taken = None if job.taken is None else self._find(beside(job.taken, name, fields))
        return None if taken is None else Found("done", f"it was taken: it lies at {self._below(taken)}")

    def _unmoved(self, job: FilesJob, lies: bool) -> Found:
        if lies:
            return Found("lies", "it has not been taken yet")
        if job.gone == "done":
            return Found("nowhere", "it does not lie there any more")
        return Found("nowhere", "it is nowhere to be found, and nothing has been answered")

    def _find(self, name: str) -> str | None:
        """The path of what is called so below the root; where `*` stands in it, the last one by name."""
        path = PurePosixPath(self.path(name))
        if "*" not in path.name:
            return str(path) if self._there(str(path)) else None
        try:
            listed = self._place.fs.ls(str(path.parent), detail=False)
        except FileNotFoundError:
            return None
        fitting = [str(one) for one in listed if fnmatchcase(PurePosixPath(str(one)).name, path.name)]
        return max(fitting, default=None)

    def _there(self, path: str) -> bool:
        try:
            self._place.fs.info(path)
        except FileNotFoundError:
            return False
        return True

    def _text(self, path: str) -> str:
        with self._place.fs.open(path, "rb") as stream:
            content: bytes = stream.read(LARGEST_ACK)
        return content.decode("utf-8-sig", errors="replace")

    def _below(self, path: str) -> str:
        return path.removeprefix(self._place.base).lstrip("/")


def _holds(job: FilesJob, said: str, words: list[str]) -> bool:
    if job.state is not None:
        return says(said, words)
    return any(word.casefold() in said.casefold() for word in words)


def _at(content: str, path: str) -> str:
    """What stands there in JSON or XML; nothing, where it is neither or breaks off."""
    try:
        value = parse_xml(content.encode()) if content.lstrip().startswith("<") else parse(content).value
    except ValueError:
        return ""
    found = find(value, path)
    return "" if isinstance(found, dict | list) else plain(found).strip()
