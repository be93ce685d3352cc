"""Scores with sacreBLEU: the server's translations, PyTorch's, a command's or a file's.

    python -m peregrine_training.score --data ../../shared/data --test en-de/tatoeba2020_test \\
        --model ../models/en-de-mdn [--beam 4] [--write translations.txt]
    ... --reference ../models/en-de-mdn
    ... --command '../build/release/bin/peregrine translate --single-sentence'
    ... --hypotheses translations.txt

A command reads one sentence a line and writes one translation a line.
"""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import time
from dataclasses import dataclass

import sacrebleu
import sentencepiece as spm

from .export import read_model
from .prepare import read_aligned
from .search import default_options, search
from .serving import BINARIES, Server, Translation

# Live hypotheses x source tokens decoded together.
BATCH_TOKENS = 8192


@dataclass
class Score:
    bleu: float
    chrf: float
    bleu_signature: str
    chrf_signature: str

    def __str__(self) -> str:
        return (f"BLEU {self.bleu:.2f}  {self.bleu_signature}\n"
                f"chrF {self.chrf:.2f}  {self.chrf_signature}")


def score(hypotheses: list[str], references: list[str]) -> Score:
    if len(hypotheses) != len(references):
        raise SystemExit(f"{len(hypotheses)} translations for {len(references)} references")
    bleu, chrf = sacrebleu.BLEU(), sacrebleu.CHRF()
    values = [metric.corpus_score(hypotheses, [references]).score for metric in (bleu, chrf)]
    return Score(*values, str(bleu.get_signature()), str(chrf.get_signature()))


def read_test(data: pathlib.Path, test: str,
              languages: tuple[str, str]) -> tuple[list[str], list[str]]:
    """The sources and the references of a test set."""
    pairs = read_aligned([data / f"{test}.{language}.gz" for language in languages])
    sources, references = zip(*pairs)
    return list(sources), list(references)


def score_served(server: Server, data: pathlib.Path, test: str, languages: tuple[str, str],
                 beam_size: int) -> tuple[list[Translation], Score]:
    """What a server answers to a test set, and its score."""
    lines, references = read_test(data, test, languages)
    answers = server.translate(lines, beam_size)
    return answers, score([answer.text for answer in answers], references)


def translate(directory: pathlib.Path, lines: list[str], beam_size: int) -> list[str]:
    """The reference's best hypotheses, in batches of like length."""
    config, model = read_model(directory)
    source, target = (spm.SentencePieceProcessor(model_file=str(directory / name))
                      for name in (config.tokenizer.source, config.tokenizer.target))
    limit = config.architecture.max_positions - config.architecture.position_offset
    suffix = config.tokens.source_suffix
    encoded = [ids[:limit - len(suffix)] + suffix for ids in source.encode(lines)]
    results = [""] * len(lines)
    for batch in batches([len(ids) for ids in encoded], beam_size):
        sources = [encoded[i] for i in batch]
        options = [default_options(config, len(ids), beam_size) for ids in sources]
        for i, ranked in zip(batch, search(model, config, sources, options)):
            results[i] = target.decode(ranked[0].tokens)
    return results


def batches(lengths: list[int], beam_size: int) -> list[list[int]]:
    """Indices of sentences, shortest first, BATCH_TOKENS together."""
    groups: list[list[int]] = [[]]
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if groups[-1] and (len(groups[-1]) + 1) * lengths[i] * beam_size > BATCH_TOKENS:
            groups.append([])
        groups[-1].append(i)
    return groups


def serve(directory: pathlib.Path, lines: list[str], beam_size: int,
          binaries: pathlib.Path = BINARIES) -> list[str]:
    """What Peregrine's server answers."""
    with Server(directory, binaries) as server:
        return [answer.text for answer in server.translate(lines, beam_size)]


def run_command(command: str, lines: list[str]) -> list[str]:
    done = subprocess.run(command, shell=True, input="".join(line + "\n" for line in lines),
                          capture_output=True, encoding="utf-8")
    if done.returncode:
        raise SystemExit(f"the command failed with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout.rstrip("\n").split("\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../../shared/data"))
    parser.add_argument("--test", required=True, help="a test set under --data, no ending")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="de")
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--write", type=pathlib.Path, help="keep the translations")
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--model", type=pathlib.Path, help="a model directory, served")
    way.add_argument("--reference", type=pathlib.Path, metavar="MODEL",
                     help="a model directory, in PyTorch")
    way.add_argument("--command")
    way.add_argument("--hypotheses", type=pathlib.Path)
    arguments = parser.parse_args()
    lines, references = read_test(arguments.data, arguments.test,
                                  (arguments.source, arguments.target))
    begin = time.monotonic()
    if arguments.model:
        hypotheses = serve(arguments.model, lines, arguments.beam)
    elif arguments.reference:
        hypotheses = translate(arguments.reference, lines, arguments.beam)
    elif arguments.command:
        hypotheses = run_command(arguments.command, lines)
    else:
        hypotheses = arguments.hypotheses.read_text(encoding="utf-8").rstrip("\n").split("\n")
    if arguments.write:
        arguments.write.write_text("".join(f"{line}\n" for line in hypotheses), encoding="utf-8")
    print(f"{arguments.test}, {len(lines)} sentences, {time.monotonic() - begin:.0f} s\n"
          f"{score(hypotheses, references)}", flush=True)


if __name__ == "__main__":
    main()
