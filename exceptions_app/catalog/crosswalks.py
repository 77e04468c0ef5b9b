"""Reads crosswalks, inline or from a CSV file beside the YAML. Knows nothing of who uses them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from .problems import Place, Problem
from .reading import Block, place_of
from .schema import Crosswalk

HEADER = ["system", "local", "canonical"]

Key = tuple[str | None, str]
Entry = tuple[Key, str, Place]


def translations(
    crosswalk: Crosswalk, block: Block
) -> tuple[dict[Key, str], dict[str, Place], list[Problem]]:
    """`(system or None, local) -> canonical`, where each system is first named, and what was wrong.

    The file's rows come first, then inline entries.
    A local identifier is translated once per system; the same translation twice is harmless, two are refused.
    """
    problems: list[Problem] = []
    found: dict[Key, str] = {}
    systems: dict[str, Place] = {}
    path = f"crosswalks.{crosswalk.code}"
    for key, canonical, place in [*_from_file(crosswalk, block, problems), *_inline(crosswalk, block)]:
        if key[0]:
            systems.setdefault(key[0], place)
        if found.setdefault(key, canonical) != canonical:
            said = f"'{key[1]}' is already known as '{found[key]}'" + (f" in {key[0]}" if key[0] else "")
            problems.append(Problem(place.file, place.line, path, said, "one canonical identifier each"))
    return found, systems, problems


def _inline(crosswalk: Crosswalk, block: Block) -> Iterator[Entry]:
    for index, entry in enumerate(crosswalk.entries):
        place, _ = place_of(block, ["entries", index])
        yield (entry.system, entry.local), entry.canonical, place or block.place


def _from_file(crosswalk: Crosswalk, block: Block, problems: list[Problem]) -> list[Entry]:
    if crosswalk.file is None:
        return []
    path, named = f"crosswalks.{crosswalk.code}.file", block.places.get("file", block.place)
    source = Path(named.file).parent / crosswalk.file
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(
            Problem(named.file, named.line, path, f"{source} cannot be read: {error}", "a CSV file in UTF-8")
        )
        return []
    rows = csv.reader(text.splitlines())
    if next(rows, None) != HEADER:
        problems.append(Problem(str(source), 1, path, "the first line is not the header", ",".join(HEADER)))
        return []
    entries: list[Entry] = []
    for row in rows:
        if not row:
            continue
        if len(row) != len(HEADER) or not row[1] or not row[2]:
            problems.append(
                Problem(str(source), rows.line_num, path, f"got {row}", "system (or empty), local, canonical")
            )
        else:
            entries.append(((row[0] or None, row[1]), row[2], Place(str(source), rows.line_num)))
    return entries
