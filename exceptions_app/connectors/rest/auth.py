"""How a system knows us: what each request carries. Knows nothing of pages or rows, never says a secret."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urljoin

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc6749 import OAuth2Token

from exceptions_app.catalog.schema import Secret

from ..base import TransportError
from ..references import address, reveal
from .client import Reach, settings_of
from .connection_options import RestAuth, RestConnection
from .session import SessionToken


class Authorizer(Protocol):
    """Gives what the next request carries; `renew` says whether asking again with something new may help."""

    def headers(self) -> dict[str, str]: ...

    def params(self) -> Mapping[str, str]: ...

    def expired(self, status: int) -> bool:
        """Whether this status says that what was carried has run out."""
        ...

    def renew(self) -> bool: ...

    def close(self) -> None: ...


class Fixed:
    """The same every time: an API key, a user and password, a long-lived token, or nothing."""

    def __init__(self, headers: dict[str, str], params: Mapping[str, str] | None = None) -> None:
        self._headers = headers
        self._params = params or {}

    def headers(self) -> dict[str, str]:
        return self._headers

    def params(self) -> Mapping[str, str]:
        return self._params

    def expired(self, _status: int) -> bool:
        return False

    def renew(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held."""


class ClientCredentials:
    """OAuth2 client credentials: a token is fetched when needed, when it runs out, when it is refused.

    Where the issuer gave a refresh token, that is used first; one that is no longer taken is forgotten.
    """

    def __init__(self, client: OAuth2Client, token_url: str, asked: Mapping[str, str]) -> None:
        self._client = client
        self._url = token_url
        self._asked = dict(asked)
        self._token: OAuth2Token | None = None
        self._refresh: str | None = None

    def headers(self) -> dict[str, str]:
        if self._token is None or self._token.is_expired(leeway=self._leeway()):
            self._token = self._refreshed() or self._fetch()
            self._refresh = self._token.get("refresh_token") or self._refresh
        return {"Authorization": f"Bearer {self._token['access_token']}"}

    def params(self) -> Mapping[str, str]:
        return {}

    def expired(self, status: int) -> bool:
        return status == 401

    def renew(self) -> bool:
        self._token = None
        return True

    def close(self) -> None:
        self._client.close()

    def _leeway(self) -> int:
        """Renew half a minute early, but never more than a tenth of a short life."""
        lifetime = int((self._token or {}).get("expires_in") or 300)
        return min(30, lifetime // 10)

    def _refreshed(self) -> OAuth2Token | None:
        refresh, self._refresh = self._refresh, None
        if refresh is None:
            return None
        try:
            token: OAuth2Token = self._client.refresh_token(self._url, refresh_token=refresh)
        except (OAuthError, ValueError):
            return None
        except httpx2.HTTPStatusError as error:
            if error.response.status_code >= 500:
                raise
            return None
        return token if token.get("access_token") else None

    def _fetch(self) -> OAuth2Token:
        try:
            token: OAuth2Token = self._client.fetch_token(
                self._url, grant_type="client_credentials", **self._asked
            )
        except OAuthError as error:
            raise TransportError(f"no token: {error.error}", permanent=True, where=self._url) from None
        except ValueError:
            raise TransportError(
                "no token: the answer is not JSON", permanent=True, where=self._url
            ) from None
        if not token.get("access_token"):
            raise TransportError("no token: the answer has no access_token", permanent=True, where=self._url)
        return token


def authorizer(connection: RestConnection, reach: Reach) -> Authorizer:
    """The authorizer of a connection. Raises TransportError naming a secret that cannot be found."""
    options, where = connection.auth, "connection.auth"
    match options.type:
        case "api_key":
            key = options.written(_secret(options.value, f"{where}.value"))
            return Fixed({}, {options.query: key}) if options.query else Fixed({options.header: key})
        case "bearer":
            return Fixed({"Authorization": f"Bearer {_secret(options.token, f'{where}.token')}"})
        case "basic":
            return Fixed(basic(options.username or "", _secret(options.password, f"{where}.password")))
        case "oauth2":
            return _oauth2(connection, options, reach, where)
        case "session":
            return SessionToken(connection, reach)
        case _:
            return Fixed({})


def basic(username: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic (RFC 7617), in UTF-8."""
    return {"Authorization": f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"}


def _oauth2(connection: RestConnection, options: RestAuth, reach: Reach, where: str) -> ClientCredentials:
    client = OAuth2Client(
        _secret(options.client_id, f"{where}.client_id"),
        _secret(options.client_secret, f"{where}.client_secret"),
        token_endpoint_auth_method=f"client_secret_{'basic' if options.client_in == 'header' else 'post'}",
        timeout=httpx2.Timeout(connection.timeout.total_seconds()),
        **settings_of(connection),
    )
    token_url = urljoin(reach.base + "/", address(options.token_url or "", f"{where}.token_url"))
    scope = {"scope": options.scope} if options.scope else {}
    return ClientCredentials(client, token_url, {**options.token_params, **scope})


def _secret(reference: Secret | None, where: str) -> str:
    return reveal(reference, where) if reference else ""
