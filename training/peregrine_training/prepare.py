"""Cleans the corpus, trains the vocabulary and encodes everything to arrays.

    python -m peregrine_training.prepare configs/en-de-mdn.toml --data ../../shared/data
"""

from __future__ import annotations

import argparse
import gzip
import pathlib
import random
import re
import shutil
from dataclasses import dataclass

import numpy as np
import sentencepiece as spm

from .data import Corpus, Side
from .recipe import BOS, EOS, PAD, UNK, Prepare, Recipe

_LETTER = re.compile(r"[^\W\d_]")


@dataclass
class Pair:
    source: str
    target: str
    weight: float
    origin: str = ""


def read_lines(path: pathlib.Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        return [line.rstrip("\n") for line in file]


def read_aligned(paths: list[pathlib.Path]) -> list[tuple[str, ...]]:
    """Lines of files of which line N belongs to line N; refuses unequal lengths."""
    columns = [read_lines(path) for path in paths]
    if len({len(column) for column in columns}) != 1:
        counts = ", ".join(f"{path.name} has {len(column)} lines"
                           for path, column in zip(paths, columns))
        raise SystemExit(f"the corpus is misaligned: {counts}")
    return list(zip(*columns))


def weight_of(origin: str, weights: dict[str, float]) -> float:
    """The weight of an origin: its longest listed prefix, or that of machine output."""
    if origin.endswith(".mt"):
        return weights.get("machine_translated", 0.0)
    matching = [prefix for prefix in weights if origin.startswith(prefix)]
    if not matching:
        raise SystemExit(f"no weight is given for the origin {origin!r}")
    return weights[max(matching, key=len)]


def is_clean(source: str, target: str, options: Prepare) -> bool:
    """False for pairs that teach nothing: untranslated, lopsided, long or wordless."""
    words = len(source.split()), len(target.split())
    if not min(words) or max(words) > options.max_words:
        return False
    if source == target and words[0] > 2:
        return False
    if not _LETTER.search(source) or not _LETTER.search(target):
        return False
    longer, shorter = max(len(source), len(target)), min(len(source), len(target))
    return longer <= options.max_length_ratio * shorter + 10


def clean_pairs(rows: list[tuple[str, ...]], options: Prepare) -> list[Pair]:
    seen: set[tuple[str, str]] = set()
    pairs = []
    for source, target, origin in rows:
        source, target = " ".join(source.split()), " ".join(target.split())
        weight = weight_of(origin, options.weights)
        if weight <= 0 or (source, target) in seen or not is_clean(source, target, options):
            continue
        seen.add((source, target))
        pairs.append(Pair(source, target, weight, origin))
    return pairs


def read_pairs(corpus: pathlib.Path, languages: tuple[str, str],
               options: Prepare) -> list[Pair]:
    """The clean pairs of CORPUS.<language>.gz and their origins in CORPUS.src.gz."""
    rows = read_aligned([corpus.with_name(f"{corpus.name}.{kind}.gz")
                         for kind in (*languages, "src")])
    pairs = clean_pairs(rows, options)
    print(f"{corpus}: {len(rows)} pairs read, {len(pairs)} kept")
    if not pairs:
        raise SystemExit(f"{corpus}: no pair is left to train on")
    return pairs


def train_vocabulary(pairs: list[Pair], options: Prepare, path: pathlib.Path) -> None:
    """A joint BPE vocabulary over both languages, sources drawn by their weight."""
    rng = random.Random(options.seed)
    text = [line for pair in pairs if rng.random() < pair.weight
            for line in (pair.source, pair.target)]
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(text), model_prefix=str(path.with_suffix("")),
        vocab_size=options.vocab_size, model_type="bpe", byte_fallback=True,
        split_digits=True, normalization_rule_name="nmt_nfkc", character_coverage=0.9998,
        unk_id=UNK, bos_id=BOS, eos_id=EOS, pad_id=PAD, num_threads=2, minloglevel=1)
    path.with_suffix(".model").rename(path)
    path.with_suffix(".vocab").unlink()


def join_pairs(pairs: list[Pair], options: Prepare) -> list[Pair]:
    """Two pairs in one, drawn by their weights: the corpus's sentences are short."""
    rng = random.Random(options.seed)
    count = round(options.joined_share * sum(pair.weight for pair in pairs))
    drawn = rng.choices(pairs, [pair.weight for pair in pairs], k=2 * count)
    return [Pair(f"{first.source} {second.source}", f"{first.target} {second.target}", 1.0)
            for first, second in zip(drawn[::2], drawn[1::2])]


def encode(pairs: list[Pair], processor: spm.SentencePieceProcessor) -> Corpus:
    return Corpus(Side.pack(processor.encode([pair.source for pair in pairs])),
                  Side.pack(processor.encode([pair.target for pair in pairs])),
                  np.array([pair.weight for pair in pairs], np.float32))


def prepare(recipe: Recipe, data: pathlib.Path, out: pathlib.Path) -> None:
    options = recipe.prepare
    languages = recipe.source_language, recipe.target_language
    out.mkdir(parents=True, exist_ok=True)
    pairs = read_pairs(data / options.corpus, languages, options)
    if options.vocabulary:
        shutil.copyfile(options.vocabulary, out / "source.spm")
    else:
        train_vocabulary(pairs, options, out / "source.spm")
    for distilled in options.distilled:
        pairs += read_pairs(pathlib.Path(distilled), languages, options)
    processor = spm.SentencePieceProcessor(model_file=str(out / "source.spm"))
    corpus = encode(pairs + join_pairs(pairs, options), processor)
    corpus.save(out / "train.npz")
    weighted = float((corpus.weights * corpus.target.lengths).sum())
    print(f"{corpus.target.lengths.sum()} target tokens, {weighted:.0f} in an epoch")
    for name in options.development:
        lines = read_aligned([data / f"{name}.{language}.gz" for language in languages])
        dev = [Pair(source, target, 1.0) for source, target in lines]
        encode(dev, processor).save(out / f"{pathlib.Path(name).name}.npz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../../shared/data"))
    parser.add_argument("--out", type=pathlib.Path, help="default: runs/<name>/data")
    arguments = parser.parse_args()
    recipe = Recipe.load(arguments.recipe)
    out = arguments.out or pathlib.Path("runs") / recipe.name / "data"
    prepare(recipe, arguments.data, out)


if __name__ == "__main__":
    main()
