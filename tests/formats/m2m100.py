"""Tiny M2M100, SMaLL-100, NLLB and mBART-50 models, made by transformers."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import tempfile
from typing import Any

import torch
from transformers import (GenerationConfig, M2M100Config, M2M100ForConditionalGeneration,
                          M2M100Tokenizer, MBart50Tokenizer, MBartConfig,
                          MBartForConditionalGeneration, NllbTokenizer, PreTrainedModel,
                          PreTrainedTokenizerBase)

import corpus
import golden_file
import hugging_face

BOS, PAD, EOS, UNK = range(4)
CLASSES = {False: (M2M100ForConditionalGeneration, M2M100Config),
           True: (MBartForConditionalGeneration, MBartConfig)}
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]
# As NFKC has it, in a map of a few bytes.
NORMALIZATION = {"ﬁ": "fi", "½": "1/2", "Ａ": "A", "Ｂ": "B", "１": "1", "\u00a0": " "}


@dataclasses.dataclass
class Form:
    architecture: dict[str, Any]
    generation: dict[str, Any]
    # "m2m100", "small100", "nllb" (tokenizer.json), "nllb-model" (without it), "mbart50"
    tokenizer: str
    pairs: tuple[tuple[str, str], ...]
    scripts: tuple[str, ...]
    languages: tuple[str, ...] = ()  # of NLLB; those of M2M100 are always the same
    pieces: int = 150
    dtype: torch.dtype = torch.float32
    max_shard_size: str | None = None
    eos_bias: float = 3.0
    legacy: bool = False
    options: dict[str, Any] = dataclasses.field(default_factory=dict)  # of SentencePiece
    vocabulary: int = 0  # rows of the embedding; 0: as many as it needs


FORMS = {
    # As M2M100 is published.
    "hf-m2m100": Form(
        {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 48,
         "decoder_ffn_dim": 40, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
         "max_position_embeddings": 64},
        {"num_beams": 5, "max_length": 40, "early_stopping": True},
        "m2m100", (("en", "fr"), ("de", "zh"), ("ast", "uk")),
        ("latin", "accented", "cyrillic")),
    # As NLLB is published and as transformers 5 saves it: tokenizer.json alone. In shards.
    "hf-nllb": Form(
        {"d_model": 32, "encoder_layers": 3, "decoder_layers": 1, "encoder_ffn_dim": 40,
         "decoder_ffn_dim": 48, "encoder_attention_heads": 2, "decoder_attention_heads": 8,
         "max_position_embeddings": 48},
        {"num_beams": 4, "max_length": 32}, "nllb",
        (("eng_Latn", "zho_Hans"), ("rus_Cyrl", "eng_Latn"), ("deu_Latn", "rus_Cyrl")),
        ("latin", "cyrillic", "han"),
        languages=("deu_Latn", "eng_Latn", "rus_Cyrl", "zho_Hans"),
        dtype=torch.float16, max_shard_size="20KB"),
    # The source's language behind it; a target in the settings; SentencePiece's own file.
    "hf-nllb-legacy": Form(
        {"d_model": 24, "encoder_layers": 1, "decoder_layers": 3, "encoder_ffn_dim": 24,
         "decoder_ffn_dim": 32, "encoder_attention_heads": 3, "decoder_attention_heads": 2,
         "activation_function": "gelu", "scale_embedding": False,
         "max_position_embeddings": 48},
        {"num_beams": 3, "max_length": 28, "length_penalty": 0.6, "forced_eos_token_id": EOS,
         "forced_bos": "hin_Deva", "bad_words_ids": [[PAD], [UNK]],
         "renormalize_logits": True},
        "nllb-model", (("eng_Latn", "hin_Deva"), ("hin_Deva", "tha_Thai"),
                       ("tha_Thai", "eng_Latn")),
        ("latin", "devanagari", "thai"), languages=("eng_Latn", "hin_Deva", "tha_Thai"),
        dtype=torch.bfloat16, legacy=True),
    # The target's language before the source: the tokenizer is a program of its own, which
    # puts M2M100's language token of the target where M2M100 has that of the source.
    "hf-small100": Form(
        {"d_model": 16, "encoder_layers": 2, "decoder_layers": 1, "encoder_ffn_dim": 24,
         "decoder_ffn_dim": 24, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
         "max_position_embeddings": 48},
        {"num_beams": 3, "max_length": 32, "early_stopping": True},
        "small100", (("en", "fr"), ("de", "zh"), ("fr", "en")), ("latin", "cyrillic"),
        pieces=100),
    # Learned positions, a norm behind the embeddings, an output bias.
    "hf-mbart50": Form(
        {"d_model": 24, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 32,
         "decoder_ffn_dim": 40, "encoder_attention_heads": 3, "decoder_attention_heads": 4,
         "max_position_embeddings": 48, "activation_function": "gelu"},
        {"num_beams": 4, "max_length": 32, "early_stopping": True,
         "forced_eos_token_id": EOS},
        "mbart50", (("en_XX", "fr_XX"), ("de_DE", "zh_CN"), ("ru_RU", "en_XX")),
        ("latin", "cyrillic"), pieces=110, options={"model_type": "unigram"}),
}

SEARCHES: list[dict[str, Any]] = [
    {},
    {"beam_size": 1},
    *({"beam_size": 4, "stopping": stopping, "length_penalty": penalty}
      for stopping in hugging_face.STOPPING for penalty in (0.0, 1.5)),
]


def train(path: pathlib.Path, form: Form, seed: int) -> list[str]:
    """Writes sentencepiece.bpe.model; the pieces but the first three."""
    options = {"model_type": "bpe", "remove_extra_whitespaces": True, **form.options}
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        if "normalization_rule_name" not in options:
            for before, after in NORMALIZATION.items():
                rules.write(" ".join(f"{ord(c):X}" for c in before) + "\t" +
                            " ".join(f"{ord(c):X}" for c in after) + "\n")
            rules.flush()
            options["normalization_rule_tsv"] = rules.name
        model = corpus.train(path, corpus.Words(form.scripts, seed).sentences(2000),
                             form.pieces, **options)
    return [model.id_to_piece(id) for id in range(3, model.get_piece_size())]


def make_tokenizer(directory: pathlib.Path, form: Form,
                   seed: int) -> PreTrainedTokenizerBase:
    """Trains the vocabulary and writes the files of the tokenizer."""
    model = directory / "sentencepiece.bpe.model"
    pieces = train(model, form, seed)
    if form.tokenizer == "mbart50":
        tokenizer = MBart50Tokenizer.from_pretrained(directory, src_lang=form.pairs[0][0])
        # As transformers 5 saves it, alone; as 4 did.
        tokenizer.save_pretrained(directory)
        (directory / "tokenizer_config.json").write_text(json.dumps(
            {"src_lang": form.pairs[0][0], "tgt_lang": None,
             "tokenizer_class": "MBart50Tokenizer"}, indent=1) + "\n")
        return tokenizer
    if form.tokenizer in ("m2m100", "small100"):
        vocabulary = directory / "vocab.json"
        vocabulary.write_text(json.dumps(
            {piece: id for id, piece in enumerate(SPECIALS + pieces)}, ensure_ascii=False))
        tokenizer = M2M100Tokenizer(str(vocabulary), str(model), src_lang=form.pairs[0][0])
        tokenizer.save_pretrained(directory)
        tokenizer = M2M100Tokenizer.from_pretrained(directory)
        if form.tokenizer == "small100":
            settings = directory / "tokenizer_config.json"
            changed = {**json.loads(settings.read_text()), "tokenizer_class": "SMALL100Tokenizer"}
            settings.write_text(json.dumps(changed, indent=1) + "\n")
        return tokenizer
    (directory / "config.json").write_text('{"model_type": "m2m_100"}')
    tokenizer = NllbTokenizer.from_pretrained(
        directory, src_lang=form.pairs[0][0], legacy_behaviour=form.legacy,
        additional_special_tokens=list(form.languages))
    if form.tokenizer == "nllb":
        model.unlink()
        tokenizer.save_pretrained(directory)
        return NllbTokenizer.from_pretrained(directory)
    # As transformers 4 saved it.
    added = {id: {"content": token.content, "special": True}
             for id, token in sorted(tokenizer.added_tokens_decoder.items())}
    (directory / "tokenizer_config.json").write_text(json.dumps(
        {"added_tokens_decoder": added, "additional_special_tokens": list(form.languages),
         "src_lang": form.pairs[0][0], "tgt_lang": None, "legacy_behaviour": form.legacy,
         "tokenizer_class": "NllbTokenizer"}, indent=1) + "\n")
    return tokenizer


def build(form: Form, tokenizer: PreTrainedTokenizerBase,
          seed: int) -> PreTrainedModel:
    # M2M100 has languages and eight more rows without a meaning, NLLB a few.
    unused = {"m2m100": 108, "small100": 108, "mbart50": 0}.get(form.tokenizer, 3)
    size = form.vocabulary or len(tokenizer) + unused
    Model, Config = CLASSES[form.tokenizer == "mbart50"]
    model = Model(Config(
        vocab_size=size, pad_token_id=PAD, eos_token_id=EOS, bos_token_id=BOS,
        decoder_start_token_id=EOS,
        **{"scale_embedding": True, **form.architecture}))
    settings = dict(form.generation)
    if "forced_bos" in settings:
        settings["forced_bos_token_id"] = tokenizer.convert_tokens_to_ids(
            settings.pop("forced_bos"))
    model.generation_config = GenerationConfig(
        pad_token_id=PAD, eos_token_id=EOS, bos_token_id=BOS, decoder_start_token_id=EOS,
        **settings)
    hugging_face.enlarge(model, EOS, seed, form.eos_bias)
    if form.tokenizer == "mbart50":
        with torch.no_grad():
            for stack in (model.get_encoder(), model.get_decoder()):
                torch.nn.init.normal_(stack.embed_positions.weight, std=0.4)
    return model


def save(model: PreTrainedModel, directory: pathlib.Path, form: Form) -> None:
    sharded = {"max_shard_size": form.max_shard_size} if form.max_shard_size else {}
    model.to(form.dtype).save_pretrained(directory, **sharded)
    model.float()


def make(directory: pathlib.Path, form: Form) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    tokenizer = make_tokenizer(directory, form, seed=1)
    words = corpus.Words(form.scripts, seed=1)
    texts = [*words.sentences(7), "ﬁ ½ Ａ１ ꙮꙮ x", "two  spaces\u00a0and ▁meta."]

    def golden(seed: int) -> dict[str, Any]:
        model = build(form, tokenizer, seed)
        save(model, directory, form)
        loaded = type(model).from_pretrained(directory, dtype=torch.float32)
        return hugging_face.golden(loaded, tokenizer, texts, SEARCHES, form.pairs,
                                   form.tokenizer == "small100")

    golden_file.write_first(directory, range(1, 50), golden)


def make_all(root: pathlib.Path, names: tuple[str, ...] = tuple(FORMS)) -> None:
    for name in names:
        make(root / name, FORMS[name])
