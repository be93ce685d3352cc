"""Tiny MarianMT models of several forms, made by transformers."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
from typing import Any

import torch
from transformers import GenerationConfig, MarianConfig, MarianMTModel, MarianTokenizer

import corpus
import golden_file
import hugging_face

EOS, UNK = 0, 1


@dataclasses.dataclass
class Form:
    architecture: dict[str, Any]
    generation: dict[str, Any]
    scripts: tuple[tuple[str, ...], tuple[str, ...]]
    pieces: int
    dtype: torch.dtype = torch.float32
    codes: tuple[str, ...] = ()
    separate_vocabs: bool = False
    settings_in_config: bool = False  # as before generation_config.json was invented
    eos_bias: float = 1.5


FORMS = {
    # As OPUS-MT models are published.
    "hf-marian": Form(
        {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 48,
         "decoder_ffn_dim": 40, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
         "activation_function": "swish", "scale_embedding": True,
         "max_position_embeddings": 64},
        {"num_beams": 4, "max_length": 40, "forced_eos": True, "renormalize_logits": True,
         "bad_words": True},
        (("latin", "accented"), ("latin", "cyrillic")), 110),
    # Nothing shared, another vocabulary on each side, stored as float16.
    "hf-marian-separate": Form(
        {"d_model": 24, "encoder_layers": 3, "decoder_layers": 1, "encoder_ffn_dim": 32,
         "decoder_ffn_dim": 48, "encoder_attention_heads": 3, "decoder_attention_heads": 2,
         "activation_function": "gelu", "share_encoder_decoder_embeddings": False,
         "tie_word_embeddings": False, "max_position_embeddings": 64},
        {"num_beams": 3, "max_length": 24, "early_stopping": True, "length_penalty": 0.6},
        (("greek",), ("han", "thai")), 90, dtype=torch.float16, separate_vocabs=True),
    # The language to translate to in the text; settings inside config.json.
    "hf-marian-multilingual": Form(
        {"d_model": 16, "encoder_layers": 1, "decoder_layers": 3, "encoder_ffn_dim": 24,
         "decoder_ffn_dim": 24, "encoder_attention_heads": 8, "decoder_attention_heads": 1,
         "activation_function": "relu", "scale_embedding": True,
         "max_position_embeddings": 48},
        {"num_beams": 2, "max_length": 32, "forced_eos": True, "bad_words": True,
         "early_stopping": "never", "length_penalty": 1.5},
        (("latin", "arabic"), ("devanagari", "latin")), 110, codes=(">>ara<<", ">>hin<<"),
        settings_in_config=True),
}

SEARCHES: list[dict[str, Any]] = [
    {},
    {"beam_size": 1},
    *({"beam_size": 5, "stopping": stopping, "length_penalty": penalty}
      for stopping in hugging_face.STOPPING for penalty in (0.0, 1.0, 2.0)),
]


def write_vocabularies(directory: pathlib.Path, form: Form, seed: int, vocabulary: int = 0,
                       **options: Any) -> None:
    """source.spm, target.spm and vocab.json, filled up to `vocabulary` pieces."""
    pieces: list[list[str]] = []
    for side, scripts in zip(("source", "target"), form.scripts):
        words = corpus.Words(scripts, seed)
        model = corpus.train(directory / f"{side}.spm", words.sentences(2000), form.pieces,
                             **options)
        pieces.append([model.id_to_piece(id) for id in range(model.get_piece_size())])
    sides = pieces if form.separate_vocabs else [pieces[0] + pieces[1]]
    for name, own in zip(("vocab.json", "target_vocab.json"), sides):
        ordered = list(dict.fromkeys(["</s>", "<unk>", *form.codes, *sorted(own), "<pad>"]))
        ordered.remove("<s>")
        ordered.remove("<pad>")
        ordered += [f"filler{i}" for i in range(vocabulary - 1 - len(ordered))]
        ordered.append("<pad>")
        (directory / name).write_text(json.dumps({p: i for i, p in enumerate(ordered)},
                                                 ensure_ascii=False, indent=1) + "\n")


def load_tokenizer(directory: pathlib.Path, form: Form) -> MarianTokenizer:
    return MarianTokenizer(
        str(directory / "source.spm"), str(directory / "target.spm"),
        str(directory / "vocab.json"),
        str(directory / "target_vocab.json") if form.separate_vocabs else None,
        source_lang="en", target_lang="de", separate_vocabs=form.separate_vocabs)


def build(form: Form, tokenizer: MarianTokenizer, seed: int) -> MarianMTModel:
    sizes = [len(tokenizer.encoder),
             len(tokenizer.target_encoder if form.separate_vocabs else tokenizer.encoder)]
    pad = sizes[1] - 1
    architecture = dict(form.architecture)
    if not architecture.get("share_encoder_decoder_embeddings", True):
        architecture["decoder_vocab_size"] = sizes[1]
    model = MarianMTModel(MarianConfig(
        vocab_size=sizes[0], pad_token_id=pad, eos_token_id=EOS, bos_token_id=None,
        decoder_start_token_id=pad, forced_eos_token_id=None, **architecture))
    settings = dict(form.generation)
    if settings.pop("forced_eos", False):
        settings["forced_eos_token_id"] = EOS
    if settings.pop("bad_words", False):
        settings["bad_words_ids"] = [[pad]]
    model.generation_config = GenerationConfig(
        pad_token_id=pad, eos_token_id=EOS, decoder_start_token_id=pad, **settings)
    hugging_face.enlarge(model, EOS, seed, form.eos_bias)
    return model


def move_settings(directory: pathlib.Path) -> None:
    path = directory / "generation_config.json"
    settings = json.loads(path.read_text())
    path.unlink()
    config = json.loads((directory / "config.json").read_text())
    config.update({name: value for name, value in settings.items()
                   if not name.startswith("_") and name != "transformers_version"})
    (directory / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def make(directory: pathlib.Path, form: Form) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    write_vocabularies(directory, form, seed=1)
    tokenizer = load_tokenizer(directory, form)
    words = corpus.Words(form.scripts[0], seed=1)
    texts = [*words.sentences(9), "ЖЩ ꙮꙮ x", "  two  spaces and </s>."]
    if form.codes:
        texts = [f"{form.codes[i % len(form.codes)]} {text}" for i, text in enumerate(texts)]

    def golden(seed: int) -> dict[str, Any]:
        hugging_face.save(build(form, tokenizer, seed), directory, form.dtype)
        tokenizer.save_pretrained(directory)
        loaded = MarianMTModel.from_pretrained(directory, dtype=torch.float32)
        return hugging_face.golden(loaded, MarianTokenizer.from_pretrained(directory),
                                   [t for t in texts if "</s>" not in t], SEARCHES)

    golden_file.write_first(directory, range(1, 50), golden)
    if form.settings_in_config:
        move_settings(directory)


def make_all(root: pathlib.Path) -> None:
    for name, form in FORMS.items():
        make(root / name, form)
