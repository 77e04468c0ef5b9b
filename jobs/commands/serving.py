"""`tieout serve`, `web` and `jobs`: what keeps running."""

from __future__ import annotations

import os
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping

import click

from exceptions_app.config import load_settings

from .. import logs, process
from ..install import opened
from ..serve import Child, children, ensure_free, stop_on_signals, supervise, threads_on, web_command

DEFAULT_PORT = 8080


def _port(_context: click.Context, _parameter: click.Parameter, value: int | None) -> int:
    return value if value is not None else int(os.environ.get("PORT") or DEFAULT_PORT)


host_option = click.option("--host", default="127.0.0.1", show_default=True, help="address to listen on")
port_option = click.option(
    "--port", type=click.IntRange(1, 65535), callback=_port, help=f"default: PORT, else {DEFAULT_PORT}"
)


@click.command()
@host_option
@port_option
def serve(host: str, port: int) -> None:
    """Web and jobs together, until Ctrl-C."""
    settings = load_settings()
    logs.configure(settings.log_level)
    ensure_free(host, port)
    with opened(settings) as install:
        name = install.runtime.catalog.site.name
    click.echo(f"{name}: starting on http://{host}:{port}/ (Ctrl-C ends it)")
    environ = {**os.environ, "TIEOUT_INSTANCE": str(settings.instance)}
    running = children(host, port, settings.web_processes, settings.job_processes, environ)
    sys.exit(run_together(running, host, port, lambda: click.echo(f"ready: http://{host}:{port}/")))


def run_together(running: list[Child], host: str, port: int, ready: Callable[[], None]) -> int:
    """Supervise until a signal; `ready` is called once the web answers."""
    stop = stop_on_signals()
    waiting = threading.Thread(target=_tell_when_ready, args=(host, port, stop, ready), daemon=True)
    return supervise(running, stop, started=waiting.start)


def _tell_when_ready(host: str, port: int, stop: threading.Event, ready: Callable[[], None]) -> None:
    started = time.monotonic()
    while not stop.wait(0.2) and time.monotonic() - started < 300:
        if _answers(f"http://{host}:{port}/healthz"):
            ready()
            return


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@click.command()
@host_option
@port_option
def web(host: str, port: int) -> None:
    """The web server alone."""
    settings = load_settings()
    ensure_free(host, port)
    with opened(settings):
        pass
    threads = threads_on(settings.sqlalchemy_url)
    command = web_command(host, port, settings.web_processes, settings.log_level, threads)
    _become(command, {**os.environ, "TIEOUT_INSTANCE": str(settings.instance)})


def _become(command: list[str], environ: Mapping[str, str]) -> None:
    os.execvpe(command[0], command, dict(environ))  # noqa: S606 - our own command


@click.command()
def jobs() -> None:
    """The jobs alone: schedule and runners. As many of these processes as wanted may run."""
    settings = load_settings()
    logs.configure(settings.log_level)
    stop = stop_on_signals()
    with opened(settings) as install:
        process.run(install.runtime, install.engine, stop)


COMMANDS = (serve, web, jobs)
