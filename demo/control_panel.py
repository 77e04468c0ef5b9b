"""The control endpoint: outages, slow answers, troubles of writes, planting and repairing, by HTTP POST.

For people and tests; no application may know of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, jsonify, request

from .appearing import appear
from .life import Life
from .mending import relapse, repair, worsen
from .network import Network
from .systems.writes import book


def application(life: Life) -> Flask:
    """`GET /status /ledger /book`; `POST /outage /slow /trouble /plant /repair /relapse /worsen /tick`, JSON each."""
    app = Flask("demo.control", static_folder=None)

    @app.errorhandler(ValueError)
    def refused(error: ValueError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 400

    _show(app, life.network)
    _disturb(app, life.network)
    _alter(app, life)
    return app


def _show(app: Flask, network: Network) -> None:
    @app.get("/status")
    def status() -> Response:
        faults = network.ledger.rows("fault", open_only=True)
        return jsonify(moods=network.moods.describe(), open_faults=len(faults))

    @app.get("/ledger")
    def ledger() -> Response:
        category, kind = request.args.get("category"), request.args.get("kind")
        return jsonify(network.ledger.rows(kind, category, open_only="open" in request.args))

    @app.get("/book")
    def book_of() -> Response:
        system = request.args.get("system", "")
        if system not in network.stores:
            raise ValueError(f"no system {system!r}; known are {', '.join(network.stores)}")
        return jsonify(book(network.stores[system], request.args.get("operation"), request.args.get("key")))


def _disturb(app: Flask, network: Network) -> None:
    @app.post("/trouble")
    def trouble() -> Response:
        body = _body()
        count, seconds = int(body.get("count", 1)), float(body.get("seconds", 1))
        network.moods.trouble(str(body["system"]), str(body["what"]), count, seconds)
        return jsonify(troubles=network.moods.troubles())

    def mood(name: str) -> Callable[[], Response]:
        def view() -> Response:
            body = _body()
            network.moods.set(name, str(body["system"]), float(body["seconds"]), float(body.get("after", 0)))
            return jsonify(moods=network.moods.describe())

        return view

    for name in ("outage", "slow"):
        app.add_url_rule(f"/{name}", name, mood(name), methods=["POST"])


def _alter(app: Flask, life: Life) -> None:
    """What changes rows: the files of the warehouse are dropped anew at once."""
    network, rng = life.network, random.Random("control")

    def altering(name: str, said: str, alter: Callable[[dict[str, Any], datetime], Any]) -> None:
        def view() -> Response:
            now = datetime.now(UTC)
            answer = alter(_body(), now)
            with network.lock:
                life.drop(now)
            return jsonify({said: answer})

        app.add_url_rule(f"/{name}", name, view, methods=["POST"])

    altering("plant", "planted", lambda body, now: appear(network, str(body["category"]), now, rng))
    altering("repair", "repaired", lambda body, now: repair(network, int(body["id"]), now))
    altering("relapse", "back", lambda body, now: relapse(network, int(body["id"]), now))
    altering("worsen", "changed", lambda body, now: worsen(network, int(body["id"]), now))

    @app.post("/tick")
    def tick() -> Response:
        life.tick(datetime.now(UTC))
        return jsonify(ticked=True)


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ValueError("expected a JSON object as the body")
    return _Named(body)


class _Named(dict[str, Any]):
    """A body that says which field is missing."""

    def __missing__(self, name: str) -> Any:
        raise ValueError(f"the body needs {name!r}")
