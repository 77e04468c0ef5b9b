"""Typed settings from the environment. A wrong one stops the start and says which.

Every setting is a field of `Settings`; its environment variable is in the field's metadata. The operator's guide
lists them all (a test compares).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
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
    log_level: str = _setting("TIEOUT_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR")
    lockout_after: int = _setting("TIEOUT_LOCKOUT_AFTER", 5, "failed sign-ins before an account is locked")
    lockout_minutes: int = _setting("TIEOUT_LOCKOUT_MINUTES", 15, "how long a locked account stays locked")
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


def _convert(name: str, variable: str, text: str) -> Any:
    match name:
        case "instance" | "catalog":
            return Path(text).expanduser().resolve()
        case "secure_cookies" | "cheap_passwords":
            if text.lower() not in {"1", "0", "true", "false", "yes", "no"}:
                raise SettingError(f"{variable}={text!r}: expected true or false")
            return text.lower() in {"1", "true", "yes"}
        case "web_processes" | "job_processes" | "duck_threads" | "lockout_after" | "lockout_minutes":
            if not text.isdigit() or int(text) < 1:
                raise SettingError(f"{variable}={text!r}: expected a whole number from 1")
            return int(text)
        case "log_level":
            if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
                raise SettingError(f"{variable}={text!r}: expected DEBUG, INFO, WARNING or ERROR")
            return text.upper()
        case _:
            return text


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
