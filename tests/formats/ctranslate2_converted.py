"""Models of CTranslate2 made by its converters: of OPUS-MT, M2M100, NLLB, T5 and MADLAD-400
as transformers has them, and of Marian's own files.

Their converters leave it to the caller to add the end symbol and languages to sources, as
transformers' tokenizers do. What CTranslate2 finds when it is called so, the engine must
find for the text alone.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import tempfile
from typing import Any, Callable

import ctranslate2
import sentencepiece as spm
from ctranslate2.converters import OpusMTConverter, TransformersConverter

import corpus
import ctranslate2_models
import golden_file
import m2m100
import marian
import t5
from ctranslate2_models import EOS, MAX_LENGTH, SEARCHES
from golden_file import numbers

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "golden"


@dataclasses.dataclass
class Converted:
    scripts: tuple[str, ...]  # of the texts
    splitter: str  # the file that cuts them
    make: Callable[[pathlib.Path, int], None]
    prefix: str = "{}"  # how the token of a language is spelt
    pairs: tuple[tuple[str, str], ...] = ()
    begin: str = ""  # how a text names the language to translate to, if it does


def convert(original: pathlib.Path, directory: pathlib.Path, files: list[str],
            quantization: str | None = None) -> None:
    TransformersConverter(str(original), copy_files=files).convert(
        str(directory), quantization=quantization, force=True)


def make_opus(directory: pathlib.Path, seed: int) -> None:
    """Of OPUS-MT: no padding, a start from zeros, no end symbol."""
    form = marian.FORMS["hf-marian"]
    with tempfile.TemporaryDirectory() as folder:
        original = pathlib.Path(folder)
        marian.write_vocabularies(original, form, seed=1)
        tokenizer = marian.load_tokenizer(original, form)
        marian.build(form, tokenizer, seed).save_pretrained(original)
        tokenizer.save_pretrained(original)
        convert(original, directory, ["source.spm", "target.spm", "tokenizer_config.json"],
                "int8")


def make_multilingual(name: str, files: list[str]) -> Callable[[pathlib.Path, int], None]:
    def make(directory: pathlib.Path, seed: int) -> None:
        # Drawn to the end: some translations end right behind their language.
        form = m2m100.FORMS[name]
        with tempfile.TemporaryDirectory() as folder:
            original = pathlib.Path(folder)
            tokenizer = m2m100.make_tokenizer(original, form, seed=1)
            m2m100.build(form, tokenizer, seed).save_pretrained(original)
            tokenizer.save_pretrained(original)
            if name == "hf-m2m100":
                # As published; the converter takes the languages from here, and transformers
                # forgets them as it saves.
                path = original / "tokenizer_config.json"
                settings = json.loads(path.read_text())
                settings["additional_special_tokens"] = [
                    f"__{code}__" for code in tokenizer.lang_code_to_token]
                path.write_text(json.dumps(settings, indent=1) + "\n")
            convert(original, directory, files)
    return make


def make_t5(name: str) -> Callable[[pathlib.Path, int], None]:
    def make(directory: pathlib.Path, seed: int) -> None:
        # The converter spells rows without a token like other ones, "<extra_id_0>".
        form = dataclasses.replace(t5.FORMS[name], vocabulary=0)
        with tempfile.TemporaryDirectory() as folder:
            original = pathlib.Path(folder)
            tokenizer = t5.make_tokenizer(original, form)
            t5.save(t5.build(form, tokenizer, seed), original, form)
            convert(original, directory, ["spiece.model", "tokenizer_config.json"])
            if name == "hf-t5":  # as transformers 5 saves it, alone
                tokenizer.save_pretrained(original / "saved")
                shutil.copy(original / "saved" / "tokenizer.json", directory)
    return make


def make_marian(directory: pathlib.Path, seed: int) -> None:
    """Of what Marian itself saved; pre-norm, two vocabularies."""
    original = GOLDENS / "marian-pre"
    OpusMTConverter(str(original)).convert(str(directory), force=True)
    for side in ("source.spm", "target.spm"):
        shutil.copy(original / side, directory)


FORMS = {
    "ct2-opus": Converted(("latin", "accented"), "source.spm", make_opus),
    "ct2-marian": Converted(("latin", "cyrillic"), "source.spm", make_marian),
    "ct2-m2m100": Converted(
        ("latin", "accented", "cyrillic"), "sentencepiece.bpe.model",
        make_multilingual("hf-m2m100", ["sentencepiece.bpe.model", "tokenizer_config.json"]),
        prefix="__{}__", pairs=(("en", "fr"), ("de", "zh"), ("ast", "uk"))),
    "ct2-nllb": Converted(
        ("latin", "cyrillic", "han"), "",
        make_multilingual("hf-nllb", ["tokenizer.json", "tokenizer_config.json"]),
        pairs=(("eng_Latn", "zho_Hans"), ("rus_Cyrl", "eng_Latn"), ("deu_Latn", "rus_Cyrl"))),
    "ct2-t5": Converted(("latin", "accented"), "spiece.model", make_t5("hf-t5")),
    "ct2-madlad": Converted(
        ("latin", "cyrillic"), "spiece.model", make_t5("hf-madlad"),
        pairs=t5.FORMS["hf-madlad"].pairs, begin="<2{}> "),
}


class Caller:
    """Calls CTranslate2 as its documentation says for these models."""

    def __init__(self, directory: pathlib.Path, form: Converted) -> None:
        self.form = form
        self.translator = ctranslate2.Translator(str(directory), compute_type="float32",
                                                 intra_threads=1)
        self.sides = [self.vocabulary(directory, side) for side in ("source", "target")]
        self.adds_eos = json.loads((directory / "config.json").read_text())["add_source_eos"]
        if form.splitter:
            splitter = spm.SentencePieceProcessor(model_file=str(directory / form.splitter))
            self.cut = lambda text: splitter.encode(text, out_type=str)
        else:
            from tokenizers import Tokenizer
            tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
            self.cut = lambda text: tokenizer.encode(text, add_special_tokens=False).tokens

    @staticmethod
    def vocabulary(directory: pathlib.Path, side: str) -> dict[str, int]:
        path = directory / "shared_vocabulary.json"
        if not path.exists():
            path = directory / f"{side}_vocabulary.json"
        return {piece: id for id, piece in enumerate(json.loads(path.read_text()))}

    def source(self, text: str, languages: tuple[str, str] | None) -> list[str]:
        if self.form.begin:
            return [*self.cut(self.form.begin.format(languages[1]) + text), EOS]
        before = [self.form.prefix.format(languages[0])] if languages else []
        # What the library adds itself is not said twice.
        return [*before, *self.cut(text), *([] if self.adds_eos else [EOS])]

    def first(self, languages: tuple[str, str] | None) -> list[str]:
        if not languages or self.form.begin:
            return []
        return [self.form.prefix.format(languages[1])]

    def ids(self, pieces: list[str], side: int) -> list[int]:
        unknown = self.sides[side]["<unk>"]
        return [self.sides[side].get(piece, unknown) for piece in pieces]

    def encoder_input(self, source: list[str]) -> list[int]:
        return self.ids([*source, *([EOS] if self.adds_eos else [])], 0)

    def search(self, sentences: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
        names = {"length_penalty": "length_penalty", "beam_size": "beam_size"}
        settings = {names[name]: value for name, value in options.items()}
        beam = options.get("beam_size", 2)
        hypotheses = []
        for one in sentences:
            languages = one.get("languages")
            first = self.first(languages)
            result = self.translator.translate_batch(
                [self.source(one["text"], languages)], num_hypotheses=beam, return_scores=True,
                target_prefix=[first] if first else None, return_end_token=True,
                max_decoding_length=MAX_LENGTH, **settings)[0]
            hypotheses.append([])
            for tokens, score in zip(result.hypotheses, result.scores):
                ended = tokens[-1] == EOS
                hypotheses[-1].append({"tokens": self.ids(tokens[:-1] if ended else tokens, 1),
                                       "truncated": not ended, "score": numbers(score)})
        return {"options": {**options, "max_length": [MAX_LENGTH] * len(sentences)},
                "hypotheses": hypotheses}

    def scored(self, sentences: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Sentences with themselves for translations."""
        result = []
        for index, one in enumerate(sentences[:4]):
            languages = one.get("languages")
            target = [piece for piece in [*self.first(languages), *self.cut(one["text"])]
                      if piece in self.sides[1]]
            found = self.translator.score_batch([self.source(one["text"], languages)],
                                                [target])[0]
            result.append({"sentence": index, "target": self.ids([*target, EOS], 1),
                           "log_probs": numbers(found.log_probs)})
        return result


