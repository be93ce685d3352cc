"""Checkpoints with the names that fairseq, the paper's repository and OpenNMT-py give.

The tensors are those of the reference model, so that what is converted must compute the
same; where they stand in the checkpoint is written here once more.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from peregrine_convert.__main__ import main
from peregrine_convert.checkpoint import ConvertError, load
from peregrine_convert.config import Architecture, from_dict
from peregrine_training.export import read_model
from peregrine_training.model import Transformer

TRAINING = pathlib.Path(__file__).resolve().parents[1]
BUILD = TRAINING.parent / "build/release"
DICTIONARY = [f"w{i}" for i in range(20)] + ["lo@@", "w@@", "er"]
SIZE = len(DICTIONARY) + 4


def architecture(**changes: Any) -> Architecture:
    values: dict[str, Any] = {
        "source_vocab_size": SIZE, "target_vocab_size": SIZE, "norm": "pre",
        "activation": "relu", "positions": "sinusoidal_concatenated", "position_offset": 2,
        "max_positions": 66, "scale_embeddings": True, "share_embeddings": False,
        "output": "separate", "output_bias": False,
        "encoder": {"num_layers": 3, "model_dim": 32, "ffn_dim": 48, "num_heads": 4,
                    "head_dim": 8},
        "decoder": {"num_layers": 2, "model_dim": 32, "ffn_dim": 40, "num_heads": 4,
                    "head_dim": 8}}
    return from_dict(Architecture, {**values, **changes})


def reference(arch: Architecture, seed: int = 1) -> Transformer:
    torch.manual_seed(seed)
    model = Transformer(arch).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model


def fairseq_names(model: Transformer, arch: Architecture, old: bool) -> dict[str, Tensor]:
    """The state of fairseq: in projections as one matrix until 0.8 (`old`)."""
    state = dict(model.state_dict())
    result: dict[str, Tensor] = {"encoder.version": torch.tensor([2.0]),
                                 "decoder.version": torch.tensor([2.0]),
                                 "encoder.embed_positions._float_tensor": torch.zeros(1),
                                 "decoder.embed_positions._float_tensor": torch.zeros(1)}
    for stack in ("encoder", "decoder"):
        for n in range(getattr(arch, stack).num_layers):
            layer = f"{stack}.layers.{n}."
            for ours, theirs in (("self_attention", "self_attn"),
                                 ("cross_attention", "encoder_attn")):
                if f"{layer}{ours}.query.weight" not in state:
                    continue
                for part in ("weight", "bias"):
                    tensors = [state.pop(f"{layer}{ours}.{name}.{part}")
                               for name in ("query", "key", "value")]
                    if old:
                        result[f"{layer}{theirs}.in_proj_{part}"] = torch.cat(tensors)
                    else:
                        for name, tensor in zip("qkv", tensors):
                            result[f"{layer}{theirs}.{name}_proj.{part}"] = tensor
                    result[f"{layer}{theirs}.out_proj.{part}"] = state.pop(
                        f"{layer}{ours}.output.{part}")
                    result[f"{layer}{theirs}_layer_norm.{part}"] = state.pop(
                        f"{layer}{ours}.norm.{part}")
            for part in ("weight", "bias"):
                # A layer without a network owns this norm all the same.
                result[f"{layer}final_layer_norm.{part}"] = state.pop(
                    f"{layer}ffn.norm.{part}", torch.ones(1))
                if f"{layer}ffn.inner.{part}" in state:
                    result[f"{layer}fc1.{part}"] = state.pop(f"{layer}ffn.inner.{part}")
                    result[f"{layer}fc2.{part}"] = state.pop(f"{layer}ffn.outer.{part}")
        for part in ("weight", "bias"):
            if f"{stack}.norm.{part}" in state:
                result[f"{stack}.layer_norm.{part}"] = state.pop(f"{stack}.norm.{part}")
    if not old:  # 0.12 has copies, in the encoder, which may be out of date
        result |= {f"encoder.layers.{n}.{name}_{part}": torch.zeros(1)
                   for n in range(arch.encoder.num_layers) for part in ("weight", "bias")
                   for name in ("in_proj", "out_proj", "fc1", "fc2")}
    result["encoder.embed_tokens.weight"] = state.pop("encoder.embedding")
    result["decoder.embed_tokens.weight"] = state.pop(
        "decoder.embedding", result["encoder.embed_tokens.weight"])
    for stack in ("encoder", "decoder"):
        if f"{stack}.positions" in state:
            result[f"{stack}.embed_positions.weight"] = state.pop(f"{stack}.positions")
    if "output.factor.weight" in state:
        result["decoder.embed_out_r"] = state.pop("output.factor.weight")
    if "output.weight" in state:
        result["decoder.embed_out" if old else "decoder.output_projection.weight"] = state.pop(
            "output.weight")
    elif not old:
        result["decoder.output_projection.weight"] = result["decoder.embed_tokens.weight"]
    assert not state
    return result


def fairseq_args(arch: Architecture, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    pre = arch.norm == "pre"
    learned = arch.positions == "learned"
    return {"arch": "transformer_wmt_en_de", "encoder_layers": arch.encoder.num_layers,
            "decoder_layers": arch.decoder.num_layers, "encoder_attention_heads": 4,
            "decoder_attention_heads": 4, "encoder_normalize_before": pre,
            "decoder_normalize_before": pre, "encoder_learned_pos": learned,
            "decoder_learned_pos": learned, "max_source_positions": 64,
            "max_target_positions": 64, "activation_fn": arch.activation,
            "share_all_embeddings": arch.share_embeddings,
            "share_decoder_input_output_embed": arch.output == "tied",
            "no_scale_embedding": not arch.scale_embeddings, "source_lang": "en",
            "target_lang": "de", **(changes or {})}


def run(*arguments: object) -> str:
    """What the command says when it fails, nothing where it does not."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return str(stop)
    return ""


