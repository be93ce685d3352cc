"""The reference Transformer. Parameter names are the tensor names of the format.

Shapes: B sentences, S source tokens, T target tokens, E and D the encoder's and
the decoder's model_dim, H heads of K, V the target vocabulary.
"""

from __future__ import annotations

import math
from typing import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from peregrine_convert.config import Architecture, Encoder


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu, "gelu": F.gelu, "swish": F.silu}


def position_table(layout: str, rows: int, dim: int) -> Tensor:
    """Sinusoidal positions [rows, dim], computed in float64."""
    half = dim // 2
    index = torch.arange(half, dtype=torch.float64)
    steps = half - 1 if layout == "sinusoidal_concatenated" else half
    angles = torch.arange(rows, dtype=torch.float64)[:, None] * torch.exp(
        -index * math.log(10000.0) / steps)
    both = torch.sin(angles), torch.cos(angles)
    if layout == "sinusoidal_concatenated":
        return torch.cat(both, dim=1)
    return torch.stack(both, dim=2).reshape(rows, dim)


def dropout(x: Tensor, rate: float) -> Tensor:
    """Zeroes a share of x and scales the rest; the rate is rounded to 1/256.

    One random word serves eight elements, since drawing dominates on a CPU.
    """
    words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device)
    draws = words.random_(-2 ** 63, None).view(torch.uint8)[:x.numel()].view(x.shape)
    keep = draws >= round(rate * 256)
    return x * keep.to(x.dtype).mul_(1 / (1 - rate))


class SubLayer(nn.Module):
    """A residual branch with its norm before (`pre`) or after (`post`) it."""

    def __init__(self, arch: Architecture, dim: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim, eps=arch.layer_norm_epsilon)
        self.pre = arch.norm == "pre"
        self.dropout = dropout

    def branch(self, x: Tensor, *context: Tensor | None) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor, *context: Tensor | None) -> Tensor:
        y = self.branch(self.norm(x) if self.pre else x, *context)
        if self.training and self.dropout > 0:
            y = dropout(y, self.dropout)
        return x + y if self.pre else self.norm(x + y)


def plain_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Attention over [B, H, T, K]. Written out: for many short sentences on a CPU the
    library's fused attention takes four times as long."""
    scores = query * query.shape[3] ** -0.5 @ key.transpose(2, 3)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return torch.softmax(scores, 3).to(scores.dtype) @ value


def fused_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """The same in one kernel, which holds no scores: for a GPU."""
    return F.scaled_dot_product_attention(query, key, value, mask)


class Attention(SubLayer):
    """Attention of x [B, T, dim] over itself, or over `memory` [B, S, memory_dim]."""

    def __init__(self, arch: Architecture, stack: Encoder, memory_dim: int,
                 dropout: float) -> None:
        super().__init__(arch, stack.model_dim, dropout)
        self.heads, self.head_dim = stack.num_heads, stack.head_dim
        self.query = nn.Linear(stack.model_dim, stack.attention_dim)
        self.key = nn.Linear(memory_dim, stack.attention_dim)
        self.value = nn.Linear(memory_dim, stack.attention_dim)
        self.output = nn.Linear(stack.attention_dim, stack.model_dim)

    def split(self, x: Tensor) -> Tensor:
        """[B, T, H * K] to [B, H, T, K]."""
        return x.unflatten(2, (self.heads, self.head_dim)).transpose(1, 2)

    def branch(self, x: Tensor, mask: Tensor | None = None,
               memory: Tensor | None = None) -> Tensor:
        """`mask`: booleans that broadcast to [B, H, T, S], true where visible."""
        memory = x if memory is None else memory
        query, key = self.split(self.query(x)), self.split(self.key(memory))
        attend = fused_attention if query.is_cuda else plain_attention
        y = attend(query, key, self.split(self.value(memory)), mask)
        return self.output(y.transpose(1, 2).flatten(2))


