"""Times Peregrine's engine and CTranslate2 side by side on one thread.

The same shapes with random weights, the same source lengths, output lengths
forced to the sources'. Both engines run the whole workload in turn, round by
round, so that a machine that drifts favours neither; the table gives medians
and the median of the ratios round by round. Run by bench/compare-ctranslate2,
which makes the environment; see bench/README.md for how to read it.
"""

import argparse
import statistics
import sys

import ctranslate2

import targets
from contestants import (file_of, rounds_of, source_lengths, start_engine, start_peer,
                         subset, write_json)
from peak import peak_columns, ratio_at_peak
from peer_process import PEER_SHAPES


# model, beam size, batch size
CASES = [
    ("base-32k", 1, 1), ("base-32k", 1, 8), ("base-32k", 1, 32), ("base-32k", 1, 64),
    ("base-32k", 4, 1), ("base-32k", 4, 8), ("base-32k", 4, 32), ("base-32k", 4, 64),
    ("deep-12-1", 1, 1), ("deep-12-1", 1, 8), ("deep-12-1", 1, 32), ("deep-12-1", 1, 64),
    ("deep-12-1", 4, 1), ("deep-12-1", 4, 8), ("deep-12-1", 4, 32), ("deep-12-1", 4, 64),
    ("mdn", 1, 1), ("mdn", 1, 8), ("mdn", 1, 16), ("mdn", 1, 32), ("mdn", 1, 64),
    ("mdn", 4, 1), ("mdn", 4, 8), ("mdn", 4, 32), ("mdn", 4, 64),
]


def run_case(case, args, lengths):
    """Medians over the rounds of one case."""
    model, beam_size, batch_size = case
    lengths = lengths if args.all_sentences else subset(lengths, batch_size)
    with file_of(lengths) as lengths_file:
        contestants = [start_engine(args, case, lengths_file)]
        if model in PEER_SHAPES:
            contestants.append(start_peer(args, case, lengths_file))
        rounds = rounds_of(contestants, args.rounds)
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
        row |= {"peer": rounds[-1][1]["engine"], "ctranslate2_tokens_per_second": statistics.median(r[1] for r in rates),
                "ctranslate2_latency_p50": statistics.median(
                    r[1]["latency_p50"] for r in rounds),
                "ctranslate2_max_rss_bytes": rounds[-1][1]["max_rss_bytes"],
                "ratio": statistics.median(ratios),
                "cpu_ratio": statistics.median(ours / theirs for ours, theirs in cpu_rates),
                "ratio_min": min(ratios), "ratio_max": max(ratios)}
    if args.kernels_bench:
        row |= peak_columns([one[0] for one in rounds], args.kernels_bench,
                            args.precision)
        row["ratio_at_peak"] = ratio_at_peak(row)
    return row


def number(value, form):
    return "" if value is None else format(value, form)


def print_row(row):
    ratio = ""
    if "ratio" in row:
        ratio = f"{row['ratio']:.2f} ({row['ratio_min']:.2f} to {row['ratio_max']:.2f})"
    peer_latency = row.get("ctranslate2_latency_p50")
    cells = [row["model"], row["beam"], row["batch"], row["sentences"],
             number(row["peregrine_tokens_per_second"], ".0f"),
             number(row.get("ctranslate2_tokens_per_second"), ".0f"), ratio,
             number(row.get("cpu_ratio"), ".2f"),
             number(row.get("share_of_peak_by_processor_time"), ".1%"),
             number(row.get("ratio_at_peak"), ".2f"),
             number(row["peregrine_latency_p50"] * 1e3, ".1f"),
             number(peer_latency and peer_latency * 1e3, ".1f")]
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


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
                        help="e.g. base-32k,1,64; may be repeated; default: all")
    parser.add_argument("--precision", default="float32", choices=["float32", "bf16", "int8"],
                        help="of Peregrine, and of the peer unless the next option is given")
    parser.add_argument("--peer-precision", choices=["float32", "int8"],
                        help="needed for bf16, which the peer has not on a CPU")
    parser.add_argument("--engine-option", action="append", default=[],
                        help="passed to engine_bench, e.g. --engine-option=--min-admission=4")
    parser.add_argument("--json", help="write the rows there, too")
    parser.add_argument("--targets", metavar="PREFIX",
                        help="instead of cases: every row that is to be reached, in int8, "
                        "into PREFIX.md and PREFIX.json")
    parser.add_argument("--kernels-bench", help="measures the peak of the core")
    parser.add_argument("--rows", choices=targets.GROUPS, help="for --targets: only this part")
    parser.add_argument("--server", help="for --targets: the server, started cold")
    parser.add_argument("--bundled-model", default="models/en-de-mdn")
    args = parser.parse_args()

    if args.precision == "bf16" and args.peer_precision is None:
        parser.error("--precision=bf16: found no --peer-precision, needed float32 or int8")
    if args.rows and not args.targets:
        parser.error("--rows: found no --targets, whose rows it chooses")
    lengths = source_lengths(args.sentences)
    if args.targets:
        args.precision = "int8"
        return targets.run(args, lengths)
    print(f"{args.precision}, CTranslate2 {ctranslate2.__version__} in "
          f"{args.peer_precision or args.precision}; one thread each; source lengths: "
          f"mean {statistics.mean(lengths):.1f}, deviation {statistics.stdev(lengths):.1f}, "
          f"{min(lengths)} to {max(lengths)}; output lengths forced to them\n")
    print("| model | beam | batch | sentences | peregrine, target tokens/s "
          "| ctranslate2 | ratio (min to max of the rounds) | of processor time "
          "| share of the peak | ratio at the peak "
          "| peregrine p50, ms a sentence | ctranslate2 |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    rows = []
    for case in args.case or CASES:
        rows.append(run_case(case, args, lengths))
        print_row(rows[-1])
    print("\npeer: " + ", ".join(sorted({row["peer"] for row in rows if "peer" in row})))
    if args.json:
        write_json(args.json, rows)


if __name__ == "__main__":
    sys.exit(main())
