"""The two engines as processes, and what both are given to do."""

import contextlib
import json
import math
import os
import platform
import random
import subprocess
import sys
import tempfile

from peer_process import save_peer_model


def source_lengths(count, seed=153, mean=27.0, deviation=15.5):
    """Log-normal lengths, 3 to 100 tokens, of about mean 27 and deviation 15."""
    generator = random.Random(seed)
    variance = math.log(1 + (deviation / mean) ** 2)
    mu = math.log(mean) - variance / 2
    lengths = (generator.lognormvariate(mu, math.sqrt(variance)) for _ in range(count))
    return [min(100, max(3, round(length))) for length in lengths]


class Contestant:
    """A process that decodes the workload once for every line it is sent."""

    def __init__(self, command):
        self.name = command[0]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"})

    def run(self):
        self.start()
        return self.result()

    def start(self):
        self.process.stdin.write("run\n")
        self.process.stdin.flush()

    def result(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended with status {self.process.wait()}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def workload(lengths_file, beam_size, batch_size, precision):
    return ["--lengths", lengths_file, "--beam-size", str(beam_size), "--batch-size",
            str(batch_size), "--precision", precision]


def start_engine(args, case, lengths_file, *options):
    model, beam_size, batch_size = case
    return Contestant([args.binary, "--model", model,
                       *workload(lengths_file, beam_size, batch_size, args.precision),
                       *args.engine_option, *options])


def start_peer(args, case, lengths_file):
    model, beam_size, batch_size = case
    program = os.path.join(os.path.dirname(__file__), "peer_process.py")
    return Contestant([sys.executable, program, "--model", model, "--directory",
                       peer_directory(args, model),
                       *workload(lengths_file, beam_size, batch_size,
                                 args.peer_precision or args.precision)])


def peer_directory(args, model):
    """Where the peer's model is, made when first asked for."""
    directory = os.path.join(args.models, model)
    if not os.path.exists(os.path.join(directory, "model.bin")):
        save_peer_model(model, directory)
    return directory


@contextlib.contextmanager
def file_of(lengths):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(map(str, lengths)) + "\n")
        file.flush()
        yield file.name


def rounds_of(contestants, rounds):
    """What each answers, round by round, after one uncounted run of each. A contestant may
    be a list of them, which run at the same time: its answer is a list."""
    for contestant in contestants:
        run_together(contestant)
    results = [[run_together(contestant) for contestant in contestants]
               for _ in range(rounds)]
    for contestant in contestants:
        for process in contestant if isinstance(contestant, list) else [contestant]:
            process.close()
    return results


def run_together(contestant):
    if not isinstance(contestant, list):
        return contestant.run()
    for process in contestant:
        process.start()
    return [process.result() for process in contestant]


def subset(lengths, batch_size):
    """Fewer sentences where one takes long: at least eight batches."""
    return lengths[:min(len(lengths), max(60, 16 * batch_size))]


def processor():
    """Its name, or its architecture where it has none."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", maxsplit=1)[1].strip()
    return platform.machine()


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
