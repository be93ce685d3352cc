"""The speed that is to be reached, row by row, both engines in one run.

Run by bench/compare-ctranslate2 --targets=PREFIX; writes PREFIX.md and PREFIX.json.
"""

import os
import statistics
import subprocess
import time

import ctranslate2

import workers
from contestants import (file_of, processor, rounds_of, start_engine, start_peer, subset,
                         write_json)
from peak import (VECTORS, measure_peak, measure_reads, peak_columns, products_of,
                  ratio_at_peak)

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

LONE_CASES = [("base-32k", 1, 1), ("mdn", 1, 1)]


def median_of(rounds, which, value):
    return statistics.median(value(one[which]) for one in rounds)


def rate(run):
    return run["target_tokens"] / run["seconds"]


def row(name, found, wanted, holds, **details):
    print(f"{name}: {found} (wanted: {wanted}){'' if holds else ' - NOT REACHED'}",
          flush=True)
    return {"row": name, "found": found, "wanted": wanted, "holds": bool(holds), **details}


def note(name, found, **details):
    """A row that explains others: nothing is wanted of it."""
    print(f"{name}: {found}", flush=True)
    return {"row": name, "found": found, "wanted": "", "holds": None, **details}


def title(case):
    model, beam, batch = case
    return f"{model} {'greedy' if beam == 1 else f'beam {beam}'}, batch {batch}"


def ratio_rows(args, lengths):
    """Throughput beside the peer."""
    rows = []
    for case, wanted in RATIOS:
        with file_of(subset(lengths, case[2])) as lengths_file:
            rounds = rounds_of([start_engine(args, case, lengths_file, TOGETHER),
                                start_peer(args, case, lengths_file)], args.rounds)
        ratios = [rate(own) / rate(peer) for own, peer in rounds]
        cpu = [own["target_tokens"] / own["cpu_seconds"]
               / (peer["target_tokens"] / peer["cpu_seconds"]) for own, peer in rounds]
        ratio = statistics.median(ratios)
        at_peak = peak_columns([own for own, _ in rounds], args.kernels_bench,
                               args.precision)
        rows.append(row(
            title(case), f"{ratio:.2f} x ({min(ratios):.2f} to {max(ratios):.2f})",
            f"{wanted} x", ratio >= wanted,
            peregrine_tokens_per_second=median_of(rounds, 0, rate),
            ctranslate2_tokens_per_second=median_of(rounds, 1, rate),
            peer=rounds[-1][1]["engine"],
            cpu_ratio=statistics.median(cpu),
            peregrine_max_rss_bytes=rounds[-1][0]["max_rss_bytes"],
            ctranslate2_max_rss_bytes=rounds[-1][1]["max_rss_bytes"], **at_peak))
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


def latency_rows(args, lengths):
    """A lone sentence; and how fast its weights are read, which is what it waits for."""
    lengths = subset(lengths, 1)
    with file_of(lengths) as lengths_file:
        rounds = rounds_of([start_engine(args, LATENCY_CASE, lengths_file),
                            start_peer(args, LATENCY_CASE, lengths_file)], args.rounds)
    ratios = [peer["latency_p50"] / own["latency_p50"] for own, peer in rounds]
    ratio = statistics.median(ratios)
    own, peer = (median_of(rounds, n, lambda run: run["latency_p50"]) for n in (0, 1))
    # A weight of int8 is a byte, read once a token, by the encoder once a sentence.
    counts = rounds[0][0]["multiply_adds"]
    weight_bytes = (counts["decoder"] + counts["output"]
                    + counts["encoder"] * len(lengths) / sum(lengths))
    reads = weight_bytes / median_of(rounds, 0, lambda run: run["cpu_seconds"])
    most = measure_reads(args.kernels_bench)
    return [
        row(f"{title(LATENCY_CASE)}, latency p50",
            f"{ratio:.2f} x faster ({min(ratios):.2f} to {max(ratios):.2f})",
            f"{LATENCY_RATIO} x", ratio >= LATENCY_RATIO,
            peregrine_latency_p50=own, ctranslate2_latency_p50=peer,
            cpu_ratio=statistics.median(peer["cpu_seconds"] / own["cpu_seconds"]
                                        for own, peer in rounds)),
        note("the same, weights read", f"{reads / 1e9:.1f} GB/s; a core reads 64 MB at "
             f"{most / 1e9:.1f} GB/s, at which it would be "
             f"{ratio * most / reads:.2f} x faster", bytes_per_second=reads)]


