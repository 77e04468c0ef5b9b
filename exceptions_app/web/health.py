"""For a load balancer: is this process serving, and does its database answer."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from exceptions_app.extensions import db

from .gate import PUBLIC, needs

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@needs(PUBLIC)
def healthz() -> ResponseReturnValue:
    db.session.execute(text("SELECT 1"))
    return "ok\n", 200, {"Content-Type": "text/plain; charset=utf-8"}
