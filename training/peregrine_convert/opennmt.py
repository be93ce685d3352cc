"""Checkpoints of OpenNMT-py from version 3 on, whose vocabularies are lists.

Transformers with their own position table ("position_encoding"), pre-norm with a norm
after the last layer, as OpenNMT-py makes them by default.
"""

from __future__ import annotations

import pathlib
from typing import Any

import torch
from torch import Tensor

from .checkpoint import ConvertError, Weights, settings
from .directory import Model

UNK, PAD, BOS, EOS = "<unk>", "<blank>", "<s>", "</s>"
MAX_POSITIONS = 1024  # its table has 5000 rows; no model was trained on such sentences
# Settings that change what is computed, at any value but these.
NEUTRAL: dict[str, tuple[object, ...]] = {
    "encoder_type": ("transformer", None), "decoder_type": ("transformer", None),
    "self_attn_type": ("scaled-dot", "scaled-dot-flash", None),  # two ways to the same sums
    "max_relative_positions": (0, None),
    "aan_useffn": (False, None), "layer_norm": ("standard", None),
    "parallel_residual": (False, None), "multiquery": (False, None), "num_kv": (0, None),
    "copy_attn": (False, None), "generator_function": ("softmax", None),
    "shared_layer_norm": (False, None), "num_experts": (0, None),
}
ACTIVATIONS = {"relu": "relu", "gelu": "gelu"}  # its silu and gated-gelu have a gate


def recognises(checkpoint: dict[str, Any]) -> bool:
    return "vocab" in checkpoint and "opt" in checkpoint and "model" in checkpoint


