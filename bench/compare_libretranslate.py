"""Peregrine beside LibreTranslate, each as its users run it, on the same package of Argos.

The package holds a Transformer-base (6-6, a vocabulary of 32,000, int8) of random weights whose
translations end after 24 tokens (ending_model.py). Each server has one thread of one core, the
caller another core. LibreTranslate is called by its own API, Peregrine by gRPC; both search with
beams of 4, which LibreTranslate always does. They take turns, round by round. Run by
bench/compare-libretranslate, which makes the environments.
"""

import argparse
import asyncio
import itertools
import os
import pathlib
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from peregrine_translate._wire import translation_pb2 as pb

from compare_serving import (CALLER_CORES, PIECES, PeregrineServer, Server,
                             make_texts, measure, numbers)
from contestants import processor
from serving_load import GrpcCaller, HttpCaller, closed_loop

HERE = pathlib.Path(__file__).parent
BEAM = 4
DEADLINE = 1.0  # of answers in time, seconds


class PeregrineCaller(GrpcCaller):
    """Leaves lengths and sentences to the server."""

    def request(self, text, length):
        return pb.TranslateRequest(texts=[pb.Text(text=text)],
                                   options=pb.DecodingOptions(beam_size=self.beam_size))


class LibreTranslateCaller(HttpCaller):
    def body(self, text, length):
        return {"q": text, "source": "en", "target": "de", "format": "text"}


class LibreTranslateServer(Server):
    """Does not say when it serves."""

    def __init__(self, args, packages, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        folders = {name: str(folder / name.lower()) for name in
                   ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
        super().__init__(
            "LibreTranslate",
            [args.libretranslate, "--host", "127.0.0.1", "--port", str(port), "--load-only",
             "en,de", "--disable-web-ui"],
            LibreTranslateCaller, folder / "libretranslate.log",
            {**folders, "ARGOS_PACKAGES_DIR": str(packages), "ARGOS_INTRA_THREADS": "1"})
        self.port = port

    def wait(self):
        while True:
            if self.process.poll() is not None:
                self.fail()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/languages") as answer:
                    answer.read()
                return
            except urllib.error.URLError:
                time.sleep(0.2)


async def compare(args, servers, texts):
    print(f"{processor()}; {args.rounds} rounds of {args.seconds:g} s\n")
    print("| callers | Peregrine, sentences/s | LibreTranslate | times as many | p50, ms "
          "| p99, ms |\n|---|---|---|---|---|---|")
    for callers in args.callers:
        found = []
        for _ in range(args.rounds):
            found.append([await measure(
                server, BEAM, lambda caller: closed_loop(
                    caller, itertools.cycle(texts), callers, args.seconds, 1.0), DEADLINE)
                for server in servers])
        ours, theirs = zip(*found)
        ratios = [one["rate"] / other["rate"] for one, other in found]
        cells = [str(callers), *(f"{statistics.median(row['rate'] for row in rows):.1f}"
                                 for rows in (ours, theirs)),
                 f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"]
        for name in ("p50", "p99"):
            cells.append(" beside ".join(
                f"{1e3 * statistics.median(row[name] for row in rows):.0f}"
                for rows in (ours, theirs)))
        print("| " + " | ".join(cells) + " |", flush=True)


def run(args):
    os.sched_setaffinity(0, CALLER_CORES)
    packages = pathlib.Path(args.models, "argos").resolve()
    python = pathlib.Path(args.libretranslate).parent / "python"
    subprocess.run([python, HERE / "ending_model.py", packages, PIECES], check=True)
    texts = make_texts(2000)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        servers = [PeregrineServer(args, packages / "en_de", folder, PeregrineCaller)]
        try:
            servers.append(LibreTranslateServer(args, packages, folder))
            for server in servers:
                server.wait()
            asyncio.run(compare(args, servers, texts))
        finally:
            for server in servers:
                server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--server", required=True, help="peregrine-server")
    parser.add_argument("--libretranslate", required=True, help="its command")
    parser.add_argument("--models", required=True, help="folder for the packages")
    parser.add_argument("--precision", default="auto", help="of Peregrine")
    parser.add_argument("--callers", type=numbers(int), default=[1, 8, 64])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each load")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
