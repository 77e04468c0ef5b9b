"""The application as a web process serves it."""

from __future__ import annotations

import atexit
import gc

from flask import Flask

from . import create_app


def web_app() -> Flask:
    """A new one, ready to serve."""
    return settled(create_app())


def settled(app: Flask) -> Flask:
    """What was made until here stays as long as the process: the garbage collector need not look at it again, which
    took a tenth of a second at a time, and some page waited for it. At the end it is let go, as libraries expect.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)
    return app
