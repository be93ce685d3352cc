"""The end of a run: waits for it, averages, exports, writes goldens and the card's tables.

    python -m peregrine_training.release configs/en-de-mdn.toml [--wait-for PID]

Whether the average of the last checkpoints or the last one alone is exported is decided by
the mean loss on the development sets, the length penalty by BLEU on the same. The tables
of the card come into the run's card.md. Each step's failure is logged and does not stop the
steps that can go on without it.
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

from peregrine_convert.config import ModelConfig

from .average import best_weights
from .card import Card
from .evaluate import Evaluation
from .export import write_model
from .goldens import trained_golden, write_json
from .recipe import Recipe
from .serving import BINARIES, Server
from .train import save_atomically
from .twins import count_twins

TESTS = ("en-de/tatoeba2020_test", "en-de/multi30k_test_2016_flickr", "en-de/flores_dev",
         "en-de/newstest2014")
PENALTIES = [0.6, 0.8, 1.0, 1.2, 1.4, 1.6]
DEVELOPMENT_LINES = 500  # of each development set


@dataclass
class Places:
    run: pathlib.Path
    data: pathlib.Path     # of the test sets
    encoded: pathlib.Path  # of prepare.py
    model: pathlib.Path
    goldens: pathlib.Path
    binaries: pathlib.Path


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


def choose_penalty(evaluation: Evaluation, places: Places, card: Card,
                   penalties: list[float]) -> None:
    """Writes the best length penalty into the model's config.json."""
    with Server(places.model, places.binaries) as server:
        best, card.penalties = evaluation.best_penalty(server, penalties, DEVELOPMENT_LINES)
    config = ModelConfig.load(places.model)
    config.decoding.length_penalty = best
    (places.model / "config.json").write_text(config.to_json(), encoding="utf-8")
    log(f"length penalty {best}")


def score_all(evaluation: Evaluation, places: Places, card: Card) -> None:
    """Scores through the server; keeps the translations in the run."""
    lexicon = evaluation.lexicon()
    for precision, beam_size in (("float32", 4), ("int8", 4), ("float32", 1)):
        with Server(places.model, places.binaries, precision) as server:
            log(precision)
            for test in TESTS:
                tested = evaluation.test(
                    server, test, beam_size,
                    lexicon if (precision, beam_size) == ("float32", 4) else None)
                card.tested[precision, beam_size, test] = tested
                kept = places.run / f"{pathlib.Path(test).name}.{precision}.beam{beam_size}.txt"
                kept.write_text("".join(f"{line}\n" for line in tested.hypotheses),
                                encoding="utf-8")


def robustness(evaluation: Evaluation, places: Places, card: Card) -> None:
    with Server(places.model, places.binaries) as server:
        card.robustness = evaluation.robustness(server, "en-de/flores_dev", 4)


def find_twins(evaluation: Evaluation, card: Card) -> None:
    card.twins = count_twins(evaluation.recipe, evaluation.data, list(TESTS))


def write_card(places: Places, card: Card) -> None:
    path = places.run / "card.md"
    path.write_text(card.markdown(), encoding="utf-8")
    log(f"the card's tables are in {path}")


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
    parser.add_argument("--binaries", type=pathlib.Path, default=BINARIES)
    parser.add_argument("--encoded", type=pathlib.Path, help="of prepare; default: runs/<name>/data")
    parser.add_argument("--goldens", type=pathlib.Path, default=pathlib.Path("../tests/golden"))
    parser.add_argument("--penalties", type=float, nargs="+", default=PENALTIES,
                        help="length penalties to choose from")
    arguments = parser.parse_args()
    recipe = Recipe.load(arguments.recipe)
    run = arguments.run or pathlib.Path("runs") / recipe.name
    places = Places(run, arguments.data, arguments.encoded or run / "data",
                    arguments.models / recipe.name,
                    arguments.goldens / recipe.name, arguments.binaries)
    evaluation = Evaluation(recipe, arguments.data)
    if arguments.wait_for:
        wait_for(arguments.wait_for)
    card = Card()
    steps: list[tuple[str, Callable[[], object]]] = [
        ("length penalty", lambda: choose_penalty(evaluation, places, card,
                                                  arguments.penalties)),
        ("goldens", lambda: write_json(places.goldens / "golden.json",
                                       trained_golden(places.model))),
        ("scores", lambda: score_all(evaluation, places, card)),
        ("robustness", lambda: robustness(evaluation, places, card)),
        ("near twins", lambda: find_twins(evaluation, card)),
        ("card", lambda: write_card(places, card))]
    if attempt("export", lambda: export_best(recipe, places.run, places.encoded, places.model)):
        for name, step in steps:
            attempt(name, step)
    log("released")


if __name__ == "__main__":
    main()
