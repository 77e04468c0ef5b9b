"""What `connection` of the `rest` connector can be told: where a system answers, how it knows us, how hard it is asked.

Read by the catalog; names here are what integrators write.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from exceptions_app.catalog.schema import Duration, Interval, SecretRef, Shape

from .header_names import checked

AuthType = Literal["none", "api_key", "basic", "bearer", "oauth2", "session"]

_NEEDED: dict[AuthType, tuple[str, ...]] = {
    "none": (),
    "api_key": ("value",),
    "basic": ("username", "password"),
    "bearer": ("token",),
    "oauth2": ("token_url", "client_id", "client_secret"),
    "session": ("login",),
}


class RestLogin(Shape):
    """The call that opens a session. Where it wants a secret, a value is `env:NAME` or `file:/path`."""

    path: str = Field(min_length=1, description="below base_url")
    method: Literal["POST", "GET", "PUT"] = "POST"
    format: Literal["json", "form", "basic"] = Field(
        "json", description="how body is sent; basic: its username and password as HTTP Basic"
    )
    body: dict[str, Any] = Field(default_factory=dict, description="what the call says")
    found_in: Literal["body", "header", "cookie"] = Field(
        "body", description="where the answer has the token"
    )
    field: str = Field("token", description="body: the path to it; header, cookie: its name")
    cookies: bool = Field(
        False,
        description="the cookies that the answer sets are carried, too: a session's beside a CSRF token",
    )
    lifetime: Duration | None = Field(None, description="log in anew after so long; default: when refused")
    refused: list[int] = Field([401], description="statuses that say that the session has run out")
    logout: str | None = Field(
        None, description="a path below base_url that ends the session (DELETE or POST)"
    )
    logout_method: Literal["POST", "DELETE", "GET"] = "POST"

    @field_validator("body")
    @classmethod
    def _complete(cls, body: dict[str, Any]) -> dict[str, Any]:
        if any(not isinstance(name, str) for name in body):
            raise ValueError("expected names and values")
        return body

    @model_validator(mode="after")
    def _basic_has_both(self) -> RestLogin:
        if self.format == "basic" and not {"username", "password"} <= set(self.body):
            raise ValueError("format basic needs body: {username: …, password: env:NAME}")
        return self


class RestAuth(Shape):
    """How the system knows us. Each `type` needs its own fields; secrets are references."""

    type: AuthType = "none"
    header: str = Field(
        "X-API-Key",
        description="api_key: the header that carries the key; session: the token (Authorization)",
    )
    query: str | None = Field(None, description="api_key: the parameter that carries the key, instead")
    template: str | None = Field(
        None, description="api_key, session: how it is written, such as Token {token}"
    )
    value: SecretRef | None = Field(None, description="api_key: the key")
    username: str | None = Field(None, description="basic: the user")
    password: SecretRef | None = Field(None, description="basic: the password")
    token: SecretRef | None = Field(None, description="bearer: the token")
    token_url: str | None = Field(
        None, description="oauth2: where tokens are issued; relative to base_url, or env:NAME"
    )
    client_id: SecretRef | None = Field(None, description="oauth2: client credentials, the client")
    client_secret: SecretRef | None = Field(None, description="oauth2: client credentials, its secret")
    scope: str | None = Field(None, description="oauth2: the scope asked for")
    client_in: Literal["header", "body"] = Field(
        "header", description="oauth2: where client and secret are sent: HTTP Basic, or the form"
    )
    token_params: dict[str, str] = Field(
        default_factory=dict, description="oauth2: further fields of the form, such as audience or resource"
    )
    login: RestLogin | None = Field(None, description="session: the call that gives a token")

    @model_validator(mode="after")
    def _complete(self) -> RestAuth:
        missing = [name for name in _NEEDED[self.type] if getattr(self, name) is None]
        if missing:
            raise ValueError(f"auth of type {self.type} also needs {', '.join(missing)}")
        if self.template is not None and "{token}" not in self.template:
            raise ValueError("template must contain {token}, the place of the key or token")
        return self

    @property
    def carrier(self) -> str:
        """The header of a key or a session's token."""
        if self.type == "session" and "header" not in self.model_fields_set:
            return "Authorization"
        return self.header

    def written(self, token: str) -> str:
        """How a key or a session's token stands there."""
        bearer = self.type == "session" and self.carrier == "Authorization"
        return (self.template or ("Bearer {token}" if bearer else "{token}")).replace("{token}", token)


