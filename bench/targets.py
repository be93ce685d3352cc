"""The speed that is to be reached, row by row, both engines in one run.

Run by bench/compare-ctranslate2 --targets=PREFIX; writes PREFIX.md and PREFIX.json.
"""

import os
import platform
import re
import statistics
import subprocess
import time

import ctranslate2

from contestants import (file_of, rounds_of, start_engine, start_peer, subset, write_json)

# As the server does by default: the encoder runs for a few sentences at once.
TOGETHER = "--min-admission=4"

# Case, and the ratio of target tokens a second that is to be reached.
RATIOS = [(("base-32k", 1, 64), 2.0), (("base-32k", 4, 64), 2.2), (("deep-12-1", 1, 32), 1.7),
          (("deep-12-1", 4, 32), 2.0)]
LATENCY_CASE, LATENCY_RATIO = ("base-32k", 1, 1), 3.5
FLOOR_SHARE = 0.8
SINGLE_RATIO = 1.5
WORKERS_RATIO = 1.9
MEMORY_BYTES = 250e6
COLD_START_SECONDS = 0.5

# Multiply-adds of mdn: a source token, with its keys and values for the decoder, and a
# target token. Attention scores are left out.
MDN_SOURCE_MACS = 22 * (4 * 512 * 512 + 2 * 512 * 2048) + 2 * 512 * 64
MDN_TARGET_MACS = 6 * 512 * 64 + 512 * 64 + 64 * 10000


def median_of(rounds, which, value):
    return statistics.median(value(one[which]) for one in rounds)


def rate(run):
    return run["target_tokens"] / run["seconds"]


def row(name, found, wanted, holds, **details):
    print(f"{name}: {found} (wanted: {wanted}){'' if holds else ' - NOT REACHED'}",
          flush=True)
    return {"row": name, "found": found, "wanted": wanted, "holds": bool(holds), **details}


def title(case):
    model, beam, batch = case
    return f"{model} {'greedy' if beam == 1 else f'beam {beam}'}, batch {batch}"


def ratio_rows(args, lengths):
    """Throughput beside the peer; and, from the widest of them, memory."""
    rows = []
    for case, wanted in RATIOS:
        with file_of(subset(lengths, case[2])) as lengths_file:
            rounds = rounds_of([start_engine(args, case, lengths_file, TOGETHER),
                                start_peer(args, case, lengths_file)], args.rounds)
        ratios = [rate(own) / rate(peer) for own, peer in rounds]
        cpu = [own["target_tokens"] / own["cpu_seconds"]
               / (peer["target_tokens"] / peer["cpu_seconds"]) for own, peer in rounds]
        ratio = statistics.median(ratios)
        rows.append(row(
            title(case), f"{ratio:.2f} x ({min(ratios):.2f} to {max(ratios):.2f})",
            f"{wanted} x", ratio >= wanted,
            peregrine_tokens_per_second=median_of(rounds, 0, rate),
            ctranslate2_tokens_per_second=median_of(rounds, 1, rate),
            cpu_ratio=statistics.median(cpu),
            peregrine_max_rss_bytes=rounds[-1][0]["max_rss_bytes"],
            ctranslate2_max_rss_bytes=rounds[-1][1]["max_rss_bytes"]))
    return rows


def memory_rows(args, lengths):
    """The peak with the longest sentences first, all live together, as the peer batches
    them; and in the order of their arrival, as a server gets them."""
    case = ("base-32k", 4, 64)
    rows = []
    for order, options in (("longest first", []),
                           ("as they arrive", ["--arrival-order"])):
        with file_of(lengths) as lengths_file:
            contestants = [start_engine(args, case, lengths_file, TOGETHER, *options)]
            if not options:
                contestants.append(start_peer(args, case, lengths_file))
            peaks = [run["max_rss_bytes"] for run in rounds_of(contestants, 1)[0]]
        rows.append(row(f"memory, {title(case)}, {order}", f"{peaks[0] / 1e6:.0f} MB",
                        f"< {MEMORY_BYTES / 1e6:.0f} MB", peaks[0] < MEMORY_BYTES,
                        max_rss_bytes=peaks))
    return rows


def latency_row(args, lengths):
    with file_of(subset(lengths, 1)) as lengths_file:
        rounds = rounds_of([start_engine(args, LATENCY_CASE, lengths_file),
                            start_peer(args, LATENCY_CASE, lengths_file)], args.rounds)
    ratios = [peer["latency_p50"] / own["latency_p50"] for own, peer in rounds]
    ratio = statistics.median(ratios)
    own, peer = (median_of(rounds, n, lambda run: run["latency_p50"]) for n in (0, 1))
    return row(f"{title(LATENCY_CASE)}, latency p50",
               f"{ratio:.2f} x faster ({min(ratios):.2f} to {max(ratios):.2f})",
               f"{LATENCY_RATIO} x", ratio >= LATENCY_RATIO,
               peregrine_latency_p50=own, ctranslate2_latency_p50=peer,
               cpu_ratio=statistics.median(peer["cpu_seconds"] / own["cpu_seconds"]
                                           for own, peer in rounds))


def measure_peak(args):
    """int8 multiply-adds a second of one core."""
    output = subprocess.run(
        [args.kernels_bench, "--benchmark_filter=^$"], check=False, capture_output=True,
        text=True).stdout
    return float(re.search(r"int8 ([\d.]+)", output).group(1)) * 1e9