def command(*arguments: object, program: pathlib.Path = BUILD / "bin/peregrine",
            **environment: str) -> subprocess.CompletedProcess[str]:
    """The client's command, which finds the package by itself."""
    if not program.exists():
        pytest.skip(f"{program} is not built")
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True,
                          check=False, env={**inherited, "PEREGRINE_PYTHON": sys.executable,
                                            **environment})


def convert(tmp_path: pathlib.Path, checkpoint: dict[str, Any], *options: object
            ) -> tuple[Any, Transformer]:
    torch.save(checkpoint, tmp_path / "checkpoint.pt")
    assert not run(tmp_path / "checkpoint.pt", "--out", tmp_path / "model", *options)
    return read_model(tmp_path / "model")


def require_equal(model: Transformer, converted: Transformer) -> None:
    source = torch.tensor([[5, 9, 7, 2]])
    target = torch.tensor([[2, 8, 6]])
    with torch.no_grad():
        memory = model.encode(source)
        torch.testing.assert_close(converted.encode(source), memory, rtol=1e-6, atol=1e-6)
        expected = model.logits(model.decode(target, memory))
        found = converted.logits(converted.decode(target, memory))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


DECODER_HEAD = {"num_layers": 1, "model_dim": 32, "ffn_dim": 0, "num_heads": 1, "head_dim": 8}
SHAPES = {
    "fairseq": (architecture(), False, {}),
    "in projections as one matrix": (architecture(), True, {}),
    "post-norm, all embeddings shared": (
        architecture(norm="post", share_embeddings=True, output="tied", activation="gelu"),
        False, {}),
    "learned positions, tied output": (
        architecture(positions="learned", output="tied", scale_embeddings=False), False, {}),
    # The paper's, whose settings are those of the baseline.
    "Mini-Decoder Network": (
        architecture(decoder=DECODER_HEAD, output="factorized", output_rank=4), True,
        {"arch": "transformer_mdn", "decoder_layers": 6}),
    "no FFN": (architecture(decoder={**DECODER_HEAD, "num_heads": 4}), True, {}),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("place", ["args", "cfg"])
def test_fairseq_computes_the_same(shape: str, place: str, tmp_path: pathlib.Path) -> None:
    arch, old, changes = SHAPES[shape]
    model = reference(arch)
    args = fairseq_args(arch, changes)
    checkpoint: dict[str, Any] = {"model": fairseq_names(model, arch, old),
                                  "optimizer_history": [{"num_updates": 3}],
                                  "extra_state": {"epoch": 1}}
    if place == "args":
        checkpoint["args"] = argparse.Namespace(**args)
    else:
        checkpoint |= {"args": None, "cfg": {"model": args}}
    config, converted = convert(tmp_path, checkpoint, "--beam-size", 4)
    assert config.source_language == "en"
    assert config.decoding.beam_size == 4
    assert config.architecture.decoder == arch.decoder
    require_equal(model, converted)


def test_the_first_versions_of_fairseq(tmp_path: pathlib.Path) -> None:
    """Norms had numbers, and pre-norm stacks had none at the end."""
    arch = architecture()
    model = reference(arch)
    names = {name: tensor for name, tensor in fairseq_names(model, arch, True).items()
             if ".layer_norm." not in name}
    numbers = {"encoder": {"self_attn_layer_norm": 0, "final_layer_norm": 1},
               "decoder": {"self_attn_layer_norm": 0, "encoder_attn_layer_norm": 1,
                           "final_layer_norm": 2}}
    for stack, norms in numbers.items():
        for norm, number in norms.items():
            names = {name.replace(f".{norm}.", f".layer_norms.{number}.")
                     if name.startswith(stack) else name: tensor
                     for name, tensor in names.items()}
    torch.save({"model": names, "args": argparse.Namespace(**fairseq_args(arch))},
               tmp_path / "x.pt")
    assert not run(tmp_path / "x.pt", "--out", tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["architecture"].pop("final_norm") is False
    tensors = load_file(tmp_path / "model" / "model.safetensors")
    expected = {name: tensor for name, tensor in model.state_dict().items()
                if name not in ("encoder.norm.weight", "encoder.norm.bias",
                                "decoder.norm.weight", "decoder.norm.bias")}
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], expected[name]) for name in expected)


