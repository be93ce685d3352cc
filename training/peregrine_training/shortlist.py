"""Makes the vocabulary shortlist of a model from corpora of sentence pairs.

    python -m peregrine_training.shortlist ../models/en-de-mdn --data ../../shared/data \\
        --out /somewhere/shortlist.bin

IBM model 1 over the model's own pieces: expectation maximisation of the probability
that a source piece is translated by a target piece, without regard to order. The list of
a source piece are its most probable targets, and itself where the target vocabulary has
it: names and numbers are copied. The most frequent target pieces are in every list.

What a list lacks the model cannot say, so the lists are as good as the corpora are
broad. A dictionary is worth more than its size: its entries are short, so that each
costs next to nothing and says exactly what belongs together.

The file is specified in docs/model-format.md; "shortlist" in the model's config.json
names it. Memory: about 30 bytes for each pair of a source and a target position.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import random
import struct
from typing import NamedTuple

import numpy as np
import sentencepiece as spm

from .prepare import read_aligned, read_lines

MAGIC = b"PRGSHORT"
CHUNK_SENTENCES = 500
Pairs = list[tuple[np.ndarray, np.ndarray]]  # source and target ids of a sentence


def encode(lines: list[tuple[str, ...]], source: spm.SentencePieceProcessor,
           target: spm.SentencePieceProcessor, max_pieces: int) -> Pairs:
    pairs = []
    for source_text, target_text in lines:
        pair = (np.array(source.encode(source_text), dtype=np.int64),
                np.array(target.encode(target_text), dtype=np.int64))
        if all(0 < len(side) <= max_pieces for side in pair):
            pairs.append(pair)
    return pairs


class Table(NamedTuple):
    """Probabilities of a target piece given a source piece, of the pairs that a sentence
    pair has; by source, then by target."""
    sources: np.ndarray
    targets: np.ndarray
    probabilities: np.ndarray


def alignments(pairs: Pairs, target_vocab: int):
    """For chunks of sentences: every pair of positions as source piece * target_vocab +
    target piece, and which target position it is of."""
    for begin in range(0, len(pairs), CHUNK_SENTENCES):
        cells, positions, position = [], [], 0
        for source, target in pairs[begin:begin + CHUNK_SENTENCES]:
            cells.append((source[:, None] * target_vocab + target).ravel())
            positions.append(np.tile(np.arange(position, position + len(target),
                                               dtype=np.int32), len(source)))
            position += len(target)
        yield np.concatenate(cells), np.concatenate(positions)


def translation_table(pairs: Pairs, target_vocab: int, iterations: int) -> Table:
    # Only what occurs is kept, by a number of its own: few of all pairs of pieces do.
    known = np.unique(np.concatenate(
        [np.unique(cells) for cells, _ in alignments(pairs, target_vocab)]))
    chunks = [(np.searchsorted(known, cells).astype(np.int32), positions)
              for cells, positions in alignments(pairs, target_vocab)]
    sources, targets = np.divmod(known, target_vocab)
    table = np.ones(len(known), dtype=np.float32)
    for _ in range(iterations):
        counts = np.zeros(len(known))
        for numbers, positions in chunks:
            share = table[numbers]
            share /= np.bincount(positions, weights=share)[positions]
            np.add.at(counts, numbers, share)
        totals = np.bincount(sources, weights=counts)
        table = (counts / np.maximum(totals[sources], 1e-30)).astype(np.float32)
    return Table(sources, targets, table)


def most_frequent(pairs: Pairs, target_vocab: int, count: int) -> np.ndarray:
    frequencies = np.bincount(np.concatenate([target for _, target in pairs]),
                              minlength=target_vocab)
    return np.argsort(-frequencies, kind="stable")[:count]


def lists_of(table: Table, copies: np.ndarray, per_source: int,
             least: float) -> list[np.ndarray]:
    """The most probable targets of each source piece, none below `least`, and its copy:
    the same piece of the target vocabulary, or -1."""
    ends = np.searchsorted(table.sources, np.arange(len(copies) + 1))
    lists = []
    for copy, begin, end in zip(copies, ends, ends[1:]):
        probabilities = table.probabilities[begin:end]
        best = np.argsort(-probabilities, kind="stable")[:per_source]
        best = best[probabilities[best] > least]
        lists.append(np.union1d(table.targets[begin:end][best], copy[copy >= 0]))
    return lists


def copies_of(source: spm.SentencePieceProcessor,
              target: spm.SentencePieceProcessor) -> np.ndarray:
    """Of each source piece the target piece of the same spelling, or -1."""
    known = {target.id_to_piece(piece): piece for piece in range(target.vocab_size())}
    return np.array([known.get(source.id_to_piece(piece), -1)
                     for piece in range(source.vocab_size())])


def write(path: pathlib.Path, always: np.ndarray, lists: list[np.ndarray],
          target_vocab: int) -> None:
    offsets = np.concatenate([[0], np.cumsum([len(targets) for targets in lists])])
    with path.open("wb") as file:
        file.write(MAGIC + struct.pack("<6I", 1, len(lists), target_vocab, len(always),
                                       offsets[-1], 0))
        for values in (always, offsets, *lists):
            file.write(np.asarray(values).astype("<i4").tobytes())


def report(pairs: Pairs, always: np.ndarray, lists: list[np.ndarray]) -> str:
    """How long the lists of whole sentences are, and how much of the references they
    hold."""
    sizes, held, total = [], 0, 0
    for source, target in pairs:
        allowed = np.unique(np.concatenate([always, *(lists[piece] for piece in source)]))
        sizes.append(len(allowed))
        held += np.isin(target, allowed).sum()
        total += len(target)
    return (f"{len(pairs)} sentences: {np.mean(sizes):.0f} target pieces on average, "
            f"{np.max(sizes)} at most; {held / total:.2%} of the references' pieces")


def lines_of(corpus: str, read, folder: pathlib.Path) -> list[tuple[str, ...]]:
    """The pairs of NAME or NAME:ORIGIN."""
    name, _, origin = corpus.partition(":")
    lines = read(name)
    if not origin:
        return lines
    origins = read_lines(folder / f"{name}.src.gz")
    if len(origins) != len(lines):
        raise SystemExit(f"{name}.src.gz has {len(origins)} lines, expected {len(lines)}")
    chosen = [line for line, found in zip(lines, origins) if found.startswith(origin)]
    if not chosen:
        raise SystemExit(f"{name}.src.gz: found no origin {origin!r}")
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("model", type=pathlib.Path, help="a model directory of Peregrine")
    parser.add_argument("--data", type=pathlib.Path, required=True,
                        help="folder with en-de/train.{en,de}.gz and the development sets")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--corpus", action="append",
                        help="a corpus of the folder of the languages, by default train; "
                             "NAME:ORIGIN takes the lines whose origin begins so; may be "
                             "repeated")
    parser.add_argument("--sentences", type=int, default=200000,
                        help="pairs drawn from each corpus, at most")
    parser.add_argument("--max-pieces", type=int, default=40,
                        help="of a side of a pair; long ones cost most and tell least")
    parser.add_argument("--iterations", type=int, default=4)
    parser.add_argument("--per-source", type=int, default=100,
                        help="targets of a source piece, at most")
    parser.add_argument("--least", type=float, default=1e-4,
                        help="probability below which a target is left out")
    parser.add_argument("--always", type=int, default=300, help="targets of every list")
    args = parser.parse_args()

    config = json.loads((args.model / "config.json").read_text(encoding="utf-8"))
    source = spm.SentencePieceProcessor(
        model_file=str(args.model / config["tokenizer"]["source"]))
    target = spm.SentencePieceProcessor(
        model_file=str(args.model / config["tokenizer"]["target"]))
    languages = [config["source_language"], config["target_language"]]

    folder = args.data / "-".join(languages)

    def read(name: str) -> list[tuple[str, ...]]:
        return read_aligned([folder / f"{name}.{language}.gz" for language in languages])

    pairs: Pairs = []
    for corpus in args.corpus or ["train"]:
        lines = lines_of(corpus, read, folder)
        random.Random(1).shuffle(lines)
        pairs += encode(lines[:args.sentences], source, target, args.max_pieces)
    table = translation_table(pairs, target.vocab_size(), args.iterations)
    always = most_frequent(pairs, target.vocab_size(), args.always)
    lists = lists_of(table, copies_of(source, target), args.per_source, args.least)
    write(args.out, always, lists, target.vocab_size())
    for name in ("tatoeba2020_dev", "newstest2013"):
        print(name, report(encode(read(name), source, target, 1000), always, lists))


if __name__ == "__main__":
    main()
