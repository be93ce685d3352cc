"""Starts a run from another model's weights, as the paper starts its MDN.

    python -m peregrine_training.initialise configs/en-de-mdn.toml runs/en-de-base/average.pt

Layer n starts as layer n mod L of the other model, which has L of them. Where this
model's attention has fewer heads, it takes the first ones' queries, keys and values;
its output matrix, like everything else of another shape, starts at random. With
`--decoder`, decoder and output start as those of a third model, which has the same: an
earlier student, whose encoder the teacher was grown from, so that they still understand
each other. With `--vocabularies`, a piece that both have keeps its embedding and its row of
the output; a new one gets the mean over the pieces that the old vocabulary writes it with.
"""

from __future__ import annotations

import argparse
import pathlib
import re

import sentencepiece as spm
import torch
from torch import Tensor

from .model import Transformer, initialise
from .recipe import UNK, Recipe
from .train import INITIAL, checkpoints, load_weights, save_atomically

_LAYER = re.compile(r"(encoder|decoder)\.layers\.(\d+)\.")
_OF_PIECES = re.compile(r"(en|de)coder\.embedding|output\.(weight|bias)")  # with a row for each piece
_SPACE = "\u2581"  # as SentencePiece writes it in its pieces
_PROJECTION = re.compile(r"attention\.(query|key|value)\.")


def layers(weights: dict[str, Tensor], stack: str) -> int:
    """How many layers a stack has."""
    found = [int(match[2]) for match in map(_LAYER.match, weights) if match
             and match[1] == stack]
    return max(found) + 1 if found else 0


def counterpart(name: str, source: dict[str, Tensor]) -> str:
    """The name that a parameter has in the other model."""
    match = _LAYER.match(name)
    if not match:
        return name
    stack, layer = match[1], int(match[2])
    return f"{stack}.layers.{layer % layers(source, stack)}.{name[match.end():]}"


def fitted(name: str, theirs: Tensor, ours: Tensor) -> Tensor | None:
    """Their values in our shape, or none where that shape has no place for them."""
    if theirs.shape == ours.shape:
        return theirs
    same_input = theirs.shape[1:] == ours.shape[1:]
    if _PROJECTION.search(name) and same_input and len(theirs) > len(ours):
        return theirs[:len(ours)]
    return None


def inherit(model: Transformer, source: dict[str, Tensor]) -> list[str]:
    """Copies into `model` what fits; returns the names that keep their random start."""
    kept = []
    for name, parameter in model.named_parameters():
        theirs = source.get(counterpart(name, source))
        values = None if theirs is None else fitted(name, theirs, parameter)
        if values is not None:
            parameter.data.copy_(values)
        elif name.endswith("embedding"):
            found = "nothing" if theirs is None else list(theirs.shape)
            raise SystemExit(f"{name}: found {found}, expected {list(parameter.shape)}; "
                             "the two models need one vocabulary and one model_dim")
        else:
            kept.append(name)
    return kept


def of_pieces(ours: spm.SentencePieceProcessor, theirs: spm.SentencePieceProcessor,
              rows: Tensor) -> Tensor:
    """Rows [their pieces, width] for our pieces: the same piece's, or the mean over the
    pieces that theirs writes it with."""
    ids = {theirs.id_to_piece(i): i for i in range(theirs.get_piece_size())}
    values = torch.empty(ours.get_piece_size(), rows.shape[1])
    for i in range(len(values)):
        piece = ours.id_to_piece(i)
        values[i] = rows[[ids[piece]] if piece in ids else written_with(theirs, piece)].mean(0)
    return values


def written_with(vocabulary: spm.SentencePieceProcessor, piece: str) -> list[int]:
    """The ids of a piece's text: with its space before it, or without any."""
    if piece.startswith(_SPACE):
        return vocabulary.encode(piece.removeprefix(_SPACE)) or [UNK]
    ids = vocabulary.encode(f"0{piece}")  # digits stand alone, so 0 takes the leading space
    return ids[len(vocabulary.encode("0")):] or [UNK]


def revocabulated(weights: dict[str, Tensor], ours: pathlib.Path,
                  theirs: pathlib.Path) -> dict[str, Tensor]:
    """The weights of a model as if it had our vocabulary."""
    pieces = [spm.SentencePieceProcessor(model_file=str(path)) for path in (ours, theirs)]
    return {name: of_pieces(pieces[0], pieces[1], tensor)
            if len(tensor) == pieces[1].get_piece_size() and _OF_PIECES.fullmatch(name) else tensor
            for name, tensor in weights.items()}


def take_decoder(model: Transformer, source: dict[str, Tensor]) -> None:
    """Copies decoder and output, all of which must fit."""
    for name, parameter in model.named_parameters():
        if not name.startswith("encoder."):
            found = list(source[name].shape) if name in source else "nothing"
            if found != list(parameter.shape):
                raise SystemExit(f"{name} of --decoder: found {found}, "
                                 f"expected {list(parameter.shape)}")
            parameter.data.copy_(source[name])


def write_initial(recipe: Recipe, source: pathlib.Path, run: pathlib.Path,
                  decoder: pathlib.Path | None = None,
                  vocabularies: tuple[pathlib.Path, pathlib.Path] | None = None) -> list[str]:
    """Writes a run's first weights; returns the names that keep their random start.

    `vocabularies`: this model's and the other's, where they differ.
    """
    if checkpoints(run):
        raise SystemExit(f"{run} holds checkpoints of a run that has begun")
    torch.manual_seed(recipe.train.seed)
    model = Transformer(recipe.model_config().architecture)
    initialise(model)
    weights = load_weights(source)
    if vocabularies:
        weights = revocabulated(weights, *vocabularies)
    kept = inherit(model, weights)
    if decoder:
        take_decoder(model, load_weights(decoder))
        kept = [name for name in kept if name.startswith("encoder.")]
    run.mkdir(parents=True, exist_ok=True)
    save_atomically({"model": model.state_dict()}, run / INITIAL)
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=pathlib.Path)
    parser.add_argument("source", type=pathlib.Path,
                        help="a checkpoint, an average or a model directory")
    parser.add_argument("--decoder", type=pathlib.Path,
                        help="the same, of this very decoder and output")
    parser.add_argument("--run", type=pathlib.Path, help="default: runs/<name>")
    parser.add_argument("--vocabularies", type=pathlib.Path, nargs=2, metavar=("OURS", "THEIRS"),
                        help="SentencePiece models, where this model's is not the other's")
    arguments = parser.parse_args()
    recipe = Recipe.load(arguments.recipe)
    run = arguments.run or pathlib.Path("runs") / recipe.name
    kept = write_initial(recipe, arguments.source, run, arguments.decoder,
                         arguments.vocabularies)
    print("at random: " + (", ".join(kept) or "nothing"))


if __name__ == "__main__":
    main()
