#!/usr/bin/env python3
"""Trains small vocabularies and records what the reference library does.

    make_goldens.py --out tests/golden/text              # the committed goldens
    make_goldens.py --out /tmp/random --random 5000      # a larger, random check

For each vocabulary NAME this writes, for sentencepiece_test.cc to compare with:

    texts.txt      one text a line, C-escaped
    NAME.model     the vocabulary
    NAME.encode    line N, tab-separated: the ids of text N; their byte ranges
                   as begin-end; the ids decoded, "=" if that is the text itself
    NAME.decode    ids, tab, what they decode to

Every character of text comes from sentences.txt, written for this purpose, or from
the generator below. Needs `sentencepiece` 0.2.3 from PyPI. With --model, the
given vocabulary is used instead of trained ones, and with --lines its texts are
the lines of a file.
"""

import argparse
import io
import pathlib
import random

import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as model_pb2

HERE = pathlib.Path(__file__).resolve().parent

# Rules of every kind: one to one, to many, to nothing, many to one, to a space,
# and one left side that starts another.
SMALL_RULES = [
    ("A", "a"), ("B", "b"), ("Ä", "ae"), ("ß", "ss"), ("ﬁ", "fi"),
    ("½", "1/2"), ("\u200b", ""), ("\u00ad", ""), ("\t", " "), ("\u3000", " "),
    ("\u00a0", " "), ("...", "…"), ("--", "–"), ("e\u0301", "é"),
    ("km/h", "kmh"), ("km", "kilometre"), ("\u2028", "  "), ("ｶﾞ", "ガ"),
]
UNDO_RULES = [("ss", "ß"), ("  ", " "), ("kmh", "km/h"), ("…", "...")]

SYMBOLS = ["<mask>", "{name}", "://", "bird", "birds", "Ä", "ﬁ", "Über", "鳥"]

# name: training options. Trained on the same text, so small.
MODELS = {
    "unigram_nfkc": dict(model_type="unigram", vocab_size=900,
                         normalization_rule_name="nmt_nfkc"),
    "unigram_digits_bytes": dict(
        model_type="unigram", vocab_size=1000, byte_fallback=True,
        split_digits=True, normalization_rule_name="identity"),
    "unigram_suffix": dict(
        model_type="unigram", vocab_size=850, treat_whitespace_as_suffix=True,
        rules=SMALL_RULES),
    "unigram_spaces_bytes": dict(
        model_type="unigram", vocab_size=1100, byte_fallback=True,
        remove_extra_whitespaces=False, allow_whitespace_only_pieces=True,
        rules=SMALL_RULES),
    "unigram_symbols": dict(
        model_type="unigram", vocab_size=900, user_defined_symbols=SYMBOLS,
        control_symbols=["<2de>", "<2en>"], pad_id=3, unk_surface="<?>",
        rules=SMALL_RULES),
    "unigram_phrases": dict(
        model_type="unigram", vocab_size=950, split_by_whitespace=False,
        denormalization_rules=UNDO_RULES, rules=SMALL_RULES),
    "unigram_unused": dict(
        model_type="unigram", vocab_size=900, rules=SMALL_RULES,
        unused_share=0.3),
    "bpe_nfkc_cf_bytes": dict(
        model_type="bpe", vocab_size=1100, byte_fallback=True,
        user_defined_symbols=SYMBOLS, normalization_rule_name="nmt_nfkc_cf"),
    "bpe_identity": dict(
        model_type="bpe", vocab_size=900,
        normalization_rule_name="identity"),
    "bpe_suffix": dict(
        model_type="bpe", vocab_size=900, treat_whitespace_as_suffix=True,
        rules=SMALL_RULES),
    "bpe_spaces": dict(
        model_type="bpe", vocab_size=900, remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True, add_dummy_prefix=False,
        user_defined_symbols=[" x ", "  ", "\u2581-\u2581"], rules=SMALL_RULES),
    "bpe_unused": dict(
        model_type="bpe", vocab_size=1000, rules=SMALL_RULES, unused_share=0.3),
    "bpe_plain_spaces": dict(
        model_type="bpe", vocab_size=900, rules=SMALL_RULES,
        plain_spaces=True, split_digits=True),
}


