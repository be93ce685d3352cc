"""Writes what an engine must reproduce, from the reference in float64.

    python -m peregrine_training.goldens tiny ../tests/golden [NAME ...]
    python -m peregrine_training.goldens trained ../models/en-de-mdn ../tests/golden/en-de-mdn

Each golden.json holds

    sentences   list of
        encoder_input    source ids, the source_suffix appended
        text             (trained only) the sentence; tokenized it is encoder_input
        encoder_output   {"rows": positions, "values": one row of E floats each}
    forced      list of decoder runs over a given prefix:
        sentence         index into `sentences`
        decoder_input    ids, decoder_start first
        columns          token ids; all of the vocabulary in the tiny models
        logits           [len(decoder_input)][len(columns)]
    searches    list of
        options          beam_size, length_penalty, min_length, max_length (list, by
                         sentence), suppressed_tokens
        hypotheses       [sentence][rank], best first, of
            tokens       ids without decoder_start and eos
            score        as normalised by the length penalty
            truncated    true where max_length ended it
            text         (trained only) detokenized

No decision of a search hangs on a gap between neighbouring candidates, or between
the scores of an n-best list, below MARGIN.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
from typing import Any

import numpy as np
import sentencepiece as spm
import torch
from torch import Tensor

from peregrine_convert.config import Architecture, Decoding, ModelConfig, Tokenizer, Tokens, from_dict

from .export import read_model, write_model
from .model import Transformer
from .search import Hypothesis, SearchOptions, Sentence, default_options, search
from .tiny_models import TINY_MODELS, TinyModel, randomize, teach

MARGIN = 1e-4
SOURCE_LENGTHS = (1, 2, 3, 5, 8, 13, 21, 40)

# Written for this purpose; from no corpus. By the source's language.
SENTENCES = {
    "en": (
        "Good morning!",
        "Where is the nearest train station?",
        "Please close the window before you leave.",
        "My sister bought 12 apples and 3 loaves of bread for 17.50 euros.",
        "Anna Petersen moved from Hamburg to Vienna in 1998.",
        "I have never seen such a beautiful garden",
        "Do you know why the meeting was cancelled?",
        "If it rains tomorrow, we will stay at home and read a book.",
        "The old lighthouse keeper told the children a story about a ship that had "
        "been lost in a storm more than a hundred years ago.",
        "Don't forget to call your mother tonight.",
        "The file could not be opened because the disk is full.",
        "Tom can't swim, but he likes to sit by the river.",
    ),
    "de": (
        "Guten Morgen!",
        "Wo ist der nächste Bahnhof?",
        "Bitte schließen Sie das Fenster, bevor Sie gehen.",
        "Meine Schwester hat 12 Äpfel und 3 Brote für 17,50 Euro gekauft.",
        "Anna Petersen zog 1998 von Hamburg nach Wien.",
        "Ich habe noch nie einen so schönen Garten gesehen",
        "Weißt du, warum die Sitzung abgesagt wurde?",
        "Wenn es morgen regnet, bleiben wir zu Hause und lesen ein Buch.",
        "Der alte Leuchtturmwärter erzählte den Kindern von einem Schiff, das vor mehr "
        "als hundert Jahren in einem Sturm untergegangen war.",
        "Vergiss nicht, heute Abend deine Mutter anzurufen.",
        "Die Datei konnte nicht geöffnet werden, weil die Festplatte voll ist.",
        "Tom kann nicht schwimmen, aber er sitzt gern am Fluss.",
    ),
}


class CloseCall(Exception):
    """A search decision had a margin below MARGIN."""


class WatchedSentence(Sentence):
    """A search that refuses decisions by a hair's breadth."""

    def best_candidates(self, log_probs: Tensor) -> list[tuple[float, int, int]]:
        before = torch.tensor([live.score for live in self.live], dtype=log_probs.dtype)
        scores = (before[:, None] + log_probs).flatten()
        top = torch.topk(scores, min(2 * self.options.beam_size + 1, len(scores))).values
        require_gaps(top[top > -torch.inf].tolist())
        return super().best_candidates(log_probs)

    def hypotheses(self) -> list[Hypothesis]:
        ranked = super().hypotheses()
        require_gaps([hypothesis.score for hypothesis in ranked])
        return ranked


def require_gaps(descending: list[float]) -> None:
    if any(high - low < MARGIN for high, low in zip(descending, descending[1:])):
        raise CloseCall


