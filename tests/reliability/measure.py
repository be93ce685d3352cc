"""Prints the figures of docs/reliability.md that need load. With the environment
of the end-to-end tests:

    ctest --preset release -N -V -R e2e_limits   # shows it
    measure.py [--seconds=N] [--deadline=DURATION]
               [goodput|refusals|recovery|drain|reload ...]

The load of `goodput` is the open loop of `peregrine bench`, that of the others
a closed loop of many Python callers.
"""

import argparse
import json
import threading
import time

import grpc
import harness
from harness import pb
from peregrine.v1 import admin_pb2, admin_pb2_grpc

QUEUE_FLAGS = ("--workers=1", "--max-queue-sentences=100",
               "--max-texts-per-request=100")


def quantile(values, q):
    return sorted(values)[int(q * (len(values) - 1))]


class Load:
    """Callers without a pause; what came out, with seconds."""

    def __init__(self, server, callers, texts, timeout=harness.CALL_SECONDS):
        self._server = server
        self._texts = texts
        self._timeout = timeout
        self._stop = threading.Event()
        self.results = []  # (code or None, seconds, end)
        self._threads = [threading.Thread(target=self._run)
                         for _ in range(callers)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        while not self._stop.is_set():
            start = time.monotonic()
            code = None
            try:
                self._server.translate(*self._texts, timeout=self._timeout)
            except grpc.RpcError as error:
                code = error.code()
            end = time.monotonic()
            self.results.append((code, end - start, end))

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.results

    def run(self, seconds):
        time.sleep(seconds)
        return self.stop()


def bench(server, seconds, *flags, warm_up="2s"):
    """The report of `peregrine bench`, of greedy decoding."""
    run = harness.client(server, "bench", "--json", f"--warm-up={warm_up}",
                         f"--duration={seconds}s", "--beam-size=1", *flags)
    if not run.stdout:
        raise SystemExit(run.stderr.decode())
    return json.loads(run.stdout)


def refused_milliseconds(server):
    """In the server, by its log, of calls that were refused."""
    lines = [json.loads(line) for line in server.log().splitlines()
             if line.startswith("{")]
    return [1000 * line["seconds"] for line in lines
            if line["outcome"] == "resource_exhausted"]


def overload(server, seconds, rate, deadline):
    return bench(server, seconds, f"--rate={rate:.1f}",
                 f"--deadline={deadline}", "--connections=4")


def measure_goodput(seconds, deadline="500ms"):
    """Answers inside their deadline at multiples of the capacity. One worker, so
    that there is a core for the load, too; and no log, whose line is a good part
    of what a refusal costs, but in a run of its own that tells how long they
    take."""
    with harness.Server("--workers=1") as server:
        closed = bench(server, seconds, "--concurrency=128")
        capacity = closed["requests_per_second"]
        print(f"goodput: {capacity:.1f}/s in a closed loop of 128 without "
              f"deadlines; open loop, deadlines of {deadline}:", flush=True)
        goodput = {}
        for times in (0.6, 0.8, 1, 2, 10):
            report = overload(server, seconds, times * capacity, deadline)
            goodput[times] = report["requests_per_second"]
            print(f"  {times:4} x: {goodput[times]:7.1f}/s in time, "
                  f"{report['outcomes']}", flush=True)
        peak = max(goodput.values())
        after = bench(server, 5, f"--rate={capacity / 2:.1f}",
                      f"--deadline={deadline}", warm_up="0s")
        answered = after["outcomes"].get("OK", 0)
        print(f"  of the peak: {goodput[2] / peak:.1%} at 2 x, "
              f"{goodput[10] / peak:.1%} at 10 x; in the 5 s after that, at "
              f"half the capacity, {answered} in time of "
              f"{sum(after['outcomes'].values())}")
    with harness.Server("--workers=1", "--log-requests") as server:
        overload(server, seconds, 10 * capacity, deadline)
        refused = refused_milliseconds(server)
        print(f"  refusals at 10 x: p50 {quantile(refused, 0.5):.2f} ms, "
              f"p99 {quantile(refused, 0.99):.2f} ms in the server, with the "
              f"log on")


def measure_refusals(seconds):
    """Time in the server of calls that were refused, by its own log."""
    with harness.Server("--log-requests", *QUEUE_FLAGS) as server:
        Load(server, 40, harness.english_sentences()).run(seconds)
        lines = [json.loads(line) for line in server.log().splitlines()
                 if line.startswith("{")]
        refused = refused_milliseconds(server)
    served = sum(line["outcome"] == "ok" for line in lines)
    print(f"refusals: {len(refused)} refused, {served} served; in the server "
          f"p50 {quantile(refused, 0.5):.3f} ms, "
          f"p99 {quantile(refused, 0.99):.3f} ms, "
          f"max {max(refused):.3f} ms")


def measure_recovery(seconds):
    """From the end of an overload to the first answer as quick as before."""
    with harness.Server(*QUEUE_FLAGS) as server:
        text = harness.english_sentences()[0]
        calm = [r[1] for r in Load(server, 1, [text]).run(seconds / 4)]
        usual = quantile(calm, 0.9)
        Load(server, 40, harness.english_sentences(), timeout=5).run(seconds)
        end = time.monotonic()
        while True:
            start = time.monotonic()
            server.translate(text)
            if time.monotonic() - start <= usual:
                break
        print(f"recovery: an answer within the usual p90 of {1000 * usual:.1f} "
              f"ms after {time.monotonic() - end:.2f} s")


def measure_drain(seconds):
    """SIGTERM under load: what fails but for refusals, and how long it takes."""
    server = harness.Server("--workers=1")
    load = Load(server, 8, harness.english_sentences())
    time.sleep(seconds / 4)
    start = time.monotonic()
    server.terminate()
    server.process.wait()
    took = time.monotonic() - start
    results = load.stop()
    server.stop()
    codes = {code for code, _, _ in results} - {None}
    served = sum(code is None for code, _, _ in results)
    print(f"drain: exit code {server.process.returncode} after {took:.2f} s; "
          f"{served} served, errors {sorted(c.name for c in codes)}")


def measure_reload(seconds):
    """Latency of callers with and without reloads, in turn."""
    with harness.Server("--admin-listen=127.0.0.1:0",
                        "--workers=1") as server:
        admin = admin_pb2_grpc.AdminServiceStub(
            server.connect(server.admin_address))
        text = [harness.english_sentences()[0]]
        calm, disturbed = [], []
        reloads = 0
        for _ in range(4):
            calm += Load(server, 2, text).run(seconds / 8)
            load = Load(server, 2, text)
            end = time.monotonic() + seconds / 8
            while time.monotonic() < end:
                admin.ReloadModel(admin_pb2.ReloadModelRequest())
                reloads += 1
            disturbed += load.stop()
    failed = sum(code is not None for code, _, _ in calm + disturbed)
    before, after = (1000 * quantile([r[1] for r in results], 0.99)
                     for results in (calm, disturbed))
    print(f"reload: {reloads} reloads, {len(disturbed)} calls meanwhile, "
          f"{failed} failed; p99 {before:.1f} ms without, {after:.1f} ms with: "
          f"{after / before:.2f} times")


MEASURES = {"goodput": measure_goodput, "refusals": measure_refusals, "recovery": measure_recovery, "drain": measure_drain, "reload": measure_reload}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--deadline", default="500ms", help="of goodput")
    parser.add_argument("measures", nargs="*", metavar="MEASURE",
                        help=", ".join(MEASURES))
    flags = parser.parse_args()
    for name in flags.measures or MEASURES:
        if name == "goodput":
            measure_goodput(flags.seconds, flags.deadline)
        else:
            MEASURES[name](flags.seconds)


if __name__ == "__main__":
    main()
