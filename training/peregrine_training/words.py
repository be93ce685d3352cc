"""Words in translations that should not be there: invented ones, and those left as they were.

A word is known if the corpus's target side has it, or if it is a compound of known parts.
Names, numbers and what the source holds too are not counted as invented. Left over is a
small-letter word of the source that stands in the translation, and that the corpus has far
more often on its source side than on its target side.
"""

from __future__ import annotations

import collections
import functools
import re
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d_]+")
# What German puts between the parts of a compound.
_LINKS = ("", "s", "n", "es", "en", "er", "e", "-")
_SHORTEST_PART = 4
# How much more often a word must stand on the source side to be one of that language.
_FOREIGN = 10


@dataclass
class Lexicon:
    """How often each word, in small letters, stands on each side of a corpus."""
    source: collections.Counter[str]
    target: collections.Counter[str]

    @classmethod
    def count(cls, sources: list[str], targets: list[str]) -> Lexicon:
        return cls(*(collections.Counter(word.lower() for line in lines
                                         for word in _WORD.findall(line))
                     for lines in (sources, targets)))

    @functools.cache
    def known(self, word: str) -> bool:
        """True for a word of the target language, compounds included."""
        if self.target[word]:
            return True
        for cut in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
            head, tail = word[:cut], word[cut:]
            stems = (head.removesuffix(link) if link else head for link in _LINKS
                     if head.endswith(link))
            if any(self.target[stem] and len(stem) >= _SHORTEST_PART for stem in stems) \
                    and self.known(tail):
                return True
        return False

    def __hash__(self) -> int:
        return id(self)

    def foreign(self, word: str) -> bool:
        return self.source[word] > _FOREIGN * self.target[word]


@dataclass
class Faults:
    words: int
    invented: list[str]
    left: list[str]

    def in_1000(self, found: list[str]) -> float:
        return 1000 * len(found) / max(self.words, 1)

    def __str__(self) -> str:
        return (f"{self.words} words, invented {len(self.invented)} "
                f"({self.in_1000(self.invented):.2f} in 1,000), left in the source language "
                f"{len(self.left)} ({self.in_1000(self.left):.2f} in 1,000)")


def faults(sources: list[str], hypotheses: list[str], lexicon: Lexicon) -> Faults:
    found = Faults(0, [], [])
    for source, hypothesis in zip(sources, hypotheses, strict=True):
        given = set(_WORD.findall(source))
        for word in _WORD.findall(hypothesis):
            found.words += 1
            if word in given:
                if word.islower() and len(word) > 2 and lexicon.foreign(word):
                    found.left.append(word)
            elif not lexicon.known(word.lower()):
                found.invented.append(word)
    return found
