"""The register of interfaces, its export, and the systems behind them."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.domain.instant import iso, utc_now
from exceptions_app.domain.wording import unformulaic
from exceptions_app.extensions import db
from exceptions_app.queries import interfaces
from exceptions_app.runtime import runtime

from .gate import needs

blueprint = Blueprint("interfaces", __name__, url_prefix="/integration")


@blueprint.get("/register")
@needs(Permission.SEE_INTEGRATION)
def register() -> ResponseReturnValue:
    session, catalog = db.session(), runtime().catalog
    lines = interfaces.register(session, catalog)
    known = interfaces.accepted_at(session, catalog)
    return render_template("integration/register.html", lines=lines, known=known)


@blueprint.get("/register.csv")
@needs(Permission.SEE_INTEGRATION)
def export() -> ResponseReturnValue:
    """One line an interface; times are UTC. Text that begins like a formula stays text."""
    out = io.StringIO()
    lines = [asdict(line) for line in interfaces.register(db.session(), runtime().catalog)]
    writer = csv.writer(out)
    writer.writerow([name.replace("_", " ") for name in interfaces.InterfaceLine.__dataclass_fields__])
    for line in lines:
        at = line["changed_at"]
        line |= {"changed_at": iso(at) if at else "", "silent": "yes" if line["silent"] else ""}
        writer.writerow([unformulaic(str(value)) for value in line.values()])
    name = f"interfaces-{utc_now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response("\ufeff" + out.getvalue(), mimetype="text/csv", headers=headers)


@blueprint.get("/systems")
@needs(Permission.SEE_INTEGRATION)
def systems() -> ResponseReturnValue:
    lines = interfaces.systems(db.session(), runtime().catalog, utc_now())
    return render_template("integration/systems.html", systems=lines)
