"""Writes a model directory (docs/model-format.md), and reads it back.

    python -m peregrine_training.export configs/en-de-mdn.toml runs/en-de-mdn/average.pt \\
        --out ../models/en-de-mdn
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import tempfile

import torch
from safetensors.torch import save_file
from torch import Tensor

from peregrine_convert.config import ModelConfig

from .model import Transformer
from .recipe import Recipe
from .train import load_weights


def write_model(directory: pathlib.Path, config: ModelConfig, weights: dict[str, Tensor],
                dtype: torch.dtype, vocabulary: pathlib.Path | None = None) -> None:
    """Replaces each file of the directory at once; config.json, the last, completes it."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent) as temporary:
        fresh = pathlib.Path(temporary)
        tensors = {name: tensor.to(dtype).contiguous() for name, tensor in weights.items()}
        save_file(tensors, fresh / "model.safetensors")
        if vocabulary:
            for name in {config.tokenizer.source, config.tokenizer.target}:
                shutil.copyfile(vocabulary, fresh / name)
        (fresh / "config.json").write_text(config.to_json(), encoding="utf-8")
        for path in sorted(fresh.iterdir(), reverse=True):
            path.chmod(0o644)
            os.replace(path, directory / path.name)


def read_model(directory: pathlib.Path) -> tuple[ModelConfig, Transformer]:
    """A model directory as a float32 reference model, ready to translate."""
    config = ModelConfig.load(directory)
    model = Transformer(config.architecture)
    model.load_state_dict(load_weights(directory))
    return config, model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=pathlib.Path)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--vocabulary", type=pathlib.Path,
                        help="default: runs/<name>/data/source.spm")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--float32", action="store_true", help="instead of float16")
    arguments = parser.parse_args()
    recipe = Recipe.load(arguments.recipe)
    vocabulary = arguments.vocabulary or pathlib.Path(
        "runs") / recipe.name / "data" / "source.spm"
    write_model(arguments.out, recipe.model_config(), load_weights(arguments.checkpoint),
                torch.float32 if arguments.float32 else torch.float16, vocabulary)


if __name__ == "__main__":
    main()