class AverageAttention(SubLayer):
    """The mean of x [B, T, D] so far, through a feed-forward network and gates.

    Zhang et al. 2018, "Accelerating Neural Transformer via an Average Attention Network";
    the gates as in Marian: one sees the input, the other the mean.
    """

    def __init__(self, arch: Architecture, dropout: float) -> None:
        dim, inner_dim = arch.decoder.model_dim, arch.decoder.aan_ffn_dim
        super().__init__(arch, dim, dropout)
        if inner_dim:
            self.inner = nn.Linear(dim, inner_dim)
            self.outer = nn.Linear(inner_dim, dim)
            self.activation = ACTIVATIONS[arch.activation]
        self.input_gate = nn.Linear(dim, dim)
        self.forget_gate = nn.Linear(dim, dim)

    def branch(self, x: Tensor, *context: Tensor | None) -> Tensor:
        counts = torch.arange(1, x.shape[1] + 1, device=x.device)[:, None]
        y = x.cumsum(1) / counts
        if hasattr(self, "inner"):
            y = self.outer(self.activation(self.inner(y)))
        return torch.sigmoid(self.input_gate(x)) * x + torch.sigmoid(self.forget_gate(y)) * y


class SimpleRecurrentUnit(SubLayer):
    """A recurrence over x [B, T, D] without a matrix product in it.

    Kim et al. 2019, "From Research to Production and Back: Ludicrously Fast Neural
    Machine Translation" (SSRU).
    """

    def __init__(self, arch: Architecture, dropout: float) -> None:
        dim = arch.decoder.model_dim
        super().__init__(arch, dim, dropout)
        self.input = nn.Linear(dim, dim, bias=False)
        self.forget_gate = nn.Linear(dim, dim)

    def branch(self, x: Tensor, *context: Tensor | None) -> Tensor:
        forget = torch.sigmoid(self.forget_gate(x).to(x.dtype))  # bfloat16 forgets too much
        return F.relu(linear_recurrence(forget, (1 - forget) * self.input(x)))


def linear_recurrence(factors: Tensor, summands: Tensor) -> Tensor:
    """c_t = factors_t * c_t-1 + summands_t over dimension 1, from 0.

    Each round joins the steps t - shift and t into one that reaches back twice as far.
    """
    shift, length = 1, factors.shape[1]
    while shift < length:
        joined = summands[:, shift:] + factors[:, shift:] * summands[:, :-shift]
        summands = torch.cat([summands[:, :shift], joined], 1)
        factors = torch.cat([factors[:, :shift], factors[:, shift:] * factors[:, :-shift]], 1)
        shift *= 2
    return summands


class CompressedAttention(SubLayer):
    """Self-attention, cross-attention and feed-forward network of a layer in one.

    Li et al. 2021, "An Efficient Transformer Decoder with Compressed Sub-layers" (CAN).
    The queries of x [B, T, D] see `memory` [B, S, E] and x up to their own position.
    """

    def __init__(self, arch: Architecture, dropout: float) -> None:
        stack, memory_dim = arch.decoder, arch.encoder.model_dim
        super().__init__(arch, stack.model_dim, dropout)
        self.heads, self.head_dim = stack.num_heads, stack.head_dim
        self.query = nn.Linear(stack.model_dim, stack.attention_dim)
        self.key = nn.Linear(stack.model_dim, stack.attention_dim)
        self.value = nn.Linear(stack.model_dim, stack.ffn_dim)
        self.source_key = nn.Linear(memory_dim, stack.attention_dim)
        self.source_value = nn.Linear(memory_dim, stack.ffn_dim)
        self.inner = nn.Linear(stack.model_dim, stack.ffn_dim)
        self.output = nn.Linear(stack.ffn_dim, stack.model_dim)

    def split(self, x: Tensor) -> Tensor:
        """[B, T, H * width] to [B, H, T, width]."""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def branch(self, x: Tensor, causal: Tensor | None = None, memory: Tensor | None = None,
               memory_mask: Tensor | None = None) -> Tensor:
        keys = self.split(torch.cat([self.source_key(memory), self.key(x)], 1))
        values = self.split(torch.cat([self.source_value(memory), self.value(x)], 1))
        scores = self.split(self.query(x)) * self.head_dim ** -0.5 @ keys.transpose(2, 3)
        source, target = scores.split([memory.shape[1], x.shape[1]], 3)
        if memory_mask is not None:
            source = source.masked_fill(~memory_mask, float("-inf"))
        scores = torch.cat([source, target.masked_fill(~causal, float("-inf"))], 3)
        mixed = torch.softmax(scores, 3).to(values.dtype) @ values
        return self.output(F.relu(mixed.transpose(1, 2).flatten(2) + self.inner(x)))