def mdn_rows(args, lengths):
    """Beside the floor that the vectors' peak rate sets; and one sentence at a time."""
    lengths = subset(lengths, 16)
    with file_of(lengths) as lengths_file:
        rounds, peaks = [], []
        batch = start_engine(args, ("mdn", 1, 16), lengths_file, TOGETHER)
        single = start_engine(args, ("mdn", 1, 1), lengths_file)
        for contestant in (batch, single):
            contestant.run()
        for _ in range(args.rounds):
            peaks.append(measure_peak(args.kernels_bench, args.precision, VECTORS))
            rounds.append([batch.run(), single.run()])
        for contestant in (batch, single):
            contestant.close()
    share = statistics.median(products_of(run[0]) / peak / run[0]["seconds"]
                              for peak, run in zip(peaks, rounds))
    slower = [one["seconds"] / together["seconds"] for together, one in rounds]
    single_ratio = statistics.median(slower)
    milliseconds = [median_of(rounds, n, lambda run: run["seconds"]) / len(lengths) * 1e3
                    for n in (0, 1)]
    peak = statistics.median(peaks)
    floor = products_of(rounds[0][0]) / len(lengths) / peak * 1e3
    return [
        row("mdn greedy, batch 16, share of the int8 floor",
            f"{share:.1%}: {milliseconds[0]:.2f} ms a sentence, where vectors at their peak "
            f"of {peak / 1e9:.0f} GMAC/s take {floor:.2f}",
            f"{FLOOR_SHARE:.0%}", share >= FLOOR_SHARE, share_of_floor=share,
            mean_length=statistics.mean(lengths),
            **peak_columns([together for together, _ in rounds], args.kernels_bench,
                           args.precision)),
        row("mdn greedy, batch 1, time a sentence",
            f"{milliseconds[1]:.2f} ms, {single_ratio:.2f} x that at batch 16",
            f"<= {SINGLE_RATIO} x", single_ratio <= SINGLE_RATIO,
            milliseconds_a_sentence=milliseconds[1])]


def workers_rows(args, lengths):
    """Two workers beside one, and what bounds them; and of two cores that work on lone
    sentences: no split of one sentence over both can do better by much."""
    case = ("base-32k", 1, 64)
    found = workers.measure(args, lengths, case, TOGETHER)
    share = found["workers"] / found["processes"]
    rows = [
        row(f"two workers, {title(case)}", f"{found['workers']:.2f} x one",
            f"{WORKERS_RATIO} x", found["workers"] >= WORKERS_RATIO,
            by_processor_time=found["workers_by_processor_time"]),
        note("two processes of one worker, the same",
             f"{found['processes']:.2f} x one; two workers reach {share:.0%} of it",
             by_processor_time=found["processes_by_processor_time"])]
    for kind, ratio in workers.measure_products(args.kernels_bench).items():
        rows.append(note("matrix products on two cores at once, weights "
                         + kind.replace("_", " "), f"{ratio:.2f} x one core"))
    for lone in LONE_CASES:
        found = workers.measure(args, subset(lengths, 1), lone)
        rows.append(note(f"two processes, {title(lone)}", f"{found['processes']:.2f} x one",
                         by_processor_time=found["processes_by_processor_time"]))
    return rows


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


def number(value, form=".0f"):
    return "" if value is None else format(value, form)


def table_line(one):
    reached = {True: "yes", False: "no", None: ""}[one["holds"]]
    by_processor_time = one.get("cpu_ratio", one.get("by_processor_time"))
    cells = [one["row"], one["found"], one["wanted"], reached,
             number(one.get("peregrine_tokens_per_second")),
             number(one.get("ctranslate2_tokens_per_second")),
             number(by_processor_time, ".2f"),
             number(one.get("share_of_peak_by_processor_time"), ".1%"),
             number(ratio_at_peak(one), ".2f")]
    return "| " + " | ".join(cells) + " |"


def backends(rows):
    """What the peer multiplied by, where it ran."""
    found = sorted({one["peer"].partition("(")[2].rstrip(")") for one in rows if "peer" in one})
    return f" ({', '.join(found)})" if found else ""


def markdown(rows, args, lengths):
    lines = [
        "# Speed on a CPU",
        "",
        f"int8, one thread, {processor()} ({os.cpu_count()} cores); CTranslate2 "
        f"{ctranslate2.__version__}, int8{backends(rows)}; {len(lengths)} sentences of mean length "
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
        "| by processor time | share of the int8 peak | ratio at the peak |",
        "|---|---|---|---|---|---|---|---|---|",
        *map(table_line, rows),
        "",
        "Share of the int8 peak: what the multiply-adds of the linear layers and of the "
        "output would take at the peak rate of the core, measured in the same run, as a "
        "share of the processor time. Ratio at the peak: how fast the row would be beside "
        "the peer if nothing else took time (attention, softmax, search, packing of "
        "inputs): the most that could be reached by these products. Where the core has "
        "AMX, its tiles are the peak, ten times that of the vectors: the weights cannot be "
        "read so fast, and what is not a product takes most of the time. The floor of the "
        "Mini-Decoder is that of the vectors on every machine, so that tiles can pass it."]
    return "\n".join(lines) + "\n"


GROUPS = {"ratios": ratio_rows, "latency": latency_rows, "mdn": mdn_rows,
          "workers": workers_rows, "memory": memory_rows,
          "cold-start": lambda args, lengths: [cold_start_row(args)]}


def run(args, lengths):
    wanted = [args.rows] if args.rows else GROUPS
    rows = [found for name in wanted for found in GROUPS[name](args, lengths)]
    with open(f"{args.targets}.md", "w", encoding="utf-8") as file:
        file.write(markdown(rows, args, lengths))
    write_json(f"{args.targets}.json", rows)
