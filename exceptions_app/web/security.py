"""The headers every response carries, and what no request may hold. No inline script or style anywhere: the policy
forbids both.

The one hash is Plotly's empty style element.
"""

from __future__ import annotations

from flask import Flask, Response, abort, request
from werkzeug.routing import IntegerConverter, ValidationError

from . import gate
from .forms import is_number

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; "
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; img-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_FOR_GOOD = "public, max-age=31536000, immutable"
"""For a file whose address changes with it (`addresses.asset`)."""
_ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class _Id(IntegerConverter):
    """A number in a path: what is too large for any id leads nowhere."""

    def to_python(self, value: str) -> int:
        if not is_number(value):
            raise ValidationError
        return int(value)


def _refuse_zero_bytes() -> None:
    """No text that people type has one, and PostgreSQL keeps none."""
    given = [request.path, *request.args, *(value for _, value in request.args.items(multi=True))]
    if not request.path.startswith(gate.API):
        given += [text for pair in request.form.items(multi=True) for text in pair]
    if any("\x00" in text for text in given):
        abort(400)


def install(app: Flask) -> None:
    app.url_map.converters["int"] = _Id
    app.before_request(_refuse_zero_bytes)

    @app.after_request
    def _headers(response: Response) -> Response:
        for name, value in _ALWAYS.items():
            response.headers.setdefault(name, value)
        if request.is_secure:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"  # also over what a download says of itself
        elif "v" in request.args:
            response.headers["Cache-Control"] = _FOR_GOOD
        return response
