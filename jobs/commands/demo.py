"""`tieout demo`: the simulated hospital network, web and jobs, with accounts to sign in with. Nothing is
inserted by a script: what the queues show, the jobs have found by polling.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from exceptions_app.config import load_settings
from exceptions_app.domain.instant import utc_now
from exceptions_app.models import EVERYTHING, Role
from exceptions_app.services import people

from .. import logs
from ..install import Install, opened
from ..serve import Child, ServeError, children, ensure_free
from .past import remember
from .serving import host_option, port_option, run_together

PASSWORD = "larkhaven-demo"  # noqa: S105 - for a network that does not exist
NETWORK_TIMEOUT = 150.0


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in to the demo."""

    email: str
    name: str
    role: Role
    queues: tuple[str, ...] = (EVERYTHING,)
    entities: tuple[str, ...] = (EVERYTHING,)
    time_zone: str = "America/New_York"
    function: str = ""


ACCOUNTS = (
    Account("ana@larkhaven.example", "Ana Reyes", Role.SPECIALIST, ("accounts_payable",)),
    Account("sam@larkhaven.example", "Sam Whitfield", Role.SPECIALIST, ("supply_chain", "buyers"),
            ("BMC",), "America/Chicago"),
    Account("mia@larkhaven.example", "Mia Castellano", Role.MANAGER, function="Controller"),
    Account("leo@larkhaven.example", "Leo Marchetti", Role.MANAGER,
            ("supply_chain", "buyers", "recalls"), function="Supply chain director"),
    Account("pia@larkhaven.example", "Pia Sandoval", Role.MANAGER,
            ("human_resources", "payroll", "identity"), function="HR director"),
    Account("gus@larkhaven.example", "Gus Nakamura", Role.MANAGER, ("grants",),
            function="Director of sponsored programs"),
    Account("ivo@larkhaven.example", "Ivo Brandt", Role.ANALYST, ("integration_operations",),
            function="Integration manager"),
    Account("una@larkhaven.example", "Una Okafor", Role.AUDITOR, function="Compliance officer"),
    Account("ada@larkhaven.example", "Ada Lindqvist", Role.ADMINISTRATOR),
)  # fmt: skip


@click.command()
@host_option
@port_option
def demo(host: str, port: int) -> None:
    """A hospital network to look at: its systems, and queues that fill by polling. Ctrl-C ends it."""
    given = load_settings()
    logs.configure("WARNING" if given.log_level == "INFO" else given.log_level)
    ensure_free(host, port)
    home = given.instance / "demo"
    settings = replace(given, instance=home, catalog=given.catalog or _package() / "catalog")
    tieout = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - only compared
    command = [sys.executable, "-m", "demo", "--home", str(home), "--tieout", tieout]
    network = Child("network", command, os.environ)
    click.echo("starting the hospital network (the first time it makes up 120 days of history) …")
    try:
        os.environ.update(start_network(network, home))
        with opened(settings) as install:
            add_accounts(install)
            remember_past(install, home)
        environ = {
            **os.environ,
            "TIEOUT_INSTANCE": str(home),
            "TIEOUT_CATALOG": str(settings.catalog),
            "TIEOUT_LOG_LEVEL": "WARNING" if given.log_level == "INFO" else given.log_level,
        }
        running = children(host, port, settings.web_processes, settings.job_processes, environ)
        code = run_together([network, *running], host, port, lambda: _tell(host, port))
    finally:
        network.ask_to_stop()
        network.wait(10)
    sys.exit(code)


def _package() -> Path:
    found = importlib.util.find_spec("demo")
    if found is None or not found.submodule_search_locations:
        raise ServeError("the demo is not part of this install")
    return Path(found.submodule_search_locations[0])


def start_network(network: Child, home: Path) -> dict[str, str]:
    """Start the simulated systems and wait until they serve; the environment that leads to them."""
    described = home / "network.json"
    home.mkdir(parents=True, exist_ok=True)
    described.unlink(missing_ok=True)
    network.start()
    started = time.monotonic()
    while time.monotonic() - started < NETWORK_TIMEOUT:
        if network.ended() is not None:
            raise ServeError(f"the hospital network ended with exit code {network.ended()}; see above")
        found = _read(described)
        if found.get("ready"):
            return {str(name): str(value) for name, value in found["env"].items()}
        time.sleep(0.1)
    raise ServeError(f"the hospital network was not ready within {NETWORK_TIMEOUT:.0f} seconds")


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found


def remember_past(install: Install, home: Path) -> None:
    """What some feeds brought before anybody polled them, so that their rhythm is known."""
    remember(install, _read(home / "network.json").get("past", {}), utc_now())


def add_accounts(install: Install) -> None:
    """The people of the demo, unless they are there."""
    cheap = install.runtime.settings.cheap_passwords
    with install.transaction() as session:
        for account in ACCOUNTS:
            if people.user_by_email(session, account.email) is None:
                people.create_user(
                    session, email=account.email, name=account.name, password=PASSWORD, role=account.role,
                    queues=account.queues, entities=account.entities, time_zone=account.time_zone,
                    function=account.function,
                    by="system:demo", now=utc_now(), cheap=cheap,
                )  # fmt: skip


def _tell(host: str, port: int) -> None:
    click.echo(f"\n  Tieout is ready: http://{host}:{port}/\n")
    click.echo(f"  Sign in with any of these; the password is {PASSWORD}\n")
    for account in ACCOUNTS:
        click.echo(f"    {account.email:26} {account.role.replace('_', ' '):20} {account.name}")
    click.echo("\n  The queues fill as the jobs poll: give them a minute. Ctrl-C ends it all.\n")


COMMANDS = (demo,)
