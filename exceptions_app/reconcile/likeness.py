"""How alike two documents are: part by part, each between 0 and 1, weighted, and said in words.

Pure text: names of organisations by their words, where a rare word says more than a common one and a legal form
says nothing; other text by its letters; codes and dates by the slips that fingers make.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, Levenshtein

_WORD = re.compile(r"[a-z0-9]+")
_TRADES_AS = re.compile(r"\b(?:t/a?s?/?a?s?|trading as|formerly|formally|aka)\b")
_INSIDE = re.compile(r"\(([^)]*)\)?")
_SLIP = 0.8
"""What a code or a date is worth that differs by one slip: a digit, or two that changed places."""
_TYPED = 0.8
"""Words of five letters or more that are at least so alike are one word, mistyped."""
_WORTH_A_LOOK = 60
"""Names less alike than that by their sorted words (0 to 100) are not looked at closely."""
_RUN_TOGETHER = 0.93
"""Names that are at least so alike when written without blanks are as alike as that."""


def plain_text(text: str) -> str:
    """In small letters, without accents, `&` written out."""
    letters = text.lower().replace("&", " and ")
    if letters.isascii():
        return letters
    letters = unicodedata.normalize("NFKD", letters)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def words_of(text: str) -> list[str]:
    """The words of a plain text; letters that stand alone beside each other are one word, as in `J. E.`."""
    found: list[str] = []
    lone = False
    for word in _WORD.findall(text.replace("'", "")):
        if len(word) == 1 and word.isalpha():
            if lone:
                found[-1] += word
            else:
                found.append(word)
            lone = True
        else:
            found.append(word)
            lone = False
    return found


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way in which a name is written: its words without what says nothing, and all of them run together."""

    words: tuple[str, ...]
    joined: str


def spellings(text: str, noise: frozenset[str]) -> tuple[Spelling, ...]:
    """A plain name as a whole, without what stands in brackets, and each name under which it trades or traded."""
    parts = [text]
    if "(" in text:
        parts.append(_INSIDE.sub(" ", text))
        parts += [inside for inside in _INSIDE.findall(text) if len(words_of(inside)) > 1]
    if _TRADES_AS.search(text):
        parts += [part for whole in tuple(parts) for part in _TRADES_AS.split(whole)]
        parts.append(_TRADES_AS.sub(" ", text))
    found: dict[tuple[str, ...], None] = {}
    for part in parts:
        every = words_of(part)
        told = tuple(word for word in every if word not in noise) or tuple(every)
        if told:
            found[told] = None
    return tuple(Spelling(words, "".join(words)) for words in found)


class Words:
    """How often each word is said by the names of a table, and how many names there are: what a word weighs."""

    def __init__(self, noise: Iterable[str]) -> None:
        self.noise = frozenset(noise)
        self._names: Counter[str] = Counter()
        self._said: Counter[str] = Counter()
        self._distinct = 0

    def copy(self) -> Words:
        """The same counts, to be changed apart."""
        other = Words(self.noise)
        other._names, other._said, other._distinct = self._names.copy(), self._said.copy(), self._distinct
        return other

    def count(self, name: str, ways: Sequence[Spelling], by: int = 1) -> None:
        """Another document of this name; one less with `by` -1."""
        was = self._names[name]
        self._names[name] = was + by
        self._distinct += (was + by > 0) - (was > 0)
        for word in ways[0].words if len(ways) == 1 else {word for way in ways for word in way.words}:
            self._said[word] += by

    def weight(self, word: str) -> float:
        """The rarer the weightier; at least 1."""
        return 1 + math.log((self._distinct + 1) / self._said[word])