def test_vocabularies_and_codes_come_along(tmp_path: pathlib.Path) -> None:
    arch = architecture()
    (tmp_path / "dict.txt").write_text("".join(f"{piece} 5\n" for piece in DICTIONARY))
    (tmp_path / "bpe.codes").write_text("#version: 0.2\nl o\ne r</w>\n")
    torch.save({"model": fairseq_names(reference(arch), arch, False),
                "args": argparse.Namespace(**fairseq_args(arch))}, tmp_path / "checkpoint.pt")
    arguments = [tmp_path / "checkpoint.pt", "--out", tmp_path / "model",
                 "--source-vocabulary", tmp_path / "dict.txt", "--target-vocabulary",
                 tmp_path / "dict.txt", "--codes", tmp_path / "bpe.codes"]
    assert not run(*arguments)
    pieces = (tmp_path / "model" / "source.txt").read_text().split("\n")
    assert pieces[:5] == ["<s>", "<pad>", "</s>", "<unk>", "w0"]
    done = command("models", "inspect", tmp_path / "model")
    assert done.returncode == 0, done.stderr
    assert "found no piece '<m>'" in run(*arguments, "--markers", "w@@", "<m>")
    (tmp_path / "dict.txt").write_text("".join(f"{piece} 5\n" for piece in
                                               ["<m0>", "<m1>", *DICTIONARY[2:]]))
    assert not run(*arguments, "--markers", "<m0>", "<m1>")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["markers"] == ["<m0>", "<m1>"]
    done = command("models", "inspect", tmp_path / "model")
    assert done.returncode == 0, done.stderr
    (tmp_path / "dict.txt").write_text("w0 5\n")
    assert "found 5 tokens" in run(*arguments)


