"""Reads PyTorch pickles without running what is in them, and keeps account of tensors."""

from __future__ import annotations

import argparse
import pathlib
import pickle
import re
from typing import Any

import torch
from torch import Tensor

# What checkpoints hold beside tensors and containers, and a model does not need.
PASSED_OVER = (
    *(f"fairseq.{module}.{name}" for module in ("meters", "logging.meters")
      for name in ("AverageMeter", "SumMeter", "TimeMeter", "StopwatchMeter")),
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype",
)


class ConvertError(Exception):
    """Says which file or tensor, what was found and what was expected."""


class PassedOver:
    """Stands for an object of no interest; takes whatever its pickle says."""

    def __new__(cls, *values: object) -> PassedOver:
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        pass


def load(path: pathlib.Path) -> dict[str, Any]:
    """The checkpoint as dictionaries, lists, tensors and argparse.Namespace.

    A pickle may name any function of any module; none is called but what puts tensors
    together.
    """
    allowed = [argparse.Namespace, *((PassedOver, name) for name in PASSED_OVER)]
    try:
        with torch.serialization.safe_globals(allowed):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ConvertError(f"{path}: no such file, expected a checkpoint") from None
    except pickle.UnpicklingError as error:
        raise ConvertError(f"{path}: {_reason(str(error))}") from None
    except Exception as error:  # the reader has no exception of its own for damage
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConvertError(f"{path}: found no PyTorch checkpoint ({reason}), expected one; "
                           "it is cut off or something else") from None
    if not isinstance(checkpoint, dict):
        raise ConvertError(f"{path}: found a {type(checkpoint).__name__}, expected a checkpoint "
                           "with weights and settings")
    return checkpoint


def _reason(message: str) -> str:
    found = re.search(r"GLOBAL ([\w.]+)", message)
    if found:
        return (f"found the global {found[1]}, expected tensors, containers and settings "
                "alone: code in a checkpoint is not run")
    first = message.splitlines()[0] if message else "damaged"
    return f"found no pickle of weights and settings ({first}), expected one"


def settings(values: object) -> dict[str, Any]:
    """A Namespace or dictionary as a dictionary."""
    if isinstance(values, argparse.Namespace):
        return vars(values)
    return dict(values) if isinstance(values, dict) else {}


class Weights:
    """The tensors of a checkpoint, each to be taken once."""

    def __init__(self, path: pathlib.Path, tensors: dict[str, Any]) -> None:
        self.path = path
        self.tensors = {name: value for name, value in tensors.items()
                        if isinstance(value, Tensor)}

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def take(self, name: str, *shape: int) -> Tensor:
        """Of the shape, where -1 is any size; without one, of any."""
        if name not in self.tensors:
            raise ConvertError(f"{self.path}: tensor {name}: found none, expected one")
        tensor = self.tensors.pop(name)
        fits = not shape or (len(shape) == tensor.dim() and all(
            size in (-1, found) for size, found in zip(shape, tensor.shape)))
        if not fits:
            raise ConvertError(f"{self.path}: tensor {name}: found shape {list(tensor.shape)}, "
                               f"expected {list(shape)}")
        if not bool(torch.isfinite(tensor).all()):
            raise ConvertError(f"{self.path}: tensor {name}: found numbers that are not finite")
        return tensor

    def drop(self, pattern: str) -> None:
        """Tensors that may be there and play no part."""
        for name in [name for name in self.tensors if re.fullmatch(pattern, name)]:
            del self.tensors[name]

    def finish(self) -> None:
        if self.tensors:
            names = ", ".join(sorted(self.tensors)[:5])
            raise ConvertError(f"{self.path}: found {len(self.tensors)} tensors that the "
                               f"architecture does not have: {names}")
