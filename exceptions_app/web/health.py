"""For a load balancer: is this process serving, does its database answer, can what it keeps be written.

Cheap, for it is asked all the time: folders are tried at most once in `LOOK_EVERY` by each process.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError

from exceptions_app.config import Settings
from exceptions_app.extensions import db
from exceptions_app.runtime import runtime

from .gate import PUBLIC, needs

log = logging.getLogger(__name__)

blueprint = Blueprint("health", __name__)

LOOK_EVERY = 5.0
"""Seconds."""
LEAST_FREE = 64 << 20
"""Bytes that a folder's disk must have left: what is under way ends within them."""
_TRIED = b"\0" * 4096
_found: dict[Path, tuple[float, str]] = {}


@blueprint.get("/healthz")
@needs(PUBLIC)
def healthz() -> ResponseReturnValue:
    problems = [said for name, folder in folders(runtime().settings) if (said := _looked(name, folder))]
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        db.session.rollback()
        log.error("the database does not answer: %s", error)
        problems.append("the database does not answer")
    said = "".join(f"{problem}\n" for problem in problems) or "ok\n"
    return said, 503 if problems else 200, {"Content-Type": "text/plain; charset=utf-8"}


def folders(settings: Settings) -> list[tuple[str, Path]]:
    """What an install writes to on disks of its own, by the names that anybody may read."""
    found = {settings.instance: "the instance directory"}
    records = Path(settings.records_uri)
    if "://" not in settings.records_uri and records.exists():  # made when it is first written to
        found.setdefault(records, "the record store")
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "sqlite" and url.database:
        found.setdefault(Path(url.database).resolve().parent, "the database's directory")
    return [(name, folder) for folder, name in found.items()]


def _looked(name: str, folder: Path) -> str:
    """What is wrong with a folder, looked at a short while ago at most; empty: nothing."""
    now = time.monotonic()
    at, said = _found.get(folder, (-LOOK_EVERY, ""))
    if now - at < LOOK_EVERY:
        return said
    said = problem(name, folder)
    if said:
        log.error("%s: %s", folder, said)
    _found[folder] = now, said
    return said


def problem(name: str, folder: Path) -> str:
    """Why nothing can be kept there; empty: something can. Writes a block and takes it away again."""
    tried = folder / f".healthz-{os.getpid()}"
    try:
        free = shutil.disk_usage(folder).free
        tried.write_bytes(_TRIED)
    except OSError as error:
        return f"{name} cannot be written to: {error.strerror or type(error).__name__}"
    finally:
        with suppress(OSError):
            tried.unlink()
    return "" if free >= LEAST_FREE else f"{name} is nearly full: {free >> 20} MB are left"
