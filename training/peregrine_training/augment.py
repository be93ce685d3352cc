"""Changes sentence pairs as users change them: capitals, typos, addresses, emoji.

Every change has a rate in the recipe and is drawn from the generator given, so that a
resumed run sees the same pairs. What is inserted stands unchanged at the same place of both
sides. That place is one that needs no alignment: the beginning, the end, or beside a word
(a name, a number) that both sides hold once. A model learns to copy what it doesn't know.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Sequence

_FINAL = re.compile(r"[.!?]+[\"“”’»]?$")
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-"})
_CURLY = (("“", "”"), ("„", "“"), ("«", "»"), ("''", "''"), ("``", "''"))
_STRAIGHT = re.compile(r'"([^"]+)"')
_WORD = re.compile(r"\w(.*\w)?")  # without the punctuation around it
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
# On a German keyboard or an English one, the keys beside a key.
_NEAR = {"a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj",
         "i": "uo", "j": "hk", "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o",
         "q": "wa", "r": "et", "s": "ad", "t": "rz", "u": "zi", "v": "cb", "w": "qe", "x": "yc",
         "y": "xt", "z": "tu"}
_EMOJI = ("😀 😂 🙂 😉 😍 🤔 😢 😡 👍 👎 🙏 👏 💪 🎉 🔥 ⭐ ❤️ ✅ ❌ ⚠️ 🚀 🐱 🐶 🌍 ☀️ 🌧️ ☕ 🍕 🎂 📧 📎 "
          "📅 💡 🔒 🏠 🚗 ✈️ 🚲 ⚽ 🎵 👩‍💻 👨‍👩‍👧 🇩🇪 🇬🇧 👋🏽 🤷‍♀️").split()
_DOMAINS = "example.org example.com shop.example.net wiki.example.de mail.example.eu".split()
_NAMES = "anna max info service j.smith m_weber support lena.k bob42 office".split()
_PATHS = "help de/start news/2024 a?b=1&c=2 docs/index.html img/logo.png #top q=test".split()
_HOLDERS = "{0} {1} {name} {count} ${user} %s %d %1$s {{title}} %(total)d {date} :smile:".split()
_TAGS = "<b> </b> <br/> <i> </i> <x1/> <x2/> <g> </g> <span> </span> <code>".split()
# Beginnings of blocks of letters and signs that a small vocabulary lacks.
_BLOCKS = ((0x391, 24), (0x410, 64), (0x5D0, 26), (0x627, 30), (0x905, 50), (0x3042, 80),
           (0x30A2, 80), (0x4E00, 3000), (0xAC00, 2000), (0x2190, 60), (0x2600, 100),
           (0x1F300, 300), (0x1F600, 64), (0x100, 100))


@dataclass
class Augment:
    """Shares of the pairs that are changed so; several changes may meet in one."""
    joined: float = 0.0          # with one or two that follow
    inserted: float = 0.0        # an address, a number, an emoji, a placeholder, a tag
    all_capitals: float = 0.0    # both sides
    title_case: float = 0.0      # the source: A Line Like This
    lower_case: float = 0.0      # the source
    typos: float = 0.0           # the source: one or two words of it
    no_final_stop: float = 0.0   # both sides
    other_quotes: float = 0.0    # the source
    double_spaces: float = 0.0   # the source
    resegmented: float = 0.0     # the source in other pieces than the likeliest
    marked: float = 0.0          # with markers on both sides (prepare.markers)

    def __post_init__(self) -> None:
        for name, rate in vars(self).items():
            if not 0 <= rate <= 1:
                raise ValueError(f"augment.{name} is {rate}; expected 0 to 1")


def typo(word: str, rng: random.Random) -> str:
    """One slip: two letters swapped, one left out, doubled, or its neighbour hit."""
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2:]
    if kind == 1:
        return word[:at] + word[at + 1:]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + rng.choice(_NEAR.get(word[at], word[at])) + word[at + 1:]


def with_typos(text: str, rng: random.Random) -> str:
    words = list(_LONG_WORD.finditer(text))
    if not words:
        return text
    chosen = {rng.randrange(len(words)) for _ in range(1 + len(words) // 8)}
    for at in sorted(chosen, reverse=True):
        begin, end = words[at].span()
        text = text[:begin] + typo(text[begin:end], rng) + text[end:]
    return text


def title_case(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


def other_quotes(text: str, rng: random.Random) -> str:
    """Straight quotes as some curly ones, curly ones straight."""
    if '"' not in text:
        return text.translate(_QUOTES)
    opening, closing = rng.choice(_CURLY)
    return _STRAIGHT.sub(lambda match: f"{opening}{match[1]}{closing}", text)


def double_spaces(text: str, rng: random.Random) -> str:
    return "".join(rng.choice(("  ", "   ", " \u00a0")) if letter == " " and rng.random() < 0.3
                   else letter for letter in text)


def number(rng: random.Random) -> str:
    kind = rng.randrange(5)
    if kind == 0:
        return str(rng.randrange(10 ** rng.randrange(1, 8)))
    if kind == 1:
        return f"{rng.randrange(1, 20)}.{rng.randrange(20)}.{rng.randrange(20)}"
    if kind == 2:
        return f"{rng.randrange(24)}:{rng.randrange(60):02}"
    if kind == 3:
        return f"{rng.choice('ABCXKQ')}{rng.choice('-/')}{rng.randrange(1000, 99999)}"
    return f"{rng.randrange(1900, 2040)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"


def unknown_word(rng: random.Random) -> str:
    begin, size = rng.choice(_BLOCKS)
    return "".join(chr(begin + rng.randrange(size)) for _ in range(rng.randrange(1, 6)))


def copied(rng: random.Random) -> str:
    """Something that a translation holds as it is."""
    kind = rng.randrange(7)
    if kind == 0:
        scheme = rng.choice(("https://", "http://", "www.", ""))
        return f"{scheme}{rng.choice(_DOMAINS)}/{rng.choice(_PATHS)}"
    if kind == 1:
        return f"{rng.choice(_NAMES)}@{rng.choice(_DOMAINS)}"
    if kind == 2:
        return number(rng)
    if kind == 3:
        return "".join(rng.choice(_EMOJI) for _ in range(rng.choice((1, 1, 1, 2))))
    if kind == 4:
        return rng.choice(_HOLDERS)
    if kind == 5:
        return rng.choice(_TAGS)
    return unknown_word(rng)


def shared_words(source: list[str], target: list[str]) -> list[tuple[int, int]]:
    """Where the words stand that both sides hold once, and that are names or numbers."""
    return [(i, target.index(word)) for i, word in enumerate(source)
            if (word[0].isupper() or word[0].isdigit()) and len(word) > 1 and i
            and source.count(word) == target.count(word) == 1]


def inserted(source: str, target: str, what: str, rng: random.Random) -> tuple[str, str]:
    """Both sides with the same thing at the same place."""
    first, second = source.split(), target.split()
    anchors = shared_words(first, second)
    if anchors and rng.random() < 0.7:
        at, beside = rng.choice(anchors)
        first.insert(at + 1, what)
        second.insert(beside + 1, what)
        return " ".join(first), " ".join(second)
    ends = _FINAL.search(source), _FINAL.search(target)
    if all(ends) and rng.random() < 0.5:
        return tuple(f"{text[:end.start()]} {what}{end[0]}"
                     for text, end in zip((source, target), ends))
    if rng.random() < 0.5:
        return f"{source} {what}", f"{target} {what}"
    return f"{what} {source}", f"{what} {target}"


def marked(source: str, target: str, markers: Sequence[str], rng: random.Random) -> tuple[str, str]:
    """One to three markers: each for a word that both sides hold once, or inserted."""
    for marker in rng.sample(markers, rng.randint(1, min(3, len(markers)))):
        first, second = source.split(), target.split()
        words = shared_words(first, second)
        if words and rng.random() < 0.5:
            at, same = rng.choice(words)
            first[at] = second[same] = _WORD.sub(lambda _: marker, first[at], count=1)
            source, target = " ".join(first), " ".join(second)
        else:
            source, target = inserted(source, target, marker, rng)
    return source, target


class Augmenter:
    """Changes pairs by the rates of a recipe. Every draw comes from `rng`."""

    def __init__(self, rates: Augment, rng: random.Random, markers: Sequence[str] = ()) -> None:
        self.rates, self.rng, self.markers = rates, rng, markers

    def _drawn(self, name: str) -> bool:
        rate = getattr(self.rates, name)
        return rate > 0 and self.rng.random() < rate

    def pair(self, source: str, target: str) -> tuple[str, str]:
        """One pair as it is trained on; never with an empty side."""
        if self._drawn("no_final_stop") and _FINAL.search(source) and _FINAL.search(target):
            source, target = (_FINAL.sub("", text) or text for text in (source, target))
        if self._drawn("typos"):
            source = with_typos(source, self.rng)
        if self._drawn("all_capitals"):
            source, target = source.upper(), target.upper()
        elif self._drawn("title_case"):
            source = title_case(source)
        elif self._drawn("lower_case"):
            source = source.lower()
        if self._drawn("other_quotes"):
            source = other_quotes(source, self.rng)
        if self._drawn("inserted"):
            source, target = inserted(source, target, copied(self.rng), self.rng)
        if self._drawn("double_spaces"):
            source = double_spaces(source, self.rng)
        return source, target

    def pairs(self, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The pairs in their order, some of them joined with those that follow."""
        changed, at = [], 0
        while at < len(pairs):
            count = self.rng.choice((2, 2, 3)) if self._drawn("joined") else 1
            group = [self.pair(*pair) for pair in pairs[at:at + count]]
            whole = tuple(" ".join(side) for side in zip(*group))
            if self.markers and self._drawn("marked"):
                whole = marked(*whole, self.markers, self.rng)
            changed.append(whole)
            at += count
        return changed
