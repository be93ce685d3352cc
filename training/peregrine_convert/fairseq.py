"""Checkpoints of fairseq, and of the paper's own repository, which is made from it.

Read are the model `transformer` under any of its architectures, as fairseq has written
it since 0.6, and `transformer_mdn`, single-head and no-FFN decoders: what a decoder
has is seen from its tensors.
"""

from __future__ import annotations

import pathlib
from typing import Any

import torch
from torch import Tensor

from . import fairseq_languages
from .checkpoint import ConvertError, Weights, settings
from .directory import Model

BOS, PAD, EOS, UNK = range(4)
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
POSITION_OFFSET = PAD + 1
# Settings that change what is computed, at any value but these.
NEUTRAL: dict[str, tuple[object, ...]] = {
    "no_token_positional_embeddings": (False, None),
    "layernorm_embedding": (False, None),
    "adaptive_softmax_cutoff": (None, ""),
    "adaptive_input": (False, None),
    "no_cross_attention": (False, None),
    "cross_self_attention": (False, None),
    "character_embeddings": (False, None),
    "base_layers": (0, None),
}
ACTIVATIONS = {"relu": "relu", "gelu": "gelu", "swish": "swish"}
# As they were called before 0.6.
OLD_NORMS = {"encoder": ("self_attn_layer_norm", "final_layer_norm"),
             "decoder": ("self_attn_layer_norm", "encoder_attn_layer_norm",
                         "final_layer_norm")}


def recognises(checkpoint: dict[str, Any]) -> bool:
    return "model" in checkpoint and ("args" in checkpoint or "cfg" in checkpoint)


