"""Greedy and beam search, rule for rule as in docs/model-format.md, "Search"."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from peregrine_convert.config import ModelConfig

from .model import Transformer, padding_mask


@dataclass
class SearchOptions:
    beam_size: int
    length_penalty: float
    max_length: int          # tokens, not counting eos
    min_length: int = 0
    suppressed_tokens: list[int] = field(default_factory=list)


@dataclass
class Hypothesis:
    tokens: list[int]        # without decoder_start and eos
    score: float
    truncated: bool


@dataclass
class Live:
    tokens: list[int]        # with decoder_start
    score: float


class Sentence:
    """The search of one sentence; holds its live and finished hypotheses."""

    def __init__(self, options: SearchOptions, start: int, eos: int) -> None:
        self.options, self.eos = options, eos
        self.live = [Live([start], 0.0)]
        self.finished: list[Hypothesis] = []

    @property
    def ended(self) -> bool:
        return len(self.finished) >= self.options.beam_size or not self.live

    def advance(self, log_probs: Tensor, step: int) -> None:
        """Takes the log-probabilities [live, V] of token `step` (from 0)."""
        candidates = self.best_candidates(self.allowed(log_probs, step))
        live, self.live = self.live, []
        beam_size = self.options.beam_size
        for rank, (score, parent, token) in enumerate(candidates):
            if beam_size in (len(self.live), len(self.finished)):
                break
            if token != self.eos:
                self.live.append(Live(live[parent].tokens + [token], score))
            elif rank < beam_size:
                self.finished.append(Hypothesis(
                    live[parent].tokens[1:], score / (step + 1) ** self.options.length_penalty,
                    truncated=step == self.options.max_length))

    def allowed(self, log_probs: Tensor, step: int) -> Tensor:
        """Rule 2: minus infinity wherever a token may not come."""
        log_probs = log_probs.clone()
        log_probs[:, self.options.suppressed_tokens] = -torch.inf
        if step < self.options.min_length:
            log_probs[:, self.eos] = -torch.inf
        if step == self.options.max_length:
            eos = log_probs[:, self.eos].clone()
            log_probs.fill_(-torch.inf)
            log_probs[:, self.eos] = eos
        return log_probs

    def best_candidates(self, log_probs: Tensor) -> list[tuple[float, int, int]]:
        """Rule 3: (score, live index, token) of the best 2 x beam_size continuations."""
        before = torch.tensor([live.score for live in self.live], dtype=log_probs.dtype)
        scores = (before[:, None] + log_probs).flatten()
        count = min(2 * self.options.beam_size, len(scores))
        # Everything that ties with the last place, so that the sort decides ties.
        lowest = torch.topk(scores, count).values[-1]
        places = torch.nonzero((scores >= lowest) & (scores > -torch.inf)).flatten()
        ranked = sorted(zip((-scores[places]).tolist(), places.tolist()))[:count]
        vocabulary = log_probs.shape[1]
        return [(-cost, place // vocabulary, place % vocabulary) for cost, place in ranked]

    def hypotheses(self) -> list[Hypothesis]:
        """Rule 5: best first, ties to the earlier finished."""
        return sorted(self.finished, key=lambda hypothesis: -hypothesis.score)


def max_length(config: ModelConfig, source_tokens: int) -> int:
    """The default limit of a translation; `source_tokens` counts the suffix too."""
    decoding, arch = config.decoding, config.architecture
    wanted = int(decoding.max_length_factor * source_tokens) + decoding.max_length_offset
    return min(wanted, arch.max_positions - arch.position_offset - 1)


def default_options(config: ModelConfig, source_tokens: int,
                    beam_size: int | None = None) -> SearchOptions:
    decoding = config.decoding
    return SearchOptions(beam_size or decoding.beam_size, decoding.length_penalty,
                         max_length(config, source_tokens),
                         suppressed_tokens=decoding.suppressed_tokens)


def encode_sources(model: Transformer, sources: list[list[int]],
                   pad: int) -> tuple[Tensor, Tensor | None]:
    """The encoder's output [B, S, E] and its mask [B, 1, 1, S]; suffixes included."""
    lengths = torch.tensor([len(source) for source in sources])
    width = int(lengths.max())
    ids = torch.tensor([source + [pad] * (width - len(source)) for source in sources])
    mask = padding_mask(lengths, width)
    return model.encode(ids, mask), mask


@torch.no_grad()
def search(model: Transformer, config: ModelConfig, sources: list[list[int]],
           options: list[SearchOptions],
           sentence_type: type[Sentence] = Sentence) -> list[list[Hypothesis]]:
    """Translates sources, each with its own options; hypotheses best first.

    Sentences are independent: sharing a batch changes nothing but rounding. The
    decoder runs over the whole prefix each step, which is cheap for few layers.
    """
    tokens = config.tokens
    memory, mask = encode_sources(model, sources, tokens.pad)
    sentences = [sentence_type(option, tokens.decoder_start, tokens.eos) for option in options]
    step = 0
    while active := [i for i, sentence in enumerate(sentences) if not sentence.ended]:
        rows = [i for i in active for _ in sentences[i].live]
        prefixes = torch.tensor([live.tokens for i in active for live in sentences[i].live])
        z = model.decode(prefixes, memory[rows], None if mask is None else mask[rows])
        log_probs = torch.log_softmax(model.logits(z[:, -1]), dim=-1)
        for i, own in zip(active, log_probs.split([len(sentences[i].live) for i in active])):
            sentences[i].advance(own, step)
        step += 1
    return [sentence.hypotheses() for sentence in sentences]
