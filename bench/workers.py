"""Two workers of one process beside one, and beside what bounds them.

Two processes with one worker each share nothing but the machine: what these lack to twice the
speed, no process of two workers can have. Plain matrix products on both cores at once tell
why: of weights in the caches they share only the clock, of weights in memory its bandwidth,
too. Needs two cores with nothing else to do; the figures by processor time stand some load.
"""

import json
import statistics
import subprocess

from contestants import file_of, rounds_of, start_engine

PRODUCTS = {"cached": "BM_Linear/cpu/int8-cached/in:512/out:2048/rows:64",
            "from_memory": "BM_Linear/cpu/int8/in:512/out:2048/rows:64"}


def measure(args, lengths, case, *options):
    """How many times as fast as one worker two are, and two processes; `processor_time`:
    by the processor time that a token takes."""
    ordered = sorted(lengths, reverse=True)
    with file_of(ordered) as whole, file_of(ordered[::2]) as even, \
            file_of(ordered[1::2]) as odd:
        rounds = rounds_of(
            [start_engine(args, case, whole, *options),
             start_engine(args, case, whole, "--workers=2", *options),
             [start_engine(args, case, half, *options) for half in (even, odd)]],
            args.rounds)

    def speed_up(of_round):
        return statistics.median(of_round(*one) for one in rounds)

    return {
        "workers": speed_up(lambda one, two, _: one["seconds"] / two["seconds"]),
        "processes": speed_up(
            lambda one, _, pair: one["seconds"] / max(run["seconds"] for run in pair)),
        "workers_by_processor_time": speed_up(
            lambda one, two, _: 2 * one["cpu_seconds"] / two["cpu_seconds"]),
        "processes_by_processor_time": speed_up(
            lambda one, _, pair: 2 * one["cpu_seconds"]
            / sum(run["cpu_seconds"] for run in pair))}


def measure_products(kernels_bench):
    """How many times as many products as on one core both do, by kind."""
    return {kind: sum(rates(kernels_bench, name, 2)) / rates(kernels_bench, name, 1)[0]
            for kind, name in PRODUCTS.items()}


def rates(kernels_bench, name, processes):
    """GMAC/s of so many processes at once."""
    running = [subprocess.Popen(  # pylint: disable=consider-using-with
        [kernels_bench, f"--benchmark_filter={name}$", "--benchmark_format=json",
         "--benchmark_min_time=1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True) for _ in range(processes)]
    found = []
    for process in running:
        output = process.communicate()[0]
        report = json.loads(output[output.index("{"):])  # after the peak
        found.append(report["benchmarks"][0]["GMAC/s"])
    return found