class Converter:
    def __init__(self, path: pathlib.Path, checkpoint: dict[str, Any]) -> None:
        self.path = path
        self.args = settings(checkpoint.get("args")) or settings(
            settings(checkpoint.get("cfg")).get("model"))
        if not self.args:
            raise ConvertError(f"{path}: found neither args nor cfg.model, expected the settings "
                               "of the model")
        task = settings(checkpoint.get("args")) or settings(
            settings(checkpoint.get("cfg")).get("task"))
        self.languages = fairseq_languages.read(path, task)
        self.weights = Weights(path, settings(checkpoint["model"]))
        self.result: dict[str, Tensor] = {}

    def error(self, field: str, found: object, expected: str) -> ConvertError:
        return ConvertError(f"{self.path}: {field}: found {found!r}, expected {expected}")

    def model(self) -> Model:
        self.refuse_others()
        self.rename_old_norms()
        architecture = self.architecture()
        self.weights.drop(r"(encoder|decoder)\.(version|embed_positions\.(_float_tensor|weights))")
        # Copies that fairseq 0.12 keeps for a faster encoder, made anew as it loads.
        self.weights.drop(r"encoder\.layers\.\d+\.(in_proj|out_proj|fc1|fc2)_(weight|bias)")
        self.weights.finish()
        return Model(
            architecture,
            {"pad": PAD, "bos": BOS, "eos": EOS, "unk": UNK, "decoder_start": EOS,
             "source_suffix": [EOS]},
            # What fairseq-generate does unless it is told otherwise.
            {"beam_size": 5, "length_penalty": 1.0, "max_length_factor": 0.0,
             "max_length_offset": 200, "min_length": 1, "suppressed_tokens": [PAD]},
            self.result,
            str(self.args.get("source_lang") or "und"),
            str(self.args.get("target_lang") or "und"))

    def refuse_others(self) -> None:
        name = str(self.args.get("arch") or self.args.get("_name") or "transformer")
        if not name.startswith("transformer") or "lm" in name.split("_"):
            raise self.error("arch", name, "a transformer for translation")
        for field, neutral in NEUTRAL.items():
            if self.args.get(field) not in neutral:
                raise self.error(field, self.args[field], f"{neutral[0]!r}")

    def rename_old_norms(self) -> None:
        tensors = self.weights.tensors
        for name in list(tensors):
            for stack, norms in OLD_NORMS.items():
                for index, norm in enumerate(norms):
                    old = f".layer_norms.{index}."
                    if name.startswith(stack) and old in name:
                        tensors[name.replace(old, f".{norm}.")] = tensors.pop(name)

    # ---- Layers

    def architecture(self) -> dict[str, Any]:
        pre = bool(self.args.get("encoder_normalize_before"))
        if bool(self.args.get("decoder_normalize_before")) != pre:
            raise self.error("decoder_normalize_before", not pre,
                             "the same as encoder_normalize_before")
        activation = str(self.args.get("activation_fn") or "relu")
        if activation not in ACTIVATIONS:
            raise self.error("activation_fn", activation, " or ".join(ACTIVATIONS))
        tables = self.tables()
        encoder = self.stack("encoder", tables["encoder"].shape[1], 0)
        decoder = self.stack("decoder", tables["decoder"].shape[1], encoder["model_dim"])
        architecture: dict[str, Any] = {
            "source_vocab_size": tables["encoder"].shape[0],
            "target_vocab_size": tables["decoder"].shape[0],
            "encoder": encoder, "decoder": decoder, "norm": "pre" if pre else "post",
            "activation": ACTIVATIONS[activation],
            "scale_embeddings": not self.args.get("no_scale_embedding"),
            "share_embeddings": bool(self.args.get("share_all_embeddings")),
            "output_bias": False, **self.positions(tables)}
        if pre:
            self.final_norms(architecture)
        architecture.update(self.output(architecture))
        return architecture

    def tables(self) -> dict[str, Tensor]:
        tables = {stack: self.weights.take(f"{stack}.embed_tokens.weight", -1, -1)
                  for stack in ("encoder", "decoder")}
        self.result["encoder.embedding"] = tables["encoder"]
        if not self.args.get("share_all_embeddings"):
            self.result["decoder.embedding"] = tables["decoder"]
        elif not torch.equal(tables["encoder"], tables["decoder"]):
            raise self.error("share_all_embeddings", True,
                             "equal embed_tokens.weight of encoder and decoder")
        return tables

    def stack(self, stack: str, dim: int, memory_dim: int) -> dict[str, int]:
        count = 0
        shapes = set()
        heads = int(self.args.get(f"{stack}_attention_heads") or 0)
        if heads < 1 or dim % heads:
            raise self.error(f"{stack}_attention_heads", heads, f"a divisor of {dim}")
        while f"{stack}.layers.{count}.self_attn.out_proj.weight" in self.weights:
            shapes.add(self.layer(f"{stack}.layers.{count}.", dim, memory_dim))
            count += 1
        expected = int(self.args.get(f"{stack}_layers") or count)
        # The paper's converted checkpoints keep the settings of the larger model.
        if count == 0 or count > expected and stack == "decoder":
            raise self.error(f"{stack}_layers", expected, f"{count}, as there are tensors for")
        if len(shapes) != 1:
            raise self.error(f"{stack}.layers", sorted(shapes), "layers of one shape")
        width, ffn_dim = shapes.pop()
        # A single head keeps the width that each of several had.
        head_dim = dim // heads
        if width % head_dim:
            raise self.error(f"width of {stack} attention", width, f"a multiple of {head_dim}")
        return {"num_layers": count, "model_dim": dim, "ffn_dim": ffn_dim,
                "num_heads": width // head_dim, "head_dim": head_dim}

    def layer(self, prefix: str, dim: int, memory_dim: int) -> tuple[int, int]:
        """Takes the tensors of a layer; the width of its attention and of its network."""
        width = self.attention(prefix, "self_attn", "self_attention", dim, dim)
        if memory_dim:
            cross = self.attention(prefix, "encoder_attn", "cross_attention", dim, memory_dim)
            if cross != width:
                raise self.error(f"{prefix}encoder_attn", cross, f"the width of self_attn, {width}")
        if f"{prefix}fc1.weight" not in self.weights:
            # It has a norm, but nobody calls it.
            self.weights.drop(rf"{prefix}final_layer_norm\.(weight|bias)")
            return width, 0
        ffn_dim = self.linear(f"{prefix}fc1", f"{prefix}ffn.inner", -1, dim)
        self.linear(f"{prefix}fc2", f"{prefix}ffn.outer", dim, ffn_dim)
        self.norm(f"{prefix}final_layer_norm", f"{prefix}ffn.norm", dim)
        return width, ffn_dim

    def linear(self, theirs: str, ours: str, rows: int, columns: int) -> int:
        weight = self.weights.take(f"{theirs}.weight", rows, columns)
        self.result[f"{ours}.weight"] = weight
        self.result[f"{ours}.bias"] = self.weights.take(f"{theirs}.bias", weight.shape[0])
        return weight.shape[0]

    def norm(self, theirs: str, ours: str, dim: int) -> None:
        for part in ("weight", "bias"):
            self.result[f"{ours}.{part}"] = self.weights.take(f"{theirs}.{part}", dim)

    def attention(self, prefix: str, theirs: str, ours: str, dim: int, memory_dim: int) -> int:
        names = ("query", "key", "value")
        if f"{prefix}{theirs}.in_proj_weight" in self.weights:  # until 0.8
            weight = self.weights.take(f"{prefix}{theirs}.in_proj_weight", -1, dim)
            bias = self.weights.take(f"{prefix}{theirs}.in_proj_bias", weight.shape[0])
            if weight.shape[0] % 3:
                raise self.error(f"{prefix}{theirs}.in_proj_weight", list(weight.shape),
                                 "three matrices of one size")
            for name, w, b in zip(names, weight.chunk(3), bias.chunk(3)):
                self.result[f"{prefix}{ours}.{name}.weight"] = w
                self.result[f"{prefix}{ours}.{name}.bias"] = b
            width = weight.shape[0] // 3
        else:
            width = -1
            for name, columns in zip(names, (dim, memory_dim, memory_dim)):
                width = self.linear(f"{prefix}{theirs}.{name[0]}_proj",
                                    f"{prefix}{ours}.{name}", width, columns)
        self.linear(f"{prefix}{theirs}.out_proj", f"{prefix}{ours}.output", dim, width)
        self.norm(f"{prefix}{theirs}_layer_norm", f"{prefix}{ours}.norm", dim)
        return width

    def final_norms(self, architecture: dict[str, Any]) -> None:
        there = {stack: f"{stack}.layer_norm.weight" in self.weights
                 for stack in ("encoder", "decoder")}
        if there["encoder"] != there["decoder"]:
            raise self.error("layer_norm", there, "one at the end of both stacks or of none")
        if not there["encoder"]:
            architecture["final_norm"] = False
            return
        for stack in there:
            self.norm(f"{stack}.layer_norm", f"{stack}.norm", architecture[stack]["model_dim"])

    # ---- Embeddings

    def positions(self, tables: dict[str, Tensor]) -> dict[str, Any]:
        learned = {stack: bool(self.args.get(f"{stack}_learned_pos")) for stack in tables}
        if learned["encoder"] != learned["decoder"]:
            raise self.error("encoder_learned_pos, decoder_learned_pos", learned, "the same")
        if not learned["encoder"]:
            limits = [int(self.args.get(f"max_{side}_positions") or 1024)
                      for side in ("source", "target")]
            return {"positions": "sinusoidal_concatenated", "position_offset": POSITION_OFFSET,
                    "max_positions": min(limits) + POSITION_OFFSET}
        rows = []
        for stack, table in tables.items():
            positions = self.weights.take(f"{stack}.embed_positions.weight", -1, table.shape[1])
            self.result[f"{stack}.positions"] = positions
            rows.append(positions.shape[0])
        if rows[0] != rows[1]:
            raise self.error("rows of embed_positions.weight", rows, "equally many")
        return {"positions": "learned", "position_offset": POSITION_OFFSET,
                "max_positions": rows[0]}

    def output(self, architecture: dict[str, Any]) -> dict[str, Any]:
        vocab_size, dim = (architecture["target_vocab_size"],
                           architecture["decoder"]["model_dim"])
        if self.args.get("share_all_embeddings") or self.args.get(
                "share_decoder_input_output_embed"):
            self.weights.drop(r"decoder\.output_projection\.weight")
            return {"output": "tied"}
        name = ("decoder.embed_out" if "decoder.embed_out" in self.weights
                else "decoder.output_projection.weight")
        if "decoder.embed_out_r" in self.weights:  # the Mini-Decoder Network's
            factor = self.weights.take("decoder.embed_out_r", -1, dim)
            rank = factor.shape[0]
            self.result["output.factor.weight"] = factor
            self.result["output.weight"] = self.weights.take(name, vocab_size, rank)
            return {"output": "factorized", "output_rank": rank}
        self.result["output.weight"] = self.weights.take(name, vocab_size, dim)
        return {"output": "separate"}


def read_dictionary(path: pathlib.Path, vocab_size: int,
                    languages: fairseq_languages.Languages | None) -> list[str]:
    """dict.LANGUAGE.txt: a token and its count a line."""
    pieces = list(SPECIAL)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConvertError(f"{path}: found no text ({error}), expected a dictionary") from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        words = line.rsplit(" ", 2) if line.endswith(" #fairseq:overwrite") else line.rsplit(" ", 1)
        if len(words) < 2 or not words[1].isdigit():
            raise ConvertError(f"{path}: line {number}: found {line!r}, expected a token and its "
                               "count")
        pieces.append(words[0])
    if languages:
        languages.extend(pieces)
    if len(pieces) != vocab_size:
        added = "fairseq and of the languages" if languages else "fairseq"
        raise ConvertError(f"{path}: found {len(pieces)} tokens with those of {added}, expected "
                           f"the {vocab_size} rows of the embedding")
    return pieces


def set_languages(model: Model, languages: fairseq_languages.Languages) -> None:
    source, target = (languages.ids(pieces, model.architecture[f"{side}_vocab_size"])
                      for side, pieces in (("source", model.source_vocabulary),
                                           ("target", model.target_vocabulary)))
    if source != target:
        raise ConvertError(f"the languages: found tokens {source} in the source's vocabulary and "
                           f"{target} in the target's, expected the same")
    model.languages = target
    if languages.tells_source:
        token = next(iter(target.values()))  # stands for that of the request
        model.tokens |= {"source_prefix": [token], "source_language": token}


def convert(path: pathlib.Path, checkpoint: dict[str, Any], source: pathlib.Path | None,
            target: pathlib.Path | None) -> Model:
    converter = Converter(path, checkpoint)
    model = converter.model()
    languages = converter.languages
    if source and target:
        model.source_vocabulary = read_dictionary(
            source, model.architecture["source_vocab_size"], languages)
        model.target_vocabulary = read_dictionary(
            target, model.architecture["target_vocab_size"], languages)
    if languages:
        set_languages(model, languages)
    return model
