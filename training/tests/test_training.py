"""Preparing, training, resuming and exporting, on a made-up language."""

from __future__ import annotations

import dataclasses
import gzip
import os
import pathlib
import pickle
import random
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
import sentencepiece as spm
import torch
from safetensors.torch import load_file

import small_corpus
from peregrine_training import experiment, serving
from peregrine_training import prepare as prepare_module
from peregrine_training.augment import Augment
from peregrine_training.average import average, mean_with
from peregrine_training.data import Batch, Corpus, Side, TrainingText, all_batches
from peregrine_training.distributed import Group
from peregrine_training.export import read_model, write_model
from peregrine_training.loss import cross_entropy
from peregrine_training.recipe import PAD, Recipe, Stage
from peregrine_training.resegment import resegment
from peregrine_training.stream import Position, Stream
from peregrine_training.train import (Trainer, checkpoints, learning_rate,
                                      load_weights)

RECIPE = pathlib.Path(__file__).parents[1] / "configs" / "en-de-mdn.toml"


def write_corpus(directory: pathlib.Path, **columns: list[str]) -> None:
    for kind, lines in columns.items():
        with gzip.open(directory / f"train.{kind}.gz", "wt", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))


def random_corpus(pairs: int, vocabulary: int) -> Corpus:
    random = np.random.default_rng(0)
    sentences = [random.integers(4, vocabulary, random.integers(2, 9)).tolist()
                 for _ in range(pairs)]
    return Corpus(Side.pack(sentences), Side.pack([line[::-1] for line in sentences]))


def small_recipe() -> Recipe:
    recipe = Recipe.load(RECIPE)
    recipe.prepare = dataclasses.replace(
        recipe.prepare, corpora=["en-de/train"], vocab_size=400, distilled=[], vocabulary="",
        phrases="", development=["en-de/plain_dev", "en-de/other_dev"],
        weights={"home": 1.0, "work:": 0.5})
    recipe.stages = []
    recipe.architecture |= {
        "encoder": {"num_layers": 2, "model_dim": 16, "ffn_dim": 32, "num_heads": 2,
                    "head_dim": 8},
        "decoder": {"num_layers": 1, "model_dim": 16, "ffn_dim": 0, "num_heads": 1,
                    "head_dim": 8},
        "output_rank": 8}
    recipe.train = dataclasses.replace(
        recipe.train, batch_tokens=64, max_updates=24, warmup_updates=4,
        report_updates=1000, evaluate_updates=1000, pool_pairs=128, accumulate=1)
    return recipe


@pytest.fixture
def recipe() -> Recipe:
    return small_recipe()


@pytest.fixture
def data(tmp_path: pathlib.Path, recipe: Recipe) -> pathlib.Path:
    """The small corpus, prepared."""
    small_corpus.write(tmp_path / "corpus")
    prepare_module.prepare(recipe, tmp_path / "corpus", tmp_path / "data")
    return tmp_path / "data"


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
    before = trainer.evaluate()["mean"]
    trainer.train()
    assert trainer.evaluate()["mean"] < before - 0.1


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
    assert mean_with(weights, path, 0.25)["w"].tolist() == [0.75, 0.75]
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


def test_nothing_left_is_refused(recipe, tmp_path):
    write_corpus(tmp_path, en=["1"], de=["2"], src=["home"])
    with pytest.raises(SystemExit, match="train: no pair is left"):
        prepare_module.read_pairs(tmp_path / "train", ("en", "de"), recipe.prepare)


def test_batches_hold_every_pair_within_the_budget():
    corpus = random_corpus(200, 50)
    for batch in all_batches(corpus, 64):
        assert batch.source.shape[0] == 1 or max(
            batch.source.numel(), batch.target_out.numel()) <= 64
    assert sum(len(batch.source) for batch in all_batches(corpus, 64)) == 200


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


def taken(recipe: Recipe, data: pathlib.Path, count: int, position: Position,
          group: Group | None = None) -> list[Batch]:
    vocabulary = spm.SentencePieceProcessor(model_file=str(data / "source.spm"))
    text = TrainingText.load(data / "train.npz")
    batches = Stream(text, vocabulary, recipe, group or Group()).batches(position)
    return [next(batches) for _ in range(count)]


def same(first: list[Batch], second: list[Batch]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(a.source, b.source) and torch.equal(a.target_out, b.target_out)
        for a, b in zip(first, second))


