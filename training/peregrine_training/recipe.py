"""A recipe: the one file from which a model is prepared, trained and exported."""

from __future__ import annotations

import pathlib
import tomllib
from dataclasses import dataclass, field
from typing import Any

from peregrine_convert.config import (Architecture, Decoding, ModelConfig, Tokenizer, Tokens, from_dict)

from .augment import Augment

# The ids with which prepare.py trains every vocabulary.
UNK, BOS, EOS, PAD = range(4)


@dataclass
class Prepare:
    corpora: list[str]        # paths under --data, without .en.gz and the like
    vocab_size: int
    seed: int
    max_words: int
    max_length_ratio: float
    development: list[str]
    weights: dict[str, float]
    distilled: list[str] = field(default_factory=list)  # further corpora, of distil.py
    phrases: str = ""     # path of a phrase book, which the corpora may lack; read as it is
    vocabulary: str = ""  # path of a SentencePiece model; a new one is trained without
    markers: int = 0      # pieces that stand for protected spans, at most 64; augment.marked

    @property
    def marker_pieces(self) -> list[str]:
        return [f"<m{number}>" for number in range(self.markers)]


@dataclass
class Train:
    seed: int
    optimizer: str
    peak_learning_rate: float
    matrix_rate_factor: float
    warmup_updates: int
    schedule: str
    batch_tokens: int
    label_smoothing: float
    encoder_dropout: float
    decoder_dropout: float
    clip_norm: float
    max_updates: int
    report_updates: int
    evaluate_updates: int
    checkpoint_minutes: float
    keep_checkpoints: int
    accumulate: int = 1           # batches whose gradients are summed for one update
    pool_pairs: int = 16384       # pairs that are drawn and cut into batches together
    patience: int = 0             # evaluations without a lower development loss; 0: any number
    bleu_lines: int = 0           # of each development set, translated at each evaluation


@dataclass
class Stage:
    """A part of a run, which ends at this share of its schedule."""
    until: float
    weights: dict[str, float] = field(default_factory=dict)  # instead of those of [prepare]
    augment: float = 1.0  # times the rates of [augment]
    restart: float = 0.0  # share of the peak at which the learning rate starts anew; 0: goes on


def merge(values: dict[str, Any], changes: dict[str, Any]) -> None:
    """Sets the leaves that `changes` names in nested dictionaries."""
    for key, change in changes.items():
        if isinstance(change, dict):
            merge(values.setdefault(key, {}), change)
        else:
            values[key] = change


def read_toml(path: pathlib.Path) -> dict[str, Any]:
    """The file's values; `extends` names a file beside it whose values it changes."""
    with open(path, "rb") as file:
        values = tomllib.load(file)
    if "extends" not in values:
        return values
    whole = read_toml(path.parent / values.pop("extends"))
    merge(whole, values)
    return whole


@dataclass
class Recipe:
    name: str
    source_language: str
    target_language: str
    prepare: Prepare
    architecture: dict[str, Any]
    train: Train
    augment: Augment = field(default_factory=Augment)
    stages: list[Stage] = field(default_factory=list)  # none: one, to the end
    decoding: dict[str, Any] = field(default_factory=dict)  # defaults of the model's users

    def __post_init__(self) -> None:
        if not 0 <= self.prepare.markers <= 64:
            raise ValueError(f"prepare.markers is {self.prepare.markers}; expected 0 to 64")
        if self.augment.marked and not self.prepare.markers:
            raise ValueError(f"augment.marked is {self.augment.marked}; expected 0 without "
                             "prepare.markers")

    @classmethod
    def load(cls, path: pathlib.Path | str) -> Recipe:
        return from_dict(cls, read_toml(pathlib.Path(path)))

    def model_config(self) -> ModelConfig:
        """The config.json that models of this recipe are exported with."""
        size = self.prepare.vocab_size
        sizes = {"source_vocab_size": size, "target_vocab_size": size}
        return ModelConfig(
            name=self.name, source_language=self.source_language,
            target_language=self.target_language,
            architecture=from_dict(Architecture, sizes | self.architecture),
            tokens=Tokens(pad=PAD, bos=BOS, eos=EOS, unk=UNK, decoder_start=BOS,
                          source_suffix=[EOS]),
            tokenizer=Tokenizer("sentencepiece", "source.spm", "source.spm"),
            decoding=from_dict(Decoding, {"suppressed_tokens": [PAD, BOS, UNK]} | self.decoding),
            markers=self.prepare.marker_pieces)