LANGUAGES = {"task": "translation_multi_simple_epoch", "langs": "de,en,zh_CN",
             "encoder_langtok": "src", "decoder_langtok": True, "lang_tok_style": "multilingual",
             "source_lang": None, "target_lang": None}


@pytest.mark.parametrize("place", ["args", "cfg"])
def test_languages_come_along(place: str, tmp_path: pathlib.Path) -> None:
    arch = architecture()
    model = reference(arch)
    checkpoint: dict[str, Any] = {"model": fairseq_names(model, arch, False)}
    args = fairseq_args(arch, LANGUAGES)
    if place == "args":
        checkpoint["args"] = argparse.Namespace(**args)
    else:
        checkpoint["cfg"] = {"model": args, "task": argparse.Namespace(
            _name=LANGUAGES["task"], **{k: v for k, v in LANGUAGES.items() if k != "task"})}
    (tmp_path / "dict.txt").write_text("".join(f"{piece} 5\n" for piece in DICTIONARY[:-3]))
    dictionaries = [f"--{side}-vocabulary={tmp_path / 'dict.txt'}" for side in ("source", "target")]
    languages = {"de": SIZE - 3, "en": SIZE - 2, "zh_CN": SIZE - 1}
    for options in ([], dictionaries):
        config, converted = convert(tmp_path, checkpoint, *options, "--source-language=en")
        assert config.languages == languages
        assert (config.source_language, config.target_language) == ("en", "")
        assert config.tokens.source_prefix == [config.tokens.source_language] == [SIZE - 3]
        require_equal(model, converted)
    pieces = (tmp_path / "model/target.txt").read_text().split("\n")
    assert pieces[SIZE - 3:] == ["__de__", "__en__", "__zh_CN__", ""]
    done = command("models", "inspect", "--json", tmp_path / "model")
    assert json.loads(done.stdout)["languages"] == list(languages), done.stderr


@pytest.mark.parametrize("changes, error", [
    ({"langs": None}, "langs: found None, expected the list of languages"),
    ({"encoder_langtok": "tgt"}, "encoder_langtok: found 'tgt', expected 'src' or None"),
    ({"decoder_langtok": False}, "decoder_langtok: found None, expected True"),
    ({"langtoks": {"main": ("tgt", "tgt")}}, "encoder_langtok: found 'tgt'"),
    ({"lang_tok_style": "x"}, "lang_tok_style: found 'x', expected multilingual or mbart"),
    ({"source_lang": "fr"}, "source_language: found fr, expected one of de, en, zh_CN"),
])
def test_languages_that_are_not_supported(changes: dict[str, Any], error: str,
                                          tmp_path: pathlib.Path) -> None:
    arch = architecture()
    args = fairseq_args(arch, {**LANGUAGES, **changes})
    torch.save({"model": fairseq_names(reference(arch), arch, False),
                "args": argparse.Namespace(**args)}, tmp_path / "x.pt")
    assert error in run(tmp_path / "x.pt", "--out", tmp_path / "model")


def opennmt_names(model: Transformer, arch: Architecture) -> dict[str, Tensor]:
    state = dict(model.state_dict())
    result: dict[str, Tensor] = {}
    for stack, layers in (("encoder", "transformer"), ("decoder", "transformer_layers")):
        table = f"{stack}.embeddings.make_embedding."
        result[f"{table}emb_luts.0.weight"] = state.pop(f"{stack}.embedding")
        result[f"{table}pe.pe"] = torch.zeros(8, 1, 32)
        for n in range(getattr(arch, stack).num_layers):
            ours, theirs = f"{stack}.layers.{n}.", f"{stack}.{layers}.{n}."
            for part in ("weight", "bias"):
                for our, their in (("self_attention", "self_attn"),
                                   ("cross_attention", "context_attn")):
                    if f"{ours}{our}.query.{part}" not in state:
                        continue
                    for a, b in (("query", "linear_query"), ("key", "linear_keys"),
                                 ("value", "linear_values"), ("output", "final_linear")):
                        result[f"{theirs}{their}.{b}.{part}"] = state.pop(f"{ours}{our}.{a}.{part}")
                first = "layer_norm" if stack == "encoder" else "layer_norm_1"
                result[f"{theirs}{first}.{part}"] = state.pop(f"{ours}self_attention.norm.{part}")
                if stack == "decoder":
                    result[f"{theirs}layer_norm_2.{part}"] = state.pop(
                        f"{ours}cross_attention.norm.{part}")
                for a, b in (("inner", "w_1"), ("outer", "w_2"), ("norm", "layer_norm")):
                    result[f"{theirs}feed_forward.{b}.{part}"] = state.pop(f"{ours}ffn.{a}.{part}")
        for part in ("weight", "bias"):
            result[f"{stack}.layer_norm.{part}"] = state.pop(f"{stack}.norm.{part}")
    result["generator.weight"] = state.pop("output.weight")
    result["generator.bias"] = state.pop("output.bias")
    assert not state
    return result