def numbers(values: Tensor) -> Any:
    """Nested lists of floats with nine digits, enough to restore float32 exactly."""
    if values.dim() == 0:
        return float(f"{values.item():.9g}")
    return [numbers(value) for value in values]


def encoder_output(model: Transformer, source: list[int], rows: list[int]) -> dict[str, Any]:
    states = model.encode(torch.tensor([source]))[0]
    return {"rows": rows, "values": numbers(states[rows])}


def forced(model: Transformer, source: list[int], decoder_input: list[int], sentence: int,
           columns: list[int]) -> dict[str, Any]:
    memory = model.encode(torch.tensor([source]))
    logits = model.logits(model.decode(torch.tensor([decoder_input]), memory))[0]
    return {"sentence": sentence, "decoder_input": decoder_input, "columns": columns,
            "logits": numbers(logits[:, columns])}


def hypothesis_json(hypothesis: Hypothesis) -> dict[str, Any]:
    return {"tokens": hypothesis.tokens, "score": float(f"{hypothesis.score:.9g}"),
            "truncated": hypothesis.truncated}


def searches(options: list[SearchOptions],
             results: list[list[Hypothesis]]) -> dict[str, Any]:
    """One entry of `searches`; the options differ in max_length alone."""
    shared = vars(options[0]) | {"max_length": [option.max_length for option in options]}
    return {"options": shared,
            "hypotheses": [[hypothesis_json(h) for h in ranked] for ranked in results]}


# Random models.

def tiny_config(tiny: TinyModel) -> ModelConfig:
    return ModelConfig(
        name=tiny.name, source_language="x-source", target_language="x-target",
        architecture=from_dict(Architecture, tiny.architecture), tokens=tiny.tokens,
        tokenizer=Tokenizer("none"),
        decoding=Decoding(suppressed_tokens=[tiny.tokens.pad, tiny.tokens.bos]))


def tiny_options(tokens: Tokens, longest: int) -> list[SearchOptions]:
    """Every rule of the search at least once."""
    hidden = [tokens.pad, tokens.bos] if tokens.bos != tokens.eos else [tokens.pad]
    return [SearchOptions(1, 0.6, longest, 0, hidden),
            SearchOptions(4, 0.6, longest, 0, hidden),
            SearchOptions(4, 0.0, longest, 0, hidden),
            SearchOptions(4, 1.0, longest, 0, hidden),
            SearchOptions(4, 1.0, longest, 6, hidden),
            SearchOptions(4, 0.6, 4, 0, hidden),
            SearchOptions(1, 0.6, 3, 2, hidden),
            SearchOptions(4, 0.6, longest, 0, hidden + [tokens.unk, 10, 11]),
            SearchOptions(3, 0.6, 0, 0, [])]


def draw_source(random: np.random.Generator, config: ModelConfig, length: int) -> list[int]:
    """Ordinary source ids, the suffix included in the length."""
    suffix = config.tokens.source_suffix
    size = config.architecture.source_vocab_size
    return random.integers(4, size, max(length - len(suffix), 0)).tolist() + suffix


def settled_source(model: Transformer, config: ModelConfig, length: int,
                   options: list[SearchOptions], random: np.random.Generator
                   ) -> tuple[list[int], list[list[Hypothesis]]]:
    """A source with clear margins under all options, and its hypotheses under each."""
    for _ in range(50):
        source = draw_source(random, config, length)
        if not source:
            source = [5]
        try:
            return source, [search(model, config, [source], [option], WatchedSentence)[0]
                            for option in options]
        except CloseCall:
            continue
    raise CloseCall


