"""Reads crosswalks, inline or from a CSV file beside the YAML. Knows nothing of who uses them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from .problems import Place, Problem
from .reading import Block, place_of
from .schema import Crosswalk

HEADER = ["system", "local", "canonical"]

Key = tuple[str | None, str]
Entry = tuple[Key, str, Place]


def translations(
    crosswalk: Crosswalk, block: Block
) -> tuple[dict[Key, str], dict[str, Place], dict[str, Place], list[Problem]]:
    """`(system or None, local) -> canonical`, where each system and each canonical identifier is first named, and
    what was wrong.

    The file's rows come first, then inline entries.
    A local identifier is translated once per system; the same translation twice is harmless, two are refused.
    """
    problems: list[Problem] = []
    found: dict[Key, str] = {}
    systems: dict[str, Place] = {}
    words: dict[str, Place] = {}
    path = f"crosswalks.{crosswalk.code}"
    for key, canonical, place in [*_from_file(crosswalk, block, problems), *_inline(crosswalk, block)]:
        words.setdefault(canonical, place)
        if key[0]:
            systems.setdefault(key[0], place)
        if found.setdefault(key, canonical) != canonical:
            said = f"'{key[1]}' is already known as '{found[key]}'" + (f" in {key[0]}" if key[0] else "")
            problems.append(Problem(place.file, place.line, path, said, "one canonical identifier each"))
    return found, systems, words, problems


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
        with source.open(encoding="utf-8-sig", newline="") as text:
            return list(_rows(text, source, path, problems))
    except (OSError, UnicodeDecodeError) as error:
        problems.append(
            Problem(named.file, named.line, path, f"{source} cannot be read: {error}", "a CSV file in UTF-8")
        )
        return []


def _rows(text: Iterable[str], source: Path, path: str, problems: list[Problem]) -> Iterator[Entry]:
    """Each row with the line on which it begins: a quoted value may hold line breaks. What is no CSV ends the file."""
    rows, line = csv.reader(text, strict=True), 1

    def wrong(said: str, expected: str) -> None:
        problems.append(Problem(str(source), line, path, said, expected))

    try:
        if next(rows, None) != HEADER:
            wrong("the first line is not the header", ",".join(HEADER))
            return
        line = rows.line_num + 1
        for row in rows:
            if problem := _problem(row):
                wrong(problem, "system (or empty), local, canonical")
            elif row:
                yield (row[0] or None, row[1]), row[2], Place(str(source), line)
            line = rows.line_num + 1
    except csv.Error as error:
        end = f", up to line {rows.line_num}" if rows.line_num > line else ""
        wrong(
            f"not CSV ({error}){end}",
            "values with a comma, a quote or a line break in quotes, quotes doubled",
        )


def _problem(row: list[str]) -> str:
    """What is wrong with a row; an empty line is none."""
    if row and len(row) != len(HEADER):
        return f"got {len(row)} columns: {row}"
    empty = [f"column {number} ({HEADER[number - 1]})" for number in (2, 3) if row and not row[number - 1]]
    return f"{' and '.join(empty)} {'are' if len(empty) > 1 else 'is'} empty: {row}" if empty else ""
