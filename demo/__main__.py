"""`python -m demo --home DIR`: starts the simulated network and serves it until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from pathlib import Path
from types import FrameType

from .network import Network
from .serve import Serving


def main() -> None:
    """Parse the command line, serve, and wait for the end."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="where the network keeps its state")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another history")
    parser.add_argument("--scale", type=float, default=1.0, help="1: about 20,000 order lines")
    parser.add_argument("--every", type=float, default=15.0, help="seconds between two ticks of life")
    parser.add_argument("--calm", action="store_true", help="no errors by chance: neither 429 nor 500")
    parser.add_argument("--tieout", help="where webhooks go, e.g. http://127.0.0.1:8080")
    parser.add_argument("--quiet", action="store_true", help="nothing new happens unless it is asked for")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s demo %(message)s")
    serving = Serving(
        Network(given.home, given.seed, given.scale, calm=given.calm),
        quiet=given.quiet,
        every=given.every,
        tieout=given.tieout,
    )
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    serving.start()
    print(
        f"the hospital network serves; to disturb it: python -m demo.control --home {given.home} --help",
        flush=True,
    )
    ended.wait()
    serving.stop()


if __name__ == "__main__":
    main()
