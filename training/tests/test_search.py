"""Properties of the search, on tiny models and on a table of probabilities."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from peregrine_training.goldens import tiny_config
from peregrine_training.model import Transformer
from peregrine_training.search import Hypothesis, SearchOptions, Sentence, search
from peregrine_training.tiny_models import TINY_MODELS, randomize

EOS = 2
START = 1


def run_table(options: SearchOptions, table: dict[int, list[float]]) -> list[Hypothesis]:
    """Searches a bigram model: the last token decides the next one's probabilities."""
    sentence = Sentence(options, START, EOS)
    for step in itertools.count():
        if sentence.ended:
            return sentence.hypotheses()
        rows = torch.tensor([table[live.tokens[-1]] for live in sentence.live])
        sentence.advance(rows.double().log(), step)


TABLE = {1: [0.0, 0.0, 0.1, 0.5, 0.4], 3: [0.0, 0.0, 0.2, 0.4, 0.4], 4: [0.0, 0.0, 0.9, 0.05, 0.05]}


def test_greedy_takes_the_best_token():
    best = run_table(SearchOptions(1, 0.0, 2), TABLE)
    # 3 wins at first, ties with 4 then: the lower token stays; the limit ends it.
    assert best == [Hypothesis([3, 3], pytest.approx(math.log(0.5 * 0.4 * 0.2)), True)]


def test_beam_finds_the_likelier_sentence():
    best = run_table(SearchOptions(2, 0.0, 5), TABLE)
    assert best[0] == Hypothesis([4], pytest.approx(math.log(0.4 * 0.9)), False)


def test_length_penalty_divides_by_the_length_with_eos():
    best = run_table(SearchOptions(2, 1.0, 5), TABLE)
    assert Hypothesis([4], pytest.approx(math.log(0.4 * 0.9) / 2), False) in best


def test_minimum_and_maximum_length():
    for hypothesis in run_table(SearchOptions(2, 0.0, 3, min_length=3), TABLE):
        assert len(hypothesis.tokens) == 3 and hypothesis.truncated


def test_nothing_fits_into_no_tokens():
    assert run_table(SearchOptions(2, 0.0, 0), TABLE) == [
        Hypothesis([], pytest.approx(math.log(0.1)), True)]


def test_suppressed_tokens_never_come():
    for hypothesis in run_table(SearchOptions(2, 0.0, 4, suppressed_tokens=[3]), TABLE):
        assert 3 not in hypothesis.tokens


def test_at_most_beam_size_hypotheses_best_first():
    found = run_table(SearchOptions(3, 0.6, 8), TABLE)
    assert len(found) == 3
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)


@pytest.mark.parametrize("tiny", TINY_MODELS, ids=lambda tiny: tiny.name)
def test_sentences_do_not_see_each_other(tiny):
    config = tiny_config(tiny)
    model = Transformer(config.architecture)
    randomize(model, seed=1)
    model = model.eval().in_float64()
    options = SearchOptions(3, 0.6, 6)
    sources = [[9, 8, 7, 6, EOS], [11, EOS], [30, 31, 32, EOS]]
    together = search(model, config, sources, [options] * 3)
    for source, hypotheses in zip(sources, together):
        alone = search(model, config, [source], [options])[0]
        assert [h.tokens for h in alone] == [h.tokens for h in hypotheses]
        assert [h.score for h in alone] == pytest.approx([h.score for h in hypotheses])


def test_score_is_that_of_the_forced_tokens():
    tiny = TINY_MODELS[0]
    config = tiny_config(tiny)
    model = Transformer(config.architecture)
    randomize(model, seed=2)
    model = model.eval().in_float64()
    source = [9, 8, 7, EOS]
    options = SearchOptions(4, 0.0, 5)
    best = search(model, config, [source], [options])[0][0]
    inputs = torch.tensor([[config.tokens.decoder_start, *best.tokens]])
    with torch.no_grad():
        logits = model.logits(model.decode(inputs, model.encode(torch.tensor([source]))))
    log_probs = torch.log_softmax(logits[0], dim=1)
    total = sum(log_probs[i, token].item() for i, token in enumerate([*best.tokens, EOS]))
    assert best.score == pytest.approx(total)
