"""Encoded sentence pairs on disk and as batches."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass
from typing import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .recipe import BOS, EOS, PAD


@dataclass
class Side:
    """Sentences as one array of ids and the offsets [n + 1] where each begins."""
    ids: NDArray[np.uint16]
    offsets: NDArray[np.int64]

    @classmethod
    def pack(cls, sentences: list[list[int]]) -> Side:
        offsets = np.zeros(len(sentences) + 1, np.int64)
        np.cumsum([len(sentence) for sentence in sentences], out=offsets[1:])
        flat = [token for sentence in sentences for token in sentence]
        return cls(np.array(flat, np.uint16), offsets)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each sentence, without eos."""
        return np.diff(self.offsets)

    def __getitem__(self, index: int) -> NDArray[np.uint16]:
        return self.ids[self.offsets[index]:self.offsets[index + 1]]


@dataclass
class Corpus:
    """Sentence pairs as ids."""
    source: Side
    target: Side

    def __len__(self) -> int:
        return len(self.source.lengths)

    def save(self, path: pathlib.Path) -> None:
        np.savez(path, source=self.source.ids, source_offsets=self.source.offsets,
                 target=self.target.ids, target_offsets=self.target.offsets)

    @classmethod
    def load(cls, path: pathlib.Path) -> Corpus:
        with np.load(path) as arrays:
            return cls(Side(arrays["source"], arrays["source_offsets"]),
                       Side(arrays["target"], arrays["target_offsets"]))


@dataclass
class Lines:
    """Lines of text as UTF-8 in one array, and the offsets [n + 1] where each begins."""
    text: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    @classmethod
    def pack(cls, lines: list[str]) -> Lines:
        encoded = [line.encode() for line in lines]
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(line) for line in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    def __getitem__(self, index: int) -> str:
        return self.text[self.offsets[index]:self.offsets[index + 1]].tobytes().decode()


@dataclass
class TrainingText:
    """Sentence pairs as text, since what they are trained as is drawn anew each time."""
    source: Lines
    target: Lines
    origins: list[str]
    origin: NDArray[np.uint16]  # [n] of each pair, an index into origins

    def __len__(self) -> int:
        return len(self.origin)

    def pair(self, index: int) -> tuple[str, str]:
        return self.source[index], self.target[index]

    def weights(self, of_origin: list[float]) -> NDArray[np.float64]:
        """The weight of each pair, from that of each origin."""
        return np.array(of_origin)[self.origin]

    def save(self, path: pathlib.Path) -> None:
        np.savez(path, source=self.source.text, source_offsets=self.source.offsets,
                 target=self.target.text, target_offsets=self.target.offsets,
                 origins=np.array(self.origins), origin=self.origin)

    @classmethod
    def load(cls, path: pathlib.Path) -> TrainingText:
        with np.load(path) as arrays:
            return cls(Lines(arrays["source"], arrays["source_offsets"]),
                       Lines(arrays["target"], arrays["target_offsets"]),
                       arrays["origins"].tolist(), arrays["origin"])


@dataclass
class Batch:
    source: Tensor          # [B, S] with eos, padded
    source_lengths: Tensor  # [B]
    target_in: Tensor       # [B, T] bos and the target
    target_out: Tensor      # [B, T] the target and eos, padded


def sample_epoch(weights: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices of one epoch's pairs in random order; fractions are drawn by chance."""
    copies = np.floor(weights + rng.random(len(weights))).astype(np.int64)
    return rng.permutation(np.repeat(np.arange(len(weights)), copies))


def group_by_length(corpus: Corpus, picked: NDArray[np.int64], batch_tokens: int,
                    rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Cuts pairs into batches of like length, in random order.

    Sorted by source and then target length, so the encoder sees next to no padding.
    """
    source = corpus.source.lengths[picked] + 1
    target = corpus.target.lengths[picked] + 1
    order = np.lexsort((rng.random(len(picked)), target, source))
    batches: list[NDArray[np.int64]] = []
    begin, longest = 0, 0
    for end, row in enumerate(order):
        longest = max(longest, int(source[row]), int(target[row]))
        if end > begin and (end - begin + 1) * longest > batch_tokens:
            batches.append(picked[order[begin:end]])
            begin, longest = end, max(int(source[row]), int(target[row]))
    if begin < len(order):
        batches.append(picked[order[begin:]])
    return [batches[i] for i in rng.permutation(len(batches))]


def make_batch(corpus: Corpus, indices: NDArray[np.int64]) -> Batch:
    sources = [corpus.source[i] for i in indices]
    targets = [corpus.target[i] for i in indices]
    lengths = torch.tensor([len(source) + 1 for source in sources])
    return Batch(source=_padded(sources, EOS, before=False), source_lengths=lengths,
                 target_in=_padded(targets, BOS, before=True),
                 target_out=_padded(targets, EOS, before=False))


def all_batches(corpus: Corpus, batch_tokens: int) -> Iterator[Batch]:
    """Every pair once, for evaluation."""
    rng = np.random.default_rng(0)
    for indices in group_by_length(corpus, np.arange(len(corpus)), batch_tokens, rng):
        yield make_batch(corpus, indices)


def _padded(rows: list[NDArray[np.uint16]], extra: int, before: bool) -> Tensor:
    """Ids [B, longest + 1] with `extra` before or after each row, then padding."""
    width = max(len(row) for row in rows) + 1
    ids = np.full((len(rows), width), PAD, np.int64)
    for line, row in zip(ids, rows):
        first = 1 if before else 0
        line[first:first + len(row)] = row
        line[0 if before else len(row)] = extra
    return torch.from_numpy(ids)
