"""What subword-nmt makes of made-up lines, for engine/text/subword_nmt_test.cc.

    pip install subword-nmt==0.3.8
    python subword_nmt_golden.py ../../engine/text/testdata/subword_nmt.json
"""

from __future__ import annotations

import io
import json
import pathlib
import sys

from subword_nmt.apply_bpe import BPE
from subword_nmt.learn_bpe import learn_bpe

import corpus

SCRIPTS = ("latin", "accented", "cyrillic", "greek", "devanagari", "han")
MERGES = 150
LINES = 120


def main() -> None:
    words = corpus.Words(SCRIPTS, seed=11)
    training = words.sentences(1500)
    codes = io.StringIO()
    learn_bpe(io.StringIO("\n".join(training) + "\n"), codes, MERGES)
    newer = codes.getvalue()
    pairs = newer.split("\n", 1)[1]
    # Before 0.2 the end of a word was a symbol of its own.
    older = "".join(line.replace("</w>", "") + "\n" for line in pairs.splitlines()[:60]
                    ) + "s </w>\na </w>\no s\nos </w>\n"
    lines = words.sentences(LINES) + ["aaaa bb b", "ꙮ 1234 x@@ @@ -", "ααα ββ а",
                                      "".join(w for w in training[3].split()) * 5]
    golden = []
    for text in (newer, older):
        bpe = BPE(io.StringIO(text))
        golden.append({"codes": text, "lines": [[line, bpe.process_line(line)]
                                                for line in lines]})
    pathlib.Path(sys.argv[1]).write_text(json.dumps(golden, ensure_ascii=False, indent=0) + "\n",
                                         encoding="utf-8")


if __name__ == "__main__":
    main()
