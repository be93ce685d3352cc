"""Preparing, training, resuming and exporting, on a made-up language."""

from __future__ import annotations

import dataclasses
import gzip
import pathlib
import resource
import signal

import numpy as np
import pytest
import torch

from peregrine_training import prepare as prepare_module
from peregrine_training.average import average, mean_with
from peregrine_training.data import Corpus, Side, all_batches, epoch_batches
from peregrine_training.export import read_model, write_model
from peregrine_training.loss import cross_entropy
from peregrine_training.recipe import PAD, Recipe
from peregrine_training.train import Trainer, checkpoints, load_weights

RECIPE = pathlib.Path(__file__).parents[1] / "configs" / "en-de-mdn.toml"


def write_corpus(directory: pathlib.Path, **columns: list[str]) -> None:
    for kind, lines in columns.items():
        with gzip.open(directory / f"train.{kind}.gz", "wt", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))


def random_corpus(pairs: int, vocabulary: int) -> Corpus:
    random = np.random.default_rng(0)
    sentences = [random.integers(4, vocabulary, random.integers(2, 9)).tolist()
                 for _ in range(pairs)]
    return Corpus(Side.pack(sentences), Side.pack([line[::-1] for line in sentences]),
                  np.linspace(0.2, 1.8, pairs).astype(np.float32))


@pytest.fixture
def recipe() -> Recipe:
    recipe = Recipe.load(RECIPE)
    recipe.prepare.vocab_size = 50
    recipe.architecture |= {
        "encoder": {"num_layers": 2, "model_dim": 16, "ffn_dim": 32, "num_heads": 2,
                    "head_dim": 8},
        "decoder": {"num_layers": 1, "model_dim": 16, "ffn_dim": 0, "num_heads": 1,
                    "head_dim": 8},
        "output_rank": 8}
    recipe.train = dataclasses.replace(
        recipe.train, batch_tokens=64, max_updates=24, warmup_updates=4,
        report_updates=1000, evaluate_updates=1000)
    return recipe


@pytest.fixture
def data(tmp_path: pathlib.Path, recipe: Recipe) -> pathlib.Path:
    random_corpus(60, 50).save(tmp_path / "train.npz")
    random_corpus(10, 50).save(tmp_path / "tatoeba2020_dev.npz")
    return tmp_path


def test_resumed_run_equals_uninterrupted_one(recipe, data, tmp_path):
    whole = Trainer(recipe, tmp_path / "whole", data)
    whole.train()
    half = Trainer(recipe, tmp_path / "half", data)
    half.finished = lambda: half.position.update == 10
    half.train()
    resumed = Trainer(recipe, tmp_path / "half", data)
    resumed.resume()
    assert resumed.position.update == 10
    resumed.train()
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, resumed.model.state_dict()[name]), name


def test_interrupted_save_leaves_the_last_checkpoint(recipe, data, tmp_path, monkeypatch):
    trainer = Trainer(recipe, tmp_path / "run", data)
    trainer.checkpoint()

    def fail(state, path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    trainer.position.update = 5
    with pytest.raises(SystemExit, match="0000005.pt could not be written: disk full"):
        trainer.checkpoint()
    assert not list((tmp_path / "run").glob("*.tmp"))
    assert [path.name for path in checkpoints(tmp_path / "run")] == ["checkpoint-0000000.pt"]


def test_full_disk_leaves_the_last_checkpoint(recipe, data, tmp_path):
    trainer = Trainer(recipe, tmp_path / "run", data)
    trainer.checkpoint()
    trainer.position.update = 5
    size = checkpoints(tmp_path / "run")[0].stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, before[1]))
    try:
        with pytest.raises(SystemExit, match="0000005.pt could not be written"):
            trainer.checkpoint()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["checkpoint-0000000.pt"]


def test_checkpoint_of_another_architecture_is_refused(recipe, data, tmp_path):
    Trainer(recipe, tmp_path / "run", data).checkpoint()
    recipe.architecture["output_rank"] = 12
    other = Trainer(recipe, tmp_path / "run", data)
    with pytest.raises(SystemExit, match=r"another architecture: output.factor.weight: "
                                         r"found \[8, 16\], expected \[12, 16\]"):
        other.resume()


def test_training_lowers_the_loss(recipe, data, tmp_path):
    recipe.train.max_updates = 80
    trainer = Trainer(recipe, tmp_path / "run", data)
    before = trainer.evaluate()
    trainer.train()
    assert trainer.evaluate() < before - 0.1


def test_average_is_the_mean(tmp_path):
    for i, value in enumerate((1.0, 2.0, 6.0)):
        torch.save({"model": {"w": torch.tensor([value])}}, tmp_path / f"{i}.pt")
    assert average(sorted(tmp_path.glob("*.pt")))["w"].item() == 3.0


def test_what_holds_no_weights_is_refused_by_name(tmp_path):
    (tmp_path / "text.pt").write_text("no checkpoint")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"xx")
    torch.save({"weights": {}}, tmp_path / "other.pt")
    for name in ("text.pt", "broken", "other.pt"):
        with pytest.raises(SystemExit, match=f"{name}: found no weights; expected a checkpoint"):
            load_weights(tmp_path / name)
    for name in ("missing.pt", "."):
        with pytest.raises(SystemExit, match="cannot be read as weights: .*No such file"):
            load_weights(tmp_path / name)