@torch.no_grad()
def tiny_golden(model: Transformer, config: ModelConfig, seed: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    longest = min(30, config.architecture.max_positions - config.architecture.position_offset - 1)
    options = tiny_options(config.tokens, longest)
    settled = [settled_source(model, config, length, options, random)
               for length in SOURCE_LENGTHS]
    sources = [source for source, _ in settled]
    columns = list(range(config.architecture.target_vocab_size))
    prefixes = [[config.tokens.decoder_start, *random.integers(4, len(columns), count).tolist()]
                for count in (11, 4)]
    return {
        "sentences": [
            {"encoder_input": source,
             "encoder_output": encoder_output(
                 model, source, list(range(len(source))) if i == 4
                 else sorted({0, len(source) - 1}))}
            for i, source in enumerate(sources)],
        "forced": [forced(model, sources[i], prefix, i, columns)
                   for i, prefix in zip((4, 7), prefixes)],
        "searches": [searches([option] * len(sources), [results[i] for _, results in settled])
                     for i, option in enumerate(options)]}


def is_varied(golden: dict[str, Any]) -> bool:
    """Whether lengths vary and neither the limit nor an early eos rules the searches."""
    greedy, beam = ([ranked[0] for ranked in run["hypotheses"]]
                    for run in golden["searches"][:2])
    lengths = [len(hypothesis["tokens"]) for hypothesis in greedy + beam]
    ended = sum(not hypothesis["truncated"] for hypothesis in greedy + beam)
    return ended >= 10 and len(set(lengths)) >= 4 and float(np.median(lengths)) >= 2


def write_tiny(tiny: TinyModel, out: pathlib.Path) -> None:
    """Tries seeds in order until the hypotheses are varied."""
    config = tiny_config(tiny)
    for seed in range(1000):
        model = Transformer(config.architecture)
        randomize(model, seed)
        teach(model, tiny.tokens, seed)
        weights = {name: tensor.to(tiny.dtype).float()
                   for name, tensor in model.state_dict().items()}
        model.load_state_dict(weights)
        try:
            golden = tiny_golden(model.eval().in_float64(), config, seed)
        except CloseCall:
            continue
        if is_varied(golden):
            print(f"{tiny.name}: seed {seed}", flush=True)
            write_model(out / tiny.name, config, weights, tiny.dtype)
            write_json(out / tiny.name / "golden.json", golden)
            return
    raise SystemExit(f"{tiny.name}: no seed gives varied hypotheses")


# The trained model.

@torch.no_grad()
def trained_golden(directory: pathlib.Path) -> dict[str, Any]:
    """From the exported, rounded weights; sentences with close calls are left out."""
    config, model = read_model(directory)
    model = model.in_float64()
    processors = [spm.SentencePieceProcessor(model_file=str(directory / name))
                  for name in (config.tokenizer.source, config.tokenizer.target)]
    kept: list[tuple[str, list[int], list[tuple[SearchOptions, list[Hypothesis]]]]] = []
    for text in SENTENCES[config.source_language]:
        source = processors[0].encode(text) + config.tokens.source_suffix
        options = [default_options(config, len(source), beam) for beam in (1, 4)]
        options.append(dataclasses.replace(options[1], length_penalty=1.0))
        try:
            results = [search(model, config, [source], [option], WatchedSentence)[0]
                       for option in options]
        except CloseCall:
            print(f"left out, a close call: {text}")
            continue
        kept.append((text, source, list(zip(options, results))))
    return trained_json(model, config, kept, processors[1])


def trained_json(model: Transformer, config: ModelConfig, kept: list[Any],
                 target: spm.SentencePieceProcessor) -> dict[str, Any]:
    sentences = [{"text": text, "encoder_input": source,
                  "encoder_output": encoder_output(model, source, [0, len(source) - 1])}
                 for text, source, _ in kept]
    runs = []
    for i in range(len(kept[0][2])):
        run = searches([cases[i][0] for _, _, cases in kept],
                       [cases[i][1] for _, _, cases in kept])
        for hypothesis in (h for ranked in run["hypotheses"] for h in ranked):
            hypothesis["text"] = target.decode(hypothesis["tokens"])
        runs.append(run)
    columns = list(range(0, config.architecture.target_vocab_size, 97))
    prefixes = [[config.tokens.decoder_start, *runs[0]["hypotheses"][i][0]["tokens"]]
                for i in (0, 3)]
    return {"sentences": sentences,
            "forced": [forced(model, kept[i][1], prefix, i, columns)
                       for i, prefix in zip((0, 3), prefixes)],
            "searches": runs}


def write_json(path: pathlib.Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    tiny = kinds.add_parser("tiny", help="random models, one directory each")
    tiny.add_argument("out", type=pathlib.Path)
    names = [model.name for model in TINY_MODELS]
    tiny.add_argument("names", nargs="*", metavar="NAME", default=names,
                      help="which to make; default: all of " + ", ".join(names))
    trained = kinds.add_parser("trained", help="for an exported model")
    trained.add_argument("model", type=pathlib.Path)
    trained.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.kind == "tiny":
        unknown = set(arguments.names) - set(names)
        if unknown:
            parser.error(f"no tiny model is named {', '.join(sorted(unknown))}")
        for model in TINY_MODELS:
            if model.name in arguments.names:
                write_tiny(model, arguments.out)
    else:
        write_json(arguments.out / "golden.json", trained_golden(arguments.model))


if __name__ == "__main__":
    main()
