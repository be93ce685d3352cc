"""What of a corpus is repaired, and what is left out and why."""

from __future__ import annotations

import collections
import re

from .recipe import Prepare

_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"[0-9]")
# Web and mail addresses, and placeholders such as {0}, %s, %1$s and ${name}.
_COPIED = re.compile(r"https?://[^\s<>\"]+|[\w.+-]+@[\w-]+\.[\w.]+|\$?\{[^{}\s]*\}|%\d*\$?[sd]\b")
# The closing quote of „words “ stands after a space; what follows may touch it.
_LATE_QUOTE = re.compile(r"„\s*([^„“”\"]+?)\s+“\s*([\w(]?)")

# Frequent words of one language that are no words of the other.
_FUNCTION_WORDS = {
    "en": frozenset("the of and to is that it for with as you this be are from have by or if "
                    "your can which when there their would been has they how should".split()),
    "de": frozenset("der das und den von zu ist mit sich des auf für nicht ein eine als auch "
                    "es dem werden aus er sie nach wird bei einer um sind noch wie einem über "
                    "einen oder ich wenn nur kann zum durch können zur".split()),
}


def repaired(text: str) -> str:
    """The text with single spaces, and its closing German quotes at the word they close."""
    text = " ".join(text.split())
    if "„" not in text:
        return text
    return _LATE_QUOTE.sub(lambda m: f"„{m[1]}“" + (f" {m[2]}" if m[2] else ""), text)


def _foreign(text: str, own: str, other: str) -> bool:
    """True for words of the other language alone, two at least."""
    if own not in _FUNCTION_WORDS or other not in _FUNCTION_WORDS:
        return False
    words = [word.lower() for word in _WORD.findall(text)]
    return (sum(word in _FUNCTION_WORDS[other] for word in words) >= 2
            and not any(word in _FUNCTION_WORDS[own] for word in words))


def _copied(text: str) -> collections.Counter[str]:
    return collections.Counter(match.rstrip(".,;:!?)") for match in _COPIED.findall(text))


def fault(source: str, target: str, languages: tuple[str, str], options: Prepare) -> str | None:
    """Why a pair teaches nothing good, or none."""
    words = len(source.split()), len(target.split())
    if not min(words):
        return "a side is empty"
    if max(words) > options.max_words:
        return "too long"
    if source == target and words[0] > 2:
        return "not translated"
    if not _LETTER.search(source) or not _LETTER.search(target):
        return "no letters"
    longer, shorter = max(len(source), len(target)), min(len(source), len(target))
    if longer > options.max_length_ratio * shorter + 10:
        return "lengths differ too much"
    if sorted(_DIGIT.findall(source)) != sorted(_DIGIT.findall(target)):
        return "digits differ"
    if _copied(source) != _copied(target):
        return "addresses or placeholders differ"
    own, other = languages
    if _foreign(source, own, other) or _foreign(target, other, own):
        return "wrong language"
    return None
