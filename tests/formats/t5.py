"""Tiny T5, mT5 and MADLAD-400 models, made by transformers."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import tempfile
from typing import Any

import safetensors.torch
import torch
from transformers import (GenerationConfig, MT5Config, MT5ForConditionalGeneration,
                          PreTrainedModel, PreTrainedTokenizerBase, T5Config,
                          T5ForConditionalGeneration, T5Tokenizer)

import corpus
import golden_file
import hugging_face
from m2m100 import NORMALIZATION

TASKS = {"translation_en_to_de": {"prefix": "translate English to German: "},
         "translation_en_to_fr": {"prefix": "translate English to French: "}}


@dataclasses.dataclass
class Form:
    architecture: dict[str, Any]
    generation: dict[str, Any]
    specials: dict[str, int]  # ids of SentencePiece's
    pad_token: str
    start: int  # the decoder's first token
    scripts: tuple[str, ...]
    mt5: bool = False
    tied: bool = True
    decisiveness: float = 1.0  # how much larger the outputs are, of two tables
    first_seed: int = 1  # one whose translations int8 does not change much
    torch_file: bool = False
    tokenizer_json: bool = False  # as transformers 5 saves it: no spiece.model
    long: int = 0  # words of the longest text
    languages: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] | None = None
    extra_ids: int = 100
    vocabulary: int = 0  # rows of the embedding beyond the tokens
    dtype: torch.dtype = torch.float32


T5_SPECIALS = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
FORMS = {
    # As the first T5: ReLU, one table, logits scaled; buckets and distances as published.
    "hf-t5": Form(
        {"d_model": 24, "d_kv": 10, "d_ff": 40, "num_layers": 2, "num_heads": 3,
         "feed_forward_proj": "relu", "task_specific_params": TASKS},
        {"num_beams": 4, "max_length": 32, "early_stopping": True},
        T5_SPECIALS, "<pad>", 0, ("latin", "accented"), long=60, vocabulary=6),
    # As mT5 and T5 1.1: gated, two tables, a file of PyTorch; and tokenizer.json alone.
    "hf-mt5": Form(
        {"d_model": 32, "d_kv": 8, "d_ff": 32, "num_layers": 3, "num_decoder_layers": 2,
         "num_heads": 4, "feed_forward_proj": "gated-gelu",
         "relative_attention_num_buckets": 16, "relative_attention_max_distance": 24},
        {"num_beams": 3, "max_length": 14, "no_repeat_ngram_size": 3},
        T5_SPECIALS, "<pad>", 0, ("latin", "cyrillic", "han"), mt5=True, tied=False,
        decisiveness=2.5, first_seed=2, torch_file=True, tokenizer_json=True, long=30,
        vocabulary=12),
    # As MADLAD-400: languages are pieces, the decoder does not begin with padding, and the
    # table is that of the decoder.
    "hf-madlad": Form(
        {"d_model": 16, "d_kv": 16, "d_ff": 24, "num_layers": 3, "num_decoder_layers": 2,
         "num_heads": 2, "feed_forward_proj": "gated-gelu"},
        {"num_beams": 4, "max_length": 30},
        {"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1}, "<s>", 0,
        ("latin", "cyrillic"), tied=False, languages=("de", "en", "fr", "zh_Latn"),
        pairs=(("en", "de"), ("de", "fr"), ("fr", "zh_Latn")), extra_ids=0,
        dtype=torch.bfloat16),
}

SEARCHES: list[dict[str, Any]] = [
    {},
    {"beam_size": 1},
    *({"beam_size": 4, "stopping": stopping, "length_penalty": 1.5}
      for stopping in hugging_face.STOPPING),
]


def make_tokenizer(directory: pathlib.Path, form: Form) -> PreTrainedTokenizerBase:
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        for before, after in NORMALIZATION.items():
            rules.write(" ".join(f"{ord(c):X}" for c in before) + "\t" +
                        " ".join(f"{ord(c):X}" for c in after) + "\n")
        rules.flush()
        corpus.train(directory / "spiece.model",
                     corpus.Words(form.scripts, 1).sentences(2000), 120,
                     normalization_rule_tsv=rules.name, remove_extra_whitespaces=True,
                     user_defined_symbols=[f"<2{code}>" for code in form.languages],
                     **form.specials)
    settings = {"tokenizer_class": "T5Tokenizer", "extra_ids": form.extra_ids,
                "eos_token": "</s>", "unk_token": "<unk>", "pad_token": form.pad_token}
    if form.extra_ids == 0:
        settings["additional_special_tokens"] = []
    (directory / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")
    tokenizer = T5Tokenizer.from_pretrained(directory)
    if form.tokenizer_json:
        (directory / "spiece.model").unlink()
        tokenizer.save_pretrained(directory)
        tokenizer = T5Tokenizer.from_pretrained(directory)
    return tokenizer


def favour(model: PreTrainedModel, eos: int, ids: list[int], strength: float) -> None:
    """Has searches end, without a bias to do it by: turns the output of `eos` towards
    what the decoder tends to."""
    with torch.no_grad():
        states = model(input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([ids]),
                       output_hidden_states=True).decoder_hidden_states[-1][0]
        mean = states.mean(0)
        row = model.get_output_embeddings().weight[eos]
        scale = (model.config.d_model ** 0.5
                 if getattr(model.config, "scale_decoder_outputs", False) else 1.0)
        row += strength * scale * mean / mean.dot(mean)


def build(form: Form, tokenizer: PreTrainedTokenizerBase, seed: int) -> PreTrainedModel:
    eos = form.specials["eos_id"]
    pad = max(form.specials["pad_id"], form.specials["bos_id"])
    Model, Config = ((MT5ForConditionalGeneration, MT5Config) if form.mt5 else
                     (T5ForConditionalGeneration, T5Config))
    model = Model(Config(vocab_size=len(tokenizer) + form.vocabulary, pad_token_id=pad,
                         eos_token_id=eos, decoder_start_token_id=form.start,
                         tie_word_embeddings=form.tied, **form.architecture))
    model.generation_config = GenerationConfig(
        pad_token_id=pad, eos_token_id=eos, decoder_start_token_id=form.start,
        **form.generation)
    hugging_face.enlarge(model, eos, seed, 0.0)
    with torch.no_grad():
        if not form.tied:
            table = model.shared.weight
            model.lm_head.weight = torch.nn.Parameter(
                torch.randn_like(table) * form.decisiveness * table.shape[1] ** -0.5)
        # As it is published: what others divide scores by is in the queries.
        for name, parameter in model.named_parameters():
            if name.endswith("Attention.q.weight"):
                parameter *= model.config.d_kv ** -0.5
        for stack in (model.encoder, model.decoder):
            bias = stack.block[0].layer[0].SelfAttention.relative_attention_bias
            torch.nn.init.normal_(bias.weight, std=1.0)
    model.eval()
    favour(model, eos, list(range(4, 24)), 2.5)
    return model


def save(model: PreTrainedModel, directory: pathlib.Path, form: Form) -> None:
    """As the models are published: by transformers 4, whose names of settings and
    tables differ."""
    model.to(form.dtype).save_pretrained(directory)
    config = json.loads((directory / "config.json").read_text())
    config.pop("scale_decoder_outputs", None)
    config["tie_word_embeddings"] = form.tied
    config["transformers_version"] = "4.35.0"
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for name in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight"):
        tensors.pop(name, None)
    if form.languages:
        tensors["decoder.embed_tokens.weight"] = tensors.pop("shared.weight")
    if form.tied:
        tensors.pop("lm_head.weight")
    (directory / "model.safetensors").unlink()
    if form.torch_file:
        torch.save(tensors, directory / "pytorch_model.bin")
    else:
        safetensors.torch.save_file(tensors, directory / "model.safetensors",
                                    metadata={"format": "pt"})
    model.float()


def reload(directory: pathlib.Path, form: Form) -> PreTrainedModel:
    model = (MT5ForConditionalGeneration if form.mt5 else
             T5ForConditionalGeneration).from_pretrained(directory, dtype=torch.float32)
    # transformers 5 would tie what version 4 does not.
    assert form.tied == torch.equal(model.lm_head.weight, model.shared.weight), directory
    return model


def make(directory: pathlib.Path, form: Form) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    tokenizer = make_tokenizer(directory, form)
    words = corpus.Words(form.scripts, seed=1)
    some = words.random.choices(words.lexicons["latin"], k=3)
    texts = [*words.sentences(5), "{}  {}\u00a0{}.".format(*some)]
    if not form.languages:
        # transformers 5 has an id of its own for what a vocabulary lacks, T5's; and passes
        # over a space before the mark of spaces. We do as SentencePiece.
        texts.append("ﬁ ½ Ａ１ ꙮꙮ x")
    if form.long:
        texts.append(" ".join(words.random.choices(words.lexicons["latin"], k=form.long)))
    if "task_specific_params" in form.architecture:
        texts[2] = TASKS["translation_en_to_de"]["prefix"] + texts[2]

    def golden(seed: int) -> dict[str, Any]:
        save(build(form, tokenizer, seed), directory, form)
        return hugging_face.golden(reload(directory, form), tokenizer, texts, SEARCHES,
                                   form.pairs, "<2{}> ")

    golden_file.write_first(directory, range(form.first_seed, form.first_seed + 80), golden)


def make_all(root: pathlib.Path, names: tuple[str, ...] = tuple(FORMS)) -> None:
    for name in names:
        make(root / name, FORMS[name])
