"""An authorizer that several threads ask: one of them renews, the others take what it got."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from .auth import Authorizer

Carried = tuple[Mapping[str, str], Mapping[str, str]]


class Known:
    """What requests carry: headers and parameters."""

    def __init__(self, auth: Authorizer) -> None:
        self._auth = auth
        self._lock = threading.Lock()

    def carried(self) -> Carried:
        """Headers and parameters of the next request."""
        with self._lock:
            return dict(self._auth.headers()), dict(self._auth.params())

    def expired(self, status: int) -> bool:
        """Whether this status says that what was carried has run out."""
        return self._auth.expired(status)

    def renewed(self, used: Carried) -> bool:
        """Whether asking again may help: because somebody has renewed since `used`, or we can."""
        with self._lock:
            fresh = (dict(self._auth.headers()), dict(self._auth.params()))
            return fresh != (dict(used[0]), dict(used[1])) or self._auth.renew()

    def close(self) -> None:
        self._auth.close()
