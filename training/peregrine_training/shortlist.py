"""Makes the vocabulary shortlist of a model from a corpus of sentence pairs.

    python -m peregrine_training.shortlist ../models/en-de-mdn --data ../../shared/data \\
        --out /somewhere/shortlist.bin

IBM model 1 over the model's own pieces: expectation maximisation of the probability
that a source piece is translated by a target piece, without regard to order. The list of
a source piece are its most probable targets; the most frequent target pieces are in
every list. The file is specified in docs/model-format.md; "shortlist" in the model's
config.json names it. Needs two tables of source x target vocabulary floats: 0.5 GB for
8,000 pieces.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import random
import struct

import numpy as np
import sentencepiece as spm

from .prepare import read_aligned

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


def alignments(pairs: Pairs, target_vocab: int):
    """For chunks of sentences: every pair of positions as an index into the table of
    source x target pieces, and which target position it is of."""
    for begin in range(0, len(pairs), CHUNK_SENTENCES):
        cells, positions, position = [], [], 0
        for source, target in pairs[begin:begin + CHUNK_SENTENCES]:
            cells.append((source[:, None] * target_vocab + target).ravel())
            positions.append(np.tile(np.arange(position, position + len(target)),
                                     len(source)))
            position += len(target)
        yield np.concatenate(cells), np.concatenate(positions)


def translation_table(pairs: Pairs, source_vocab: int, target_vocab: int,
                      iterations: int) -> np.ndarray:
    """[source, target]: probabilities of a target piece given a source piece."""
    table = np.full((source_vocab, target_vocab), 1.0 / target_vocab, dtype=np.float32)
    for _ in range(iterations):
        counts = np.zeros(table.size, dtype=np.float32)
        flat = table.ravel()
        for cells, positions in alignments(pairs, target_vocab):
            share = flat[cells]
            share /= np.bincount(positions, weights=share)[positions]
            np.add.at(counts, cells, share)
        table = counts.reshape(table.shape)
        table /= np.maximum(table.sum(axis=1, keepdims=True), 1e-30)
    return table


def most_frequent(pairs: Pairs, target_vocab: int, count: int) -> np.ndarray:
    frequencies = np.bincount(np.concatenate([target for _, target in pairs]),
                              minlength=target_vocab)
    return np.argsort(-frequencies, kind="stable")[:count]


def lists_of(table: np.ndarray, per_source: int, least: float) -> list[np.ndarray]:
    """The most probable targets of each source piece, none below `least`."""
    lists = []
    for row in table:
        best = np.argpartition(-row, min(per_source, len(row) - 1))[:per_source]
        lists.append(np.sort(best[row[best] > least]))
    return lists


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("model", type=pathlib.Path, help="a model directory of Peregrine")
    parser.add_argument("--data", type=pathlib.Path, required=True,
                        help="folder with en-de/train.{en,de}.gz and the development sets")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument("--sentences", type=int, default=100000,
                        help="pairs drawn from the corpus")
    parser.add_argument("--iterations", type=int, default=4)
    parser.add_argument("--per-source", type=int, default=40,
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

    def read(name: str) -> list[tuple[str, ...]]:
        folder = args.data / "-".join(languages)
        return read_aligned([folder / f"{name}.{language}.gz" for language in languages])

    lines = read("train")
    random.Random(1).shuffle(lines)
    pairs = encode(lines[:args.sentences], source, target, max_pieces=100)
    table = translation_table(pairs, source.vocab_size(), target.vocab_size(),
                              args.iterations)
    always = most_frequent(pairs, target.vocab_size(), args.always)
    lists = lists_of(table, args.per_source, args.least)
    write(args.out, always, lists, target.vocab_size())
    for name in ("tatoeba2020_dev", "newstest2013"):
        print(name, report(encode(read(name), source, target, 1000), always, lists))


if __name__ == "__main__":
    main()
