"""BLEU of a model in training, by greedy search."""

from __future__ import annotations

import copy

import sacrebleu
import sentencepiece as spm
import torch

from peregrine_convert.config import ModelConfig

from .data import Corpus
from .model import Transformer
from .recipe import EOS
from .search import default_options, search

BATCH_LINES = 64


@torch.no_grad()
def greedy_bleu(model: Transformer, config: ModelConfig,
                vocabulary: spm.SentencePieceProcessor, corpus: Corpus, count: int) -> float:
    """BLEU of the first `count` lines; the references are decoded from their pieces."""
    model = copy.deepcopy(model).cpu().float().eval()
    lines = range(min(count, len(corpus)))
    hypotheses = []
    for begin in range(0, len(lines), BATCH_LINES):
        sources = [[*corpus.source[i].tolist(), EOS] for i in lines[begin:begin + BATCH_LINES]]
        options = [default_options(config, len(ids), 1) for ids in sources]
        hypotheses += [vocabulary.decode(ranked[0].tokens) if ranked else ""
                       for ranked in search(model, config, sources, options)]
    references = [vocabulary.decode(corpus.target[i].tolist()) for i in lines]
    return sacrebleu.corpus_bleu(hypotheses, [references]).score
