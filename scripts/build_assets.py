"""Copy the third-party browser assets from node_modules into static/vendor, and build the icon sprite.

static/vendor is not in git: the lock file says exactly what goes in. The kit's style sheet is wrapped in a cascade
layer, so that our own few rules win without fighting over specificity. The icons are those named in
static/icons.txt, one symbol each.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
COPIES = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "plotly.js-cartesian-dist-min/plotly-cartesian.min.js": "plotly.min.js",
}
KIT = "@tabler/core/dist/css/tabler.min.css"
ICONS = "@tabler/icons/icons/outline"


def build_kit() -> None:
    """The kit's style sheet inside `@layer kit`; its source map comment would point nowhere."""
    text = (MODULES / KIT).read_text(encoding="utf-8")
    text = re.sub(r'@charset "[^"]*";|/\*# sourceMappingURL=[^*]*\*/', "", text)
    (VENDOR / "kit.css").write_text("@layer kit{" + text + "}", encoding="utf-8")


def symbol(name: str) -> str:
    """One icon as a symbol. Raises SystemExit naming the icon that does not exist."""
    path = MODULES / ICONS / f"{name}.svg"
    if not path.exists():
        raise SystemExit(f"static/icons.txt: no such icon {name!r}; expected a name from {ICONS}")
    drawing = re.search(r"<svg[^>]*>(.*)</svg>", path.read_text(encoding="utf-8"), re.DOTALL)
    assert drawing is not None, path
    return f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(drawing[1].split(chr(10)))}</symbol>'


def build_sprite() -> None:
    names = (ROOT / "static" / "icons.txt").read_text(encoding="utf-8").split()
    symbols = "".join(map(symbol, names))
    sprite = f'<svg xmlns="http://www.w3.org/2000/svg">{symbols}</svg>\n'
    (VENDOR / "icons.svg").write_text(sprite, encoding="utf-8")


def main() -> None:
    if not MODULES.is_dir():
        sys.exit("node_modules is missing: `make assets` installs it first")
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, target in COPIES.items():
        shutil.copyfile(MODULES / source, VENDOR / target)
    build_kit()
    build_sprite()


if __name__ == "__main__":
    main()
