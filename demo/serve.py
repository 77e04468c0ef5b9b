"""Serves a network: one HTTP server per system and one for control, on loopback, and the clockwork beside
them.

Ports and credentials are chosen once per home and kept, so that a restart is the same network to its clients.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from . import control_panel, rhythms
from .hr import lifecycle, servers
from .hr import tables as people
from .ledger_systems import systems as listed
from .life import Life
from .network import Network
from .planting import plant_history
from .redis_server import RedisServer, available
from .sftp import USER, SftpServer
from .systems import ap_automation, erp, portal, procurement, warehouse_api
from .webhooks import Webhooks, secret_of

_SERVERS = (
    "erp",
    "procurement",
    "ap_automation",
    "wms",
    "portal",
    "hcm",
    "identity",
    "payroll",
    *listed.TABLES,
    "control",
)
_log = logging.getLogger(__name__)


class _Quiet(WSGIRequestHandler):
    """Keeps connections open between requests, and does not log each of them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: a poll every few seconds would drown everything else."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client needs to be let in; made once per home."""

    erp_client_id: str
    erp_client_secret: str
    procurement_api_key: str
    ap_token: str
    wms_api_key: str
    portal_api_key: str
    hcm_token: str
    identity_api_key: str
    lists_api_key: str
    portal_webhook_token: str
    payroll_password: str

    @classmethod
    def of(cls, path: Path) -> Credentials:
        """The ones kept in `path`, and new ones where it has none; readable by the owner only."""
        kept = json.loads(path.read_text(encoding="ascii")) if path.exists() else {}
        made = {name: secrets.token_urlsafe(18) for name in cls.__slots__ if name not in kept}
        if made:
            kept = made | {"erp_client_id": "tieout-reader"} | kept
            path.touch(mode=0o600)
            path.write_text(json.dumps(kept), encoding="ascii")
        return cls(**kept)


