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
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

import ctranslate2

# The peer's part is that of `peregrine compare`.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "client" / "compare"))
import peer  # noqa: E402  pylint: disable=wrong-import-position


# The peer has no Mini-Decoder (one head of 64 at width 512, no ffn, factorised
# output), so that model runs without it.
PEER_SHAPES = {"base": peer.Shape(6, 6, 32000), "12-1": peer.Shape(12, 1, 10000)}

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


class Peer:
    """CTranslate2 on one thread over the same workload."""

    def __init__(self, directory, shape, lengths, beam_size, batch_size, precision):
        self.engine = peer.CTranslate2(shape, precision, threads=1, directory=directory)
        self.workload = lengths, beam_size, batch_size

    def run(self):
        result = peer.measure(self.engine, *self.workload)
        return result | {"latency_p50": statistics.median(result["latencies"])}


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
            contestants.append(Peer(peers[model], PEER_SHAPES[model], lengths, beam_size,
                                    batch_size, args.peer_precision or args.precision))
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
        ratios = [ours / theirs for ours, theirs in rates]
        row |= {"ctranslate2_tokens_per_second": statistics.median(r[1] for r in rates),
                "ctranslate2_latency_p50": statistics.median(
                    r[1]["latency_p50"] for r in rounds),
                "ratio": statistics.median(ratios),
                "cpu_ratio": statistics.median(ours / theirs for ours, theirs in cpu_rates),
                "ratio_min": min(ratios), "ratio_max": max(ratios)}
    return row


def print_row(row):
    peer_rate = row.get("ctranslate2_tokens_per_second")
    print(f"| {row['model']} | {row['beam']} | {row['batch']} | {row['sentences']} "
          f"| {row['peregrine_tokens_per_second']:.0f} "
          + (f"| {peer_rate:.0f} | {row['ratio']:.2f} "
             f"({row['ratio_min']:.2f} to {row['ratio_max']:.2f}) | {row['cpu_ratio']:.2f} "
             if peer_rate else "| | | ")
          + f"| {row['peregrine_latency_p50'] * 1e3:.1f} "
          + (f"| {row['ctranslate2_latency_p50'] * 1e3:.1f} |" if peer_rate else "| |"),
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
    peers = {name: os.path.join(args.models, name) for name in PEER_SHAPES}
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
