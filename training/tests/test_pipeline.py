"""The whole recipe on a corpus of our own, from text to a model directory."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

import small_corpus
from peregrine_training.export import read_model
from peregrine_training.pipeline import Pipeline
from peregrine_training.recipe import Recipe
from peregrine_training.score import translate

TRAINING = pathlib.Path(__file__).parents[1]

RECIPE = """
name = "small"
source_language = "en"
target_language = "de"

[prepare]
corpora = ["en-de/train"]
vocab_size = 400
seed = 1
max_words = 40
max_length_ratio = 2.5
development = ["en-de/plain_dev", "en-de/other_dev"]
weights = { home = 1.0, "work:" = 1.0 }

[architecture]
norm = "pre"
activation = "relu"
positions = "sinusoidal_concatenated"
max_positions = 256
scale_embeddings = true
share_embeddings = true
output = "factorized"
output_rank = 24
output_bias = false
encoder = { num_layers = 2, model_dim = 48, ffn_dim = 96, num_heads = 3, head_dim = 16 }
decoder = { num_layers = 1, model_dim = 48, ffn_dim = 0, num_heads = 1, head_dim = 48 }

[augment]
joined = 0.05
typos = 0.02

[[stages]]
until = 0.8

[[stages]]
until = 1.0
augment = 0.0

[train]
seed = 1
optimizer = "muon"
peak_learning_rate = 8e-3
matrix_rate_factor = 2.0
warmup_updates = 20
schedule = "linear"
batch_tokens = 1024
label_smoothing = 0.1
encoder_dropout = 0.0
decoder_dropout = 0.0
clip_norm = 1.0
max_updates = 260
report_updates = 50
evaluate_updates = 130
checkpoint_minutes = 3.0
keep_checkpoints = 3
"""

PIPELINE = """
name = "whole"

[[steps]]
name = "data"
stage = "prepare"
arguments = ["{recipe}", "--data", "{{data}}", "--out", "{{root}}/small/data"]

[[steps]]
name = "train"
stage = "train"
arguments = ["{recipe}", "--into", "{{root}}/small", "--data", "{{root}}/small/data"]

[[steps]]
name = "average"
stage = "average"
arguments = ["{{root}}/small", "--last", "1", "--out", "{{root}}/small/average.pt"]

[[steps]]
name = "export"
stage = "export"
arguments = ["{recipe}", "{{root}}/small/average.pt", "--vocabulary",
             "{{root}}/small/data/source.spm", "--out", "{{root}}/small/model"]
"""


def call(pipeline: pathlib.Path, where: pathlib.Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "peregrine_training.pipeline", pipeline, "--data",
         where / "corpus", "--root", where / "runs"],
        cwd=TRAINING, capture_output=True, encoding="utf-8", timeout=600)


@pytest.fixture
def pipeline(tmp_path: pathlib.Path) -> pathlib.Path:
    small_corpus.write(tmp_path / "corpus")
    (tmp_path / "small.toml").write_text(RECIPE)
    path = tmp_path / "whole.toml"
    path.write_text(PIPELINE.format(recipe=tmp_path / "small.toml"))
    return path


def test_from_text_to_a_model_that_translates(pipeline, tmp_path):
    done = call(pipeline, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    config, _ = read_model(tmp_path / "runs" / "small" / "model")
    assert config.name == "small"
    held_back = small_corpus.pairs()[::20]
    outputs = translate(tmp_path / "runs" / "small" / "model",
                        [source for source, _ in held_back], beam_size=1)
    right = sum(output == target for output, (_, target) in zip(outputs, held_back))
    assert right > 0.8 * len(held_back)
    again = call(pipeline, tmp_path)
    assert again.stdout.count("done before") == 4
    pipeline.write_text(pipeline.read_text().replace('"--last", "1"', '"--last", "2"'))
    changed = call(pipeline, tmp_path)
    assert changed.stdout.count("done before") == 2


def test_a_failed_step_is_named_and_done_again(pipeline, tmp_path):
    text = pipeline.read_text()
    pipeline.write_text(text.replace('"{root}/small/data"]', '"{root}/elsewhere"]', 1)
                        .replace('stage = "train"', 'stage = "average"'))
    done = call(pipeline, tmp_path)
    assert done.returncode == 1
    assert "step 'train' ended with" in done.stderr


def test_two_steps_of_one_name_are_refused(pipeline):
    pipeline.write_text(pipeline.read_text().replace('name = "export"', 'name = "train"'))
    with pytest.raises(SystemExit, match="two steps are called 'train'"):
        Pipeline.load(pipeline)


@pytest.mark.parametrize("path", sorted((TRAINING / "configs").glob("*.toml")),
                         ids=lambda path: path.name)
def test_what_is_committed_can_be_run(path):
    """Recipes describe models that can be built; pipelines name stages and recipes that exist."""
    if path.name == "ladder.toml":
        pytest.skip("test_ladder.py has it")
    if "[[steps]]" not in path.read_text():
        Recipe.load(path).model_config()
        return
    for step in Pipeline.load(path).steps:
        assert (TRAINING / "peregrine_training" / f"{step.stage}.py").exists()
        for argument in step.arguments:
            assert not argument.startswith("configs/") or (TRAINING / argument).exists()
            argument.format(data="d", root="r")


def test_a_recipe_changes_the_one_that_it_extends():
    student, teacher = (Recipe.load(TRAINING / "configs" / f"{name}.toml")
                        for name in ("en-de-mdn", "en-de-teacher"))
    assert teacher.prepare.weights == student.prepare.weights
    assert student.prepare.vocabulary and not teacher.prepare.vocabulary
    assert teacher.architecture["decoder"]["num_layers"] == 6
    assert (student.architecture["output"], teacher.architecture["output"]) == (
        "factorized", "tied")