def sentences():
  lines = (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()
  return [unescape(line) for line in lines]


def unescape(line):
  """\\uXXXX in the file stands for a character that is hard to see."""
  out, parts = "", line.split("\\u")
  for i, part in enumerate(parts):
    out += part if i == 0 else chr(int(part[:4], 16)) + part[4:]
  # Two escapes may be the halves of one character.
  return out.encode("utf-16", "surrogatepass").decode("utf-16")


def c_escape(data):
  out = []
  for byte in data:
    char = chr(byte)
    if char == "\\":
      out.append(b"\\\\")
    elif byte < 0x20 or byte == 0x7f:
      out.append(b"\\%03o" % byte)
    else:
      out.append(bytes([byte]))
  escaped = b"".join(out)
  try:
    escaped.decode("utf-8")
    return escaped
  except UnicodeDecodeError:
    return b"".join(b"\\%03o" % b if b >= 0x80 or b < 0x20 or b in b"\\\x7f"
                    else bytes([b]) for b in data)


EDGE_CASES = [
    b"", b" ", b"  ", b"\t", b"\n", b"\0", b"a\0b", b" a", b"a ", b" a ",
    b"a  b", b"\xe2\x96\x81", b"\xe2\x96\x81\xe2\x96\x81a", b" \xe2\x96\x81 ",
    b"a\xe2\x96\x81", b"\x7f\x01\x1f", b"\xff", b"\xc3", b"a\xe2\x82",
    b"\xe2\x82z", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\xf0\x9f\x90", b"\x80\x80 \x80", b"\xef\xbf\xbd", b"\xef\xbb\xbfbom",
    b"<s>", b"</s>", b"<unk>", b"<pad>", b"<0x41>", b"a<s>b", b"<mask>",
    b"<mask><mask> <mask>", b"x <mask>y", b"birdsbird birds", b" x  x ",
    b"{name}://{name}", b"e\xcc\x81", b"e", b"\xcc\x81", b"a\xcc\x81\xcc\x82",
    b"....", b"-----", b"km km/h km/", b"\xe2\x80\xa8", b" \xe2\x80\xa8 x",
    b"\xe2\x80\x8b", b" \xe2\x80\x8b ", b"\xc2\xad\xc2\xad", b"1234567890",
    b"\xef\xbd\xb6\xef\xbe\x9e\xef\xbd\xb6", b"\xef\xb7\xba", b"\xc2\xbd cup",
    b"a" * 200, b" ".join([b"ab"] * 60), "\u9ce5".encode() * 20,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467".encode(), b"\xf4\x8f\xbf\xbf",
]


def mutate(rng, pool):
  """A text cut, joined and disturbed out of the sentences."""
  parts = []
  for _ in range(rng.randint(1, 3)):
    line = rng.choice(pool)
    begin = rng.randrange(len(line))
    parts.append(line[begin:begin + rng.randint(1, 30)])
  chars = list(rng.choice(["", " ", "  "]).join(parts))
  for _ in range(rng.randint(0, 4)):
    at = rng.randrange(len(chars) + 1)
    kind = rng.randrange(6)
    if kind == 0:
      chars.insert(at, rng.choice(SYMBOLS + [r[0] for r in SMALL_RULES]))
    elif kind == 1:
      chars.insert(at, " " * rng.randint(1, 3))
    elif kind == 2:
      chars.insert(at, chr(rng.choice([rng.randrange(0x20, 0x3000),
                                       rng.randrange(0xe000, 0x11000),
                                       rng.randrange(0x10000, 0x110000)])))
    elif kind == 3 and chars:
      del chars[at - 1]
    elif kind == 4:
      chars.insert(at, chr(rng.randrange(0x300, 0x340)))
    else:
      chars[at:at] = chars[:rng.randint(0, 5)]
  data = bytearray("".join(chars).encode("utf-8"))
  if data and rng.random() < 0.1:  # not UTF-8
    data[rng.randrange(len(data))] = rng.randrange(256)
  return bytes(data)


def make_texts(count, seed):
  rng = random.Random(seed)
  pool = sentences()
  texts = [line.encode("utf-8") for line in pool] + EDGE_CASES
  return texts + [mutate(rng, pool) for _ in range(count)]


def rules_file(path, rules):
  def code_points(text):
    return " ".join(f"{ord(c):X}" for c in text)
  path.write_text("".join(f"{code_points(a)}\t{code_points(b)}\n"
                          for a, b in rules))
  return str(path)


def train(name, options, scratch):
  options = {"character_coverage": 0.98, **options}
  unused_share = options.pop("unused_share", 0)
  plain_spaces = options.pop("plain_spaces", False)
  if rules := options.pop("rules", None):
    options["normalization_rule_tsv"] = rules_file(scratch / "rules.tsv", rules)
  if rules := options.pop("denormalization_rules", None):
    options["denormalization_rule_tsv"] = rules_file(scratch / "undo.tsv", rules)
  trained = io.BytesIO()
  spm.SentencePieceTrainer.train(
      sentence_iterator=iter(sentences() * 3), model_writer=trained,
      hard_vocab_limit=False, minloglevel=2, num_threads=1, **options)
  model = model_pb2.ModelProto.FromString(trained.getvalue())
  rng = random.Random(name)
  for piece in model.pieces:
    normal = piece.type == model_pb2.ModelProto.SentencePiece.NORMAL
    if normal and rng.random() < unused_share:
      piece.type = model_pb2.ModelProto.SentencePiece.UNUSED
  if plain_spaces:
    model.normalizer_spec.escape_whitespaces = False
    for piece in model.pieces:
      piece.piece = piece.piece.replace("\u2581", " ")
  # What depends on the machine that trained it is not of the vocabulary.
  model.trainer_spec.ClearField("input")
  model.normalizer_spec.ClearField("normalization_rule_tsv")
  model.denormalizer_spec.ClearField("normalization_rule_tsv")
  return model.SerializeToString()


def record(name, serialized, texts, out, num_decodes):
  processor = spm.SentencePieceProcessor(model_proto=serialized)
  (out / f"{name}.model").write_bytes(serialized)

  def decode(ids):
    return processor.decode(ids, return_type=bytes) if ids else b""

  lines = []
  for text in texts:
    ids = processor.encode(text, return_type=int)
    pieces = processor.encode(text, return_type="proto").pieces
    assert [p.id for p in pieces] == ids
    ranges = " ".join(f"{p.begin}-{p.end}" for p in pieces)
    decoded = decode(ids)
    lines.append(b"\t".join([
        " ".join(map(str, ids)).encode(), ranges.encode(),
        b"=" if decoded == text and text != b"=" else c_escape(decoded)]))
  (out / f"{name}.encode").write_bytes(b"\n".join(lines) + b"\n")

  rng = random.Random(name)
  size = processor.get_piece_size()
  lines = []
  for _ in range(num_decodes):
    special = [rng.randrange(min(size, 270)) for _ in range(8)]
    ids = [rng.choice([rng.choice(special), rng.randrange(size)])
           for _ in range(rng.randint(0, 12))]
    lines.append(" ".join(map(str, ids)).encode() + b"\t" +
                 c_escape(decode(ids)))
  (out / f"{name}.decode").write_bytes(b"\n".join(lines) + b"\n")


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--out", type=pathlib.Path, required=True)
  parser.add_argument("--random", type=int, default=160)
  parser.add_argument("--seed", type=int, default=1)
  parser.add_argument("--model", type=pathlib.Path)
  parser.add_argument("--lines", type=pathlib.Path)
  args = parser.parse_args()

  args.out.mkdir(parents=True, exist_ok=True)
  texts = (args.lines.read_bytes().splitlines() if args.lines
           else make_texts(args.random, args.seed))
  (args.out / "texts.txt").write_bytes(
      b"\n".join(c_escape(text) for text in texts) + b"\n")
  if args.model:
    record(args.model.stem, args.model.read_bytes(), texts, args.out, 200)
    return
  scratch = args.out / "scratch"
  scratch.mkdir(exist_ok=True)
  for name, options in MODELS.items():
    record(name, train(name, options, scratch), texts, args.out, 60)
  for file in scratch.iterdir():
    file.unlink()
  scratch.rmdir()


if __name__ == "__main__":
  main()
