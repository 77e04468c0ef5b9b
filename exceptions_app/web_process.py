"""The application as a web process serves it."""

from __future__ import annotations

import gc

from flask import Flask

from . import create_app


def web_app() -> Flask:
    """What was made until here stays as long as the process: the garbage collector need not look at it again, which
    took a tenth of a second at a time, and some page waited for it.
    """
    app = create_app()
    gc.collect()
    gc.freeze()
    return app
