"""Writes bleu.json, what sacreBLEU says, for bleu_test.cc: pip install sacrebleu==2.6.0."""

import json
import pathlib
import random

import sacrebleu
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

WORDS = """the The house is small 1,000.5 3.14 2024-11-24 well-known e.g. i.e., 50% $9.99
don't it's "quoted" (brackets) [x] {y} a/b c\\d #tag @me & &amp; &quot; &lt;b&gt; &amp;lt;
<skipped> -- - – — … ... ?! «ja» „nein“ Übergröße naïve 東京 。 москва, Žluťoučký 1-2 3- -4 .5 5. ,
; : ! ? ~ ` ^ _ * + = | 10:30 http://x.y/z?q=1 user@host a.b.c A.D. U.S.A. 1.000,00 x,y ,, .,.
\u00a0 \u2009x \u3000 \u200b \x1c \x85 \u2028 ٣.١٤ x\u0301 👍🏽 I II""".split(" ")
ALPHABET = [*map(chr, range(32, 127)), *"äßé–“…。東١०\u00a0\u2003\u200b\u2028\x1d\x85👍"]


def text(generator, most):
    if generator.random() < 0.2:
        return "".join(generator.choices(ALPHABET, k=generator.randint(0, 3 * most)))
    return " ".join(generator.choices(WORDS, k=generator.randint(0, most))).replace("\n", " ")


def worsen(generator, sentence):
    """A hypothesis that shares much with its reference."""
    words = sentence.split(" ")
    for _ in range(generator.randint(0, 3)):
        if words:
            i = generator.randrange(len(words))
            words[i:i + 1] = generator.choices(WORDS, k=generator.randint(0, 2))
    return " ".join(words).replace("\n", " ")


def main():
    generator = random.Random(7)
    tokenize = Tokenizer13a()
    lines = [word.replace("\n", " ") for word in WORDS]
    lines += [text(generator, 12) for _ in range(40)]
    corpora = [([], []), ([""], [""]), (["a"], ["a"]), (["a b c"], ["a b c"]),
               (["a b c d"], ["a b c d"]), (["a b c d e"], ["f g h i j"]),
               (["a b c x e"], ["a b d c e"]), ([""], ["a b c d"]), (["a b c d e f"], [""])]
    for size, most in ((1, 25), (2, 4), (5, 12), (20, 8)):
        for _ in range(2):
            references = [text(generator, most) for _ in range(size)]
            corpora.append(([worsen(generator, line) for line in references], references))
    bleu = sacrebleu.BLEU()
    golden = {
        "tokens": [{"text": line, "tokens": tokenize(line).split()} for line in lines],
        "corpora": [{"hypotheses": hypotheses, "references": references,
                     "bleu": bleu.corpus_score(hypotheses, [references]).score
                             if hypotheses else 0.0}
                    for hypotheses, references in corpora]}
    print(bleu.get_signature())
    parts = [json.dumps(name) + ": [\n" + ",\n".join(map(json.dumps, cases)) + "]"
             for name, cases in golden.items()]
    pathlib.Path(__file__).with_name("bleu.json").write_text(
        "{" + ",\n".join(parts) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
