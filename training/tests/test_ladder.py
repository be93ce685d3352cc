"""Distillation and the ladder, on a made-up language and through the real server."""

from __future__ import annotations

import gzip
import json
import pathlib
import random

import pytest
from sacrebleu import corpus_bleu

from peregrine_training import distil as distil_module
from peregrine_training.distil import Choice, closest, distil, of_origins
from peregrine_training.ladder import Climb, Ladder
from peregrine_training.prepare import Pair, read_aligned, read_pairs
from peregrine_training.serving import BINARIES, Server

CONFIG = pathlib.Path(__file__).parents[1] / "configs" / "ladder.toml"
PROGRAMS = pathlib.Path(__file__).parents[1] / BINARIES
needs_server = pytest.mark.skipif(
    not (PROGRAMS / "peregrine-server").exists(), reason="the release preset is not built")


def made_up_lines(count: int, seed: int) -> list[tuple[str, str]]:
    generator = random.Random(seed)
    words = ["".join(generator.choices("abdeiklmnorstu", k=generator.randint(2, 6)))
             for _ in range(30)]
    sentences = [generator.choices(words, k=generator.randint(3, 7)) for _ in range(count)]
    return [(" ".join(line) + ".", " ".join(word.upper() for word in line) + ".")
            for line in sentences]


@pytest.fixture
def ladder(tmp_path: pathlib.Path) -> Climb:
    """Three rungs: a baseline, one started from it, one taught by it, too."""
    pairs = made_up_lines(120, 1)
    for name, lines in (("train", pairs), ("dev", pairs[:10]), ("test", pairs[:10])):
        for kind, column in (("en", [line[0] for line in lines]),
                             ("de", [line[1] for line in lines]),
                             ("src", ["tatoeba_ende"] * len(lines))):
            with gzip.open(tmp_path / f"{name}.{kind}.gz", "wt", encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in column))
    text = CONFIG.read_text(encoding="utf-8").split("[[rung]]")[0]
    for old, new in (("en-de/train", "train"), ("en-de/tatoeba2020_dev", "dev"),
                     ("16000", "450"), ("batch_tokens = 4096", "batch_tokens = 512"),
                     ("max_updates = 800", "max_updates = 300"), ("2e-3", "6e-3"), ('"muon"', '"adam"'), ("192", "32"), ("768", "48"),
                     ("num_layers = 6", "num_layers = 2"), ("head_dim = 64", "head_dim = 8")):
        assert old in text
        text = text.replace(old, new)
    text = text.replace(text[text.index("tests ="):text.index("[prepare]")],
                        'tests = ["test"]\n\n')
    text += """
[[rung]]
name = "base"
label = "baseline"

[[rung]]
name = "initialised"
label = "started from it"
initialise = "base"
changes.architecture = { decoder = { num_layers = 1, num_heads = 1, ffn_dim = 0 } }

[[rung]]
name = "distilled"
label = "taught by it"
distilled = "base"
"""
    (tmp_path / "ladder.toml").write_text(text, encoding="utf-8")
    return Climb(Ladder.load(tmp_path / "ladder.toml"), tmp_path / "runs", tmp_path, PROGRAMS)


def test_the_ladder_of_the_paper_is_sound():
    ladder = Ladder.load(CONFIG)
    for rung in ladder.rungs:
        rung.recipe.model_config()
    rungs = {rung.name: rung for rung in ladder.rungs}
    assert rungs["base"].recipe.prepare.vocab_size == 16000
    assert rungs["fewer-merges"].recipe.prepare.vocab_size == 5000
    assert rungs["initialised"].recipe.architecture["encoder"]["num_layers"] == 12
    assert rungs["deep-encoder"].initialise == ""
    assert rungs["distilled"].initialise == "fewer-merges"
    assert rungs["distilled"].recipe.train.decoder_dropout == 0
    assert rungs["single-head"].recipe.train.decoder_dropout == 0.1


