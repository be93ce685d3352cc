"""Starts a large model as an exact equal of a small one, to be trained on from there.

    python -m peregrine_training.grow configs/en-de-teacher.toml runs/en-de-mdn/average.pt

What the small model lacks (heads, feed-forward networks, layers, rank of a factorised output)
starts with its output at zero, so that at first it adds nothing; a factorised output is
multiplied out where the large model's is not. (Chen et al. 2016, "Net2Net", for pre-norm
residual networks.) Where processor time is short, a teacher gets ahead of the model that it grew
from long before one from scratch would.
"""

from __future__ import annotations

import argparse
import pathlib
import re

import torch
from torch import Tensor

from .model import Transformer, initialise
from .recipe import Recipe
from .train import INITIAL, checkpoints, load_weights, save_atomically

_FACTOR = "output.factor.weight"  # [rank, D], before output.weight [V, rank]
# The matrices and biases through which a residual branch adds to its input.
_BRANCH_END = re.compile(r"layers\.\d+\.(\w*attention\.output|ffn\.outer)\.(weight|bias)$")


def multiplied_out(source: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights, a factorised output as one matrix [V, D]."""
    values = dict(source)
    if _FACTOR in source:
        values["output.weight"] = values["output.weight"] @ values.pop(_FACTOR)
    return values


def embedded(name: str, theirs: Tensor | None, ours: Tensor) -> Tensor:
    """Our first values: theirs as the leading part, what comes beside it silent."""
    silent = name == _FACTOR or _BRANCH_END.search(name)
    values = torch.zeros_like(ours) if silent else ours.clone()
    if theirs is None:
        return values
    if theirs.dim() != ours.dim() or any(a > b for a, b in zip(theirs.shape, ours.shape)):
        raise SystemExit(f"{name}: found {list(theirs.shape)}, expected at most "
                         f"{list(ours.shape)}: only a larger model can do what a smaller does")
    values[tuple(slice(size) for size in theirs.shape)] = theirs
    return values


def grow(model: Transformer, source: dict[str, Tensor]) -> None:
    """Makes `model` compute what the model of the weights `source` does."""
    if model.arch.norm != "pre":
        raise SystemExit("norm: found post, expected pre: no branch is silent before a norm")
    parameters = dict(model.named_parameters())
    both_factorized = _FACTOR in parameters and _FACTOR in source
    if not both_factorized:
        source = multiplied_out(source)
    if extra := sorted(source.keys() - parameters.keys()):
        raise SystemExit(f"{extra[0]}: found in the small model alone, expected in both")
    for name, parameter in parameters.items():
        theirs = source.get(name)
        grows = ".layers." in name or (both_factorized and name in (_FACTOR, "output.weight"))
        if not grows and (theirs is None or theirs.shape != parameter.shape):
            found = "nothing" if theirs is None else list(theirs.shape)
            raise SystemExit(f"{name}: found {found}, expected {list(parameter.shape)}: the two "
                             "models need one vocabulary and one model_dim")
        parameter.data.copy_(embedded(name, theirs, parameter.data))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=pathlib.Path, help="of the large model")
    parser.add_argument("source", type=pathlib.Path,
                        help="the small one: a checkpoint, an average or a model directory")
    parser.add_argument("--run", type=pathlib.Path, help="default: runs/<name>")
    arguments = parser.parse_args()
    recipe = Recipe.load(arguments.recipe)
    run = arguments.run or pathlib.Path("runs") / recipe.name
    if checkpoints(run):
        raise SystemExit(f"{run} holds checkpoints of a run that has begun")
    torch.manual_seed(recipe.train.seed)
    model = Transformer(recipe.model_config().architecture)
    initialise(model)
    grow(model, load_weights(arguments.source))
    run.mkdir(parents=True, exist_ok=True)
    save_atomically({"model": model.state_dict()}, run / INITIAL)


if __name__ == "__main__":
    main()
