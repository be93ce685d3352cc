"""The share of a core's peak that a run reached: what the rest of it could still gain.

Counted are the multiply-adds of all linear layers and of the output, as engine_bench reports
them; those of attention, which is multiplied in float32, are left out.
"""

import os
import re
import statistics
import subprocess

# The best that multiplies by vectors: without the tiles of AMX.
VECTORS = "avx512-bf16"


def _measure(kernels_bench, figure, isa=None):
    environment = os.environ | ({"PEREGRINE_ISA": isa} if isa else {})
    output = subprocess.run([kernels_bench, "--benchmark_filter=^$"], check=False,
                            capture_output=True, text=True, env=environment).stdout
    return float(re.search(rf"{figure} ([\d.]+)", output).group(1)) * 1e9


def measure_peak(kernels_bench, precision, isa=None):
    """Multiply-adds a second of one core, up to the instruction set `isa`."""
    return _measure(kernels_bench, precision, isa)


def measure_reads(kernels_bench):
    """Bytes a second that one core reads of what does not fit into its own caches."""
    return _measure(kernels_bench, "reads 64 MB at")


def products_of(run):
    counts = run["multiply_adds"]
    return counts["encoder"] + counts["decoder"] + counts["output"]


def peak_columns(runs, kernels_bench, precision):
    """Of runs of one case: the share of the peak, by time and by processor time, and what
    was counted."""
    peak = measure_peak(kernels_bench, precision)
    least_seconds = products_of(runs[0]) / peak
    return {"peak_gmacs": peak / 1e9,
            "multiply_adds": runs[0]["multiply_adds"],
            "share_of_peak": least_seconds / statistics.median(
                run["seconds"] for run in runs),
            "share_of_peak_by_processor_time": least_seconds / statistics.median(
                run["cpu_seconds"] for run in runs)}


def ratio_at_peak(row):
    """Beside the peer, if the products ran at the peak and all else took no time."""
    share = row.get("share_of_peak_by_processor_time")
    if not share or "cpu_ratio" not in row:
        return None
    return row["cpu_ratio"] / share
