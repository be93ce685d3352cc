"""Times Peregrine's engine and CTranslate2 side by side on one thread.

The same shapes with random weights, the same source lengths, output lengths
forced to the sources'. Both engines run the whole workload in turn, round by
round, so that a machine that drifts favours neither; the table gives medians
and the median of the ratios round by round. Run by bench/compare-ctranslate2,
which makes the environment; see bench/README.md for how to read it.
"""

import argparse
import json
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import ctranslate2
import numpy as np
from ctranslate2.specs import TransformerSpec, common_spec


@dataclass(frozen=True)
class Shape:
    """A model of width 512, ffn 2048, 8 heads, pre-norm, ReLU."""

    encoder_layers: int
    decoder_layers: int
    vocabulary: int


# The peer has no Mini-Decoder (one head of 64 at width 512, no ffn, factorised
# output), so that model runs without it.
PEER_SHAPES = {"base": Shape(6, 6, 32000), "12-1": Shape(12, 1, 10000)}

# model, beam size, batch size
CASES = [
    ("base", 1, 1), ("base", 1, 8), ("base", 1, 32), ("base", 1, 64),
    ("base", 4, 1), ("base", 4, 8), ("base", 4, 32), ("base", 4, 64),
    ("12-1", 1, 1), ("12-1", 1, 8), ("12-1", 1, 32), ("12-1", 1, 64),
    ("12-1", 4, 1), ("12-1", 4, 8), ("12-1", 4, 32), ("12-1", 4, 64),
    ("mdn", 1, 1), ("mdn", 1, 8), ("mdn", 1, 16), ("mdn", 1, 32), ("mdn", 1, 64),
    ("mdn", 4, 1), ("mdn", 4, 8), ("mdn", 4, 32), ("mdn", 4, 64),
]


def source_lengths(count, seed=153, mean=27.0, deviation=15.5):
    """Log-normal lengths, 3 to 100 tokens, of about mean 27 and deviation 15."""
    generator = random.Random(seed)
    variance = math.log(1 + (deviation / mean) ** 2)
    mu = math.log(mean) - variance / 2
    lengths = (generator.lognormvariate(mu, math.sqrt(variance)) for _ in range(count))
    return [min(100, max(3, round(length))) for length in lengths]


def fill_linear(spec, out_dim, in_dim, generator):
    weight = generator.standard_normal((out_dim, in_dim), dtype=np.float32)
    spec.weight = weight / np.float32(math.sqrt(in_dim))
    spec.bias = np.zeros(out_dim, dtype=np.float32)


def fill_norm(spec, dim=512):
    spec.gamma = np.ones(dim, dtype=np.float32)
    spec.beta = np.zeros(dim, dtype=np.float32)


def save_peer_model(shape, directory, dim=512, ffn=2048, heads=8):
    """Writes a model of random float32 weights through the peer's own package."""
    generator = np.random.default_rng(1)
    spec = TransformerSpec.from_config(
        (shape.encoder_layers, shape.decoder_layers), heads, pre_norm=True,
        activation=common_spec.Activation.RELU)
    embedding = generator.standard_normal((shape.vocabulary, dim), dtype=np.float32)
    embedding /= np.float32(math.sqrt(dim))
    spec.encoder.embeddings[0].weight = embedding
    spec.decoder.embeddings.weight = embedding.copy()
    spec.decoder.projection.weight = embedding.copy()
    spec.decoder.projection.bias = np.zeros(shape.vocabulary, dtype=np.float32)
    for side in (spec.encoder, spec.decoder):
        side.position_encodings.encodings = "__optional"  # computed by the runtime
        fill_norm(side.layer_norm)
        for layer in side.layer:
            fill_norm(layer.self_attention.layer_norm)
            fill_linear(layer.self_attention.linear[0], 3 * dim, dim, generator)
            fill_linear(layer.self_attention.linear[1], dim, dim, generator)
            if side is spec.decoder:
                fill_norm(layer.attention.layer_norm)
                fill_linear(layer.attention.linear[0], dim, dim, generator)
                fill_linear(layer.attention.linear[1], 2 * dim, dim, generator)
                fill_linear(layer.attention.linear[2], dim, dim, generator)
            fill_norm(layer.ffn.layer_norm)
            fill_linear(layer.ffn.linear_0, ffn, dim, generator)
            fill_linear(layer.ffn.linear_1, dim, ffn, generator)
    tokens = ["<unk>", "<s>", "</s>"] + [f"t{i}" for i in range(3, shape.vocabulary)]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    spec.config.add_source_eos = True
    spec.config.decoder_start_token = "</s>"
    spec.validate()
    spec.optimize(quantization="float32")
    os.makedirs(directory, exist_ok=True)
    spec.save(directory)