def test_a_stream_goes_on_where_it_stood(recipe, data):
    recipe.augment.typos = recipe.augment.resegmented = 0.5
    whole = taken(recipe, data, 150, Position())
    for cut in (1, 40, 97):
        position = Position()
        assert same(taken(recipe, data, cut, position), whole[:cut])
        assert same(taken(recipe, data, 150 - cut, position), whole[cut:])
    assert position.epoch + position.pool > 0
    recipe.train.seed += 1
    assert not same(taken(recipe, data, 5, Position()), whole[:5])


def test_a_phrase_book_is_an_origin(recipe, tmp_path):
    small_corpus.write(tmp_path / "corpus")
    book = tmp_path / "book.tsv"
    book.write_text("Mind the goose!\tAchtung, Gans!\nAhoy!\tAhoi!\n", encoding="utf-8")
    recipe.prepare = dataclasses.replace(
        recipe.prepare, phrases=str(book), weights=recipe.prepare.weights | {"phrases": 5.0})
    prepare_module.prepare(recipe, tmp_path / "corpus", tmp_path / "data")
    text = TrainingText.load(tmp_path / "data" / "train.npz")
    at = text.origins.index("phrases")
    assert [text.pair(i) for i in np.flatnonzero(text.origin == at)] == [
        ("Mind the goose!", "Achtung, Gans!"), ("Ahoy!", "Ahoi!")]
    assert "phrases: " in (tmp_path / "data" / "report.txt").read_text(encoding="utf-8")
    book.write_text("Ahoy! Ahoi!\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="book.tsv:1: found 1 columns, expected a source"):
        prepare_module.prepare(recipe, tmp_path / "corpus", tmp_path / "data")


@pytest.fixture
def marked_model(recipe, tmp_path) -> pathlib.Path:
    """A model with markers, prepared and exported, but not trained."""
    small_corpus.write(tmp_path / "corpus")
    recipe.prepare = dataclasses.replace(recipe.prepare, markers=3)
    recipe.augment = Augment(marked=0.5, resegmented=0.5, joined=0.3)
    prepare_module.prepare(recipe, tmp_path / "corpus", tmp_path / "data")
    trainer = Trainer(recipe, tmp_path / "run", tmp_path / "data")
    write_model(tmp_path / "model", recipe.model_config(), trainer.model.state_dict(),
                torch.float32, tmp_path / "data" / "source.spm")
    return tmp_path / "model"


def test_markers_go_from_the_recipe_through_the_pairs_to_the_model(recipe, marked_model):
    config, _ = read_model(marked_model)
    assert config.markers == ["<m0>", "<m1>", "<m2>"]
    vocabulary = spm.SentencePieceProcessor(model_file=str(marked_model / "source.spm"))
    pieces = [vocabulary.piece_to_id(marker) for marker in config.markers]
    seen = []
    for batch in taken(recipe, marked_model.parent / "data", 40, Position()):
        for source, target in zip(batch.source.tolist(), batch.target_out.tolist()):
            counts = [source.count(piece) for piece in pieces]
            assert counts == [target.count(piece) for piece in pieces]
            assert max(counts) <= 1
            seen.append(sum(counts))
    assert 0.3 < sum(count > 0 for count in seen) / len(seen) < 0.7
    assert max(seen) == 3


@pytest.mark.skipif(not (serving.BINARIES / "peregrine-server").exists(),
                    reason="the release preset is not built")
def test_a_served_model_with_markers_keeps_every_span(marked_model):
    """Whatever the caller demands beside it, and though the model has learnt nothing."""
    text = "See https://a.org/b or ask jo@a.org, {name}: <m1> and /etc/hosts are 2 boxes."
    with serving.Server(marked_model) as server:
        for steering in ("--beam-size=4", "--target-prefix=Der Link https://a.org/b",
                         "--must-contain=Lampe", "--sample", "--alternatives",
                         "--no-repeat-ngram-size=1", "--must-not-contain=<m0>"):
            done = subprocess.run(
                [server.binaries / "peregrine", "translate", f"--address={server.address}",
                 "--single-sentence", steering, text], check=True, stdout=subprocess.PIPE,
                encoding="utf-8")
            for span in ("https://a.org/b", "jo@a.org", "{name}", "<m1>", "/etc/hosts"):
                assert done.stdout.count(span) == 1, (steering, done.stdout)
            assert "<m0>" not in done.stdout and "<m2>" not in done.stdout, steering


def test_markers_need_a_vocabulary_that_has_them(recipe, marked_model, tmp_path):
    recipe.prepare = dataclasses.replace(recipe.prepare, markers=4,
                                         vocabulary=str(marked_model / "source.spm"))
    with pytest.raises(SystemExit, match="source.spm: found no marker <m3>"):
        prepare_module.prepare(recipe, tmp_path / "corpus", tmp_path / "other")
    with pytest.raises(ValueError, match="augment.marked is 0.5; expected 0 without"):
        dataclasses.replace(recipe, prepare=dataclasses.replace(recipe.prepare, markers=0))
    with pytest.raises(ValueError, match="prepare.markers is 65; expected 0 to 64"):
        dataclasses.replace(recipe, prepare=dataclasses.replace(recipe.prepare, markers=65))


_PRINT_SOURCES = """
import pathlib, sys
sys.path[:0] = sys.argv[1:3]
from test_training import Position, small_recipe, taken
recipe = small_recipe()
recipe.augment.typos = recipe.augment.resegmented = 0.5
print([batch.source.tolist() for batch in taken(recipe, pathlib.Path(sys.argv[3]), 5, Position())])
"""


def test_processes_of_one_seed_see_the_same_pairs(data):
    """A resumed run is another process."""
    tests = pathlib.Path(__file__).parent
    outputs = [subprocess.run([sys.executable, "-c", _PRINT_SOURCES, tests, tests.parent, data],
                              check=True, stdout=subprocess.PIPE).stdout for _ in range(2)]
    assert len(outputs[0]) > 100 and outputs[0] == outputs[1]


def test_smaller_pieces_are_the_same_text(data):
    """Without dropout they are SentencePiece's own."""
    vocabulary = spm.SentencePieceProcessor(model_file=str(data / "source.spm"))
    rng = random.Random(1)
    lines = [side for pair in small_corpus.pairs()[:40] for side in pair]
    lines += ["Größe ½ 日本 😀", "a", " two  spaces ", "<b>12.5 %</b> {0}"]
    smaller = 0
    for line in lines:
        usual = vocabulary.encode(line)
        assert resegment(vocabulary, line, 0.0, rng) == usual
        pieces = resegment(vocabulary, line, 0.3, rng)
        assert vocabulary.decode(pieces) == vocabulary.decode(usual)
        smaller += len(pieces) > len(usual)
    assert smaller > len(lines) / 2


def test_epochs_follow_the_weights(recipe, data):
    vocabulary = spm.SentencePieceProcessor(model_file=str(data / "source.spm"))
    text = TrainingText.load(data / "train.npz")
    recipe.prepare.weights = {"home": 2.0, "work:": 0.25}
    recipe.stages = [Stage(until=0.5), Stage(until=1.0, weights={"home": 0.0})]
    stream = Stream(text, vocabulary, recipe, Group())
    for stage, home, work in ((0, 2.0, 0.25), (1, 0.0, 0.25)):
        picked = stream.epoch(Position(stage=stage))
        counts = np.bincount(text.origin[picked], minlength=2) / np.bincount(text.origin)
        assert counts == pytest.approx([home, work], abs=0.06)
    assert [stream.stage_at(progress) for progress in (0.0, 0.49, 0.5, 1.0)] == [0, 0, 1, 1]


def test_processes_share_an_epoch(recipe, data):
    """Two processes see what one sees, each another half."""
    recipe.augment = Augment()
    recipe.prepare.weights = {"home": 1.0, "work:": 1.0}
    seen: list[list[str]] = []
    for rank in range(2):
        group = Group()
        group.size, group.rank, group.least = 2, rank, lambda count: count
        vocabulary = spm.SentencePieceProcessor(model_file=str(data / "source.spm"))
        stream = Stream(TrainingText.load(data / "train.npz"), vocabulary, recipe, group)
        picked = stream.epoch(Position())
        pools = range(-(-len(picked) // (2 * recipe.train.pool_pairs)))
        batches = [batch for pool in pools
                   for batch in stream.pool(Position(pool=pool), picked)]
        seen.append([row for batch in batches for row in map(str, batch.source.tolist())])
    assert abs(len(seen[0]) - len(seen[1])) <= 1
    assert sum(map(len, seen)) == len(picked) == len(small_corpus.pairs()) - 51


def test_gradients_accumulate(recipe, data, tmp_path):
    """The sum over two batches is the mean over their tokens."""
    recipe.train.encoder_dropout = 0.0
    trainer = Trainer(recipe, tmp_path / "run", data)
    batches = taken(recipe, data, 2, Position())
    expected: dict[str, torch.Tensor] = {}
    total = 0
    for batch in batches:
        _, tokens = trainer.gradients([batch])
        total += tokens
        for name, parameter in trainer.model.named_parameters():
            expected[name] = expected.get(name, 0) + parameter.grad * tokens
            parameter.grad = None
    trainer.gradients(batches)
    for name, parameter in trainer.model.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name] / total, rtol=0.02, atol=1e-4)


def test_a_run_stops_when_nothing_improves(recipe, data, tmp_path):
    recipe.train = dataclasses.replace(recipe.train, patience=2, evaluate_updates=2,
                                       peak_learning_rate=0.0)
    trainer = Trainer(recipe, tmp_path / "run", data)
    trainer.train()
    assert trainer.position.update == 6  # the first counts as an improvement


def test_the_experiment_is_written_down(recipe, data, tmp_path):
    recipe.train = dataclasses.replace(recipe.train, report_updates=4, evaluate_updates=8,
                                       bleu_lines=3)
    Trainer(recipe, tmp_path / "run", data).train()
    progress = experiment.read(tmp_path / "run", experiment.PROGRESS)
    assert [int(row["update"]) for row in progress] == [4, 8, 12, 16, 20, 24]
    rows = experiment.read(tmp_path / "run", experiment.EVALUATIONS)
    assert {row["measure"] for row in rows} == {
        "plain_dev", "other_dev", "mean", "plain_dev BLEU", "other_dev BLEU"}
    last = {row["measure"]: float(row["value"]) for row in rows if row["update"] == "24"}
    assert last["mean"] == pytest.approx((last["plain_dev"] + last["other_dev"]) / 2, abs=1e-3)
    experiment.plot(tmp_path / "run", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_torchrun_trains_with_two_processes(recipe, data, tmp_path):
    """Both take the same steps: the loss falls as with one, and one writes the files."""
    (tmp_path / "run.py").write_text(
        "import pathlib, pickle, sys\n"
        f"sys.path.insert(0, {str(RECIPE.parents[1])!r})\n"
        "from peregrine_training.train import Trainer\n"
        "from safetensors.torch import save_file\n"
        "recipe, run, data = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "trainer = Trainer(recipe, run, data)\n"
        "trainer.train()\n"
        "save_file(trainer.model.state_dict(), run / f'{trainer.group.rank}.safetensors')\n")
    recipe.train = dataclasses.replace(recipe.train, evaluate_updates=12)
    (tmp_path / "run").mkdir()
    (tmp_path / "what.pickle").write_bytes(pickle.dumps((recipe, tmp_path / "run", data)))
    subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone",
                    "--nproc-per-node=2", tmp_path / "run.py", tmp_path / "what.pickle"],
                   check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=300)
    first, second = (load_file(tmp_path / "run" / f"{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    values = [float(row["value"]) for row in experiment.read(
        tmp_path / "run", experiment.EVALUATIONS) if row["measure"] == "mean"]
    assert len(values) == 3 and values[-1] < values[0]
    resumed = Trainer(recipe, tmp_path / "run", data)
    resumed.resume()
    assert resumed.position.update == 24 and resumed.position.processes == 2


def test_a_stage_may_restart_the_learning_rate(recipe):
    options = dataclasses.replace(recipe.train, peak_learning_rate=1.0, schedule="linear")
    stages = [Stage(until=0.25), Stage(until=0.5), Stage(until=0.75, restart=0.6),
              Stage(until=1.0)]
    rates = [learning_rate(options, Position(update=100, progress=progress), stages)
             for progress in (0.0, 0.25, 0.4, 0.5, 0.75, 1.0)]
    assert rates == pytest.approx([1.0, 0.5, 0.2, 0.6, 0.3, 0.0])
    assert learning_rate(options, Position(update=100, progress=0.3), []) == pytest.approx(0.7)


def test_a_run_may_be_cut_before_its_schedule_ends(recipe, data, tmp_path):
    whole = Trainer(recipe, tmp_path / "whole", data, until=10)
    whole.train()
    assert whole.position.update == 10
    assert whole.position.progress == pytest.approx(10 / 24)