class Converter:
    def __init__(self, path: pathlib.Path, checkpoint: dict[str, Any]) -> None:
        self.path = path
        self.opt = settings(checkpoint["opt"])
        self.vocab = checkpoint["vocab"]
        generator = {f"generator.{name}": value
                     for name, value in settings(checkpoint.get("generator")).items()}
        self.weights = Weights(path, {**settings(checkpoint["model"]), **generator})
        self.result: dict[str, Tensor] = {}

    def error(self, field: str, found: object, expected: str) -> ConvertError:
        return ConvertError(f"{self.path}: {field}: found {found!r}, expected {expected}")

    def vocabulary(self, side: str) -> list[str]:
        pieces = self.vocab.get(side) if isinstance(self.vocab, dict) else None
        if not isinstance(pieces, list) or not all(isinstance(piece, str) for piece in pieces):
            raise ConvertError(f"{self.path}: vocab: found no list {side}, expected one, as "
                               "OpenNMT-py writes it from version 3 on")
        return pieces

    def model(self) -> Model:
        for field, neutral in NEUTRAL.items():
            if self.opt.get(field) not in neutral:
                raise self.error(field, self.opt[field], f"{neutral[0]!r}")
        if not self.opt.get("position_encoding"):
            raise self.error("position_encoding", self.opt.get("position_encoding"), "True")
        source, target = self.vocabulary("src"), self.vocabulary("tgt")
        architecture = self.architecture(source, target)
        self.weights.drop(r"(encoder|decoder)\.embeddings\.make_embedding\.pe\.pe")
        self.weights.drop(r"decoder\.transformer_layers\.\d+\.mask")
        self.weights.finish()
        ids = {piece: id for id, piece in enumerate(target)}
        missing = [piece for piece in (UNK, PAD, BOS, EOS) if piece not in ids]
        if missing or UNK not in source or source.index(UNK) != ids[UNK]:
            raise self.error("vocab", missing, f"{UNK} at one id on both sides, {PAD}, {BOS} and "
                             f"{EOS} on the target's")
        return Model(
            architecture,
            {"pad": ids[PAD], "bos": ids[BOS], "eos": ids[EOS], "unk": ids[UNK],
             "decoder_start": ids[BOS], "source_suffix": []},
            {"beam_size": 5, "length_penalty": 1.0, "max_length_factor": 0.0,
             "max_length_offset": 250, "suppressed_tokens": [ids[PAD], ids[BOS]]},
            self.result, source_vocabulary=source, target_vocabulary=target)

    def architecture(self, source: list[str], target: list[str]) -> dict[str, Any]:
        activation = str(self.opt.get("pos_ffn_activation_fn") or "relu")
        if activation not in ACTIVATIONS:
            raise self.error("pos_ffn_activation_fn", activation, " or ".join(ACTIVATIONS))
        table = "{}.embeddings.make_embedding.emb_luts.0.weight"
        encoder_table = self.weights.take(table.format("encoder"), len(source), -1)
        decoder_table = self.weights.take(table.format("decoder"), len(target), -1)
        shared = (encoder_table.shape == decoder_table.shape
                  and torch.equal(encoder_table, decoder_table))
        self.result["encoder.embedding"] = encoder_table
        if not shared:
            self.result["decoder.embedding"] = decoder_table
        architecture: dict[str, Any] = {
            "source_vocab_size": len(source), "target_vocab_size": len(target),
            "encoder": self.stack("encoder", "transformer", encoder_table.shape[1]),
            "decoder": self.stack("decoder", "transformer_layers", decoder_table.shape[1]),
            "norm": "pre", "layer_norm_epsilon": float(self.opt.get("norm_eps") or 1e-6),
            "activation": ACTIVATIONS[activation], "positions": "sinusoidal_interleaved",
            "max_positions": MAX_POSITIONS, "scale_embeddings": True,
            "share_embeddings": shared}
        for stack in ("encoder", "decoder"):
            self.norm(f"{stack}.layer_norm", f"{stack}.norm")
        architecture.update(self.output(decoder_table))
        return architecture

    def output(self, table: Tensor) -> dict[str, Any]:
        prefix = "generator.0." if "generator.0.weight" in self.weights else "generator."
        weight = self.weights.take(f"{prefix}weight", *table.shape)
        self.result["output.bias"] = self.weights.take(f"{prefix}bias", table.shape[0])
        if torch.equal(weight, table):
            return {"output": "tied", "output_bias": True}
        self.result["output.weight"] = weight
        return {"output": "separate", "output_bias": True}

    def stack(self, stack: str, layers: str, dim: int) -> dict[str, int]:
        heads = int(self.opt.get("heads") or 8)
        if dim % heads:
            raise self.error("heads", heads, f"a divisor of {dim}")
        count, ffn_dim = 0, 0
        while f"{stack}.{layers}.{count}.feed_forward.w_1.weight" in self.weights:
            theirs, ours = f"{stack}.{layers}.{count}.", f"{stack}.layers.{count}."
            self.attention(f"{theirs}self_attn", f"{ours}self_attention", dim)
            norm = "layer_norm"
            if stack == "decoder":
                self.attention(f"{theirs}context_attn", f"{ours}cross_attention", dim)
                self.norm(f"{theirs}layer_norm_2", f"{ours}cross_attention.norm")
                norm = "layer_norm_1"
            self.norm(f"{theirs}{norm}", f"{ours}self_attention.norm")
            ffn_dim = self.linear(f"{theirs}feed_forward.w_1", f"{ours}ffn.inner", -1, dim)
            self.linear(f"{theirs}feed_forward.w_2", f"{ours}ffn.outer", dim, ffn_dim)
            self.norm(f"{theirs}feed_forward.layer_norm", f"{ours}ffn.norm")
            count += 1
        if count == 0:
            raise self.error(stack, "no layers", f"tensors {stack}.{layers}.0")
        return {"num_layers": count, "model_dim": dim, "ffn_dim": ffn_dim,
                "num_heads": heads, "head_dim": dim // heads}

    def attention(self, theirs: str, ours: str, dim: int) -> None:
        for their_name, our_name in (("linear_query", "query"), ("linear_keys", "key"),
                                     ("linear_values", "value"), ("final_linear", "output")):
            self.linear(f"{theirs}.{their_name}", f"{ours}.{our_name}", dim, dim)

    def linear(self, theirs: str, ours: str, rows: int, columns: int) -> int:
        weight = self.weights.take(f"{theirs}.weight", rows, columns)
        self.result[f"{ours}.weight"] = weight
        # add_qkvbias and add_ffnbias may be off.
        bias = (self.weights.take(f"{theirs}.bias", weight.shape[0])
                if f"{theirs}.bias" in self.weights else torch.zeros(weight.shape[0]))
        self.result[f"{ours}.bias"] = bias
        return weight.shape[0]

    def norm(self, theirs: str, ours: str) -> None:
        for part in ("weight", "bias"):
            self.result[f"{ours}.{part}"] = self.weights.take(f"{theirs}.{part}", -1)


def convert(path: pathlib.Path, checkpoint: dict[str, Any], source: pathlib.Path | None,
            target: pathlib.Path | None) -> Model:
    if source or target:
        raise ConvertError(f"{source or target}: found a vocabulary beside {path}, expected none: "
                           "OpenNMT-py has it inside the checkpoint")
    return Converter(path, checkpoint).model()
