"""Collects problems while the configuration is judged, and puts each at its file and line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .expressions import ExpressionError
from .merging import Merged, pack_with
from .problems import Place, Problem, closest, listing
from .reading import Block, place_of

Path = Sequence[str | int]


@dataclass
class Judge:
    """Knows what was declared (right or wrong in itself), so that one mistake is reported once."""

    merged: Merged
    problems: list[Problem] = field(default_factory=list)
    given: dict[str, list[tuple[str, set[str]]]] = field(default_factory=dict)
    """Category -> the checks that raise it, each with the facts it gives."""

    def report(
        self, section: str, code: str, path: Path, message: str, expected: str = "", suggestion: str = ""
    ) -> None:
        """A problem at `path` inside the item `code` of a section."""
        block = self.merged.declared[section][code]
        self.report_in(block, f"{section}.{code}", path, message, expected, suggestion)

    def report_in(
        self,
        block: Block | None,
        name: str,
        path: Path,
        message: str,
        expected: str = "",
        suggestion: str = "",
    ) -> None:
        place, _ = place_of(block, path) if block is not None else (None, [])
        place = place or Place("(configuration)", 1)
        shown = ".".join([name, *(str(part) for part in path)])
        self.problems.append(Problem(place.file, place.line, shown, message, expected, suggestion))

    def refuse(self, section: str, code: str, path: Path, error: ExpressionError) -> None:
        """A refused expression."""
        where = f" (at character {error.column} of the expression)" if error.column else ""
        self.report(section, code, path, error.message + where, "", error.suggestion)

    def unknown(self, target: str, code: str | None) -> bool:
        """Whether no item of that code was declared in a section."""
        return code is not None and code not in self.merged.declared[target]

    def refer(self, section: str, code: str, path: Path, target: str, wanted: str | None) -> bool:
        """Report a reference to something that nobody declared; True where it is usable."""
        if self.unknown(target, wanted):
            known, pack = self.merged.declared[target], pack_with(target, str(wanted))
            if pack:
                said = f"'{wanted}' is none of {target}: it is of the pack {pack}, which site.packs does not name"
                self.report(section, code, path, said, f"'{pack}' in site.packs, or {listing(known)}")
            else:
                self.choose(section, code, path, str(wanted), known, f"of {target}")
        return wanted is not None and wanted in self.merged.valid[target]

    def choose(
        self, section: str, code: str, path: Path, wanted: str, known: Iterable[str], what: str = ""
    ) -> bool:
        """Report a word that is none of the known ones; True where it is one."""
        words = list(known)
        if wanted in words:
            return True
        said = f"'{wanted}' is none {what}".rstrip() if what else f"'{wanted}' is not known here"
        self.report(section, code, path, said, listing(words), closest(wanted, words))
        return False
