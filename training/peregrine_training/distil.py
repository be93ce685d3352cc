"""Lets a teacher translate the training sources through Peregrine's server.

    python -m peregrine_training.distil configs/en-de-teacher.toml \\
        --teacher runs/en-de-teacher/model --data ../../shared/data

Writes runs/<name>/distilled.{en,de,src}.gz, a corpus like the original: the recipe of a
student names it under [prepare] as `distilled`. Translations that the server warns of (a
loop, a truncation) are left out. An interrupted run goes on after its last whole shard.

With `--closest`, of the hypotheses of the beam not the likeliest is taken but the one
nearest to the corpus's own translation by sentence BLEU (sequence-level interpolation, Kim
and Rush, "Sequence-Level Knowledge Distillation", 2016, section 3.3).

`--min-length 0.95` leaves out what is shorter than that share of the corpus's translation:
a small decoder drops words, and taught by its own hypotheses it drops ever more.

`--origins tatoeba_ende europarl20k` takes only the pairs of these origins: the others'
translations may be too poor to be near to.
"""

from __future__ import annotations

import argparse
import gzip
import os
import pathlib
import random
import time
from dataclasses import dataclass

import sacrebleu

from .prepare import Pair, read_pairs
from .recipe import Recipe
from .serving import BINARIES, Server

SHARD_LINES = 10_000


@dataclass(frozen=True)
class Choice:
    """Which translation of a sentence is taken."""

    beam_size: int = 4
    closest: bool = False    # to the corpus's own; or the likeliest
    min_length: float = 0.0  # in lengths of the corpus's own, by characters


def write_lines(path: pathlib.Path, lines: list[str]) -> None:
    """A gzipped file that is there whole or not at all."""
    temporary = path.with_suffix(".tmp")
    with gzip.open(temporary, "wt", encoding="utf-8", newline="\n") as file:
        file.write("".join(f"{line}\n" for line in lines))
    os.replace(temporary, path)


def of_origins(pairs: list[Pair], origins: list[str]) -> list[Pair]:
    """The pairs whose origin begins with one of these; each must be that of a pair."""
    for origin in origins:
        if not any(pair.origin.startswith(origin) for pair in pairs):
            found = ", ".join(sorted({pair.origin for pair in pairs}))
            raise SystemExit(f"--origins: no pair is of {origin!r}; the corpus has {found}")
    return [pair for pair in pairs if pair.origin.startswith(tuple(origins))]


def closest(hypotheses: list[str], reference: str) -> str:
    """The one of the highest sentence BLEU; of equals, the first."""
    bleu = sacrebleu.BLEU(effective_order=True)
    return max(hypotheses, key=lambda text: bleu.sentence_score(text, [reference]).score)


def translate_shard(server: Server, pairs: list[Pair], choice: Choice) -> list[str]:
    """`source TAB target TAB origin` of every pair that went well.

    To the origin is added how the target was made: a recipe may weigh it by that.
    """
    answers = server.translate([pair.source for pair in pairs], choice.beam_size,
                               num_hypotheses=choice.beam_size if choice.closest else 1)
    rows, kind = [], "closest" if choice.closest else "distilled"
    for pair, answer in zip(pairs, answers):
        if not answer.text or answer.flags:
            continue
        text = answer.text
        if choice.closest:
            text = closest([text, *answer.alternatives], pair.target)
        if len(text) < choice.min_length * len(pair.target):
            continue
        rows.append(f"{pair.source}\t{text}\t{pair.origin}.{kind}")
    return rows


def distil(recipe: Recipe, pairs: list[Pair], teacher: pathlib.Path, out: pathlib.Path,
           binaries: pathlib.Path, choice: Choice = Choice(),
           precision: str = "float32") -> None:
    """`out`: the path of the corpus without `.en.gz` and the like."""
    shards = out.with_name(f"{out.name}.shards")
    shards.mkdir(parents=True, exist_ok=True)
    rows: list[list[str]] = []
    with Server(teacher, binaries, precision) as server:
        for begin in range(0, len(pairs), SHARD_LINES):
            path = shards / f"{begin:08d}.gz"
            if not path.exists():
                started = time.monotonic()
                shard = pairs[begin:begin + SHARD_LINES]
                write_lines(path, translate_shard(server, shard, choice))
                print(f"{begin + len(shard)} of {len(pairs)} sentences, "
                      f"{len(shard) / (time.monotonic() - started):.0f} a second", flush=True)
            with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
                rows += [line.rstrip("\n").split("\t") for line in file]
    if not rows:
        raise SystemExit(f"{teacher} gave no translation that is long enough and without a "
                         "warning: is it trained?")
    kinds = recipe.source_language, recipe.target_language, "src"
    for kind, column in zip(kinds, zip(*rows)):
        write_lines(out.with_name(f"{out.name}.{kind}.gz"), list(column))
    print(f"{len(rows)} pairs written, {len(pairs) - len(rows)} left out")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=pathlib.Path, help="of the teacher")
    parser.add_argument("--teacher", type=pathlib.Path, required=True, help="model directory")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../../shared/data"))
    parser.add_argument("--out", type=pathlib.Path, help="default: runs/<name>/distilled")
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--closest", action="store_true",
                        help="of the beam, the hypothesis nearest to the reference")
    parser.add_argument("--min-length", type=float, default=0.0, metavar="SHARE",
                        help="of the reference's characters, at least (default: any)")
    parser.add_argument("--origins", nargs="+", metavar="PREFIX",
                        help="only pairs whose origin begins so (default: all)")
    parser.add_argument("--sentences", type=int, help="so many of the pairs, drawn at random")
    parser.add_argument("--precision", default="float32",
                        help="of the server; int8 is three times as fast")
    parser.add_argument("--binaries", type=pathlib.Path, default=BINARIES)
    arguments = parser.parse_args()
    recipe = Recipe.load(arguments.recipe)
    languages = recipe.source_language, recipe.target_language
    pairs = [pair for corpus in recipe.prepare.corpora
             for pair in read_pairs(arguments.data / corpus, languages, recipe.prepare)]
    if arguments.origins:
        pairs = of_origins(pairs, arguments.origins)
    if arguments.sentences and arguments.sentences < len(pairs):
        pairs = random.Random(recipe.prepare.seed).sample(pairs, arguments.sentences)
    out = arguments.out or pathlib.Path("runs") / recipe.name / "distilled"
    distil(recipe, pairs, arguments.teacher, out, arguments.binaries,
           Choice(arguments.beam, arguments.closest, arguments.min_length),
           arguments.precision)


if __name__ == "__main__":
    main()
