"""What Marian computes: its Transformer and its beam search, in NumPy.

Written from its equations; one sentence at a time, and the decoder runs over the whole
prefixes of a beam at every step. Parameters have Marian's names and its shapes, [in, out].
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray
EPSILON = 1e-6
ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x / (1 + np.exp(-1.702 * x)),
}


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def log_softmax(x: Array) -> Array:
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


class Model:
    """`settings` are those of special:model.yml, `dtype` that of the arithmetic."""

    def __init__(self, parameters: dict[str, Array], settings: dict[str, Any],
                 dtype: type = np.float32) -> None:
        self.parameters = {name: array.astype(dtype) for name, array in parameters.items()}
        self.settings = settings
        self.dtype = dtype
        self.dim = settings["dim-emb"]

    # ---- Layers

    def norm(self, x: Array, prefix: str, suffix: str = "") -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred ** 2).mean(axis=-1, keepdims=True) + EPSILON)
        return (centred / deviation * self.parameters[f"{prefix}_ln_scale{suffix}"]
                + self.parameters[f"{prefix}_ln_bias{suffix}"])

    def before(self, x: Array, prefix: str) -> Array:
        for operation in self.settings["transformer-preprocess"]:
            if operation == "n":
                x = self.norm(x, prefix, "_pre")
        return x

    def after(self, y: Array, x: Array, prefix: str,
              option: str = "transformer-postprocess") -> Array:
        for operation in self.settings.get(option, ""):
            if operation == "a":
                y = y + x
            elif operation == "n":
                y = self.norm(y, prefix)
        return y

    def dense(self, x: Array, prefix: str, suffix: str) -> Array:
        return (x @ self.parameters[f"{prefix}_W{suffix}"]
                + self.parameters[f"{prefix}_b{suffix}"])

    def attention(self, x: Array, prefix: str, memory: Array | None = None,
                  causal: bool = False) -> Array:
        """Of x [.., T, D] over `memory` [S, D], or else over itself."""
        normed = self.before(x, f"{prefix}_Wo")
        keys = normed if memory is None else memory
        heads = self.settings["transformer-heads"]
        width = self.dim // heads

        def split(y: Array) -> Array:
            return y.reshape(*y.shape[:-1], heads, width).swapaxes(-2, -3)

        q = split(self.dense(normed, prefix, "q"))
        k = split(self.dense(keys, prefix, "k"))
        v = split(self.dense(keys, prefix, "v"))
        scores = q @ k.swapaxes(-1, -2) / self.dtype(math.sqrt(width))
        if causal:
            future = np.triu(np.ones(scores.shape[-2:], bool), 1)
            scores = np.where(future, -np.inf, scores)
        mixed = np.exp(log_softmax(scores)) @ v
        joined = mixed.swapaxes(-2, -3).reshape(x.shape)
        return self.after(self.dense(joined, prefix, "o"), x, f"{prefix}_Wo")

    def feed_forward(self, x: Array, prefix: str) -> Array:
        activation = ACTIVATIONS[self.settings["transformer-ffn-activation"]]
        inner = activation(self.dense(self.before(x, f"{prefix}_ffn"), prefix, "1"))
        return self.after(self.dense(inner, prefix, "2"), x, f"{prefix}_ffn")

    def average_attention(self, x: Array, prefix: str) -> Array:
        counts = np.arange(1, x.shape[-2] + 1, dtype=self.dtype)[:, None]
        y = np.cumsum(x, axis=-2) / counts
        y = self.before(y, f"{prefix}_ffn")
        if self.settings["transformer-aan-depth"] > 1:
            activation = ACTIVATIONS[self.settings["transformer-aan-activation"]]
            y = self.dense(activation(self.dense(y, prefix, "1")), prefix, "2")
        y = (sigmoid(self.dense(x, prefix, "i")) * x
             + sigmoid(self.dense(y, prefix, "f")) * y)
        return self.after(y, x, f"{prefix}_ffn")

    def recurrence(self, x: Array, prefix: str) -> Array:
        """SSRU."""
        normed = self.before(x, prefix)
        forget = sigmoid(self.dense(normed, prefix, "f"))
        values = normed @ self.parameters[f"{prefix}_W"]
        states = np.empty_like(x)
        state = np.zeros_like(x[..., 0, :])
        for t in range(x.shape[-2]):
            gate = forget[..., t, :]
            state = gate * state + (1 - gate) * values[..., t, :]
            states[..., t, :] = np.maximum(state, 0)
        return self.after(states, x, f"{prefix}_ffn")

    # ---- The model

    def table(self, side: str) -> Array:
        shared = self.settings.get("tied-embeddings-all") or self.settings.get(
            "tied-embeddings-src")
        return self.parameters["Wemb" if shared else f"{side}_Wemb"]

    def embed(self, rows: Array) -> Array:
        if self.settings.get("transformer-train-positions"):
            return rows + self.parameters["Wpos"][:rows.shape[-2]]
        half = self.dim // 2
        frequencies = np.exp(np.arange(half) * -(math.log(10000) / (half - 1)))
        angles = np.arange(rows.shape[-2])[:, None] * frequencies
        positions = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
        return rows * self.dtype(math.sqrt(self.dim)) + positions.astype(self.dtype)

    def encode(self, source: list[int]) -> Array:
        """Ids, eos included, to [S, D]."""
        x = bottom = self.embed(self.table("encoder")[source])
        for n in range(1, self.settings["enc-depth"] + 1):
            x = self.attention(x, f"encoder_l{n}_self")
            x = self.feed_forward(x, f"encoder_l{n}_ffn")
        return self.after(x, bottom, "encoder_top", "transformer-postprocess-top")

    def decode(self, memory: Array, prefixes: list[list[int]]) -> Array:
        """Logits [B, T + 1, V] before and after each token of B prefixes of T."""
        table = self.table("decoder")
        start = np.zeros((len(prefixes), 1, self.dim), self.dtype)
        embedded = table[np.array(prefixes, dtype=int)]
        x = bottom = self.embed(np.concatenate([start, embedded], axis=1))
        depth = self.settings["dec-depth"]
        for n in self.settings.get("transformer-tied-layers") or range(1, depth + 1):
            layer = f"decoder_l{n}"
            x = self.update_state(x, layer)
            x = self.attention(x, f"{layer}_context", memory)
            x = self.feed_forward(x, f"{layer}_ffn")
        x = self.after(x, bottom, "decoder_top", "transformer-postprocess-top")
        return x @ self.output_matrix() + self.parameters.get(
            "decoder_ff_logit_out_b", self.dtype(0))

    def update_state(self, x: Array, layer: str) -> Array:
        state = self.settings.get("transformer-decoder-autoreg", "self-attention")
        if state == "rnn":
            return self.recurrence(x, f"{layer}_rnn")
        if state == "average-attention":
            return self.average_attention(x, f"{layer}_aan")
        return self.attention(x, f"{layer}_self", causal=True)

    def output_matrix(self) -> Array:
        """[D, V]"""
        if self.settings.get("tied-embeddings-all") or self.settings.get("tied-embeddings"):
            return self.table("decoder").T
        if "decoder_ff_logit_out_W" in self.parameters:
            return self.parameters["decoder_ff_logit_out_W"]
        return self.parameters["decoder_ff_logit_out_Wt"].T


def search(model: Model, source: list[int], eos: int, forbidden: list[int],
           options: dict[str, Any]) -> list[dict[str, Any]]:
    """The n-best list of marian-decoder: a finished hypothesis leaves its place empty."""
    memory = model.encode(source)
    limit = options["max-length-factor"] * len(source)
    beam: list[tuple[float, list[int]]] = [(0.0, [])]
    width = options["beam-size"]
    finished: list[dict[str, Any]] = []
    length = 0
    while beam:
        length += 1
        rows = log_softmax(model.decode(memory, [tokens for _, tokens in beam])[:, -1])
        rows[:, forbidden] = -np.inf
        flat = (np.array([score for score, _ in beam])[:, None] + rows).ravel()
        best = np.argsort(-flat, kind="stable")[:width]
        size = rows.shape[1]
        last = length >= limit
        following = []
        for index in best:
            tokens = beam[index // size][1]
            token, score = int(index % size), float(flat[index])
            if token == eos or last:
                penalised = score - options["word-penalty"] * length
                finished.append({
                    "tokens": tokens if token == eos else [*tokens, token],
                    "truncated": token != eos,
                    "score": penalised / length ** options["normalize"]})
            else:
                following.append((score, [*tokens, token]))
        beam = following
        width = len(beam)
    return sorted(finished, key=lambda hypothesis: -hypothesis["score"])