def mdn_rows(args, lengths):
    """Beside the floor that the peak of the core sets; and one sentence at a time."""
    lengths = subset(lengths, 16)
    macs = sum(lengths) * (MDN_SOURCE_MACS + MDN_TARGET_MACS)
    with file_of(lengths) as lengths_file:
        rounds, peaks = [], []
        batch = start_engine(args, ("mdn", 1, 16), lengths_file, TOGETHER)
        single = start_engine(args, ("mdn", 1, 1), lengths_file)
        for contestant in (batch, single):
            contestant.run()
        for _ in range(args.rounds):
            peaks.append(measure_peak(args))
            rounds.append([batch.run(), single.run()])
        for contestant in (batch, single):
            contestant.close()
    shares = [macs / peak / run[0]["seconds"] for peak, run in zip(peaks, rounds)]
    share = statistics.median(shares)
    slower = [one["seconds"] / together["seconds"] for together, one in rounds]
    single_ratio = statistics.median(slower)
    milliseconds = [median_of(rounds, n, lambda run: run["seconds"]) / len(lengths) * 1e3
                    for n in (0, 1)]
    return [
        row("mdn greedy, batch 16, share of the int8 floor", f"{share:.0%}",
            f"{FLOOR_SHARE:.0%}", share >= FLOOR_SHARE,
            share_by_processor_time=statistics.median(
                macs / peak / one[0]["cpu_seconds"] for peak, one in zip(peaks, rounds)),
            peak_gmacs=statistics.median(peaks) / 1e9,
            milliseconds_a_sentence=milliseconds[0],
            mean_length=statistics.mean(lengths)),
        row("mdn greedy, batch 1, time a sentence", f"{single_ratio:.2f} x that at batch 16",
            f"<= {SINGLE_RATIO} x", single_ratio <= SINGLE_RATIO,
            milliseconds_a_sentence=milliseconds[1])]


def workers_row(args, lengths):
    case = ("base-32k", 1, 64)
    with file_of(lengths) as lengths_file:
        rounds = rounds_of([start_engine(args, case, lengths_file, TOGETHER),
                            start_engine(args, case, lengths_file, TOGETHER,
                                         "--workers=2")], args.rounds)
    ratio = statistics.median(rate(two) / rate(one) for one, two in rounds)
    return row(f"two workers, {title(case)}", f"{ratio:.2f} x one", f"{WORKERS_RATIO} x",
               ratio >= WORKERS_RATIO)


def cold_start_row(args):
    """From the start of the process until it says that it serves."""
    times = []
    for _ in range(max(3, args.rounds)):
        begin = time.perf_counter()
        with subprocess.Popen(
                [args.server, f"--model={args.bundled_model}", "--listen=127.0.0.1:0",
                 "--metrics-listen=127.0.0.1:0"],
                stdout=subprocess.PIPE, text=True) as server:
            while "serving" not in (line := server.stdout.readline()):
                if not line:
                    raise SystemExit(f"{args.server} ended with {server.wait()}")
            times.append(time.perf_counter() - begin)
            server.terminate()
    seconds = statistics.median(times)
    return row("cold start of the bundled model", f"{seconds:.3f} s",
               f"< {COLD_START_SECONDS} s", seconds < COLD_START_SECONDS)


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", maxsplit=1)[1].strip()
    return platform.machine()


def number(value):
    return "" if value is None else f"{value:.0f}"


def markdown(rows, args, lengths):
    lines = [
        "# Speed on a CPU",
        "",
        f"int8, one thread, {processor()} ({os.cpu_count()} cores); CTranslate2 "
        f"{ctranslate2.__version__}, int8; {len(lengths)} sentences of mean length "
        f"{statistics.mean(lengths):.1f} ({min(lengths)} to {max(lengths)}), fewer where "
        "batches are small; random weights, output lengths forced; medians of "
        f"{args.rounds} rounds in which the engines take turns. Repeat with",
        "",
        "```",
        f"bench/compare-ctranslate2 --targets=PREFIX --rounds={args.rounds} "
        f"--sentences={args.sentences}",
        "```",
        "",
        "| row | found | wanted | reached | Peregrine, tokens/s | CTranslate2 "
        "| by processor time |",
        "|---|---|---|---|---|---|---|"]
    for one in rows:
        cpu = one.get("cpu_ratio")
        lines.append(
            f"| {one['row']} | {one['found']} | {one['wanted']} "
            f"| {'yes' if one['holds'] else 'no'} "
            f"| {number(one.get('peregrine_tokens_per_second'))} "
            f"| {number(one.get('ctranslate2_tokens_per_second'))} "
            f"| {f'{cpu:.2f}' if cpu else ''} |")
    return "\n".join(lines) + "\n"


def run(args, lengths):
    rows = ratio_rows(args, lengths)
    rows.append(latency_row(args, lengths))
    rows += mdn_rows(args, lengths)
    rows.append(workers_row(args, lengths))
    rows += memory_rows(args, lengths)
    rows.append(cold_start_row(args))
    with open(f"{args.targets}.md", "w", encoding="utf-8") as file:
        file.write(markdown(rows, args, lengths))
    write_json(f"{args.targets}.json", rows)
