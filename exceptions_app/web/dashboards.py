"""The SLA board: one chart, its table, and a figure as JSON that the browser draws."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template, url_for
from flask.typing import ResponseReturnValue

from exceptions_app.access import Permission
from exceptions_app.domain.instant import utc_now
from exceptions_app.extensions import db
from exceptions_app.queries.board import STAGES, Board, board
from exceptions_app.queries.words import STAGE
from exceptions_app.runtime import runtime

from . import gate
from .gate import needs

blueprint = Blueprint("dashboards", __name__)


@blueprint.get("/sla")
@needs(Permission.SEE_CASES)
def sla() -> ResponseReturnValue:
    return render_template("dashboards/sla.html", board=_board(), stages=STAGES)


@blueprint.get("/sla/figure.json")
@needs(Permission.SEE_CASES)
def sla_figure() -> ResponseReturnValue:
    return Response(figure(_board()), mimetype="application/json")


def _board() -> Board:
    return board(db.session(), gate.viewer(), runtime().catalog, now=utc_now())


def figure(found: Board) -> str:
    """Bars per queue, stacked by stage. `customdata` is where a mark leads; the browser gives the
    colours.
    """
    from plotly import graph_objects

    rows = list(reversed(found.rows))
    bars: list[Any] = [
        graph_objects.Bar(
            name=STAGE[stage.value],
            meta=stage.value,
            orientation="h",
            y=[row.name for row in rows],
            x=[row.cells[i].count for row in rows],
            customdata=[url_for("queues.index", **row.cells[i].wanted.to_args()) for row in rows],
            hovertemplate="%{y}: %{x:,} " + STAGE[stage.value].lower() + "<extra></extra>",
        )
        for i, stage in enumerate(STAGES)
    ]
    drawn = graph_objects.Figure(bars)
    drawn.update_layout(
        template="none",
        barmode="stack",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 16, "t": 8, "b": 36},
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        xaxis={"rangemode": "tozero", "tickformat": ",d", "fixedrange": True},
        yaxis={"automargin": True, "fixedrange": True, "dtick": 1},
        bargap=0.35,
    )
    text: str = drawn.to_json()
    return text
