"""What a converter makes, and its model directory (docs/model-format.md)."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
from dataclasses import dataclass, field
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from .checkpoint import ConvertError
from .config import ModelConfig, from_dict


@dataclass
class Model:
    """`architecture`, `tokens` and `decoding` are those of config.json."""

    architecture: dict[str, Any]
    tokens: dict[str, Any]
    decoding: dict[str, Any]
    weights: dict[str, Tensor]
    source_language: str = "und"
    target_language: str = "und"
    source_vocabulary: list[str] = field(default_factory=list)  # empty: tokens are ids
    target_vocabulary: list[str] = field(default_factory=list)
    languages: dict[str, int] = field(default_factory=dict)  # tokens by code
    markers: list[str] = field(default_factory=list)  # pieces that stand for protected spans


def write(model: Model, directory: pathlib.Path, name: str,
          source_codes: pathlib.Path | None, target_codes: pathlib.Path | None) -> None:
    """Replaces each file of the directory at once; config.json, the last, completes it."""
    tokenizer: dict[str, str] = {"type": "none"}
    files: dict[str, str] = {}
    if model.source_vocabulary:
        tokenizer = {"type": "subword_nmt", "source": "source.txt", "target": "target.txt"}
        for side, pieces in (("source", model.source_vocabulary),
                             ("target", model.target_vocabulary)):
            bad = [piece for piece in pieces if not piece or "\n" in piece]
            if bad:
                raise ConvertError(f"{side} vocabulary: found the piece {bad[0]!r}, expected no "
                                   "empty one and none with an end of line")
            files[f"{side}.txt"] = "".join(f"{piece}\n" for piece in pieces)
        for side, path in (("source", source_codes), ("target", target_codes)):
            if path:
                tokenizer[f"{side}_codes"] = f"{side}.codes"
    config = from_dict(ModelConfig, {
        "name": name, **_languages(model), "architecture": model.architecture,
        "tokens": model.tokens, "tokenizer": tokenizer, "decoding": model.decoding,
        "markers": model.markers})
    for marker in model.markers:
        for side, pieces in (("source", model.source_vocabulary),
                             ("target", model.target_vocabulary)):
            if marker not in pieces:
                raise ConvertError(f"{side} vocabulary: found no piece {marker!r}, expected every "
                                   "marker")
    files["config.json"] = config.to_json()
    dtype = next(iter(model.weights.values())).dtype
    if dtype not in (torch.float32, torch.float16, torch.bfloat16):
        dtype = torch.float32
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as temporary:
        fresh = pathlib.Path(temporary)
        save_file({tensor: value.to(dtype).contiguous().clone()
                   for tensor, value in model.weights.items()}, fresh / "model.safetensors")
        for file, text in files.items():
            (fresh / file).write_text(text, encoding="utf-8")
        for side, path in (("source", source_codes), ("target", target_codes)):
            if path:
                shutil.copyfile(path, fresh / f"{side}.codes")
        for path in sorted(fresh.iterdir(), reverse=True):
            path.chmod(0o644)
            os.replace(path, directory / path.name)


def _languages(model: Model) -> dict[str, Any]:
    chosen = {"source_language": model.source_language, "target_language": model.target_language}
    if not model.languages:
        return chosen
    for name, code in chosen.items():
        if code not in ("und", *model.languages):
            raise ConvertError(f"{name}: found {code}, expected one of "
                               f"{', '.join(model.languages)}")
    defaults = {name: code for name, code in chosen.items() if code != "und"}
    return {**defaults, "languages": model.languages}
