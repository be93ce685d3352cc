"""Turns a checkpoint that is a PyTorch pickle into a Peregrine model directory.

    peregrine convert checkpoint_best.pt --source-vocabulary dict.en.txt \\
        --target-vocabulary dict.de.txt --codes bpe.codes --out models/en-de

Of fairseq, of the paper's own repository and of OpenNMT-py. Without vocabularies the
model takes and gives token ids. Code in a pickle is not run: what names a function is
refused.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

from . import requirements

if __name__ == "__main__" and requirements.missing():
    sys.exit(requirements.missing())

from . import checkpoint, directory, fairseq, opennmt
from .checkpoint import ConvertError


def main(command_line: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="peregrine convert", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the model directory")
    parser.add_argument("--source-vocabulary", type=pathlib.Path, help="dict.LANGUAGE.txt of "
                        "fairseq; OpenNMT-py has it inside the checkpoint")
    parser.add_argument("--target-vocabulary", type=pathlib.Path, help="likewise")
    parser.add_argument("--codes", type=pathlib.Path, help="BPE codes of subword-nmt, of both "
                        "sides; without any, tokens are what spaces separate")
    parser.add_argument("--source-codes", type=pathlib.Path, help="of the source alone")
    parser.add_argument("--target-codes", type=pathlib.Path, help="of the target alone")
    parser.add_argument("--name", help="of the model; default: of the directory")
    parser.add_argument("--source-language", help="a BCP 47 tag; default: the checkpoint's")
    parser.add_argument("--target-language", help="likewise")
    parser.add_argument("--markers", nargs="+", default=[], metavar="PIECE", help="pieces of both "
                        "vocabularies that the model was trained to copy, in place of addresses, "
                        "placeholders and the like")
    parser.add_argument("--beam-size", type=int, help="of translations by default")
    parser.add_argument("--length-penalty", type=float, help="likewise")
    arguments = parser.parse_args(command_line)
    if bool(arguments.source_vocabulary) != bool(arguments.target_vocabulary):
        parser.error("expected both --source-vocabulary and --target-vocabulary, or none")
    try:
        convert(arguments)
    except ConvertError as error:
        sys.exit(str(error))


def convert(arguments: argparse.Namespace) -> None:
    path = arguments.checkpoint
    loaded = checkpoint.load(path)
    for toolkit in (opennmt, fairseq):
        if toolkit.recognises(loaded):
            model = toolkit.convert(path, loaded, arguments.source_vocabulary,
                                    arguments.target_vocabulary)
            break
    else:
        raise ConvertError(f"{path}: found the parts {', '.join(map(str, sorted(loaded)[:8]))}, "
                           "expected a checkpoint of fairseq (model, args or cfg) or OpenNMT-py "
                           "(model, generator, vocab, opt)")
    model.source_language = arguments.source_language or model.source_language
    model.target_language = arguments.target_language or model.target_language
    model.markers = arguments.markers
    if arguments.beam_size:
        model.decoding["beam_size"] = arguments.beam_size
    if arguments.length_penalty is not None:
        model.decoding["length_penalty"] = arguments.length_penalty
    directory.write(model, arguments.out, arguments.name or arguments.out.resolve().name,
                    arguments.source_codes or arguments.codes,
                    arguments.target_codes or arguments.codes)


if __name__ == "__main__":
    main()
