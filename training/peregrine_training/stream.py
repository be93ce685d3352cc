"""What a run trains on, as an endless row of batches that can be resumed anywhere.

An epoch draws pairs by the weights of their origins. It is cut into pools; the pairs of a
pool are augmented, encoded and cut into batches of like length. All of that follows from
the seed and the position alone. Of each pool every process of a run takes its own share.
"""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass
from typing import Iterator

import numpy as np
import sentencepiece as spm
from numpy.typing import NDArray

from .augment import Augment, Augmenter
from .data import Batch, Corpus, Side, TrainingText, group_by_length, make_batch, sample_epoch
from .distributed import Group
from .prepare import weight_of
from .recipe import Recipe, Stage
from .resegment import resegment


@dataclass
class Position:
    """Where a run stands."""
    update: int = 0
    epoch: int = 0
    pool: int = 0          # of the epoch
    batch: int = 0         # batches of the pool already used
    progress: float = 0.0  # of the schedule, 0 to 1
    stage: int = 0
    processes: int = 1     # that `batch` was counted with
    best: float = float("inf")  # mean development loss
    waited: int = 0        # evaluations since then


def scaled(rates: Augment, factor: float) -> Augment:
    return Augment(**{name: min(1.0, rate * factor) for name, rate in vars(rates).items()})


class Stream:
    """The batches of one process of a run."""

    def __init__(self, text: TrainingText, vocabulary: spm.SentencePieceProcessor,
                 recipe: Recipe, group: Group) -> None:
        self.text, self.vocabulary, self.group = text, vocabulary, group
        self.options, self.rates = recipe.train, recipe.augment
        self.markers = recipe.prepare.marker_pieces
        self.longest = recipe.model_config().architecture.max_positions - 1
        self.base = recipe.prepare.weights
        self.stages = recipe.stages or [Stage(until=1.0)]

    def stage_at(self, progress: float) -> int:
        return next((i for i, stage in enumerate(self.stages) if progress < stage.until),
                    len(self.stages) - 1)

    def epoch(self, position: Position) -> NDArray[np.int64]:
        """The pairs of an epoch in their order."""
        weights = self.base | self.stages[position.stage].weights
        of_pairs = self.text.weights([weight_of(name, weights) for name in self.text.origins])
        return sample_epoch(of_pairs, np.random.default_rng([self.options.seed, position.epoch]))

    def pool(self, position: Position, picked: NDArray[np.int64]) -> Iterator[Batch]:
        """The batches that this process makes of its share of a pool."""
        seed = [self.options.seed, position.epoch, position.pool, self.group.rank]
        size = self.options.pool_pairs * self.group.size
        mine = picked[position.pool * size:][:size][self.group.rank::self.group.size]
        corpus = self._encoded([self.text.pair(i) for i in mine], position.stage,
                               random.Random(repr(seed)))
        batches = group_by_length(corpus, np.arange(len(corpus)), self.options.batch_tokens,
                                  np.random.default_rng(seed))
        usable = self.group.least(len(batches)) // self.options.accumulate
        for batch in batches[position.batch:usable * self.options.accumulate]:
            yield make_batch(corpus, batch)

    def _encoded(self, pairs: list[tuple[str, str]], stage: int, rng: random.Random) -> Corpus:
        rates = scaled(self.rates, self.stages[stage].augment)
        sources, targets = [], []
        for source, target in Augmenter(rates, rng, self.markers).pairs(pairs):
            ids = self._pieces(source, rates.resegmented, rng), self.vocabulary.encode(target)
            if 0 < min(map(len, ids)) and max(map(len, ids)) <= self.longest:
                sources.append(ids[0])
                targets.append(ids[1])
        return Corpus(Side.pack(sources), Side.pack(targets))

    def _pieces(self, text: str, rate: float, rng: random.Random) -> list[int]:
        """The usual pieces, or words at random cut into smaller ones, but for markers."""
        if not rate or rng.random() >= rate:
            return self.vocabulary.encode(text)
        return [piece for word in text.split()
                for piece in (resegment(self.vocabulary, word, 0.3, rng)
                              if rng.random() < 0.25 and not any(
                                  marker in word for marker in self.markers)
                              else self.vocabulary.encode(word))]

    def batches(self, position: Position) -> Iterator[Batch]:
        """The batches from `position` on, without end; moves it past what was taken."""
        if position.processes != self.group.size:
            position.batch, position.processes = 0, self.group.size
        while True:
            picked = self.epoch(position)
            size = self.options.pool_pairs * self.group.size
            while position.pool * size < len(picked):
                for batch in self.pool(dataclasses.replace(position), picked):
                    position.batch += 1
                    yield batch
                position.pool, position.batch = position.pool + 1, 0
                if self.stage_at(position.progress) != position.stage:
                    break
            position.stage = self.stage_at(position.progress)
            position.epoch, position.pool = position.epoch + 1, 0
