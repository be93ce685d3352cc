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

from .average import average, last_checkpoints
from .data import Corpus, all_batches
from .export import write_model
from .goldens import trained_golden, write_json
from .model import Transformer
from .recipe import Recipe
from .score import score, translate
from .prepare import read_aligned
from .train import batch_loss

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


@torch.no_grad()
def development_loss(recipe: Recipe, weights: dict[str, Tensor], path: pathlib.Path) -> float:
    model = Transformer(recipe.model_config().architecture)
    model.load_state_dict(weights)
    model.eval()
    total, count = 0.0, 0
    for batch in all_batches(Corpus.load(path), 4096):
        loss, tokens = batch_loss(model, batch, 0.0)
        total, count = total + float(loss), count + tokens
    return total / count


def best_weights(recipe: Recipe, places: Places) -> dict[str, Tensor]:
    """The weights with the lowest development loss among means of 1, 3, 5 and 8."""
    development = places.encoded / f"{pathlib.Path(recipe.prepare.development[0]).name}.npz"
    best: tuple[float, dict[str, Tensor]] | None = None
    for last in (1, 3, 5, 8):
        weights = average(last_checkpoints(places.run, last))
        rounded = {name: tensor.half().float() for name, tensor in weights.items()}
        loss = development_loss(recipe, rounded, development)
        log(f"mean of the last {last}: development loss {loss:.4f}")
        if best is None or loss < best[0]:
            best = loss, weights
    assert best
    return best[1]


def export(recipe: Recipe, places: Places) -> None:
    write_model(places.model, recipe.model_config(), best_weights(recipe, places),
                torch.float16, places.encoded / "source.spm")
    log(f"exported to {places.model}")


def score_all(recipe: Recipe, places: Places) -> None:
    languages = recipe.source_language, recipe.target_language
    for beam_size in (1, 4):
        for test in TESTS:
            pairs = read_aligned([places.data / f"{test}.{language}.gz"
                                  for language in languages])
            lines, references = (list(column) for column in zip(*pairs))
            hypotheses = translate(places.model, lines, beam_size)
            kept = places.run / f"{pathlib.Path(test).name}.beam{beam_size}.txt"
            kept.write_text("".join(f"{line}\n" for line in hypotheses), encoding="utf-8")
            log(f"{test} beam {beam_size}\n{score(hypotheses, references)}")


def attempt(name: str, step: Callable[[], None]) -> bool:
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
    if attempt("export", lambda: export(recipe, places)):
        attempt("goldens", lambda: write_json(places.goldens / "golden.json",
                                              trained_golden(places.model)))
        attempt("scores", lambda: score_all(recipe, places))
    log("released")


if __name__ == "__main__":
    main()
