"""Servers of translations under the same load.

Each serves a Transformer-base (6-6, a vocabulary of 32,000, random weights; transformers
has its own of the same shape) with one thread of one core; the caller has another core.
Texts, their order, arrivals and the lengths of translations are the same for all. Closed
loops tell what a server can do, open loops how long independent callers wait. Run by
bench/compare-serving, which makes the environment; see bench/README.md.
"""

import argparse
import asyncio
import itertools
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import grpc
import sentencepiece
from peregrine_translate._wire import translation_pb2 as pb
from peregrine_translate._wire import translation_pb2_grpc

from contestants import processor, source_lengths, write_json
from serving_load import GrpcCaller, HttpCaller, closed_loop, median_load, open_loop
from serving_peer import SHAPE, peer, write_vocabulary

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent
PIECES = ROOT / "models" / "en-de-mdn" / "source.spm"
WORDS = ("the a old young red small heavy early careful teacher house river doctor window bicycle "
         "garden neighbour letter morning market found bought painted forgot described wanted lost "
         "repaired carried near behind under after before with without because and while").split()
MEAN_TOKENS = 24
CALLERS = (1, 8, 64)
SHARES = (0.5, 0.8, 1.2)  # of the capacity, in open loops


def save_model(directory):
    """CTranslate2's, which Peregrine reads as well; texts are cut by the bundled model's
    pieces, and made-up ones fill the vocabulary."""
    if (directory / "sentencepiece.model").exists():
        return
    peer.CTranslate2.save(SHAPE, str(directory))
    write_vocabulary(directory, PIECES)
    shutil.copyfile(PIECES, directory / "sentencepiece.model")


def make_texts(count, seed=17):
    """Texts with the lengths that their translations get: those of their pieces."""
    generator = random.Random(seed)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(PIECES))
    texts = []
    for length in source_lengths(count, seed, MEAN_TOKENS, 12):
        words = []
        while len(pieces.encode(" ".join(words))) < length:
            words.append(generator.choice(WORDS))
        text = " ".join(words).capitalize() + "."
        texts.append((text, len(pieces.encode(text))))
    return texts


class Server:
    """One contestant, on the first core."""

    def __init__(self, name, command, caller, log, environment=None):
        self.name = name
        self._caller = caller
        self._log = log
        with open(log, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                text=True, env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
                preexec_fn=lambda: os.sched_setaffinity(0, SERVER_CORES))
        self.port = None
        self.precision = ""

    def wait(self):
        """Until it serves: then it says its port."""
        line = self.process.stdout.readline()
        if not line:
            self.fail()
        port, self.precision = line.strip().split(" ", 1)
        self.port = int(port)

    def fail(self):
        sys.exit(f"{self.name} ended with status {self.process.wait()}:\n"
                 + self._log.read_text("utf-8")[-2000:])

    def caller(self, beam_size):
        return self._caller(self.port, beam_size)

    def cpu_seconds(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text("utf-8")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text("utf-8")
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) * 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()


CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = set(CORES[:1])
CALLER_CORES = set(CORES[1:]) or SERVER_CORES


class PeregrineServer(Server):
    """Says its port in a file."""

    def __init__(self, args, directory, folder, caller=GrpcCaller):
        self._ports = folder / "ports"
        super().__init__(
            "Peregrine",
            [args.server, f"--model={directory}", "--workers=1", f"--precision={args.precision}",
             "--listen=127.0.0.1:0", "--metrics-listen=off", "--cache-mib=0",
             f"--port-file={self._ports}"],
            caller, folder / "peregrine.log")

    def wait(self):
        while not self._ports.exists():
            if self.process.poll() is not None:
                self.fail()
            time.sleep(0.05)
        time.sleep(0.2)
        ports = self._ports.read_text("utf-8")
        self.port = int(re.search(r"grpc(?:_port=| )(\d+)", ports).group(1))
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            stub = translation_pb2_grpc.TranslationServiceStub(channel)
            (model,) = stub.ListModels(pb.ListModelsRequest()).models
        self.precision = model.devices[0].precision


# Name, the peer's engine and way to be called, and by whom.
PEERS = {
    "ctranslate2-grpc": ("CTranslate2, gRPC in Python", "ctranslate2", "grpc", GrpcCaller),
    "ctranslate2-fastapi": ("CTranslate2, FastAPI", "ctranslate2", "http", HttpCaller),
    "transformers-fastapi": ("transformers, FastAPI", "transformers", "http", HttpCaller),
}


def start_server(key, args, directory, folder):
    if key == "peregrine":
        return PeregrineServer(args, directory, folder)
    name, engine, api, caller = PEERS[key]
    python = args.transformers_python if engine == "transformers" else sys.executable
    return Server(name, [python, str(HERE / "serving_peer.py"), engine, api, str(directory),
                         f"--precision={args.precision}"], caller, folder / f"{key}.log")