class Peer:
    """CTranslate2 on one thread over the same workload."""

    def __init__(self, directory, vocabulary, lengths, beam_size, batch_size, precision):
        self.translator = ctranslate2.Translator(
            directory, device="cpu", compute_type=precision, inter_threads=1,
            intra_threads=1)
        generator = random.Random(17)
        # It sorts by length only within one call's reading window: sort here.
        self.batches = []
        ordered = sorted(lengths, reverse=True)
        for begin in range(0, len(ordered), batch_size):
            self.batches.append(
                [[f"t{generator.randrange(4, vocabulary)}" for _ in range(length)]
                 for length in ordered[begin:begin + batch_size]])
        self.beam_size = beam_size

    def run(self):
        """Decodes everything once. The peer's length options are per batch, so
        every sentence of a batch gets their mean: the same number of tokens in
        all, and no step wasted on finished rows, which favours the peer."""
        begin = time.perf_counter()
        cpu_begin = time.process_time()
        tokens = 0
        latencies = []
        for batch in self.batches:
            start = time.perf_counter()
            length = round(statistics.mean(len(source) for source in batch))
            results = self.translator.translate_batch(
                batch, beam_size=self.beam_size, max_batch_size=0, length_penalty=0.6,
                min_decoding_length=length, max_decoding_length=length)
            tokens += sum(len(result.hypotheses[0]) for result in results)
            latencies += [time.perf_counter() - start] * len(batch)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {"seconds": time.perf_counter() - begin,
                "cpu_seconds": time.process_time() - cpu_begin, "target_tokens": tokens,
                "latency_p50": statistics.median(latencies), "max_rss_bytes": peak}


