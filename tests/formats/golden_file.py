"""golden.json of a model that a reference library made; see ../golden/README.md.

The fields are those of training/peregrine_training/goldens.py, but what a search's
options leave out is the model's own default: whether our reading of its settings
agrees with the library's is part of what is compared. A hypothesis without a score
was found by a library that gives none.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np


def numbers(values: Any) -> Any:
    """Nested lists of floats with nine digits, enough to restore float32 exactly."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        return float(f"{array:.9g}")
    return [numbers(row) for row in array]


class TooClose(Exception):
    """A decision of a search could go either way by rounding alone: another seed."""


def write_first(directory: pathlib.Path, seeds: Iterable[int],
                make: Callable[[int], dict[str, Any]]) -> None:
    """Of the first seed whose decisions are far enough apart: `make` raises TooClose of the
    others."""
    for seed in seeds:
        try:
            made = make(seed)
        except TooClose:
            continue
        write(directory, made)
        print(f"{directory.name}: seed {seed}")
        return
    raise SystemExit(f"{directory.name}: every seed has a decision that is too close")


def write(directory: pathlib.Path, golden: dict[str, Any]) -> None:
    text = json.dumps(golden, ensure_ascii=False, separators=(",", ":"))
    (directory / "golden.json").write_text(text + "\n", encoding="utf-8")
