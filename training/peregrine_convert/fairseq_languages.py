"""The languages of a checkpoint of fairseq's task translation_multi_simple_epoch.

Its sources begin with the token of their language, its translations with that of
theirs. The tokens follow those of the dictionary file, which does not have them.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass
from typing import Any

from .checkpoint import ConvertError

TASK = "translation_multi_simple_epoch"
STYLES = {"multilingual": "__{}__", "mbart": "[{}]"}
MASK = "<mask>"  # follows the languages of the style mbart


@dataclass
class Languages:
    codes: list[str]
    tokens: list[str]
    tells_source: bool

    def extend(self, pieces: list[str]) -> None:
        """Adds to a dictionary's pieces those that it lacks."""
        pieces += [token for token in self.tokens if token not in pieces]

    def ids(self, pieces: list[str], vocab_size: int) -> dict[str, int]:
        """By code; without `pieces` they are the last of the vocabulary."""
        first = vocab_size - len(self.tokens)
        found = [pieces.index(token) if pieces else first + index
                 for index, token in enumerate(self.tokens)]
        return dict(zip(self.codes, found))


def read(path: pathlib.Path, task: dict[str, Any]) -> Languages | None:
    """None for a model of one pair."""
    if str(task.get("task") or task.get("_name")) != TASK:
        return None

    def refuse(field: str, found: object, expected: str) -> ConvertError:
        return ConvertError(f"{path}: {field}: found {found!r}, expected {expected}")

    codes = task.get("langs")
    codes = codes.split(",") if isinstance(codes, str) else codes
    if not isinstance(codes, (list, tuple)) or not all(isinstance(code, str) for code in codes):
        raise refuse("langs", codes, f"the list of languages of the task {TASK}")
    source, target = (task.get("langtoks") or {}).get(
        "main", (task.get("encoder_langtok"), "tgt" if task.get("decoder_langtok") else None))
    if source not in ("src", None):
        raise refuse("encoder_langtok", source, "'src' or None")
    if target != "tgt":
        raise refuse("decoder_langtok", target, "True, so that a request can choose")
    if task.get("lang_tok_replacing_bos_eos"):
        raise refuse("lang_tok_replacing_bos_eos", True, "False")
    style = str(task.get("lang_tok_style") or "multilingual")
    if style not in STYLES:
        raise refuse("lang_tok_style", style, " or ".join(STYLES))
    tokens = [STYLES[style].format(code) for code in codes]
    return Languages(list(codes), tokens + [MASK] * (style == "mbart"), source == "src")
