"""Runs misbehaving clients against a server with faults in its engine, for as
long as one likes, and looks at what is lost and what grows.

    soak.py --seconds=90                        # as in CI
    soak.py --seconds=28800                     # a night
    soak.py --leaked-bytes=16384 --expect-growth # does it see a leak?

Exit code 0: every answer was right or an error that was to be expected, the
server lived, and its memory did not grow (with --expect-growth: did grow).
"""

import argparse
import collections
import os
import random
import signal
import subprocess
import sys
import threading
import time

try:
    import grpc
    import harness
except ImportError as error:
    print(f"skipped: soak: {error} (Debian: python3-grpcio)")
    sys.exit(77)
from harness import pb

FAULTS = {
    "PEREGRINE_FAULT_REFUSE_SENTENCE": "300",
    "PEREGRINE_FAULT_STALL_STEP": "1000",
}
MAX_GROWTH = 0.01
# The first part of the run fills caches and pools.
WARM_UP_SHARE = 1 / 3
SAMPLE_SECONDS = 0.5

Code = grpc.StatusCode


class Soak:

    def __init__(self, server):
        self.server = server
        self.sentences = harness.english_sentences()
        self.expected = {
            sentence: self.translate_until_served(sentence)
            for sentence in self.sentences}
        self.stop = threading.Event()
        self.counts = collections.Counter()
        self.wrong = []

    def translate_until_served(self, sentence):
        while True:
            try:
                return harness.best(self.server.translate(sentence))
            except grpc.RpcError as error:
                if error.code() != Code.INTERNAL:
                    raise

    def tell(self, kind, code, allowed):
        self.counts[f"{kind} {code.name.lower()}"] += 1
        if code not in allowed:
            self.wrong.append(f"{kind}: {code.name}")

    def check(self, kind, sentence, found):
        if found != self.expected[sentence]:
            self.wrong.append(f"{kind}: {sentence!r} became {found!r}")

    # ---- Clients, each a loop of its own.

    def steady(self, rng):
        sentences = rng.sample(self.sentences, rng.randint(1, 4))
        try:
            response = self.server.translate(*sentences)
            for sentence, found in zip(sentences, response.translations):
                self.check("steady", sentence, found.hypotheses[0].text)
            self.tell("steady", Code.OK, {Code.OK})
        except grpc.RpcError as error:
            self.tell("steady", error.code(),
                      {Code.INTERNAL, Code.RESOURCE_EXHAUSTED})

    def cancelling(self, rng):
        call = self.server.stub.Translate.future(pb.TranslateRequest(
            texts=[pb.Text(text=t) for t in self.sentences * 2]))
        time.sleep(rng.random() * 0.2)
        call.cancel()
        self.tell("cancelling", call.code(),
                  {Code.OK, Code.CANCELLED, Code.INTERNAL,
                   Code.RESOURCE_EXHAUSTED})

    def hurried(self, rng):
        try:
            self.server.translate(*self.sentences, timeout=rng.random() * 0.2)
            self.tell("hurried", Code.OK, {Code.OK})
        except grpc.RpcError as error:
            self.tell("hurried", error.code(),
                      {Code.DEADLINE_EXCEEDED, Code.INTERNAL,
                       Code.RESOURCE_EXHAUSTED})

    def malformed(self, rng):
        data = bytes(rng.randrange(256) for _ in range(rng.randint(1, 200)))
        try:
            self.server.translate_raw(data)
            self.tell("malformed", Code.OK, {Code.OK})
        except grpc.RpcError as error:
            self.tell("malformed", error.code(),
                      {Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.INTERNAL,
                       Code.RESOURCE_EXHAUSTED})
        time.sleep(0.02)

    def streaming(self, rng):
        sentences = [rng.choice(self.sentences) for _ in range(20)]
        requests = (pb.TranslateStreamRequest(id=str(i),
                                              text=pb.Text(text=text))
                    for i, text in enumerate(sentences))
        seen = set()
        for answer in self.server.stub.TranslateStream(requests, timeout=60):
            seen.add(answer.id)
            if answer.HasField("translation"):
                self.check("streaming", sentences[int(answer.id)],
                           answer.translation.hypotheses[0].text)
        if len(seen) != len(sentences):
            self.wrong.append(f"streaming: {len(seen)} of {len(sentences)}")
        self.tell("streaming", Code.OK, {Code.OK})

    def crashing(self, rng):
        """The command-line client, killed in the middle of a file."""
        environment = dict(os.environ, PEREGRINE_ADDRESS=self.server.address)
        process = subprocess.Popen(
            [os.path.join(harness.BIN, "peregrine"), "translate"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=environment)
        try:
            process.stdin.write("\n".join(self.sentences * 20).encode())
            process.stdin.flush()
        except BrokenPipeError:
            pass
        time.sleep(0.1 + rng.random() * 0.5)
        process.kill()
        process.wait()
        process.stdin.close()
        self.counts["crashing killed"] += 1

    def run_clients(self, seconds, seed):
        clients = [self.steady] * 3 + [
            self.cancelling, self.hurried, self.malformed, self.streaming,
            self.crashing]
        threads = [threading.Thread(target=self._loop, args=(client, f"{seed} {i}"))
                   for i, client in enumerate(clients)]
        for thread in threads:
            thread.start()
        samples = self.sample_memory(seconds)
        self.stop.set()
        for thread in threads:
            thread.join()
        return samples

    def _loop(self, client, seed):
        rng = random.Random(seed)
        try:
            while not self.stop.is_set():
                client(rng)
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append(f"{client.__name__}: {error!r}")

    def sample_memory(self, seconds):
        end = time.monotonic() + seconds
        samples = []
        while time.monotonic() < end and self.server.process.poll() is None:
            samples.append(
                self.server.metric("process_resident_memory_bytes"))
            time.sleep(SAMPLE_SECONDS)
        return samples


def growth(samples):
    """Of the least memory in the second half after the warm-up against the
    first: what comes and goes is not growth."""
    warm = samples[int(len(samples) * WARM_UP_SHARE):]
    middle = len(warm) // 2
    return min(warm[middle:]) / min(warm[:middle]) - 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--leaked-bytes", type=int, default=0,
                        help="of each sentence, by the server")
    parser.add_argument("--expect-growth", action="store_true")
    parser.add_argument("--seed", type=int,
                        default=random.SystemRandom().randrange(1_000_000),
                        help="of clients and faults; printed, to try again")
    flags = parser.parse_args()
    print(f"soak --seed={flags.seed}", flush=True)

    os.environ.update(FAULTS,
                      PEREGRINE_FAULT_SEED=str(flags.seed),
                      PEREGRINE_FAULT_LEAKED_BYTES=str(flags.leaked_bytes))
    server = harness.Server("--max-queue-sentences=200",
                            "--max-texts-per-request=100",
                            "--log-level=warning", binary="soak-server")
    soak = Soak(server)
    samples = soak.run_clients(flags.seconds, flags.seed)
    alive = server.process.poll() is None
    idle = alive and server.metric("peregrine_queue_sentences") == 0
    code = server.stop()
    grown = growth(samples)

    for kind in sorted(soak.counts):
        print(f"{kind:30} {soak.counts[kind]:8}")
    print(f"resident memory: {min(samples) / 1e6:.1f} to "
          f"{max(samples) / 1e6:.1f} MB, growth after warm-up "
          f"{100 * grown:+.2f}% (allowed {100 * MAX_GROWTH:.0f}%)")
    for line in soak.wrong[:20]:
        print("wrong:", line)
    sound = not soak.wrong and alive and idle and code == 0
    if not sound:
        print(f"failed: {len(soak.wrong)} wrong, alive {alive}, idle {idle}, "
              f"exit code {code} ({signal.strsignal(-code) if code < 0 else ''})")
    grew = grown > MAX_GROWTH
    if grew != flags.expect_growth:
        print("failed: memory grew" if grew else
              "failed: memory did not grow, though it should have")
    sys.exit(0 if sound and grew == flags.expect_growth else 1)


if __name__ == "__main__":
    main()