class FeedForward(SubLayer):
    def __init__(self, arch: Architecture, stack: Encoder, dropout: float) -> None:
        super().__init__(arch, stack.model_dim, dropout)
        self.inner = nn.Linear(stack.model_dim, stack.ffn_dim)
        self.outer = nn.Linear(stack.ffn_dim, stack.model_dim)
        self.activation = ACTIVATIONS[arch.activation]

    def branch(self, x: Tensor, *context: Tensor | None) -> Tensor:
        return self.outer(self.activation(self.inner(x)))


class EncoderLayer(nn.Module):
    def __init__(self, arch: Architecture, dropout: float) -> None:
        super().__init__()
        stack = arch.encoder
        self.self_attention = Attention(arch, stack, stack.model_dim, dropout)
        self.ffn = FeedForward(arch, stack, dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return self.ffn(self.self_attention(x, mask))


class DecoderLayer(nn.Module):
    def __init__(self, arch: Architecture, dropout: float) -> None:
        super().__init__()
        stack = arch.decoder
        self.state = stack.state
        if self.state == "can":
            self.compressed_attention = CompressedAttention(arch, dropout)
            return
        if self.state == "aan":
            self.average_attention = AverageAttention(arch, dropout)
        elif self.state == "ssru":
            self.ssru = SimpleRecurrentUnit(arch, dropout)
        else:
            self.self_attention = Attention(arch, stack, stack.model_dim, dropout)
        self.cross_attention = Attention(arch, stack, arch.encoder.model_dim, dropout)
        if stack.ffn_dim:
            self.ffn = FeedForward(arch, stack, dropout)

    def forward(self, x: Tensor, causal: Tensor, memory: Tensor,
                memory_mask: Tensor | None) -> Tensor:
        if self.state == "can":
            return self.compressed_attention(x, causal, memory, memory_mask)
        x = self.update_state(x, causal)
        x = self.cross_attention(x, memory_mask, memory)
        return self.ffn(x) if hasattr(self, "ffn") else x

    def update_state(self, x: Tensor, causal: Tensor) -> Tensor:
        if self.state == "aan":
            return self.average_attention(x)
        if self.state == "ssru":
            return self.ssru(x)
        return self.self_attention(x, causal)


class Stack(nn.Module):
    """Embedding, positions, layers and the last norm of one side."""

    def __init__(self, arch: Architecture, stack: Encoder, layer: type[nn.Module],
                 vocab_size: int, dropout: float) -> None:
        super().__init__()
        self.offset = arch.position_offset
        self.scale = math.sqrt(stack.model_dim) if arch.scale_embeddings else 1.0
        self.dropout = dropout
        dim = stack.model_dim
        if vocab_size:
            self.embedding = nn.Parameter(torch.empty(vocab_size, dim))
        if arch.positions == "learned":
            self.positions = nn.Parameter(torch.empty(arch.max_positions, dim))
        else:
            table = position_table(arch.positions, arch.max_positions, dim)
            self.register_buffer("positions", table.float(), persistent=False)
            self.exact_positions = table
        self.layers = nn.ModuleList(layer(arch, dropout) for _ in range(stack.num_layers))
        if arch.norm == "pre":
            self.norm = nn.LayerNorm(dim, eps=arch.layer_norm_epsilon)

    def embed(self, ids: Tensor, embedding: Tensor) -> Tensor:
        """Token ids [B, T] to [B, T, dim]."""
        rows = slice(self.offset, self.offset + ids.shape[1])
        x = F.embedding(ids, embedding) * self.scale + self.positions[rows]
        return dropout(x, self.dropout) if self.training and self.dropout > 0 else x

    def finish(self, x: Tensor) -> Tensor:
        return self.norm(x) if hasattr(self, "norm") else x


class Output(nn.Module):
    """The projection onto the vocabulary, split so that a loss can work in chunks."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        dim, vocab = arch.decoder.model_dim, arch.target_vocab_size
        if arch.output == "factorized":
            self.factor = nn.Linear(dim, arch.output_rank, bias=False)
        if arch.output != "tied":
            self.weight = nn.Parameter(torch.empty(
                vocab, arch.output_rank if arch.output == "factorized" else dim))
        if arch.output_bias:
            self.bias = nn.Parameter(torch.zeros(vocab))

    def features(self, z: Tensor) -> Tensor:
        """[.., D] to [.., R]: what the last matrix [V, R] multiplies."""
        return self.factor(z) if hasattr(self, "factor") else z


class Transformer(nn.Module):
    def __init__(self, arch: Architecture, encoder_dropout: float = 0.0,
                 decoder_dropout: float = 0.0) -> None:
        super().__init__()
        self.arch = arch
        self.encoder = Stack(arch, arch.encoder, EncoderLayer, arch.source_vocab_size,
                             encoder_dropout)
        self.decoder = Stack(arch, arch.decoder, DecoderLayer,
                             0 if arch.share_embeddings else arch.target_vocab_size,
                             decoder_dropout)
        self.output = Output(arch)

    @property
    def target_embedding(self) -> Tensor:
        return (self.encoder if self.arch.share_embeddings else self.decoder).embedding

    @property
    def output_matrix(self) -> Tensor:
        """[V, R], the last matrix before the logits."""
        return self.output.weight if hasattr(self.output, "weight") else self.target_embedding

    @property
    def output_bias(self) -> Tensor | None:
        return getattr(self.output, "bias", None)

    def in_float64(self) -> Transformer:
        """This model in float64, its position tables recomputed exactly."""
        self.double()
        for stack in (self.encoder, self.decoder):
            if hasattr(stack, "exact_positions"):
                stack.positions = stack.exact_positions
        return self

    def encode(self, source: Tensor, mask: Tensor | None = None) -> Tensor:
        """Ids [B, S] to [B, S, E]. `mask` [B, 1, 1, S]: true at tokens, false at padding."""
        x = self.encoder.embed(source, self.encoder.embedding)
        for layer in self.encoder.layers:
            x = layer(x, mask)
        return self.encoder.finish(x)

    def decode(self, target: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        """Decoder inputs [B, T] to [B, T, D], the states before the output projection."""
        x = self.decoder.embed(target, self.target_embedding)
        length = target.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool, device=target.device).tril()
        for layer in self.decoder.layers:
            x = layer(x, causal, memory, memory_mask)
        return self.decoder.finish(x)

    def logits(self, z: Tensor) -> Tensor:
        """States [.., D] to logits [.., V]."""
        return F.linear(self.output.features(z), self.output_matrix, self.output_bias)


def initialise(model: Transformer) -> None:
    """Starting weights: Xavier, residual outputs scaled down by the depth."""
    arch = model.arch
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for stack, config in ((model.encoder, arch.encoder), (model.decoder, arch.decoder)):
        scale = (2 * config.num_layers) ** -0.5
        if hasattr(stack, "embedding"):
            nn.init.normal_(stack.embedding, std=config.model_dim ** -0.5)
        if arch.positions == "learned":
            nn.init.normal_(stack.positions, std=0.02)
        for layer in stack.layers:
            for name, module in layer.named_modules():
                if name.endswith(("attention.output", "ffn.outer", "ssru.input")):
                    module.weight.data.mul_(scale)
    if hasattr(model.output, "weight"):
        nn.init.normal_(model.output.weight, std=0.5 * model.output.weight.shape[1] ** -0.5)


def padding_mask(lengths: Tensor, width: int) -> Tensor | None:
    """[B, 1, 1, width], or none where every sentence fills the width."""
    if int(lengths.min()) == width:
        return None
    return (torch.arange(width, device=lengths.device) < lengths[:, None])[:, None, None, :]
