"""Text that runs the other way stays where it stands: no value turns the sentence or the row around it.

Names come from elsewhere, in any script, and may hold marks that turn what follows (Unicode's bidirectional algorithm,
UAX #9). In the text of a page a stretch that runs from right to left is set apart, and a mark that would turn text is
shown by its name instead of obeyed: what people read is what is stored, in its order. Attributes and what forms send
back are left as they are, and so are exports. The one place: every page and fragment passes here.
"""

from __future__ import annotations

import re

from flask import Flask, Response

_NAMES = {
    "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO",
    "\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI",
}  # fmt: skip
_TURNED = "\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
"""Letters that are written from right to left (Hebrew, Arabic and their like) and the marks that count as one."""
_STRETCH = re.compile(
    rf"[{_TURNED}](?:[^{_TURNED}A-Za-z\u00aa-\u02b8\u0370-\u058f\u202a-\u202e\u2066-\u2069]*[{_TURNED}])*"
)
_MARK = re.compile("[\u202a-\u202e\u2066-\u2069]")
_PIECES = re.compile(
    r"""<!--.*?-->|<(title|textarea|option|script|style)\b.*?</\1\s*>|<(?:[^<>"']|"[^"]*"|'[^']*')*>|([^<]+)""",
    flags=re.DOTALL | re.IGNORECASE,
)
_ANY = re.compile(rf"[{_TURNED}\u202a-\u202e\u2066-\u2069]")
_BYTES = [bytes([each]) for each in (0x81, 0x8F, *range(0xAA, 0xAF), *range(0xD6, 0xE1), 0xEF, 0xF0)]
"""Of UTF-8: one of them stands in every such letter or mark, and few of them in most pages."""


def install(app: Flask) -> None:
    @app.after_request
    def _isolate(response: Response) -> Response:
        if response.mimetype == "text/html" and not response.direct_passthrough:
            body = response.get_data()
            if any(each in body for each in _BYTES):  # a hundredth of a millisecond for most pages
                html = body.decode()
                if (apart := isolated(html)) is not html:
                    response.set_data(apart)
        return response


def isolated(html: str) -> str:
    """The page with what runs the other way set apart, and marks by their names; itself where there is none."""
    return html if _ANY.search(html) is None else _PIECES.sub(_piece, html)


def _piece(found: re.Match[str]) -> str:
    text = found[2]
    if text is None:
        return found[0]
    apart = _STRETCH.sub(lambda stretch: f"<bdi>{stretch[0]}</bdi>", text)
    return _MARK.sub(lambda mark: f"<bdi>[{_NAMES[mark[0]]}]</bdi>", apart)