def start_servers(args, directory, folder):
    """Those that were asked for, all of them; idle ones cost nothing."""
    servers = {key: start_server(key, args, directory, folder) for key in args.servers}
    for server in servers.values():
        server.wait()
    return servers


class CountedCalls:
    """A caller that counts what was answered, measured or not."""

    def __init__(self, caller):
        self._caller = caller
        self.answered = 0

    async def call(self, *arguments):
        answered = await self._caller.call(*arguments)
        self.answered += answered
        return answered


async def measure(server, beam_size, run, deadline):
    """The figures of one load, which `run` makes of a caller."""
    caller = server.caller(beam_size)
    calls = CountedCalls(caller)
    before = server.cpu_seconds(), time.process_time(), time.monotonic()
    try:
        load = await run(calls)
    finally:
        await caller.close()
    at_server, at_caller, seconds = (now - then for now, then in zip(
        (server.cpu_seconds(), time.process_time(), time.monotonic()), before))
    percentiles = {f"p{round(share * 100)}": load.percentile(share) for share in (0.5, 0.99)}
    return {"rate": load.rate, **percentiles, "goodput": load.goodput(deadline),
            "failed": load.failed, "cpu_share": at_server / seconds,
            "cpu_a_sentence": at_server / calls.answered if calls.answered else None,
            "caller_share": at_caller / seconds}


async def scenarios(args, servers, texts, beam_size):
    """Rows, as they are measured; in each round the servers take turns."""
    endless = lambda: itertools.cycle(texts)  # noqa: E731  the same for each

    async def rounds(title, run_of, **more):
        found = {name: [] for name in servers}
        for number in range(args.rounds):
            order = list(servers)
            for name in order[number % len(order):] + order[:number % len(order)]:
                run = run_of(name)
                if run is not None:
                    found[name].append(
                        await measure(servers[name], beam_size, run, args.deadline))
        for name, loads in found.items():
            if loads:
                yield {"server": servers[name].name, "key": name,
                       "precision": servers[name].precision, "beam": beam_size,
                       "load": title, **more, **median_load(loads),
                       "peak_bytes": servers[name].peak_bytes()}

    capacity = {}
    for callers in args.callers:
        async for row in rounds(
                f"{callers} caller{'s' * (callers > 1)}",
                lambda name, n=callers: lambda caller: closed_loop(
                    caller, endless(), n, args.seconds, args.warm_up)):
            capacity[row["key"]] = max(row["rate"], capacity.get(row["key"], 0.0))
            yield row

    def open_run(rate):
        return lambda caller: open_loop(caller, endless(), rate, args.seconds, args.deadline)

    for share in args.shares:
        async for row in rounds(f"open, {share:.0%} of its capacity",
                                lambda name, s=share: open_run(s * capacity[name])):
            yield {**row, "offered": share * capacity[row["key"]]}
    if "ctranslate2-grpc" in capacity:
        rate = 0.8 * capacity["ctranslate2-grpc"]
        async for row in rounds(
                "open, 80% of the capacity of CTranslate2 by gRPC",
                lambda name: open_run(rate) if capacity[name] > rate else None):
            yield {**row, "offered": rate}


def cell(value, form, factor=1.0):
    return "" if value is None else format(value * factor, form)


def table_line(row, deadline):
    late = f"> {deadline * 1e3:.0f}"
    cells = ["greedy" if row["beam"] == 1 else f"beam {row['beam']}", row["load"], row["server"],
             cell(row.get("offered"), ".0f"), cell(row["rate"], ".1f"),
             cell(row["p50"], ".0f", 1e3) or late, cell(row["p99"], ".0f", 1e3) or late,
             cell(row["goodput"], ".1f"), cell(row["cpu_a_sentence"], ".1f", 1e3),
             cell(row["peak_bytes"], ".0f", 1e-6), cell(row["caller_share"], ".0%")]
    return "| " + " | ".join(cells) + " |"


HEAD = ["| search | load | server | offered, sentences/s | answered/s | p50, ms | p99, ms "
        "| in time/s | server CPU, ms a sentence | peak memory, MB | caller's core |",
        "|---|---|---|---|---|---|---|---|---|---|---|"]