def opennmt_checkpoint(model: Transformer, arch: Architecture) -> dict[str, Any]:
    names = opennmt_names(model, arch)
    generator = {name.split(".", 1)[1]: names.pop(name)
                 for name in list(names) if name.startswith("generator.")}
    pieces = ["<unk>", "<blank>", "<s>", "</s>", *DICTIONARY]
    return {"model": names, "generator": generator, "vocab": {"src": pieces, "tgt": pieces},
            "opt": argparse.Namespace(heads=4, position_encoding=True,
                                      self_attn_type="scaled-dot-flash",
                                      encoder_type="transformer")}


OPENNMT = dict(positions="sinusoidal_interleaved", position_offset=0, max_positions=1024,
               output_bias=True, layer_norm_epsilon=1e-6)


def test_opennmt_computes_the_same(tmp_path: pathlib.Path) -> None:
    arch = architecture(**OPENNMT)
    model = reference(arch)
    config, converted = convert(tmp_path, opennmt_checkpoint(model, arch))
    assert config.tokens.decoder_start == 2 and config.tokens.eos == 3
    require_equal(model, converted)


def test_names_what_is_not_supported(tmp_path: pathlib.Path) -> None:
    arch = architecture()
    names = fairseq_names(reference(arch), arch, False)

    def error(args: dict[str, Any], tensors: dict[str, Tensor]) -> str:
        torch.save({"model": tensors, "args": argparse.Namespace(**args)}, tmp_path / "x.pt")
        message = run(tmp_path / "x.pt", "--out", tmp_path / "model")
        assert str(tmp_path / "x.pt") in message
        return message

    args = fairseq_args(arch)
    assert "arch: found 'lstm'" in error({**args, "arch": "lstm"}, names)
    assert "layernorm_embedding: found True" in error({**args, "layernorm_embedding": True}, names)
    assert "activation_fn: found 'tanh'" in error({**args, "activation_fn": "tanh"}, names)
    fewer = {name: tensor for name, tensor in names.items() if name != "encoder.layers.1.fc2.bias"}
    assert "tensor encoder.layers.1.fc2.bias: found none" in error(args, fewer)
    assert "decoder.extra" in error(args, {**names, "decoder.extra": torch.zeros(1)})
    wrong = {**names, "encoder.layers.1.fc2.weight": torch.zeros(3, 3)}
    assert "found shape [3, 3], expected [32, 48]" in error(args, wrong)
    broken = {**names, "encoder.layer_norm.bias": torch.full((32,), float("nan"))}
    assert "not finite" in error(args, broken)
    done = opennmt_checkpoint(reference(architecture(**OPENNMT)), architecture(**OPENNMT))
    done["vocab"] = [1, 2]
    torch.save(done, tmp_path / "x.pt")
    assert "found no list src" in run(tmp_path / "x.pt", "--out", tmp_path / "m")


class Malicious:
    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_named_and_not_run(zipped: bool, tmp_path: pathlib.Path) -> None:
    trace = tmp_path / "it-ran"
    torch.save({"model": {}, "args": Malicious(trace)}, tmp_path / "x.pt",
               _use_new_zipfile_serialization=zipped)
    message = run(tmp_path / "x.pt", "--out", tmp_path / "model")
    assert f"{tmp_path / 'x.pt'}: found the global posix.mkdir" in message
    assert not trace.exists()


