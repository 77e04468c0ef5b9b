"""A session that a login call opens: its token is carried by every request until it is refused, then once anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import httpx2

from exceptions_app.catalog.schema import Secret

from ..base import TransportError
from ..exact_json import dump, find, parse
from ..references import reveal
from .client import Reach, client_of
from .connection_options import RestConnection, RestLogin


class SessionToken:
    """Logs in when first needed, after `lifetime`, and when a request says that the session has run out."""

    def __init__(
        self, connection: RestConnection, reach: Reach, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if connection.auth.login is None:  # the options see to it
            raise ValueError("no login")
        self._options = connection.auth
        self._login: RestLogin = connection.auth.login
        self._url = reach.address_of(self._login.path)
        self._logout_url = reach.address_of(self._login.logout) if self._login.logout else None
        self._client = client_of(connection)
        self._clock = clock
        self._token: str | None = None
        self._cookies: dict[str, str] = {}
        self._since = 0.0

    def headers(self) -> dict[str, str]:
        lifetime = self._login.lifetime
        if lifetime is not None and self._clock() - self._since > lifetime.total_seconds():
            self._token = None
        if self._token is None:
            self._since = self._clock()
            self._token = self._opened()
        cookies, carried = dict(self._cookies), dict[str, str]()
        if self._login.found_in == "cookie" and "header" not in self._options.model_fields_set:
            cookies[self._login.field] = self._token
        else:
            carried[self._options.carrier] = self._options.written(self._token)
        if cookies:
            carried["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return carried

    def params(self) -> Mapping[str, str]:
        return {}

    def expired(self, status: int) -> bool:
        return status in self._login.refused

    def renew(self) -> bool:
        self._token = None
        return True

    def close(self) -> None:
        """End the session where the system wants that; what it answers does not matter any more."""
        if self._token is not None and self._logout_url is not None:
            with suppress(httpx2.HTTPError, TransportError):
                self._client.request(self._login.logout_method, self._logout_url, headers=self.headers())
            self._token = None
        self._client.close()

    def _opened(self) -> str:
        where = f"login {self._login.path}"
        answer = self._client.request(self._login.method, self._url, **self._said())
        if answer.status_code in (408, 425, 429) or answer.status_code >= 500:
            answer.raise_for_status()  # the caller tells how it passes
        if not answer.is_success:
            said = f"the login was refused: {answer.status_code} {answer.reason_phrase}".strip()
            raise TransportError(said, permanent=True, where=where)
        token = self._found(answer)
        if not isinstance(token, str | int) or token in ("", True, False):
            said = f"the answer to the login has no {self._login.field!r} in its {self._login.found_in}"
            raise TransportError(said, permanent=True, where=where)
        self._cookies = self._set_by(answer, where) if self._login.cookies else {}
        return str(token)

    def _set_by(self, answer: httpx2.Response, where: str) -> dict[str, str]:
        """The cookies that an answer sets."""
        found = {cookie.name: cookie.value or "" for cookie in answer.cookies.jar}
        if not found:
            raise TransportError("the answer to the login sets no cookie", permanent=True, where=where)
        return found

    def _said(self) -> dict[str, Any]:
        body = _revealed(self._login.body, f"login {self._login.path}")
        match self._login.format:
            case "basic":
                return {"auth": (body["username"], body["password"])}
            case "form":
                return {"data": body}
            case "json":
                content = dump(body).encode() if self._login.method != "GET" else b""
                return {"content": content, "headers": {"Content-Type": "application/json"}}

    def _found(self, answer: httpx2.Response) -> Any:
        match self._login.found_in:
            case "header":
                return answer.headers.get(self._login.field)
            case "cookie":
                return answer.cookies.get(self._login.field)
            case "body":
                try:
                    value = parse(answer.content.decode("utf-8-sig")).value
                except (UnicodeDecodeError, ValueError):
                    value = answer.text.strip() if not self._login.field else None
                return find(value, self._login.field)


def _revealed(value: Any, where: str) -> Any:
    """The value with each `env:NAME` and `file:/path` replaced by what it refers to."""
    if isinstance(value, Mapping):
        return {name: _revealed(item, where) for name, item in value.items()}
    if isinstance(value, str) and value.startswith(("env:", "file:")):
        scheme, _, target = value.partition(":")
        return reveal(Secret(scheme, target), where)
    return value
