"""htmx 4, as the views see it: does this request want a fragment, and which header chose the body.

Wraps htmx-flask, which does not know htmx 4: its `make_response` refuses the newer swap styles, and
`HX-Source` is missing from its request. A response whose body depends on a header says so in `Vary`.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Response, make_response, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as BaseResponse

CHOOSING_HEADERS = (
    "HX-Request", "HX-Boosted", "HX-History-Restore-Request", "HX-Request-Type", "HX-Target",
)  # fmt: skip


R = TypeVar("R", bound=BaseResponse)


def is_htmx() -> bool:
    return request.headers.get("HX-Request") == "true"


def wants_fragment() -> bool:
    """Whether only a part of the page is asked for: not when boosted, restoring history or replacing the
    body.
    """
    headers = request.headers
    return (
        is_htmx()
        and headers.get("HX-Boosted") != "true"
        and headers.get("HX-History-Restore-Request") != "true"
        and headers.get("HX-Request-Type") != "full"
    )


def source() -> str | None:
    """The element that sent the request, as `tag#id`."""
    return request.headers.get("HX-Source")


def target_id() -> str:
    """The id of the element that the answer is for; htmx names it as `tag#id`."""
    return request.headers.get("HX-Target", "").rpartition("#")[2]


def page_path() -> str | None:
    """The page that the request was sent from, as a path of this site; None where it does not say."""
    page = urlsplit(request.headers.get("HX-Current-URL", ""))
    if page.netloc != request.host or not page.path:
        return None
    return f"{page.path}?{page.query}" if page.query else page.path


def respond(
    body: ResponseReturnValue, *, trigger: dict[str, Any] | None = None, push: str | None = None
) -> Response:
    """A response whose body was chosen by the htmx headers, with what the browser should do besides."""
    response = make_response(body)
    vary(response)
    if trigger:
        response.headers["HX-Trigger"] = json.dumps(trigger)
    if push:
        response.headers["HX-Push-Url"] = push
    return response


def vary(response: R) -> R:
    for header in CHOOSING_HEADERS:
        response.vary.add(header)
    return response


def go_to(url: str) -> Response:
    """After a change: the page to look at. 303, so that the browser asks for it with GET."""
    return vary(make_response(redirect(url, 303)))
