"""Cleans the corpora, trains the vocabulary and writes everything as arrays.

    python -m peregrine_training.prepare configs/en-de-mdn.toml --data ../../shared/data
"""

from __future__ import annotations

import argparse
import collections
import gzip
import pathlib
import random
import shutil
from dataclasses import dataclass, field

import numpy as np
import sentencepiece as spm

from .data import Corpus, Lines, Side, TrainingText
from .filters import fault, repaired
from .recipe import BOS, EOS, PAD, UNK, Prepare, Recipe

# The origin of what a phrase book has.
PHRASES = "phrases"
# A vocabulary learns nothing new from more.
VOCABULARY_LINES = 1_000_000


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


@dataclass
class Cleaning:
    """Counts of pairs, and for each fault how many were left out for it."""
    read: int = 0
    kept: int = 0
    repaired: int = 0
    dropped: collections.Counter[str] = field(default_factory=collections.Counter)

    def __str__(self) -> str:
        faults = ", ".join(f"{count} {name}" for name, count in self.dropped.most_common())
        return (f"{self.read} pairs read, {self.kept} kept, {self.repaired} repaired; "
                f"left out: {faults or 'none'}")


def clean_pairs(rows: list[tuple[str, ...]], languages: tuple[str, str],
                options: Prepare) -> tuple[list[Pair], dict[str, Cleaning]]:
    """The pairs worth training on, and what happened to those of each origin."""
    seen: set[tuple[str, str]] = set()
    pairs: list[Pair] = []
    report: dict[str, Cleaning] = collections.defaultdict(Cleaning)
    for row in rows:
        source, target, origin = repaired(row[0]), repaired(row[1]), row[2]
        counts, weight = report[origin], weight_of(origin, options.weights)
        counts.read += 1
        why = "weight 0" if weight <= 0 else fault(source, target, languages, options)
        if why is None and (source, target) in seen:
            why = "seen before"
        if why:
            counts.dropped[why] += 1
            continue
        counts.kept += 1
        counts.repaired += target != " ".join(row[1].split())
        seen.add((source, target))
        pairs.append(Pair(source, target, weight, origin))
    return pairs, report


def read_pairs(corpus: pathlib.Path, languages: tuple[str, str], options: Prepare,
               report: dict[str, Cleaning] | None = None) -> list[Pair]:
    """The clean pairs of CORPUS.<language>.gz and their origins in CORPUS.src.gz."""
    rows = read_aligned([corpus.with_name(f"{corpus.name}.{kind}.gz")
                         for kind in (*languages, "src")])
    pairs, cleaning = clean_pairs(rows, languages, options)
    print(f"{corpus}: {len(rows)} pairs read, {len(pairs)} kept", flush=True)
    if not pairs:
        raise SystemExit(f"{corpus}: no pair is left to train on")
    if report is not None:
        report.update(cleaning)
    return pairs


def read_phrases(path: pathlib.Path, options: Prepare) -> list[Pair]:
    """The pairs of a phrase book: a line has a source, a tab and a target."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows, 1):
        if len(row) != 2 or not all(side.strip() for side in row):
            raise SystemExit(f"{path}:{number}: found {len(row)} columns, expected a source, "
                             "a tab and a target")
    return [Pair(*row, weight_of(PHRASES, options.weights), PHRASES) for row in rows]


def train_vocabulary(pairs: list[Pair], options: Prepare, path: pathlib.Path) -> None:
    """A joint BPE vocabulary over both languages, sources drawn by their weight."""
    rng = random.Random(options.seed)
    text = [line for pair in pairs if rng.random() < pair.weight
            for line in (pair.source, pair.target)]
    rng.shuffle(text)
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(text[:VOCABULARY_LINES]), model_prefix=str(path.with_suffix("")),
        vocab_size=options.vocab_size, model_type="bpe", byte_fallback=True,
        split_digits=True, normalization_rule_name="nmt_nfkc", character_coverage=0.9998,
        user_defined_symbols=options.marker_pieces, unk_id=UNK, bos_id=BOS, eos_id=EOS, pad_id=PAD, num_threads=2, minloglevel=1)
    path.with_suffix(".model").rename(path)
    path.with_suffix(".vocab").unlink()


def encode(pairs: list[Pair], processor: spm.SentencePieceProcessor) -> Corpus:
    return Corpus(Side.pack(processor.encode([pair.source for pair in pairs])),
                  Side.pack(processor.encode([pair.target for pair in pairs])))


def as_text(pairs: list[Pair]) -> TrainingText:
    origins = sorted({pair.origin for pair in pairs})
    numbers = {origin: number for number, origin in enumerate(origins)}
    return TrainingText(Lines.pack([pair.source for pair in pairs]),
                        Lines.pack([pair.target for pair in pairs]), origins,
                        np.array([numbers[pair.origin] for pair in pairs], np.uint16))


def write_report(report: dict[str, Cleaning], pairs: list[Pair], path: pathlib.Path) -> None:
    """For each origin: what was left out and why, and its share of an epoch's words."""
    words: dict[str, float] = collections.defaultdict(float)
    for pair in pairs:
        words[pair.origin] += pair.weight * len(pair.source.split())
    total = sum(words.values())
    lines = [f"{origin}: {100 * words[origin] / total:.2f} % of the words; {counts}\n"
             for origin, counts in sorted(report.items(), key=lambda row: -words[row[0]])]
    path.write_text("".join(lines), encoding="utf-8")
    print("".join(lines), flush=True)


def prepare(recipe: Recipe, data: pathlib.Path, out: pathlib.Path) -> None:
    options = recipe.prepare
    languages = recipe.source_language, recipe.target_language
    out.mkdir(parents=True, exist_ok=True)
    report: dict[str, Cleaning] = {}
    pairs = [pair for corpus in options.corpora
             for pair in read_pairs(data / corpus, languages, options, report)]
    if options.vocabulary:
        shutil.copyfile(options.vocabulary, out / "source.spm")
    else:
        train_vocabulary(pairs, options, out / "source.spm")
    for distilled in options.distilled:
        pairs += read_pairs(pathlib.Path(distilled), languages, options, report)
    if options.phrases:
        phrases = read_phrases(pathlib.Path(options.phrases), options)
        report[PHRASES] = Cleaning(read=len(phrases), kept=len(phrases))
        pairs += phrases
    write_report(report, pairs, out / "report.txt")
    processor = spm.SentencePieceProcessor(model_file=str(out / "source.spm"))
    for marker in options.marker_pieces:
        if processor.piece_to_id(marker) not in processor.encode(marker):
            raise SystemExit(f"{options.vocabulary}: found no marker {marker}, which prepare.markers "
                             "wants as a user-defined symbol")
    as_text(pairs).save(out / "train.npz")
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