def golden(directory: pathlib.Path, form: Converted) -> dict[str, Any]:
    caller = Caller(directory, form)
    texts = [*corpus.Words(form.scripts, seed=1).sentences(7), "ꙮꙮ x"]
    sentences: list[dict[str, Any]] = []
    for index, text in enumerate(texts):
        one: dict[str, Any] = {"text": text}
        if form.pairs:
            one["languages"] = form.pairs[index % len(form.pairs)]
        one["encoder_input"] = caller.encoder_input(
            caller.source(text, one.get("languages")))
        sentences.append(one)
    searches = [caller.search(sentences, options) for options in SEARCHES]
    if ctranslate2_models.close(searches):
        raise golden_file.TooClose
    return {"sentences": sentences, "forced": [], "scored": caller.scored(sentences),
            "searches": searches}


def make_all(root: pathlib.Path, first_seed: int = 1,
             names: tuple[str, ...] = tuple(FORMS)) -> None:
    for name in names:
        form = FORMS[name]

        def make(seed: int, directory: pathlib.Path = root / name,
                 form: Converted = form) -> dict[str, Any]:
            shutil.rmtree(directory, ignore_errors=True)
            form.make(directory, seed)
            return golden(directory, form)

        golden_file.write_first(root / name, range(first_seed, first_seed + 50), make)
