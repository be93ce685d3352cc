"""One model started from another."""

from __future__ import annotations

import copy
import dataclasses
import pathlib

import pytest
import sentencepiece as spm
import torch

import small_corpus
from peregrine_training.export import write_model
from peregrine_training.initialise import inherit, revocabulated, write_initial
from peregrine_training.model import Transformer, initialise
from peregrine_training.prepare import prepare
from peregrine_training.recipe import Recipe
from peregrine_training.train import INITIAL, Trainer, load_weights, save_atomically

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"


def small(encoder_layers: int, decoder_layers: int, heads: int, ffn_dim: int) -> Recipe:
    recipe = Recipe.load(CONFIGS / "en-de-mdn.toml")
    recipe.prepare.vocab_size = 400
    recipe.prepare.development = ["en-de/plain_dev"]
    recipe.stages = []
    recipe.architecture |= {
        "encoder": {"num_layers": encoder_layers, "model_dim": 16, "ffn_dim": 24,
                    "num_heads": 2, "head_dim": 8},
        "decoder": {"num_layers": decoder_layers, "model_dim": 16, "ffn_dim": ffn_dim,
                    "num_heads": heads, "head_dim": 8},
        "output": "factorized", "output_rank": 8}
    return recipe


def prepared(where: pathlib.Path, vocab_size: int) -> pathlib.Path:
    """The small corpus as data of a run, with a vocabulary of that size."""
    recipe = small(1, 1, 1, 0)
    recipe.prepare = dataclasses.replace(
        recipe.prepare, corpora=["en-de/train"], vocab_size=vocab_size, distilled=[], phrases="",
        vocabulary="", development=["en-de/plain_dev"], weights={"home": 1, "work:": 1})
    small_corpus.write(where / "corpus")
    prepare(recipe, where / "corpus", where / f"data-{vocab_size}")
    return where / f"data-{vocab_size}"


def made(recipe: Recipe, seed: int) -> Transformer:
    torch.manual_seed(seed)
    model = Transformer(recipe.model_config().architecture)
    initialise(model)
    return model


@pytest.fixture
def baseline() -> dict[str, torch.Tensor]:
    return made(small(2, 2, 2, 24), seed=1).state_dict()


def test_a_mini_decoder_starts_as_in_the_paper(baseline):
    model = made(small(5, 1, 1, 0), seed=2)
    start = copy.deepcopy(model.state_dict())
    kept = inherit(model, baseline)
    ours = model.state_dict()
    for layer in range(5):
        for name in ("self_attention.query.weight", "ffn.outer.weight", "ffn.norm.bias"):
            assert torch.equal(ours[f"encoder.layers.{layer}.{name}"],
                               baseline[f"encoder.layers.{layer % 2}.{name}"])
    for attention in ("self_attention", "cross_attention"):
        prefix = f"decoder.layers.0.{attention}"
        for name in ("query", "key", "value"):
            for kind in ("weight", "bias"):
                assert torch.equal(ours[f"{prefix}.{name}.{kind}"],
                                   baseline[f"{prefix}.{name}.{kind}"][:8])
        assert torch.equal(ours[f"{prefix}.output.bias"], baseline[f"{prefix}.output.bias"])
        assert torch.equal(ours[f"{prefix}.norm.weight"], baseline[f"{prefix}.norm.weight"])
        assert torch.equal(ours[f"{prefix}.output.weight"], start[f"{prefix}.output.weight"])
    assert torch.equal(ours["encoder.embedding"], baseline["encoder.embedding"])
    assert sorted(kept) == [f"decoder.layers.0.{name}_attention.output.weight"
                            for name in ("cross", "self")]


def test_what_the_other_model_lacks_starts_at_random(baseline):
    model = made(small(2, 3, 4, 32), seed=2)
    kept = inherit(model, baseline)
    assert "decoder.layers.2.self_attention.query.weight" in kept
    assert "decoder.layers.2.ffn.inner.weight" in kept
    assert "decoder.layers.2.ffn.norm.weight" not in kept