class _Weights(dict[str, float]):
    """Worked out for a word when it is first asked about."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        self._words = words

    def __missing__(self, word: str) -> float:
        self[word] = weight = self._words.weight(word)
        return weight


class Names:
    """Compares names of organisations. What a word says is learned from all names of the table."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._ways: dict[str, tuple[str, tuple[Spelling, ...]]] = {}
        self._weights = _Weights(words)

    @classmethod
    def of(cls, names: Iterable[str | None], noise: Iterable[str]) -> Names:
        """Those of a column, which teach what words weigh."""
        found = cls(Words(noise))
        for name in names:
            if name is not None:
                found.count(name)
        return found

    @property
    def words(self) -> Words:
        """What words weigh. Not to be changed once names were compared."""
        return self._words

    def count(self, name: str, by: int = 1) -> None:
        """Learn from another document of this name; forget one with `by` -1. Before any are compared."""
        self._words.count(name, self._spelled(name)[1], by)

    def _spelled(self, name: str) -> tuple[str, tuple[Spelling, ...]]:
        if name not in self._ways:
            text = plain_text(name)
            self._ways[name] = text, spellings(text, self._words.noise)
        return self._ways[name]

    def __call__(self, one: str, other: str) -> float:
        """Between 0 and 1, for two of the names; the same whichever comes first."""
        if other < one:
            one, other = other, one
        (text, ways), (text_of_other, ways_of_other) = self._spelled(one), self._spelled(other)
        if fuzz.token_set_ratio(text, text_of_other, score_cutoff=_WORTH_A_LOOK) == 0:
            return 0.0
        return max((self._alike(a, b) for a in ways for b in ways_of_other), default=0.0)

    def _alike(self, one: Spelling, other: Spelling) -> float:
        if one.joined == other.joined:
            return 1.0
        letters = fuzz.ratio(one.joined, other.joined) / 100
        long_enough = min(len(one.joined), len(other.joined)) >= 8
        if letters >= _RUN_TOGETHER and long_enough and not _numbers_differ(one, other):
            return letters
        common, left, right = self._common(one.words, other.words)
        return 2 * common / (2 * common + left + right) if common else 0.0

    def _common(self, one: Sequence[str], other: Sequence[str]) -> tuple[float, float, float]:
        """The weight of what both say, and of what only one says."""
        rest, common, left = list(other), 0.0, 0.0
        unmatched = []
        for word in one:
            if word in rest:
                rest.remove(word)
                common += self._weights[word]
            else:
                unmatched.append(word)
        for word in unmatched:
            near = max(rest, key=lambda it: Levenshtein.normalized_similarity(word, it), default=None)
            likeness = Levenshtein.normalized_similarity(word, near) if near is not None else 0.0
            if near is not None and _is_near(word, near, likeness):
                rest.remove(near)
                weight = (self._weights[word] + self._weights[near]) / 2
                common += weight * likeness
                left += weight * (1 - likeness)
            else:
                left += self._weights[word]
        return common, left, sum(self._weights[word] for word in rest)


def _is_near(word: str, other: str, likeness: float) -> bool:
    """Mistyped, a plural, or the beginning of the other, as abbreviations are."""
    if any(map(str.isdigit, word + other)):
        return False
    short, long = sorted((word, other), key=len)
    mistyped = len(short) >= 5 and likeness >= _TYPED
    plural = len(short) >= 3 and long == f"{short}s"
    return mistyped or plural or (len(short) >= 4 and long.startswith(short))


def _numbers_differ(one: Spelling, other: Spelling) -> bool:
    return re.findall(r"\d+", one.joined) != re.findall(r"\d+", other.joined)


@lru_cache(maxsize=65_536)
def _letters(text: str) -> str:
    return "".join(_WORD.findall(plain_text(text)))


def text_likeness(one: str, other: str) -> float:
    """By letters and digits, whatever their case, accents and blanks."""
    return OSA.normalized_similarity(_letters(one), _letters(other))


def code_likeness(one: str, other: str) -> float:
    """Equal, or one slip apart; else not at all."""
    one, other = _letters(one), _letters(other)
    if one == other:
        return 1.0
    return _SLIP if OSA.distance(one, other, score_cutoff=1) <= 1 and min(len(one), len(other)) >= 4 else 0.0


def date_likeness(one: str, other: str) -> float:
    """ISO dates: equal, one slip apart, or with day and month exchanged; else not at all."""
    if one == other:
        return 1.0
    year, month, day = (one + "--").split("-")[:3]
    if other == f"{year}-{day}-{month}" or OSA.distance(one, other, score_cutoff=1) <= 1:
        return _SLIP
    return 0.0


Scorer = Callable[[str, str], float]
SCORERS: Mapping[str, Scorer] = {"text": text_likeness, "code": code_likeness, "date": date_likeness}
"""How a part is compared -> the function; `name` needs all names, see `Names`."""
