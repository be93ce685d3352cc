"""See bench/edge."""

import argparse
import json
import os
import statistics
import subprocess

import edge
import harness

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def load(address, options, more=()):
    """`peregrine bench` in an open loop; its report."""
    run = subprocess.run(
        [os.path.join(harness.BIN, "peregrine"), "bench", "--json",
         f"--address={address}", f"--rate={options.rate}", "--warm-up=1s",
         f"--duration={options.seconds}s", *more],
        capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise SystemExit(run.stdout + run.stderr)
    return json.loads(run.stdout)


def measure(way, server, the_edge, options):
    processes = {"server": server.process, "Envoy": the_edge.process}
    before = {name: cpu_seconds(one) for name, one in processes.items()}
    if way == "direct":
        report = load(server.address, options)
    else:
        report = load(the_edge.address, options,
                      ("--tls", f"--tls-ca={the_edge.certificate}"))
    requests = options.rate * (options.seconds + 1)
    return report, {name: 1e6 * (cpu_seconds(one) - before[name]) / requests
                    for name, one in processes.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=50)
    options = parser.parse_args()
    rows = {"direct": [], "through the edge, with TLS": []}
    with harness.Server("--workers=1") as server, \
            edge.Edge([server]) as the_edge:
        for _ in range(options.rounds):
            for way, measured in rows.items():
                report, cpu = measure(way, server, the_edge, options)
                latency = report["latency_seconds"]["end_to_end"]
                measured.append((1e3 * latency["p50"], 1e3 * latency["p99"],
                                 cpu["server"], cpu["Envoy"]))
    print(f"{options.rate} calls a second, {options.rounds} rounds of "
          f"{options.seconds} s in turns; medians")
    print("| calls | p50, ms | p99, ms | CPU of the server, us a call "
          "| CPU of Envoy, us a call |\n|---|---|---|---|---|")
    for way, measured in rows.items():
        p50, p99, of_server, of_envoy = (
            statistics.median(column) for column in zip(*measured))
        print(f"| {way} | {p50:.2f} | {p99:.2f} | {of_server:.0f} "
              f"| {of_envoy:.0f} |")


if __name__ == "__main__":
    main()
