"""The end of a run: waits for it, averages, exports, writes goldens and scores.

    python -m peregrine_training.release configs/en-de-mdn.toml [--wait-for PID]

Whether the average of the last checkpoints or the last one alone is exported is
decided by the loss on the first development set. Each step's failure is logged and
does not stop the steps that can go on without it.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Callable

import torch
from torch import Tensor

from .average import best_weights
from .export import write_model
from .goldens import trained_golden, write_json
from .recipe import Recipe
from .score import score_served
from .serving import Server
from .train import save_atomically

TESTS = ("en-de/tatoeba2020_test", "en-de/multi30k_test_2016_flickr", "en-de/flores_dev",
         "en-de/newstest2014")


@dataclass
class Places:
    run: pathlib.Path
    data: pathlib.Path     # of the test sets
    encoded: pathlib.Path  # of prepare.py
    model: pathlib.Path
    goldens: pathlib.Path


def log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S', time.gmtime())} {text}", flush=True)


def wait_for(process: int) -> None:
    """Returns when the process has ended."""
    while True:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(5)


def export_best(recipe: Recipe, run: pathlib.Path, encoded: pathlib.Path,
                out: pathlib.Path) -> dict[str, Tensor]:
    """Keeps a run's best weights as its average, and writes them to the model `out`."""
    weights = best_weights(recipe, run, encoded)
    save_atomically({"model": weights}, run / "average.pt")
    write_model(out, recipe.model_config(), weights, torch.float16, encoded / "source.spm")
    log(f"exported to {out}")
    return weights


def score_all(recipe: Recipe, places: Places) -> None:
    """Scores through the server, with the number of translations that it warns of."""
    languages = recipe.source_language, recipe.target_language
    with Server(places.model) as server:
        for beam_size in (4, 1):
            for test in TESTS:
                answers, scored = score_served(server, places.data, test, languages, beam_size)
                kept = places.run / f"{pathlib.Path(test).name}.beam{beam_size}.txt"
                kept.write_text("".join(f"{answer.text}\n" for answer in answers),
                                encoding="utf-8")
                flagged = sum(bool(answer.flags) for answer in answers)
                log(f"{test} beam {beam_size}, {flagged} of {len(answers)} with a warning\n"
                    f"{scored}")


def attempt(name: str, step: Callable[[], object]) -> bool:
    try:
        step()
        return True
    except (Exception, SystemExit):
        log(f"{name} failed")
        traceback.print_exc(file=sys.stdout)
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=pathlib.Path)
    parser.add_argument("--wait-for", type=int, metavar="PID")
    parser.add_argument("--run", type=pathlib.Path, help="default: runs/<name>")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../../shared/data"))
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path("../models"))
    parser.add_argument("--goldens", type=pathlib.Path, default=pathlib.Path("../tests/golden"))
    arguments = parser.parse_args()
    recipe = Recipe.load(arguments.recipe)
    run = arguments.run or pathlib.Path("runs") / recipe.name
    places = Places(run, arguments.data, run / "data", arguments.models / recipe.name,
                    arguments.goldens / recipe.name)
    if arguments.wait_for:
        wait_for(arguments.wait_for)
    if attempt("export", lambda: export_best(recipe, places.run, places.encoded, places.model)):
        attempt("goldens", lambda: write_json(places.goldens / "golden.json",
                                              trained_golden(places.model)))
        attempt("scores", lambda: score_all(recipe, places))
    log("released")


if __name__ == "__main__":
    main()
