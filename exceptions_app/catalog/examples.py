"""Examples to begin with: a small configuration and its data, copied into an instance to be edited.

The YAML and the data live in the documentation and the tests, where they are read and proven; an installed
wheel carries both as assets.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_ASSETS = _ROOT / "exceptions_app" / "_assets" / "examples"
_DROP_LINE = "      root: drop #"


@dataclass(frozen=True, slots=True)
class Example:
    """One example: where its YAML is, and where the files are that it reads."""

    name: str
    configuration: Path
    data: Path


def examples() -> dict[str, Example]:
    """The examples at hand, by name."""
    found: dict[str, Example] = {}
    for configurations, datasets in (
        (_ROOT / "docs" / "examples", _ROOT / "tests" / "data"),
        (_ASSETS, _ASSETS),
    ):
        for folder in sorted(configurations.glob("*/")):
            data = datasets / folder.name
            if any(folder.glob("*.yaml")) and data.is_dir():
                found.setdefault(folder.name, Example(folder.name, folder, data))
    return found


def copy_example(name: str, instance: Path) -> list[Path]:
    """Copy an example into `instance`: YAML into `catalog/`, files into `drop/`; returns what was written.

    Raises `KeyError` for an unknown example and `FileExistsError` where a file is already there: nothing that
    somebody edited is overwritten.
    """
    example = examples()[name]
    drop = instance.resolve() / "drop"
    sources = {
        **{path: instance / "catalog" / path.name for path in sorted(example.configuration.glob("*.yaml"))},
        **{
            path: drop / path.name
            for path in sorted(example.data.iterdir())
            if path.suffix in (".csv", ".gz")
        },
    }
    for target in sources.values():
        if target.exists():
            raise FileExistsError(f"{target} is already there; choose an empty directory")
    for source, target in sources.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".yaml":
            placed = source.read_text(encoding="utf-8").replace(
                _DROP_LINE, f"      root: {json.dumps(str(drop))} #"
            )
            target.write_text(placed, encoding="utf-8")
        else:
            shutil.copyfile(source, target)
    return list(sources.values())
