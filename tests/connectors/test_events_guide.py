"""The guide's worked examples run: what openssl signs there, the door believes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from exceptions_app.connectors.events.arriving import events_in
from exceptions_app.connectors.events.options import EventsRead, EventsSignature
from exceptions_app.connectors.events.signatures import SignatureError, verify

GUIDE = (Path(__file__).parents[2] / "docs" / "connectors.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"```sh\n(.*?)```", GUIDE.split("\n## events\n")[1].split("\n## ")[0], flags=re.S)
pytestmark = pytest.mark.skipif(
    not (shutil.which("openssl") and shutil.which("bash")), reason="openssl or bash is missing"
)
SENT = 'curl() { for each in "$@"; do printf "%s\\0" "$each"; done; }\n'


def sent(script: str, **environ: str) -> tuple[dict[str, str], bytes]:
    """What the script's curl would send: its headers and its body."""
    told = subprocess.run(
        ["bash", "-ec", SENT + script], capture_output=True, check=True, env=os.environ | environ
    ).stdout.decode()
    words = told.split("\0")
    pairs = list(pairwise(words))
    headers = [value.split(": ", 1) for flag, value in pairs if flag == "-H"]
    body = next(value for flag, value in pairs if flag == "--data-binary")
    return {name.lower(): value for name, value in headers}, body.encode()


def test_standard_webhooks_by_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    headers, body = sent(SCRIPTS[0])
    monkeypatch.setenv("SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    options = EventsSignature.model_validate({"type": "standard", "secrets": ["env:SECRET"]})
    verify(options, headers, body, datetime.now(UTC))
    with pytest.raises(SignatureError):
        verify(options, headers, body, datetime.now(UTC) + timedelta(minutes=6))
    [event] = events_in(EventsRead.model_validate({"format": "webhook"}), headers, body)
    assert (event.type, event.id == headers["webhook-id"]) == ("supplier.changed", True)


def test_plain_header_by_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    headers, body = sent(SCRIPTS[1], HUB_SECRET="hub", URL="http://localhost")
    monkeypatch.setenv("HUB_SECRET", "hub")
    told = {
        "type": "hmac",
        "secrets": ["env:HUB_SECRET"],
        "header": "X-Hub-Signature-256",
        "prefix": "sha256=",
    }
    verify(EventsSignature.model_validate(told), headers, body, datetime.now(UTC))
    [event] = events_in(EventsRead.model_validate({}), headers, body)
    assert (event.id, event.source, event.type) == ("e-1", "/portal", "supplier.deleted")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"type": "standard"}, "also needs secrets"),
        ({"type": "hmac", "secrets": ["secret"]}, "expected a reference to a secret"),
        ({"type": "hmac", "secrets": ["env:A"], "signed": "{timestamp}"}, "does not cover the body"),
        ({"type": "hmac", "secrets": ["env:A"], "timestamp": "X-T"}, "only a signed time is worth checking"),
        ({"type": "hmac", "secrets": ["env:A"], "signed": "{id}{body}"}, "id_header together"),
        ({"type": "md5", "secrets": ["env:A"]}, "'standard', 'hmac', 'bearer' or 'none'"),
    ],
)
def test_a_signature_that_would_prove_nothing_is_refused(told: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        EventsSignature.model_validate(told)
