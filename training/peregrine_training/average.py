"""Averages the weights of a run's last checkpoints.

    python -m peregrine_training.average runs/en-de-mdn --last 5 --out runs/en-de-mdn/average.pt

With `--with` another model, the mean of that average and of the model's weights: of a run
and what it started from, often better than either.
"""

from __future__ import annotations

import argparse
import pathlib
import statistics

import torch
from torch import Tensor

from .model import Transformer
from .recipe import Recipe
from .train import (check_architecture, checkpoints, development_sets, fast_products,
                    load_weights, mean_loss, save_atomically)


def mean(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of the weights of equal models, summed in float64."""
    return {name: (sum(state[name].double() for state in states) / len(states)).float()
            for name in states[0]}


def average(paths: list[pathlib.Path]) -> dict[str, Tensor]:
    """The mean of the checkpoints' weights."""
    return mean([load_weights(path) for path in paths])


def mean_with(weights: dict[str, Tensor], path: pathlib.Path,
              share: float = 0.5) -> dict[str, Tensor]:
    """Of these weights and another model's, of the same architecture: `share` of the other."""
    other = load_weights(path)
    check_architecture(weights, other, path)
    return {name: tensor.double().lerp(other[name].double(), share).float()
            for name, tensor in weights.items()}


def last_checkpoints(run: pathlib.Path, count: int) -> list[pathlib.Path]:
    paths = checkpoints(run)[-count:]
    if not paths:
        raise SystemExit(f"{run} holds no checkpoint")
    return paths


def best_weights(recipe: Recipe, run: pathlib.Path,
                 encoded: pathlib.Path) -> dict[str, Tensor]:
    """Of the means of the last 1, 3, 5 and 8 checkpoints the one whose loss is the lowest,
    in the mean over all development sets."""
    sets = development_sets(recipe, encoded)
    model = Transformer(recipe.model_config().architecture)
    best: tuple[float, dict[str, Tensor]] | None = None
    for last in (1, 3, 5, 8):
        weights = average(last_checkpoints(run, last))
        model.load_state_dict({name: tensor.half().float() for name, tensor in weights.items()})
        with fast_products("cpu"):  # as the training itself looks at them
            losses = {name: mean_loss(model, corpus, 2 * recipe.train.batch_tokens)
                      for name, corpus in sets.items()}
        loss = statistics.fmean(losses.values())
        print(f"mean of the last {last}: development loss {loss:.4f}; " + ", ".join(
            f"{name} {value:.4f}" for name, value in losses.items()), flush=True)
        if best is None or loss < best[0]:
            best = loss, weights
    assert best
    return best[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--last", type=int, default=5)
    parser.add_argument("--with", type=pathlib.Path, dest="other",
                        help="a checkpoint or model directory that counts as much as the run")
    parser.add_argument("--share", type=float, default=0.5, help="of that model (default: half)")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    weights = average(last_checkpoints(arguments.run, arguments.last))
    if arguments.other:
        weights = mean_with(weights, arguments.other, arguments.share)
    save_atomically({"model": weights}, arguments.out)


if __name__ == "__main__":
    main()