class Engine:
    """Peregrine's engine_bench, one process a case, a run for every line."""

    def __init__(self, binary, model, lengths_file, beam_size, batch_size, precision,
                 extra):
        self.process = subprocess.Popen(
            [binary, "--model", model, "--lengths", lengths_file, "--beam-size",
             str(beam_size), "--batch-size", str(batch_size), "--precision", precision,
             *extra],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"})

    def run(self):
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"engine_bench ended with status {self.process.wait()}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def subset(lengths, batch_size):
    """Fewer sentences where one takes long: at least eight batches."""
    return lengths[:min(len(lengths), max(60, 16 * batch_size))]


def run_case(case, args, lengths, peers):
    """Medians over the rounds of one case, after one uncounted run of each."""
    model, beam_size, batch_size = case
    lengths = lengths if args.all_sentences else subset(lengths, batch_size)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as lengths_file:
        lengths_file.write("\n".join(map(str, lengths)) + "\n")
        lengths_file.flush()
        engine = Engine(args.binary, model, lengths_file.name, beam_size, batch_size,
                        args.precision, args.engine_option)
        contestants = [engine]
        if model in peers:
            contestants.append(Peer(peers[model], PEER_SHAPES[model].vocabulary, lengths,
                                    beam_size, batch_size,
                                    args.peer_precision or args.precision))
        for contestant in contestants:
            contestant.run()
        rounds = [[contestant.run() for contestant in contestants]
                  for _ in range(args.rounds)]
        engine.close()
    rates = [[run["target_tokens"] / run["seconds"] for run in one] for one in rounds]
    cpu_rates = [[run["target_tokens"] / run["cpu_seconds"] for run in one] for one in rounds]
    row = {"model": model, "precision": args.precision,
           "beam": beam_size, "batch": batch_size,
           "sentences": len(lengths), "rounds": args.rounds,
           "peregrine_tokens_per_second": statistics.median(r[0] for r in rates),
           "peregrine_latency_p50": statistics.median(r[0]["latency_p50"] for r in rounds),
           "peregrine_max_rss_bytes": rounds[-1][0]["max_rss_bytes"]}
    if len(contestants) == 2:
        ratios = [own / peer for own, peer in rates]
        row |= {"ctranslate2_tokens_per_second": statistics.median(r[1] for r in rates),
                "ctranslate2_latency_p50": statistics.median(
                    r[1]["latency_p50"] for r in rounds),
                "ratio": statistics.median(ratios),
                "cpu_ratio": statistics.median(own / peer for own, peer in cpu_rates),
                "ratio_min": min(ratios), "ratio_max": max(ratios)}
    return row


def print_row(row):
    peer = row.get("ctranslate2_tokens_per_second")
    print(f"| {row['model']} | {row['beam']} | {row['batch']} | {row['sentences']} "
          f"| {row['peregrine_tokens_per_second']:.0f} "
          + (f"| {peer:.0f} | {row['ratio']:.2f} "
             f"({row['ratio_min']:.2f} to {row['ratio_max']:.2f}) | {row['cpu_ratio']:.2f} "
             if peer else "| | | ")
          + f"| {row['peregrine_latency_p50'] * 1e3:.1f} "
          + (f"| {row['ctranslate2_latency_p50'] * 1e3:.1f} |" if peer else "| |"),
          flush=True)


def parse_case(text):
    model, beam, batch = text.split(",")
    return model, int(beam), int(batch)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--binary", required=True, help="engine_bench")
    parser.add_argument("--models", required=True, help="folder for the peer's models")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--all-sentences", action="store_true",
                        help="also at small batch sizes, where a run takes minutes")
    parser.add_argument("--case", type=parse_case, action="append", metavar="MODEL,BEAM,BATCH",
                        help="e.g. base,1,64; may be repeated; default: all")
    parser.add_argument("--precision", default="float32", choices=["float32", "bf16", "int8"],
                        help="of Peregrine, and of the peer unless the next option is given")
    parser.add_argument("--peer-precision", choices=["float32", "int8"],
                        help="needed for bf16, which the peer has not on a CPU")
    parser.add_argument("--engine-option", action="append", default=[],
                        help="passed to engine_bench, e.g. --engine-option=--min-admission=4")
    parser.add_argument("--json", help="write the rows there, too")
    args = parser.parse_args()

    if args.precision == "bf16" and args.peer_precision is None:
        parser.error("--precision=bf16: found no --peer-precision, needed float32 or int8")
    peers = {}
    for name, shape in PEER_SHAPES.items():
        peers[name] = os.path.join(args.models, name)
        if not os.path.exists(os.path.join(peers[name], "model.bin")):
            save_peer_model(shape, peers[name])
    lengths = source_lengths(args.sentences)
    print(f"{args.precision}, CTranslate2 {ctranslate2.__version__} in "
          f"{args.peer_precision or args.precision}; one thread each; source lengths: "
          f"mean {statistics.mean(lengths):.1f}, deviation {statistics.stdev(lengths):.1f}, "
          f"{min(lengths)} to {max(lengths)}; output lengths forced to them\n")
    print("| model | beam | batch | sentences | peregrine, target tokens/s "
          "| ctranslate2 | ratio (min to max of the rounds) | of processor time "
          "| peregrine p50, ms a sentence | ctranslate2 |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    rows = []
    for case in args.case or CASES:
        rows.append(run_case(case, args, lengths, peers))
        print_row(rows[-1])
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
