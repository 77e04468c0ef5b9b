"""The HTTP client of one system: its certificates, its proxy, and the hosts that it may ask.

Takes nothing from the environment on its own: a proxy, a certificate or a password that the configuration does not
name is not used, so that no request leaves for a host that it does not name.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx2

from ..base import TransportError
from ..references import address, reveal
from .connection_options import RestConnection, RestProxy, RestTls

Origin = tuple[str, str, int | None]
_AUTHORITIES_SECONDS = 3600.0


def origin(url: httpx2.URL) -> Origin:
    """Scheme, host and port: what makes two addresses the same place."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where requests may go. `known`: the places that are told how the system knows us."""

    base: str
    allowed: frozenset[Origin]
    known: frozenset[Origin]

    @classmethod
    def of(cls, connection: RestConnection) -> Reach:
        """Raises TransportError naming an address that is none."""
        base = _http(address(connection.base_url, "connection.base_url"), "connection.base_url").rstrip("/")
        home = origin(httpx2.URL(base))
        others = [
            (origin(httpx2.URL(_http(address(host.url, where), where))), host.known)
            for number, host in enumerate(connection.hosts, 1)
            for where in [f"connection.hosts {number}"]
        ]
        known = frozenset({home, *(place for place, told in others if told)})
        return cls(base, frozenset({home, *(place for place, _ in others)}), known)

    @property
    def place(self) -> str:
        """Host and port of base_url, for an error message."""
        return httpx2.URL(self.base).netloc.decode()

    def address_of(self, path: str) -> str:
        """The address of a path below base_url."""
        return f"{self.base}/{path.lstrip('/')}"

    def follow(self, link: str, current: str, where: str, what: str = "the next page") -> str:
        """The address that `link` means on the page `current`. Raises TransportError if it leaves."""
        try:
            target = httpx2.URL(current).join(link)
        except httpx2.InvalidURL as error:
            message = f"{what} is said to be at no address ({error})"
            raise TransportError(message, permanent=True, where=where, answered=True) from None
        if origin(target) in self.allowed:
            return str(target)
        place = f"{target.scheme}://{target.netloc.decode()}"
        raise TransportError(
            f"{what} is said to be at {place}, not at {httpx2.URL(self.base).host}: not asked. "
            f"If that is right, name it under connection.hosts",
            permanent=True,
            where=where,
            answered=True,
        )

    def is_known(self, url: str) -> bool:
        """Whether what is asked there may carry how the system knows us."""
        return origin(httpx2.URL(url)) in self.known


def client_of(connection: RestConnection, **more: Any) -> httpx2.Client:
    """A client that goes where it is told, and no other way. Raises TransportError naming a file that is wrong."""
    return httpx2.Client(
        timeout=httpx2.Timeout(connection.timeout.total_seconds()),
        headers=connection.headers,
        **settings_of(connection),
        **more,
    )


def settings_of(connection: RestConnection) -> dict[str, Any]:
    """What every client of this system is made with: the one that fetches tokens, too."""
    tls = _tls(connection.tls)
    return {
        "trust_env": False,
        "follow_redirects": False,
        "proxy": None if connection.proxy is None else _proxy(connection.proxy, tls),
        "verify": _authorities(int(time.monotonic() // _AUTHORITIES_SECONDS)) if tls is None else tls,
    }


@lru_cache(maxsize=1)
def _authorities(_period: int) -> ssl.SSLContext:
    """The machine's own: reading them takes longer than most answers, so they are read anew once an hour."""
    return httpx2.create_ssl_context(trust_env=False)


def _proxy(options: RestProxy, tls: ssl.SSLContext | None) -> httpx2.Proxy:
    where = "connection.proxy"
    url = _http(address(options.url, f"{where}.url"), f"{where}.url")
    known = None
    if options.username is not None and options.password is not None:
        known = (options.username, reveal(options.password, f"{where}.password"))
    return httpx2.Proxy(url, auth=known, ssl_context=tls if url.startswith("https://") else None)


def _tls(options: RestTls) -> ssl.SSLContext | None:
    """None: the machine's own authorities, and no certificate of ours."""
    if options.ca is None and options.certificate is None:
        return None
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except (OSError, ssl.SSLError) as error:
        raise _unusable("ca", options.ca, error, "a PEM file of authorities") from None
    if options.certificate is None:
        return context
    password = reveal(options.key_password, "connection.tls.key_password") if options.key_password else ""
    try:
        context.load_cert_chain(options.certificate, options.key, password)
    except (OSError, ssl.SSLError) as error:
        files = options.certificate if options.key is None else f"{options.certificate} with {options.key}"
        raise _unusable("certificate", files, error, "a PEM certificate and its private key") from None
    return context


def _unusable(option: str, file: str | None, error: OSError, expected: str) -> TransportError:
    reason = error.strerror if not isinstance(error, ssl.SSLError) else (error.reason or "it cannot be read")
    message = f"{file}: {reason}; expected {expected}"
    return TransportError(message, permanent=True, where=f"connection.tls.{option}")


def _http(url: str, where: str) -> str:
    try:
        fits = url.startswith(("http://", "https://")) and bool(httpx2.URL(url).host)
    except httpx2.InvalidURL:
        fits = False
    if not fits:
        raise TransportError("not an http(s) address; expected https://host", permanent=True, where=where)
    return url