def test_another_vocabulary_is_refused(baseline):
    recipe = small(2, 2, 2, 24)
    recipe.prepare.vocab_size = 401
    with pytest.raises(SystemExit, match=r"encoder.embedding: found \[400, 16\], "
                                         r"expected \[401, 16\]"):
        inherit(made(recipe, seed=2), baseline)


def test_a_run_starts_from_its_initial_weights_and_only_then(baseline, tmp_path):
    save_atomically({"model": baseline}, tmp_path / "average.pt")
    recipe = small(2, 2, 2, 24)
    write_initial(recipe, tmp_path / "average.pt", tmp_path / "run")
    trainer = Trainer(recipe, tmp_path / "run", prepared(tmp_path, 400))
    trainer.resume()
    for name, weight in trainer.model.state_dict().items():
        assert torch.equal(weight, baseline[name]), name
    trainer.checkpoint()
    with pytest.raises(SystemExit, match="holds checkpoints"):
        write_initial(recipe, tmp_path / "average.pt", tmp_path / "run")
    assert load_weights(tmp_path / "run" / INITIAL).keys() == baseline.keys()


def test_a_model_directory_is_as_good_as_a_checkpoint(
        baseline: dict[str, torch.Tensor], tmp_path: pathlib.Path) -> None:
    recipe = small(2, 2, 2, 24)
    write_model(tmp_path / "model", recipe.model_config(), baseline, torch.float16)
    assert write_initial(recipe, tmp_path / "model", tmp_path / "run") == []
    for name, values in load_weights(tmp_path / "run" / INITIAL).items():
        assert torch.equal(values, baseline[name].half().float()), name


def test_decoder_and_output_of_an_earlier_student(
        baseline: dict[str, torch.Tensor], tmp_path: pathlib.Path) -> None:
    recipe = small(2, 1, 1, 0)
    earlier = made(recipe, seed=2).state_dict()
    for name, weights in (("teacher", baseline), ("earlier", earlier)):
        save_atomically({"model": weights}, tmp_path / f"{name}.pt")
    kept = write_initial(recipe, tmp_path / "teacher.pt", tmp_path / "run",
                         tmp_path / "earlier.pt")
    assert kept == []
    for name, values in load_weights(tmp_path / "run" / INITIAL).items():
        expected = baseline if name.startswith("encoder.") else earlier
        assert torch.equal(values, expected[name]), name


def test_a_decoder_of_another_shape_is_refused(
        baseline: dict[str, torch.Tensor], tmp_path: pathlib.Path) -> None:
    save_atomically({"model": baseline}, tmp_path / "teacher.pt")
    with pytest.raises(SystemExit, match="of --decoder: found .* expected"):
        write_initial(small(2, 1, 1, 0), tmp_path / "teacher.pt", tmp_path / "run",
                      tmp_path / "teacher.pt")


def test_another_vocabulary_gets_the_rows_of_its_pieces(
        baseline: dict[str, torch.Tensor], tmp_path: pathlib.Path) -> None:
    old, new = (prepared(tmp_path, size) / "source.spm" for size in (400, 450))
    theirs, ours = (spm.SentencePieceProcessor(model_file=str(path)) for path in (old, new))
    moved = revocabulated(baseline, new, old)
    rows = baseline["encoder.embedding"]
    shared = new_pieces = 0
    for i in range(ours.get_piece_size()):
        piece = ours.id_to_piece(i)
        if theirs.id_to_piece(theirs.piece_to_id(piece)) == piece:
            expected = rows[theirs.piece_to_id(piece)]
            shared += 1
        elif piece.startswith("\u2581") and len(piece) > 1:
            expected = rows[theirs.encode(piece[1:])].mean(0)
            new_pieces += 1
        else:
            continue
        torch.testing.assert_close(moved["encoder.embedding"][i], expected)
    assert shared > 350 and new_pieces > 10
    assert moved["output.weight"].shape == (450, 8)
    for name, tensor in baseline.items():
        if "embedding" not in name and name != "output.weight":
            assert moved[name] is tensor
    recipe = small(2, 2, 2, 24)
    recipe.prepare.vocab_size = 450
    save_atomically({"model": baseline}, tmp_path / "average.pt")
    assert write_initial(recipe, tmp_path / "average.pt", tmp_path / "run",
                         vocabularies=(new, old)) == []