def test_a_rung_that_does_not_exist_is_named(tmp_path):
    text = CONFIG.read_text(encoding="utf-8").replace(
        'initialise = "fewer-merges"', 'initialise = "fewer-mergers"')
    (tmp_path / "ladder.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="rung initialised: initialise names 'fewer-mergers'"):
        Ladder.load(tmp_path / "ladder.toml")


@needs_server
def test_every_rung_is_trained_and_scored_once(ladder, capsys):
    for rung in ladder.ladder.rungs:
        ladder.climb(rung)
    results = [json.loads((ladder.run(rung.name) / "result.json").read_text())
               for rung in ladder.ladder.rungs]
    assert results[0]["parameters"] > results[1]["parameters"] == results[2]["parameters"]
    for result in results:
        assert set(result["scores"]) == {"test.beam4", "test.beam1"}
    assert (ladder.encoded(ladder.ladder.rungs[2]) / "source.spm").read_bytes() == (
        ladder.encoded(ladder.ladder.rungs[0]) / "source.spm").read_bytes()
    capsys.readouterr()
    ladder.climb(ladder.ladder.rungs[2])
    assert "done before" in capsys.readouterr().out


@needs_server
def test_interrupted_distillation_goes_on(ladder, tmp_path, monkeypatch):
    base = ladder.ladder.rungs[0]
    ladder.climb(base)
    monkeypatch.setattr(distil_module, "SHARD_LINES", 50)
    translate, shards = Server.translate, []

    def interrupted(server, lines, *options, **named):
        if len(shards) == 1:
            raise KeyboardInterrupt
        shards.append(len(lines))
        return translate(server, lines, *options, **named)

    monkeypatch.setattr(Server, "translate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ladder.distil("base")
    monkeypatch.setattr(Server, "translate", lambda server, lines, *options, **named: (
        shards.append(len(lines)), translate(server, lines, *options, **named))[1])
    ladder.distil("base")
    assert sum(shards) == 120 and shards[0] == 50
    out = ladder.run("base") / "distilled"
    rows = read_aligned([out.with_name(f"distilled.{kind}.gz") for kind in ("en", "de", "src")])
    assert rows and all(target and origin == "tatoeba_ende.distilled" for _, target, origin in rows)


def test_origins_are_chosen_by_their_beginning():
    pairs = [Pair(origin, origin, 1.0, origin) for origin in ("docs:rust", "docs:go", "web")]
    assert [pair.origin for pair in of_origins(pairs, ["docs:go", "web"])] == ["docs:go", "web"]
    assert of_origins(pairs, ["docs:"]) == pairs[:2]
    with pytest.raises(SystemExit, match="no pair is of 'wbe'; the corpus has docs:go, docs:rust"):
        of_origins(pairs, ["docs:", "wbe"])


def test_closest_takes_the_hypothesis_nearest_to_the_reference():
    hypotheses = ["the house is small", "a home is little", "the house was small"]
    assert closest(hypotheses, "The house was small") == "the house was small"
    assert closest(hypotheses, "a home is little") == "a home is little"
    assert closest(hypotheses, "xyz") == "the house is small"  # of equals the likeliest


@needs_server
def test_closest_and_long_translations_are_chosen(ladder):
    base = ladder.ladder.rungs[0]
    ladder.climb(base)
    options = base.recipe.prepare
    pairs = [Pair(source, target, 1.0, "tatoeba_ende")
             for source, target in made_up_lines(40, 1)]
    run, rows = ladder.run("base"), {}
    for kind, choice in (("likeliest", Choice()), ("closest", Choice(closest=True)),
                         ("long", Choice(min_length=1.0))):
        distil(base.recipe, pairs, run / "model", run / kind, PROGRAMS, choice)
        rows[kind] = read_pairs(run / kind, ("en", "de"), options)
    references = {pair.source: pair.target for pair in pairs}
    scores = {kind: corpus_bleu([pair.target for pair in found],
                                [[references[pair.source] for pair in found]]).score
              for kind, found in rows.items()}
    assert scores["closest"] > scores["likeliest"]
    assert 0 < len(rows["long"]) < len(rows["likeliest"])
    assert rows["long"] == [pair for pair in rows["likeliest"]
                            if len(pair.target) >= len(references[pair.source])]
