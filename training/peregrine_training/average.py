"""Averages the weights of a run's last checkpoints.

    python -m peregrine_training.average runs/en-de-mdn --last 5 --out runs/en-de-mdn/average.pt
"""

from __future__ import annotations

import argparse
import pathlib

from torch import Tensor

from .data import Corpus
from .model import Transformer
from .recipe import Recipe
from .train import checkpoints, load_weights, mean_loss, save_atomically


def average(paths: list[pathlib.Path]) -> dict[str, Tensor]:
    """The mean of the checkpoints' weights, summed in float64."""
    total: dict[str, Tensor] = {}
    for path in paths:
        state = load_weights(path)
        for name, tensor in state.items():
            total[name] = total.get(name, 0) + tensor.double()
    return {name: (tensor / len(paths)).float() for name, tensor in total.items()}


def last_checkpoints(run: pathlib.Path, count: int) -> list[pathlib.Path]:
    paths = checkpoints(run)[-count:]
    if not paths:
        raise SystemExit(f"{run} holds no checkpoint")
    return paths


def best_weights(recipe: Recipe, run: pathlib.Path,
                 encoded: pathlib.Path) -> dict[str, Tensor]:
    """The weights with the lowest development loss among means of 1, 3, 5 and 8."""
    development = encoded / f"{pathlib.Path(recipe.prepare.development[0]).name}.npz"
    corpus, model = Corpus.load(development), Transformer(recipe.model_config().architecture)
    best: tuple[float, dict[str, Tensor]] | None = None
    for last in (1, 3, 5, 8):
        weights = average(last_checkpoints(run, last))
        model.load_state_dict({name: tensor.half().float() for name, tensor in weights.items()})
        loss = mean_loss(model, corpus, recipe.train.batch_tokens)
        print(f"mean of the last {last}: development loss {loss:.4f}", flush=True)
        if best is None or loss < best[0]:
            best = loss, weights
    assert best
    return best[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--last", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    save_atomically({"model": average(last_checkpoints(arguments.run, arguments.last))},
                    arguments.out)


if __name__ == "__main__":
    main()