def test_mean_with_another_model_refuses_other_architectures(tmp_path):
    weights, path = {"w": torch.zeros(2)}, tmp_path / "other.pt"
    torch.save({"model": {"w": torch.full((2,), 3.0)}}, path)
    assert mean_with(weights, path)["w"].tolist() == [1.5, 1.5]
    torch.save({"model": {"w": torch.zeros(2), "bias": torch.zeros(2)}}, path)
    with pytest.raises(SystemExit, match=r"other\.pt belongs to another architecture: "
                                         r"bias: found \[2\], expected nothing"):
        mean_with(weights, path)
    torch.save({"model": {"w": torch.zeros(3)}}, path)
    with pytest.raises(SystemExit, match=r"w: found \[3\], expected \[2\]"):
        mean_with(weights, path)


def test_export_round_trip(recipe, data, tmp_path):
    trainer = Trainer(recipe, tmp_path / "run", data)
    vocabulary = tmp_path / "any.spm"
    vocabulary.write_bytes(b"pieces")
    out = tmp_path / "models" / "made-up"
    write_model(out, recipe.model_config(), trainer.model.state_dict(), torch.float16,
                vocabulary)
    config, model = read_model(out)
    assert config == recipe.model_config()
    assert sorted(path.name for path in out.iterdir()) == [
        "config.json", "model.safetensors", "source.spm"]
    assert [path.name for path in out.parent.iterdir()] == ["made-up"]
    for name, weight in trainer.model.state_dict().items():
        assert torch.equal(weight.half().float(), model.state_dict()[name]), name


def test_misaligned_corpus_is_refused(tmp_path):
    write_corpus(tmp_path, en=["a", "b"], de=["a"], src=["x", "x"])
    with pytest.raises(SystemExit, match="train.en.gz has 2 lines, train.de.gz has 1 lines"):
        prepare_module.read_aligned([tmp_path / f"train.{k}.gz" for k in ("en", "de", "src")])


def test_unknown_origin_is_refused(recipe):
    with pytest.raises(SystemExit, match="'elsewhere'"):
        prepare_module.weight_of("elsewhere", recipe.prepare.weights)


def test_weights_go_by_the_longest_prefix():
    weights = {"docs:": 0.5, "docs:good": 0.9, "machine_translated": 0.1}
    assert prepare_module.weight_of("docs:other.MIT", weights) == 0.5
    assert prepare_module.weight_of("docs:good.MIT", weights) == 0.9
    assert prepare_module.weight_of("docs:good.MIT.mt", weights) == 0.1


@pytest.mark.parametrize("source, target, kept", [
    ("A short line.", "Eine kurze Zeile.", True),
    ("Left as it was.", "Left as it was.", False),
    ("123 / 456", "123 / 456.", False),
    ("Yes.", "Ja, aber nur wenn alle anderen auch einverstanden sind.", False),
    ("", "Nichts.", False)])
def test_cleaning(recipe, source, target, kept):
    assert prepare_module.is_clean(source, target, recipe.prepare) == kept


def test_nothing_left_is_refused(recipe, tmp_path):
    write_corpus(tmp_path, en=["1"], de=["2"], src=["tatoeba_ende"])
    with pytest.raises(SystemExit, match="train: no pair is left"):
        prepare_module.read_pairs(tmp_path / "train", ("en", "de"), recipe.prepare)


def test_joined_pairs_are_pairs_of_pairs(recipe):
    pairs = [prepare_module.Pair(f"a{i}", f"b{i}", weight)
             for i, weight in enumerate((2.0, 0.0, 18.0))]
    recipe.prepare.joined_share = 0.5
    joined = prepare_module.join_pairs(pairs, recipe.prepare)
    assert len(joined) == 10
    for pair in joined:
        assert pair.source.replace("a", "b") == pair.target
        assert set(pair.source.split()) <= {"a0", "a2"} and len(pair.source.split()) == 2


def test_batches_hold_every_pair_within_the_budget():
    corpus = random_corpus(200, 50)
    for batch in all_batches(corpus, 64):
        assert batch.source.shape[0] == 1 or max(
            batch.source.numel(), batch.target_out.numel()) <= 64
    assert sum(len(batch.source) for batch in all_batches(corpus, 64)) == 200


def test_epochs_follow_the_weights_and_the_seed():
    corpus = random_corpus(2000, 50)
    first = np.concatenate(epoch_batches(corpus, 64, seed=1, epoch=0))
    again = np.concatenate(epoch_batches(corpus, 64, seed=1, epoch=0))
    other = np.concatenate(epoch_batches(corpus, 64, seed=1, epoch=1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first[:50], other[:50])
    assert abs(len(first) - corpus.weights.sum()) < 100


@pytest.mark.parametrize("with_bias", [False, True])
def test_chunked_loss_equals_the_plain_one(with_bias):
    torch.manual_seed(0)
    features = torch.randn(300, 8, requires_grad=True)
    matrix = torch.randn(20, 8, requires_grad=True)
    bias = torch.randn(20, requires_grad=True) if with_bias else None
    targets = torch.randint(0, 20, (300,))
    inputs = [t for t in (features, matrix, bias) if t is not None]
    ours = cross_entropy(features, matrix, bias, targets, 0.1)
    plain = torch.nn.functional.cross_entropy(
        torch.nn.functional.linear(features, matrix, bias), targets, label_smoothing=0.1,
        reduction="sum")
    torch.testing.assert_close(ours, plain)
    for mine, theirs in zip(torch.autograd.grad(ours, inputs), torch.autograd.grad(plain, inputs)):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


def test_padding_does_not_change_the_model(recipe, data, tmp_path):
    trainer = Trainer(recipe, tmp_path / "run", data)
    trainer.model.eval()
    alone = torch.tensor([[5, 6, 7]])
    padded = torch.tensor([[5, 6, 7, PAD, PAD]])
    mask = (padded != PAD)[:, None, None, :]
    torch.testing.assert_close(trainer.model.encode(alone),
                               trainer.model.encode(padded, mask)[:, :3])