class Serving:
    """The running servers of one network. `start` makes everything ready; `stop` ends it in good order."""

    def __init__(
        self, network: Network, *, quiet: bool = False, every: float = 15.0, tieout: str | None = None
    ) -> None:
        """`tieout`: where the portal's webhooks go, `http://127.0.0.1:8080`."""
        self.network, self._every = network, every
        self._given = Credentials.of(network.home / "credentials.json")
        self._webhook_secret = secret_of(self._given.portal_webhook_token)
        url = None if tieout is None else f"{tieout}/api/v1/events/portal_acknowledgements"
        self._webhooks = Webhooks(url, self._webhook_secret)
        self.life = Life(network, quiet=quiet, webhooks=self._webhooks)
        self._sftp: SftpServer | None = None
        self._redis: RedisServer | None = None
        self._servers: dict[str, BaseWSGIServer] = {}
        self._threads: list[threading.Thread] = []

    def start(self, *, ticking: bool = True) -> dict[str, str]:
        """Build or resume the network, serve it, write `network.json`; returns the catalog's environment."""
        now = datetime.now(UTC).replace(microsecond=0)
        if ticking:
            self._broker()
        if self.network.is_new:
            self.network.build(now)
            plant_history(self.network, now)
        else:
            self.network.resume()
        self.network.open(now)
        self.network.publish(now)
        self.life.tick(now)
        environment = self._serve(self._given)
        if ticking:
            environment |= self._serve_files()
            self._run(self.life.run, self._every)
            self._run(self._webhooks.run)
        description = {"ready": True, "env": environment, "pid": os.getpid(), "control": self._url("control")}
        description["past"] = rhythms.past(self.network.built)
        path = self.network.home / "network.json"
        path.with_suffix(".part").write_text(json.dumps(description, indent=2), encoding="utf-8")
        path.with_suffix(".part").replace(path)
        return environment

    def _serve(self, given: Credentials) -> dict[str, str]:
        network = self.network
        served = applications(network, given) | {"control": control_panel.application(self.life)}
        ports = network.recall("ports") or {}
        for name in _SERVERS:
            self._servers[name] = _server(served[name], ports.get(name, 0))
            self._run(self._servers[name].serve_forever)
        network.remember("ports", {name: server.server_port for name, server in self._servers.items()})
        return {
            "DEMO_ERP_URL": self._url("erp"),
            "DEMO_ERP_CLIENT_ID": given.erp_client_id,
            "DEMO_ERP_CLIENT_SECRET": given.erp_client_secret,
            "DEMO_PROCUREMENT_URL": self._url("procurement"),
            "DEMO_PROCUREMENT_API_KEY": given.procurement_api_key,
            "DEMO_AP_URL": self._url("ap_automation"),
            "DEMO_AP_TOKEN": given.ap_token,
            "DEMO_WMS_DROP": str(network.drop),
            "DEMO_WMS_URL": self._url("wms"),
            "DEMO_WMS_API_KEY": given.wms_api_key,
            "DEMO_PORTAL_URL": self._url("portal"),
            "DEMO_PORTAL_API_KEY": given.portal_api_key,
            "DEMO_HCM_URL": self._url("hcm"),
            "DEMO_HCM_TOKEN": given.hcm_token,
            "DEMO_IDENTITY_URL": self._url("identity"),
            "DEMO_IDENTITY_API_KEY": given.identity_api_key,
            "DEMO_IDENTITY_DATABASE": f"sqlite:///{network.home.absolute() / 'identity.sqlite'}",
            "DEMO_PORTAL_WEBHOOK_SECRET": self._webhook_secret,
            "DEMO_PAYROLL_URL": self._url("payroll"),
            "DEMO_PAYROLL_DROP": str(network.payroll_drop),
            "DEMO_PAYROLL_USER": USER,
            "DEMO_PAYROLL_PASSWORD": given.payroll_password,
            "DEMO_PAYROLL_HOST_KEY": "ssh-ed25519 none",
            "DEMO_HCM_BROKER": network.broker.url,
            "DEMO_HCM_BROKER_IN": str(network.broker.folder / "messages"),
            "DEMO_HCM_BROKER_CONTROL": str(network.broker.folder / "control"),
            "DEMO_LISTS_API_KEY": given.lists_api_key,
            **{f"DEMO_{name.upper()}_URL": self._url(name) for name in listed.TABLES},
        }

    def _broker(self) -> None:
        """HCM's events go over Redis where this machine has it, for as long as the network lives."""
        network = self.network
        kept = network.recall("redis_port")
        begins = network.is_new and network.broker.url == lifecycle.FOLDER_BROKER
        if not available() or (kept is None and not begins):
            return
        self._redis = RedisServer(network.home / "redis", kept or 0)
        network.remember("redis_port", self._redis.port)
        network.broker = lifecycle.Broker(self._redis.url, network.broker.folder)

    def _serve_files(self) -> dict[str, str]:
        """Payroll's folder over SFTP, on the port of the last time."""
        network = self.network
        found = SftpServer(
            network.payroll_drop, network.home / "sftp_host_key", self._given.payroll_password,
            network.recall("sftp_port") or 0,
        )  # fmt: skip
        self._sftp = found
        network.remember("sftp_port", found.port)
        return {
            "DEMO_PAYROLL_DROP": f"sftp://127.0.0.1:{found.port}/",
            "DEMO_PAYROLL_HOST_KEY": found.host_key,
        }

    def _url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._servers[name].server_port}"

    def _run(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        thread.start()
        self._threads.append(thread)

    def stop(self) -> None:
        """Finish what is being answered, close the files, and take back `network.json`."""
        (self.network.home / "network.json").unlink(missing_ok=True)
        self.life.stop()
        self._webhooks.stop()
        if self._sftp is not None:
            self._sftp.stop()
        if self._redis is not None:
            self._redis.stop()
        for server in self._servers.values():
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join(timeout=5)
        self.network.close()


def applications(network: Network, given: Credentials) -> dict[str, Flask]:
    """What each system answers with."""
    moods, tell = network.moods, network.mended
    return {
        "erp": erp.application(network.erp, moods, given.erp_client_id, given.erp_client_secret, tell),
        "procurement": procurement.application(network.procurement, moods, given.procurement_api_key, tell),
        "ap_automation": ap_automation.application(network.ap, moods, given.ap_token, tell),
        "wms": warehouse_api.application(network.wms, moods, given.wms_api_key, tell),
        "portal": portal.application(network.portal, moods, given.portal_api_key, tell),
        "hcm": servers.application(
            "hcm",
            network.hcm,
            moods,
            servers.Door("Authorization", f"Bearer {given.hcm_token}"),
            people.HCM,
            "HCM",
        ),
        "identity": servers.application(
            "identity",
            network.identity,
            moods,
            servers.Door("X-Api-Key", given.identity_api_key),
            people.IDENTITY,
            "Identity platform",
        ),
        "payroll": servers.application("payroll", network.payroll, moods, None, people.PAYROLL, "Payroll"),
        **listed.applications(network.listed, moods, given.lists_api_key),
    }


def _server(app: Flask, port: int) -> BaseWSGIServer:
    """On the port of the last time, or on any where that one is taken by now."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    try:
        return make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
    except (OSError, SystemExit):
        _log.warning("port %s is taken; choosing another", port)
        return make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