def test_damage_is_an_error(tmp_path: pathlib.Path) -> None:
    arch = architecture()
    torch.save({"model": fairseq_names(reference(arch), arch, False),
                "args": argparse.Namespace(**fairseq_args(arch))}, tmp_path / "whole.pt")
    content = (tmp_path / "whole.pt").read_bytes()
    for share in (0.0, 0.1, 0.5, 0.99):
        (tmp_path / "x.pt").write_bytes(content[:int(share * len(content))])
        with pytest.raises(ConvertError, match="x.pt"):
            load(tmp_path / "x.pt")
    with pytest.raises(ConvertError, match="no such file"):
        load(tmp_path / "nowhere.pt")


def test_meters_of_fairseq_are_passed_over(tmp_path: pathlib.Path) -> None:
    module = type(sys)("fairseq.meters")
    meter = type("AverageMeter", (), {"__module__": "fairseq.meters"})
    module.AverageMeter = meter  # type: ignore[attr-defined]
    sys.modules["fairseq"] = type(sys)("fairseq")
    sys.modules["fairseq.meters"] = module
    try:
        torch.save({"extra_state": {"train_meters": {"loss": meter()}}}, tmp_path / "x.pt")
    finally:
        del sys.modules["fairseq"], sys.modules["fairseq.meters"]
    assert "extra_state" in load(tmp_path / "x.pt")


def test_the_command_converts_and_refuses_code(tmp_path: pathlib.Path) -> None:
    arch = architecture()
    torch.save({"model": fairseq_names(reference(arch), arch, False),
                "args": argparse.Namespace(**fairseq_args(arch))}, tmp_path / "good.pt")
    done = command("convert", tmp_path / "good.pt", "--out", tmp_path / "model")
    assert done.returncode == 0, done.stderr
    inspected = command("models", "inspect", "--json", tmp_path / "model")
    assert json.loads(inspected.stdout)["source_vocab_size"] == SIZE

    trace = tmp_path / "it-ran"
    torch.save({"model": {}, "args": Malicious(trace)}, tmp_path / "bad.pt")
    done = command("convert", tmp_path / "bad.pt", "--out", tmp_path / "nothing")
    assert done.returncode == 1
    assert f"{tmp_path / 'bad.pt'}: found the global posix.mkdir" in done.stderr
    assert not trace.exists() and not (tmp_path / "nothing").exists()
    assert command("convert", tmp_path / "good.pt").returncode == 2  # --out is missing


def test_what_is_installed_converts(tmp_path: pathlib.Path) -> None:
    if not (BUILD / "bin/peregrine").exists():
        pytest.skip(f"{BUILD} is not built")
    subprocess.run(["cmake", "--install", BUILD, "--component", "client", "--prefix", tmp_path],
                   check=True, capture_output=True)
    done = command("convert", tmp_path / "nowhere.pt", "--out", tmp_path / "model",
                   program=tmp_path / "bin/peregrine")
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path / 'nowhere.pt'}: no such file, expected a checkpoint\n"
    shutil.rmtree(tmp_path / "share")
    done = command("convert", "--help", program=tmp_path / "bin/peregrine")
    assert done.returncode == 1
    assert f"found no Python package peregrine_convert in {tmp_path}/share" in done.stderr


@pytest.mark.parametrize("module", ["", "__version__ = '1.13.1'\n"])
def test_the_command_tells_what_python_lacks(module: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "torch.py").write_text(module or "raise ImportError('not here')\n")
    done = command("convert", "--help", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    found = "found torch 1.13.1" if module else "found no torch (not here)"
    assert f"{found}, expected torch 2.6 or later" in done.stderr
    listed = done.stderr.split("pip install -r ")[1].split("\n")[0]
    assert "safetensors" in pathlib.Path(listed).read_text()
