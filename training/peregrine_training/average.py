"""Averages the weights of a run's last checkpoints.

    python -m peregrine_training.average runs/en-de-mdn --last 5 --out runs/en-de-mdn/average.pt
"""

from __future__ import annotations

import argparse
import pathlib

import torch
from torch import Tensor

from .train import checkpoints, save_atomically


def average(paths: list[pathlib.Path]) -> dict[str, Tensor]:
    """The mean of the checkpoints' weights, summed in float64."""
    total: dict[str, Tensor] = {}
    for path in paths:
        state = torch.load(path, map_location="cpu", weights_only=True)["model"]
        for name, tensor in state.items():
            total[name] = total.get(name, 0) + tensor.double()
    return {name: (tensor / len(paths)).float() for name, tensor in total.items()}


def last_checkpoints(run: pathlib.Path, count: int) -> list[pathlib.Path]:
    paths = checkpoints(run)[-count:]
    if not paths:
        raise SystemExit(f"{run} holds no checkpoint")
    return paths


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
