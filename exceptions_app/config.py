"""Typed settings from the environment. A wrong one stops the start and says which.

Every setting is a field of `Settings`; its environment variable is in the field's metadata. The operator's guide
lists them all (a test compares).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


class SettingError(Exception):
    """A setting cannot be used: names the variable, what it held, what was expected."""


def _setting(variable: str, default: Any, about: str) -> Any:
    return field(default=default, metadata={"variable": variable, "about": about})


@dataclass(frozen=True, slots=True)
class Settings:
    """What an install can set. Paths are absolute; the rest of the configuration is the catalog."""

    instance: Path = _setting(
        "TIEOUT_INSTANCE", Path("instance"), "directory for all that a running install keeps"
    )
    database_url: str = _setting(
        "TIEOUT_DATABASE_URL", "", "SQLAlchemy URL; default: SQLite in the instance directory"
    )
    catalog: Path | None = _setting(
        "TIEOUT_CATALOG", None, "the site's configuration; default: catalog/ in the instance directory"
    )
    records: str = _setting(
        "TIEOUT_RECORDS", "", "where the record store lives; default: records/ in the instance directory"
    )
    secret_key: str = _setting(
        "TIEOUT_SECRET_KEY", "", "signs sessions; default: made once and kept in the instance directory"
    )
    secure_cookies: bool = _setting("TIEOUT_SECURE_COOKIES", False, "send cookies over HTTPS only")
    web_processes: int = _setting("TIEOUT_WEB_PROCESSES", 2, "web worker processes of `tieout serve`")
    job_processes: int = _setting("TIEOUT_JOB_PROCESSES", 1, "job processes of `tieout serve`")
    duck_memory: str = _setting("TIEOUT_DUCK_MEMORY", "2GB", "memory limit of one comparison")
    duck_threads: int = _setting("TIEOUT_DUCK_THREADS", 2, "threads of one comparison")
    full_every: int = _setting(
        "TIEOUT_FULL_EVERY", 24, "hours after which a check compares everything again, not what changed"
    )
    task_lease: int = _setting(
        "TIEOUT_TASK_LEASE", 120, "seconds after which the work of a process that was killed is taken over"
    )
    log_level: str = _setting("TIEOUT_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR")
    lockout_after: int = _setting("TIEOUT_LOCKOUT_AFTER", 5, "failed sign-ins before an account is locked")
    lockout_minutes: int = _setting("TIEOUT_LOCKOUT_MINUTES", 15, "how long a locked account stays locked")
    smtp_host: str = _setting(
        "TIEOUT_SMTP_HOST", "", "the mail server; without one people are told on screen only"
    )
    smtp_port: int = _setting("TIEOUT_SMTP_PORT", 587, "its port")
    smtp_tls: str = _setting("TIEOUT_SMTP_TLS", "starttls", "starttls, tls or none")
    smtp_user: str = _setting("TIEOUT_SMTP_USER", "", "the account to sign in with; default: none")
    smtp_password: str = _setting("TIEOUT_SMTP_PASSWORD", "", "its password, as `env:NAME` or `file:/path`")
    mail_from: str = _setting("TIEOUT_MAIL_FROM", "tieout@localhost", "the sender of mail")
    public_url: str = _setting(
        "TIEOUT_PUBLIC_URL",
        "http://localhost:8080",
        "how people reach the pages: links in mail begin with it",
    )
    cheap_passwords: bool = _setting("TIEOUT_CHEAP_PASSWORDS", False, "fast password hashing, for tests only")

    @property
    def catalog_dir(self) -> Path:
        return self.catalog or self.instance / "catalog"

    @property
    def records_uri(self) -> str:
        return self.records or str(self.instance / "records")

    @property
    def sqlalchemy_url(self) -> str:
        return self.database_url or f"sqlite:///{self.instance / 'tieout.sqlite'}"


def _path(_variable: str, text: str) -> Path:
    return Path(text).expanduser().resolve()


def _yes_or_no(variable: str, text: str) -> bool:
    if text.lower() not in {"1", "0", "true", "false", "yes", "no"}:
        raise SettingError(f"{variable}={text!r}: expected true or false")
    return text.lower() in {"1", "true", "yes"}


def _whole(variable: str, text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise SettingError(f"{variable}={text!r}: expected a whole number from 1")
    return int(text)


def _one_of(*known: str) -> Callable[[str, str], str]:
    def convert(variable: str, text: str) -> str:
        found = next((each for each in known if each.lower() == text.lower()), None)
        if found is None:
            raise SettingError(f"{variable}={text!r}: expected {', '.join(known[:-1])} or {known[-1]}")
        return found

    return convert


def _reference(variable: str, text: str) -> str:
    if not text.startswith(("env:", "file:")):
        raise SettingError(f"{variable}: expected env:NAME or file:/path, never the secret itself")
    return text


def _address(variable: str, text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise SettingError(f"{variable}={text!r}: expected an address such as https://tieout.example.org")
    return text.rstrip("/")


_CONVERT: dict[str, Callable[[str, str], Any]] = {
    **dict.fromkeys(("instance", "catalog"), _path),
    **dict.fromkeys(("secure_cookies", "cheap_passwords"), _yes_or_no),
    **dict.fromkeys(
        (
            "web_processes",
            "job_processes",
            "duck_threads",
            "full_every",
            "lockout_after",
            "lockout_minutes",
            "smtp_port",
            "task_lease",
        ),
        _whole,
    ),
    "smtp_tls": _one_of("starttls", "tls", "none"),
    "smtp_password": _reference,
    "public_url": _address,
    "log_level": _one_of("DEBUG", "INFO", "WARNING", "ERROR"),
}
"""Settings that are not plain text: (variable, text) -> value, or `SettingError`."""


def _convert(name: str, variable: str, text: str) -> Any:
    return _CONVERT[name](variable, text) if name in _CONVERT else text


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raises `SettingError` naming the variable that is wrong or unknown."""
    environ = os.environ if environ is None else environ
    known = {f.metadata["variable"]: f.name for f in fields(Settings)}
    unknown = [v for v in environ if v.startswith("TIEOUT_") and v not in known]
    if unknown:
        raise SettingError(f"{unknown[0]}: no such setting; known are {', '.join(sorted(known))}")
    values = {
        name: _convert(name, variable, environ[variable])
        for variable, name in known.items()
        if environ.get(variable)
    }
    values.setdefault("instance", Path("instance").resolve())
    return Settings(**values)


def secret_key(settings: Settings) -> str:
    """The session key: the setting, else one made once and kept readable by the owner only."""
    if settings.secret_key:
        return settings.secret_key
    path = settings.instance / "secret_key"
    settings.instance.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(32), encoding="ascii")
        with suppress(FileExistsError):
            os.link(fresh, path)  # whole at once: another process may be doing the same
        fresh.unlink()
    return path.read_text(encoding="ascii")
