"""How a system knows us: the headers of a request. Knows nothing of pages or rows, never says a secret."""

from __future__ import annotations

from base64 import b64encode
from typing import Protocol
from urllib.parse import urljoin

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc6749 import OAuth2Token

from exceptions_app.catalog.schema import Secret

from ..base import TransportError
from ..references import address, reveal
from .options import RestAuth


class Authorizer(Protocol):
    """Gives the headers of the next request; `renew` says whether asking again with new ones may help."""

    def headers(self) -> dict[str, str]: ...

    def renew(self) -> bool: ...

    def close(self) -> None: ...


class FixedHeaders:
    """The same headers every time: an API key, a user and password, a long-lived token, or nothing."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers

    def headers(self) -> dict[str, str]:
        return self._headers

    def renew(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held."""


class ClientCredentials:
    """OAuth2 client credentials: a token is fetched when needed, when it runs out, when it is refused."""

    def __init__(self, client: OAuth2Client, token_url: str, scope: str | None) -> None:
        self._client = client
        self._url = token_url
        self._scope = scope
        self._token: OAuth2Token | None = None

    def headers(self) -> dict[str, str]:
        if self._token is None or self._token.is_expired(leeway=self._leeway()):
            self._token = self._fetch()
        return {"Authorization": f"Bearer {self._token['access_token']}"}

    def renew(self) -> bool:
        self._token = None
        return True

    def close(self) -> None:
        self._client.close()

    def _leeway(self) -> int:
        """Renew half a minute early, but never more than a tenth of a short life."""
        lifetime = int((self._token or {}).get("expires_in") or 300)
        return min(30, lifetime // 10)

    def _fetch(self) -> OAuth2Token:
        wanted = {"scope": self._scope} if self._scope else {}
        try:
            token: OAuth2Token = self._client.fetch_token(
                self._url, grant_type="client_credentials", **wanted
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


def authorizer(options: RestAuth, base_url: str, timeout: httpx2.Timeout) -> Authorizer:
    """The authorizer that `options` describe. Raises TransportError naming a secret that cannot be found."""
    where = "connection.auth"
    match options.type:
        case "api_key":
            return FixedHeaders({options.header: _secret(options.value, f"{where}.value")})
        case "bearer":
            return FixedHeaders({"Authorization": f"Bearer {_secret(options.token, f'{where}.token')}"})
        case "basic":
            pair = f"{options.username}:{_secret(options.password, f'{where}.password')}"
            return FixedHeaders({"Authorization": f"Basic {b64encode(pair.encode()).decode()}"})
        case "oauth2":
            client = OAuth2Client(
                _secret(options.client_id, f"{where}.client_id"),
                _secret(options.client_secret, f"{where}.client_secret"),
                timeout=timeout,
            )
            token_url = urljoin(
                base_url.rstrip("/") + "/", address(options.token_url or "", f"{where}.token_url")
            )
            return ClientCredentials(client, token_url, options.scope)
        case _:
            return FixedHeaders({})


def _secret(reference: Secret | None, where: str) -> str:
    return reveal(reference, where) if reference else ""
