"""What the goldens of searches have in common."""

from __future__ import annotations

import pathlib
from typing import Any

import torch
import transformers

MAX_LENGTH = 24
SENTENCES = 4


def without_padding(directory: pathlib.Path) -> Any:
    """The model, or where its searches normalise scores, without the padding token.

    There the library multiplies log-probabilities of a softmax that has the padding
    token in it, excludes the token and normalises again. A repetition penalty so takes
    (penalty - 1) * log(1 - probability of padding) more from a repeated token than where
    padding has no probability to begin with. All else is the same.
    """
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(directory).double().eval()
    config = model.generation_config
    if not config.renormalize_logits or not hasattr(model, "final_logits_bias"):
        return model
    for (banned,) in config.bad_words_ids:
        model.final_logits_bias[:, banned] = -torch.inf
    return model
