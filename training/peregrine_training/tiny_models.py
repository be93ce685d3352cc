"""The random models of tests/golden: together they cover every option of the format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from peregrine_convert.config import Tokens

from .model import Transformer


@dataclass
class TinyModel:
    name: str
    architecture: dict[str, Any]
    tokens: Tokens = field(default_factory=lambda: Tokens(
        pad=3, bos=1, eos=2, unk=0, decoder_start=1, source_suffix=[2]))
    dtype: torch.dtype = torch.float32


def _stack(num_layers: int, model_dim: int, ffn_dim: int, num_heads: int,
           head_dim: int) -> dict[str, int]:
    return {"num_layers": num_layers, "model_dim": model_dim, "ffn_dim": ffn_dim,
            "num_heads": num_heads, "head_dim": head_dim}


def _architecture(encoder: dict[str, int], decoder: dict[str, int],
                  **changes: Any) -> dict[str, Any]:
    plain = {"source_vocab_size": 97, "target_vocab_size": 97, "norm": "pre",
             "activation": "relu", "positions": "sinusoidal_concatenated",
             "max_positions": 64, "scale_embeddings": True, "share_embeddings": True,
             "output": "tied", "output_bias": False, "encoder": encoder, "decoder": decoder}
    return plain | changes


# As fairseq numbers its tokens: decoding starts from eos, positions from pad + 1.
_FAIRSEQ = Tokens(pad=1, bos=0, eos=2, unk=3, decoder_start=2, source_suffix=[2])
# As Marian does: decoding starts from the padding token.
_MARIAN = Tokens(pad=96, bos=1, eos=0, unk=2, decoder_start=96, source_suffix=[0])

# The made-up language of teach(): tables of successors, and how likely each is.
TOPICS = 3
CHANCES = torch.tensor([0.42, 0.26, 0.17, 0.15])

TINY_MODELS = (
    TinyModel("mini-decoder", _architecture(
        _stack(4, 32, 64, 4, 8), _stack(1, 32, 0, 1, 10),
        output="factorized", output_rank=12)),
    TinyModel("mini-decoder-fp16", _architecture(
        _stack(3, 48, 96, 2, 24), _stack(1, 48, 0, 1, 64), max_positions=100,
        output="factorized", output_rank=64), dtype=torch.float16),
    TinyModel("fairseq-pre", _architecture(
        _stack(2, 32, 64, 4, 8), _stack(2, 32, 64, 4, 8), position_offset=2,
        share_embeddings=False, output="separate"), tokens=_FAIRSEQ),
    TinyModel("post-norm-tied", _architecture(
        _stack(2, 48, 64, 2, 24), _stack(2, 48, 80, 2, 24), norm="post",
        positions="sinusoidal_interleaved", output_bias=True)),
    TinyModel("marian-interleaved", _architecture(
        _stack(2, 64, 96, 8, 8), _stack(2, 64, 96, 8, 8), norm="post", activation="swish",
        positions="sinusoidal_interleaved", position_offset=2, output_bias=True),
        tokens=_MARIAN),
    TinyModel("learned-gelu", _architecture(
        _stack(2, 40, 72, 5, 8), _stack(2, 40, 56, 5, 8), positions="learned",
        activation="gelu", scale_embeddings=False, share_embeddings=False, output="tied",
        layer_norm_epsilon=1e-3)),
    TinyModel("learned-offset-bf16", _architecture(
        _stack(2, 32, 40, 3, 10), _stack(1, 32, 48, 3, 10), positions="learned",
        position_offset=2, activation="swish", norm="post", output="separate",
        output_bias=True), dtype=torch.bfloat16),
    TinyModel("two-widths", _architecture(
        _stack(3, 48, 64, 4, 10), _stack(2, 32, 64, 2, 24), activation="gelu",
        source_vocab_size=131, target_vocab_size=101, share_embeddings=False,
        output="factorized", output_rank=20, output_bias=True)),
    TinyModel("two-widths-no-ffn", _architecture(
        _stack(2, 32, 36, 1, 32), _stack(3, 64, 0, 7, 6), norm="post", activation="relu",
        source_vocab_size=67, share_embeddings=False, scale_embeddings=False,
        output="tied"), tokens=Tokens(pad=3, bos=1, eos=2, unk=0, decoder_start=5,
                                      source_suffix=[])),
    TinyModel("aan-pre", _architecture(
        _stack(2, 32, 48, 4, 8), _stack(2, 38, 45, 3, 9) | {"state": "aan", "aan_ffn_dim": 27},
        source_vocab_size=61, target_vocab_size=61, activation="gelu", position_offset=2,
        share_embeddings=False, output="separate", output_bias=True), tokens=_FAIRSEQ),
    TinyModel("aan-post-fp16", _architecture(
        _stack(2, 44, 52, 2, 22), _stack(3, 44, 0, 2, 10) | {"state": "aan"},
        source_vocab_size=61, target_vocab_size=61, norm="post", activation="swish",
        positions="learned"), dtype=torch.float16),
    TinyModel("ssru-pre", _architecture(
        _stack(3, 32, 48, 4, 8), _stack(2, 46, 0, 1, 10) | {"state": "ssru"},
        source_vocab_size=61, target_vocab_size=67, share_embeddings=False,
        output="factorized", output_rank=14)),
    TinyModel("ssru-post", _architecture(
        _stack(2, 48, 64, 8, 6), _stack(2, 48, 58, 8, 6) | {"state": "ssru"},
        norm="post", positions="sinusoidal_interleaved", position_offset=2,
        output_bias=True), tokens=_MARIAN),
    TinyModel("can-pre", _architecture(
        _stack(3, 32, 48, 4, 8), _stack(2, 32, 57, 1, 10) | {"state": "can"},
        source_vocab_size=61, target_vocab_size=61, position_offset=2,
        output="factorized", output_rank=14)),
    TinyModel("can-post-bf16", _architecture(
        _stack(2, 36, 52, 2, 18), _stack(3, 42, 69, 3, 7) | {"state": "can"},
        source_vocab_size=61, target_vocab_size=67, norm="post", activation="gelu",
        positions="learned", share_embeddings=False, output="separate", output_bias=True),
        dtype=torch.bfloat16),
)


def randomize(model: Transformer, seed: int) -> None:
    """Weights under which attention, norms and biases are far from trivial."""
    random = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        mean, std = 0.0, 0.2
        if ".norm.weight" in name:
            mean = 1.0
        elif "embedding" in name:
            std = parameter.shape[1] ** -0.5 if model.arch.scale_embeddings else 0.6
        elif "positions" in name:
            std = 0.4
        elif parameter.dim() == 2:
            sharp = 1.6 if ".query." in name or ".key." in name else 1.0
            std = sharp * parameter.shape[1] ** -0.5
        parameter.data.normal_(mean, std, generator=random)


def teach(model: Transformer, tokens: Tokens, seed: int, updates: int = 500) -> None:
    """A little training on a made-up language, so that searches branch and end.

    Random weights alone repeat one token for ever. Here each token has four likely
    successors, one of them eos; the source's ids, low or high, choose among tables.
    """
    random = torch.Generator().manual_seed(seed)
    vocabulary = min(model.arch.target_vocab_size, model.arch.source_vocab_size) - 1
    tables = torch.randint(4, vocabulary, (TOPICS, model.arch.target_vocab_size, 4),
                           generator=random)
    tables[:, :, 3] = tokens.eos
    tables[:, tokens.decoder_start, 3] = 5
    optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
    for _ in range(updates):
        topics = torch.randint(0, TOPICS, (24,), generator=random)
        low = 4 + topics * ((vocabulary - 4) // TOPICS)
        source = low[:, None] + torch.randint(
            0, (vocabulary - 4) // TOPICS, (24, 7), generator=random)
        target = _walk(tables[topics], tokens, random)
        inputs = torch.cat([torch.full((24, 1), tokens.decoder_start), target[:, :-1]], dim=1)
        logits = model.logits(model.decode(inputs, model.encode(source)))
        ended = (target == tokens.eos).long().cumsum(1) > 1
        loss = F.cross_entropy(logits.flatten(0, 1), target.masked_fill(ended, -100).flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _walk(tables: Tensor, tokens: Tokens, random: torch.Generator) -> Tensor:
    """Walks [B, 14] through each sentence's table of successors [B, V, 4]."""
    rows = torch.arange(len(tables))
    here = torch.full((len(tables),), tokens.decoder_start)
    steps: list[Tensor] = []
    for _ in range(14):
        choice = torch.multinomial(CHANCES, len(rows), replacement=True, generator=random)
        over = (here == tokens.eos) if steps else torch.zeros(len(rows), dtype=torch.bool)
        here = torch.where(over, here, tables[rows, here, choice])
        steps.append(here)
    return torch.stack(steps, dim=1)
