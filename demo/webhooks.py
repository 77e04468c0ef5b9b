"""What the supplier portal tells others by itself: a webhook for each order that a supplier acknowledges.

Signed as Standard Webhooks say (standardwebhooks.com), sent by a thread of its own, tried again until it is taken. Now
and then one is sent twice, or the later one first: as portals do.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

_log = logging.getLogger(__name__)
_MOST_WAITING = 2_000
_PAUSE = 2.0


def secret_of(token: str) -> str:
    """A signing secret as it is written for both sides."""
    return "whsec_" + base64.b64encode(token.encode()).decode()


def signed(secret: str, number: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of a request that carries `body` at `at` (seconds since 1970)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{number}.{at}.".encode() + body, sha256).digest()
    return {
        "Content-Type": "application/json", "webhook-id": number, "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }  # fmt: skip


class Webhooks:
    """Tells `url`; without one nobody is told. `tell` never waits."""

    def __init__(self, url: str | None, secret: str) -> None:
        self._url, self._secret = url, secret
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=_MOST_WAITING)
        self._stopped = threading.Event()

    def tell(self, kind: str, data: Mapping[str, Any], *, twice: bool = False, first: bool = False) -> None:
        """`twice`: it is sent again; `first`: before what waits already."""
        if self._url is None:
            return
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        told = (
            f"msg_{secrets.token_hex(8)}",
            json.dumps({"type": kind, "timestamp": at, "data": dict(data)}).encode(),
        )
        for _ in range(2 if twice else 1):
            (self._waiting.appendleft if first else self._waiting.append)(told)

    def run(self) -> None:
        """Send what waits until `stop`; what is not taken is sent again."""
        while not self._stopped.wait(_PAUSE):
            while self._waiting and self._sent(*self._waiting[0]):
                self._waiting.popleft()

    def stop(self) -> None:
        self._stopped.set()

    def _sent(self, number: str, body: bytes) -> bool:
        """Whether it was taken, or is not worth another try."""
        headers = signed(self._secret, number, int(time.time()), body)
        request = urllib.request.Request(str(self._url), body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10):
                return True
        except urllib.error.HTTPError as error:
            _log.warning("webhook %s: %s", number, error)
            return 400 <= error.code < 500 and error.code not in (404, 408, 429)
        except OSError:
            return False  # nobody is there yet
