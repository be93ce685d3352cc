"""Made-up text in several scripts, and vocabularies trained on it."""

from __future__ import annotations

import io
import pathlib
import random

import sentencepiece as spm

ALPHABETS = {
    "latin": "abdeghiklmnoprstuvz",
    "accented": "aäeéioöuüßçñlrst",
    "cyrillic": "абвгдеиклмнопрст",
    "greek": "αβγδεικλμνοπρστ",
    "arabic": "ابتثجحدرسعفقكلمنوي",
    "devanagari": "अआइकखगचजतदनपबमयरलवसहािीेो",
    "han": "一二三人大中国文字天地水火山木金土日月",
    "thai": "กขคงจชดตนบปพมยรลวสหาิีเแ",
}
UNSPACED = ("han", "thai")
MARKS = (".", ".", "!", "?", ",", ";", ":")

# What tokenizers stumble over; nothing of it is in the training text.
ODD_LINES = (
    "",
    " ",
    "  two  spaces  ",
    "tab\there",
    "no\u00a0break",
    "full width： ＡＢＣ １２３",
    "ligature ﬁne, ½, ²",
    "emoji 😀 and 👩\u200d👩\u200d👧",
    "combining e\u0301 and é",
    "zero\u200bwidth\u200cjoiners\ufeff",
    "▁ meta ▁symbol",
    "<unk> </s> <pad> <s>",
    "control\x01character\x7f",
    "１．５ kg — “quoted” ‘single’ …",
    "ЪЭЮЯ ąęłż ƕƛ ꙮ",
    "a" * 300,
)


class Words:
    """A lexicon for each script, with Zipf's distribution."""

    def __init__(self, scripts: tuple[str, ...], seed: int, size: int = 60) -> None:
        self.random = random.Random(seed)
        self.scripts = scripts
        self.lexicons = {
            script: ["".join(self.random.choices(ALPHABETS[script],
                                                 k=self.random.randint(1, 7)))
                     for _ in range(size)]
            for script in scripts
        }

    def sentence(self, max_words: int = 12) -> str:
        script = self.random.choice(self.scripts)
        lexicon = self.lexicons[script]
        weights = [1 / (rank + 1) for rank in range(len(lexicon))]
        words = self.random.choices(lexicon, weights, k=self.random.randint(1, max_words))
        if self.random.random() < 0.2:
            words.insert(self.random.randrange(len(words) + 1),
                         str(self.random.randrange(10000)))
        separator = "" if script in UNSPACED else " "
        text = separator.join(words) + self.random.choice(MARKS)
        return text[0].upper() + text[1:] if self.random.random() < 0.7 else text

    def sentences(self, count: int, max_words: int = 12) -> list[str]:
        return [self.sentence(max_words) for _ in range(count)]


def train(path: pathlib.Path, sentences: list[str], vocab_size: int,
          **options: object) -> spm.SentencePieceProcessor:
    """Writes a SentencePiece model; normalisation is off unless options say so."""
    model = io.BytesIO()
    settings = {"model_type": "unigram", "character_coverage": 0.9995,
                "normalization_rule_name": "identity", "hard_vocab_limit": False,
                "num_threads": 1, "minloglevel": 2}
    spm.SentencePieceTrainer.train(sentence_iterator=iter(sentences), model_writer=model,
                                   vocab_size=vocab_size, **{**settings, **options})
    path.write_bytes(model.getvalue())
    return spm.SentencePieceProcessor(model_proto=model.getvalue())