class RestTls(Shape):
    """Certificates, where the usual ones do not do. Certificates are always checked."""

    ca: str | None = Field(None, description="a PEM file: the authorities to trust, instead of the machine's")
    certificate: str | None = Field(None, description="a PEM file: the certificate that we show")
    key: str | None = Field(
        None, description="a PEM file: its private key; default: in the certificate's file"
    )
    key_password: SecretRef | None = Field(None, description="what opens the private key")

    @model_validator(mode="after")
    def _paired(self) -> RestTls:
        if (self.key or self.key_password) and not self.certificate:
            raise ValueError("key and key_password belong to a certificate: name it under certificate")
        return self


class RestProxy(Shape):
    """The proxy that every request goes through."""

    url: str = Field(min_length=1, description="http://proxy:3128, or env:NAME")
    username: str | None = None
    password: SecretRef | None = None

    @model_validator(mode="after")
    def _both(self) -> RestProxy:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        return self


class RestHost(Shape):
    """Another host that may be asked, where a next page, a redirect or a download leads there."""

    url: str = Field(
        min_length=1, description="https://files.example, or env:NAME; only its host and port count"
    )
    known: bool = Field(False, description="whether it is told how the system knows us, too")


class RestQuota(Shape):
    """How many requests a system allows in a while. The while begins at fixed times, a day at 00:00 UTC."""

    requests: int = Field(ge=1)
    per: Interval = timedelta(days=1)
    warn_at: int = Field(default=80, ge=1, le=100)
    """Percent of it from which integration operations is told."""

    @field_validator("per")
    @classmethod
    def _some_time(cls, per: timedelta) -> timedelta:
        if per < timedelta(seconds=1):
            raise ValueError("expected a duration such as 1h or 1d")
        return per


class RestBreaker(Shape):
    """When a failing system is left in peace, by all feeds that read from it."""

    failures: int = Field(10, ge=1, description="after so many passing failures in a row")
    pause: Interval = Field(timedelta(seconds=30), description="for so long; doubled when it fails again")
    longest: Interval = Field(timedelta(minutes=15), description="but never longer")


class RestConnection(Shape):
    """Where a system answers, and how it is asked. No request ever goes to another host than these name."""

    base_url: str = Field(min_length=1, description="https://…, or env:NAME; paths of feeds are appended")
    hosts: list[RestHost] = Field(default_factory=list, description="further hosts that may be asked")
    auth: RestAuth = Field(default_factory=lambda: RestAuth.model_validate({}))
    tls: RestTls = Field(default_factory=lambda: RestTls.model_validate({}))
    proxy: RestProxy | None = None
    timeout: Interval = Field(
        timedelta(seconds=30), description="for connecting, and between two pieces of an answer"
    )
    longest_answer: Interval = Field(timedelta(minutes=10), description="for a whole answer")
    largest_answer: int = Field(512, ge=1, description="MB of one answer, unpacked; more is refused")
    tries: int = Field(5, ge=1, le=20, description="attempts of one request that fails for a passing reason")
    rate_per_second: float = Field(0, ge=0, description="at most so many requests a second; 0: no limit")
    quota: RestQuota | None = None
    breaker: RestBreaker = Field(default_factory=lambda: RestBreaker.model_validate({}))
    headers: dict[str, str] = Field(
        default_factory=dict, description="sent with every request; no secrets here"
    )

    @field_validator("headers")
    @classmethod
    def _allowed(cls, headers: dict[str, str]) -> dict[str, str]:
        return checked(headers, frozenset({"authorization", "host", "content-length", "transfer-encoding"}))
