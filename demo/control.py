"""`python -m demo.control`: outages, slow answers, planting and repairing, from the command line.

Talks to the control endpoint of the network that runs in `--home` (default: the environment's DEMO_HOME).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from .moods import SYSTEMS, TROUBLES


def main() -> None:
    """Parse the command line, ask the running network, print its answer as JSON."""
    parser = argparse.ArgumentParser(prog="python -m demo.control", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("DEMO_HOME", "instance/demo")))
    commands = parser.add_subparsers(dest="command", required=True)
    for mood, about in (
        ("outage", "a system answers 503, or drops no files"),
        ("slow", "a system answers late"),
    ):
        command = commands.add_parser(mood, help=about)
        command.add_argument("system", choices=SYSTEMS)
        command.add_argument("seconds", type=float)
        command.add_argument("--after", type=float, default=0.0, help="begin so many seconds from now")
    trouble = commands.add_parser("trouble", help="something goes wrong with the next writes")
    trouble.add_argument("system", choices=SYSTEMS)
    trouble.add_argument("what", choices=tuple(TROUBLES), help="; ".join(map(" = ".join, TROUBLES.items())))
    trouble.add_argument("count", type=int, nargs="?", default=1, help="how many writes; -1: all, 0: none")
    trouble.add_argument("--seconds", type=float, default=1.0, help="Retry-After, or how late")
    commands.add_parser("book", help="what a system was sent").add_argument("system", choices=SYSTEMS)
    commands.add_parser("plant", help="plant one fault now").add_argument("category")
    commands.add_parser("repair", help="repair a fault at its source").add_argument("id", type=int)
    commands.add_parser("relapse", help="a fault that was repaired is back").add_argument("id", type=int)
    commands.add_parser("worsen", help="a fault changes, and stays one").add_argument("id", type=int)
    commands.add_parser("tick", help="let life take one step now")
    commands.add_parser("status", help="who is out of order, how many faults are open")
    listing = commands.add_parser("ledger", help="what was planted")
    listing.add_argument("--category", default="")
    given = vars(parser.parse_args())
    home, command = given.pop("home"), given.pop("command")
    try:
        print(json.dumps(_ask(home, command, given), indent=2))
    except (OSError, ValueError) as error:
        sys.exit(f"demo.control: {error}")


def _ask(home: Path, command: str, given: dict[str, Any]) -> Any:
    description = home / "network.json"
    if not description.exists():
        raise ValueError(
            f"no network runs in {home}: {description} is missing; expected python -m demo --home {home}"
        )
    address = json.loads(description.read_text(encoding="utf-8"))["control"]
    if command in {"status", "ledger", "book"}:
        query = "?" + urlencode({name: value for name, value in given.items() if value})
        return _answer(urllib.request.Request(f"{address}/{command}{query}"))
    body = json.dumps(given).encode()
    return _answer(urllib.request.Request(f"{address}/{command}", body, {"Content-Type": "application/json"}))


def _answer(request: urllib.request.Request) -> Any:
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        raise ValueError(json.loads(refusal.read()).get("error", str(refusal))) from None


if __name__ == "__main__":
    main()
