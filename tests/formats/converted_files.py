"""Checkpoints as fairseq and OpenNMT-py save them, and what `peregrine convert` makes of
each: the server reads the one and must find the other.

    PYTHONPATH=../../training:../../training/tests python converted_files.py \
        ../../engine/formats/torch_checkpoints/testdata

Needs the environment of training/ (scripts/python-env).
"""

from __future__ import annotations

import argparse
import collections
import pathlib
import shutil
import sys
import types
from typing import Any

import torch
from peregrine_convert.__main__ import main as convert
from test_convert import (DICTIONARY, OPENNMT, architecture, fairseq_args, fairseq_names,
                          opennmt_checkpoint, reference)

SMALL = {"num_layers": 2, "model_dim": 8, "ffn_dim": 12, "num_heads": 4, "head_dim": 2}


class AverageMeter:
    """What fairseq's training leaves in a checkpoint."""

    def __init__(self) -> None:
        self.sum, self.count = 1.5, 3


AverageMeter.__module__ = "fairseq.meters"


def small(**changes: Any):
    return architecture(**{"encoder": SMALL, "decoder": {**SMALL, "num_layers": 1}, **changes})


def fairseq(place: str, old: bool, **changes: Any) -> dict[str, Any]:
    arch = small(**changes)
    checkpoint: dict[str, Any] = {
        "model": collections.OrderedDict(fairseq_names(reference(arch), arch, old)),
        "extra_state": {"epoch": 3}, "optimizer_history": [{"num_updates": 100}],
        "last_optimizer_state": {"state": {0: {"exp_avg": torch.zeros(2)}}}}
    args = fairseq_args(arch)
    if place == "args":
        return {**checkpoint, "args": argparse.Namespace(**args), "cfg": None}
    return {**checkpoint, "args": None, "cfg": {"model": args, "task": {
        "_name": "translation", "source_lang": "en", "target_lang": "de"}}}


def without_last_norms(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """As the first versions had it, whose norms had numbers."""
    numbers = {"encoder": {"self_attn_layer_norm": 0, "final_layer_norm": 1},
               "decoder": {"self_attn_layer_norm": 0, "encoder_attn_layer_norm": 1,
                           "final_layer_norm": 2}}
    names = {}
    for name, tensor in checkpoint["model"].items():
        if ".layer_norm." in name:
            continue
        for norm, number in numbers[name.split(".")[0]].items():
            name = name.replace(f".{norm}.", f".layer_norms.{number}.")
        names[name] = tensor
    return {**checkpoint, "model": names}


def opennmt() -> dict[str, Any]:
    arch = small(**OPENNMT)
    return {**opennmt_checkpoint(reference(arch), arch),
            "optim": {"training_step": 5, "state": {}}}


CASES = {
    "fairseq-pre": (lambda: fairseq("cfg", False), True),
    "fairseq-post": (lambda: fairseq("args", False, norm="post", share_embeddings=True,
                                     output="tied", activation="gelu"), True),
    "fairseq-first": (lambda: without_last_norms(fairseq("args", True)), False),
    "fairseq-learned": (lambda: fairseq("cfg", True, positions="learned", output="factorized",
                                        output_rank=4, scale_embeddings=False), True),
    "opennmt": (opennmt, True),
}


def make(directory: pathlib.Path, checkpoint: dict[str, Any], zipped: bool) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    if directory.name == "fairseq-first":
        for name in ("fairseq", "fairseq.meters"):
            sys.modules[name] = types.ModuleType(name)
        setattr(sys.modules["fairseq.meters"], "AverageMeter", AverageMeter)
        checkpoint["extra_state"] = {"train_meters": {"loss": AverageMeter()}}
    path = directory / "checkpoint_best.pt"
    torch.save(checkpoint, path, _use_new_zipfile_serialization=zipped)
    arguments = [str(path), "--out", str(directory / "converted")]
    (directory / "bpe.codes").write_text("#version: 0.2\nl o\ne r</w>\n")
    if directory.name != "opennmt":
        for language in ("en", "de"):
            name = directory / f"dict.{language}.txt"
            name.write_text("".join(f"{piece} 5\n" for piece in DICTIONARY))
        arguments += ["--source-vocabulary", str(directory / "dict.en.txt"),
                      "--target-vocabulary", str(directory / "dict.de.txt")]
    convert([*arguments, "--codes", str(directory / "bpe.codes")])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=pathlib.Path)
    root = parser.parse_args().directory
    for name, (build, zipped) in CASES.items():
        make(root / name, build(), zipped)


if __name__ == "__main__":
    main()