def ratios(rows):
    """Peregrine beside each other server, load by load."""
    lines = []
    own = {(row["beam"], row["load"]): row for row in rows if row["key"] == "peregrine"}
    for row in rows:
        ours = own.get((row["beam"], row["load"]))
        if ours is None or row is ours or "its capacity" in row["load"]:
            continue
        p99 = "" if not (row["p99"] and ours["p99"]) else f"{row['p99'] / ours['p99']:.1f} x"
        search = "greedy" if row["beam"] == 1 else f"beam {row['beam']}"
        faster = f"{ours['rate'] / row['rate']:.2f} x" if row["rate"] else ""
        lines.append(f"| {search} | {row['load']} | {row['server']} | {faster} | {p99} |")
    if not lines:
        return []
    return ["", "Peregrine beside each:", "",
            "| search | load | beside | answers/s | shorter p99 |", "|---|---|---|---|---|", *lines]


def markdown(rows, args, texts):
    import ctranslate2  # pylint: disable=import-outside-toplevel
    mean = statistics.mean(length for _, length in texts)
    precisions = "; ".join(sorted({f"{row['server']} in {row['precision']}" for row in rows}))
    lines = [
        "# Servers under the same load", "",
        f"{processor()}; each server with one thread on one core, the caller on another. "
        f"Transformer-base 6-6, vocabulary of 32,000, random weights, {precisions}; "
        f"sentences of {mean:.1f} pieces, "
        "translations as long; CTranslate2 "
        f"{ctranslate2.__version__}. {args.rounds} round{'s' * (args.rounds > 1)} of "
        f"{args.seconds:g} s, medians; in open loops callers give up after {args.deadline:g} s. "
        "Repeat with", "",
        "```", "bench/compare-serving " + " ".join(args.command), "```", "",
        *HEAD, *(table_line(row, args.deadline) for row in rows), *ratios(rows), "",
        "Answered/s: sentences a second. p50, p99: from when a call was due; of an open loop, "
        "calls that were not answered count as longest. In time/s: answers within "
        f"{args.deadline:g} s. Peak memory: resident, since the server started. Caller's core: "
        "how busy it was; near 100% the caller would be what is measured. "
        "`bench/serving_peer.py` is what the others run."]
    return "\n".join(lines) + "\n"


async def run(args):
    os.sched_setaffinity(0, CALLER_CORES)
    directory = pathlib.Path(args.models, "serving-base-32k")
    directory.mkdir(parents=True, exist_ok=True)
    save_model(directory)
    texts = make_texts(2000)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        servers = start_servers(args, directory, pathlib.Path(folder))
        try:
            print("\n".join(HEAD), flush=True)
            for beam_size in args.beam_size:
                async for row in scenarios(args, servers, texts, beam_size):
                    rows.append(row)
                    print(table_line(row, args.deadline), flush=True)
        finally:
            for server in servers.values():
                server.stop()
    print("\n".join(ratios(rows)))
    if args.out:
        pathlib.Path(f"{args.out}.md").write_text(markdown(rows, args, texts), "utf-8")
        write_json(f"{args.out}.json", rows)


def numbers(kind):
    return lambda text: [kind(part) for part in text.split(",")]


def servers_of(text):
    unknown = set(text.split(",")) - {"peregrine", *PEERS}
    if unknown:
        raise argparse.ArgumentTypeError(f"found {min(unknown)}, expected some of peregrine, "
                                         + ", ".join(PEERS))
    return text.split(",")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--server", required=True, help="peregrine-server")
    parser.add_argument("--models", required=True, help="folder for the model")
    parser.add_argument("--transformers-python")
    parser.add_argument("--servers", type=servers_of, metavar="NAMES",
                        default=["peregrine", "ctranslate2-grpc", "ctranslate2-fastapi"],
                        help=f"with commas between: peregrine, {', '.join(PEERS)}; by default "
                        "those that need no torch")
    parser.add_argument("--precision", default="auto", choices=["auto", "int8", "float32"],
                        help="auto is what each takes for the fastest")
    parser.add_argument("--beam-size", type=numbers(int), default=[1, 4])
    parser.add_argument("--callers", type=numbers(int), default=list(CALLERS))
    parser.add_argument("--shares", type=numbers(float), default=list(SHARES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load")
    parser.add_argument("--warm-up", type=float, default=1.0, help="of closed loops")
    parser.add_argument("--deadline", type=float, default=1.0, help="of answers in time")
    parser.add_argument("--out", metavar="PREFIX", help="write PREFIX.md and PREFIX.json")
    parser.add_argument("--quick", action="store_true", help="a look, in less than two minutes")
    args = parser.parse_args()
    # The script's own part of the command line is left out.
    own = ("--server", "--models", "--transformers-python")
    args.command = [word for word, before in zip(sys.argv[1:], [""] + sys.argv[1:])
                    if word not in own and before not in own]
    if args.quick:
        args.rounds, args.seconds, args.warm_up = 1, 3.0, 0.5
        args.beam_size, args.callers, args.shares = [1], [1, 64], [0.8]
    asyncio.run(run(args))


if __name__ == "__main__":
    main()
