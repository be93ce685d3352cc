"""The command `peregrine` against the real server, and the demo."""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

import harness
from harness import best


class TranslateCommandTest(harness.ServerTestCase):

    def run_client(self, *arguments, **options):
        return harness.client(self.server, *arguments, **options)

    def test_arguments(self):
        sentences = harness.english_sentences()[:3]
        run = self.run_client("translate", *sentences)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stderr, b"")
        self.assertEqual(
            run.stdout.decode().splitlines(),
            [best(self.server.translate(s)) for s in sentences])

    def test_pipe_keeps_lines_and_order(self):
        sentences = harness.english_sentences() * 20
        alone = {s: best(self.server.translate(s)) for s in set(sentences)}
        lines = [line for s in sentences for line in (s, "")]
        run = self.run_client("translate", stdin="\r\n".join(lines).encode())
        self.assertEqual(run.returncode, 0, run.stderr)
        # What follows the last line break is empty, and so not a line.
        self.assertEqual(run.stdout.decode().split("\n")[:-1],
                         [alone.get(line, "") for line in lines][:-1])

    def test_file_to_file(self):
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "in")
            target = os.path.join(folder, "out")
            with open(source, "w", encoding="utf-8") as file:
                file.write("The house is small.\n\n\nThe house is small.")
            run = self.run_client("translate", f"--file={source}",
                                  f"--output={target}")
            self.assertEqual(run.returncode, 0, run.stderr)
            with open(target, encoding="utf-8") as file:
                self.assertEqual(file.read(),
                                 f"{self.expected}\n\n\n{self.expected}\n")

    def test_json(self):
        run = self.run_client("translate", "--json", "--beam-size=3",
                              "--num-hypotheses=3", "The house is small.")
        self.assertEqual(run.returncode, 0, run.stderr)
        (line,) = run.stdout.splitlines()
        answer = json.loads(line)
        self.assertEqual(answer["source"], "The house is small.")
        self.assertEqual(len(answer["hypotheses"]), 3)
        self.assertEqual(answer["flags"], [])
        self.assertEqual(answer["cost"]["device"], "cpu")
        self.assertGreater(answer["cost"]["decode_seconds"], 0)

    def test_a_line_that_fails_stands_empty(self):
        lines = [b"The house is small.", b"\xff\xfe", b"x" * 100_000,
                 b"The house is small."]
        run = self.run_client("translate", stdin=b"\n".join(lines))
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stdout.decode(),
                         f"{self.expected}\n\n\n{self.expected}\n")
        self.assertIn(b"line 2: INVALID_ARGUMENT", run.stderr)
        self.assertIn(b"line 3: INVALID_ARGUMENT", run.stderr)

    def test_bad_options_fail_once(self):
        run = self.run_client("translate", "--beam-size=1000",
                              stdin=b"one\n" * 1000)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stdout, b"")
        self.assertIn(b"options.beam_size: found 1000, allowed 1 to",
                      run.stderr)
        self.assertEqual(run.stderr.count(b"\n"), 1)

    def test_truncation_is_told(self):
        run = self.run_client("translate", "--max-length=2",
                              "The old man bought bread and milk.")
        self.assertEqual(run.returncode, 0)
        self.assertIn(b"1 of 1 cut off at the maximum length", run.stderr)

    def test_nobody_listens(self):
        run = self.run_client("translate", "x",
                              address=f"127.0.0.1:{harness.free_port()}")
        self.assertEqual(run.returncode, 1)
        self.assertIn(b"UNAVAILABLE", run.stderr)

    def test_models(self):
        run = self.run_client("models")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertTrue(run.stdout.startswith(harness.MODEL.encode()))
        run = self.run_client("models", "--json", harness.MODEL)
        self.assertEqual(json.loads(run.stdout)["name"], harness.MODEL)
        self.assertEqual(
            self.run_client("models", "no-such").returncode, 1)

    def test_it_answers_while_the_pipe_stays_open(self):
        command = subprocess.Popen(
            [os.path.join(harness.BIN, "peregrine"), "translate",
             f"--address={self.server.address}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            for _ in range(3):
                command.stdin.write(b"The house is small.\n")
                command.stdin.flush()
                self.assertEqual(command.stdout.readline().decode(),
                                 self.expected + "\n")
            command.stdin.close()
            self.assertEqual(command.wait(timeout=10), 0)
        finally:
            command.kill()
            command.wait()
            command.stdout.close()

    def test_the_reader_goes_away(self):
        """As in `peregrine translate < endless | head -1`."""
        command = subprocess.Popen(
            [os.path.join(harness.BIN, "peregrine"), "translate",
             f"--address={self.server.address}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        endless = subprocess.Popen(["yes", "The house is small."],
                                   stdout=command.stdin)
        try:
            command.stdout.readline()
            command.stdout.close()
            self.assertEqual(command.wait(timeout=10), -signal.SIGPIPE)
            self.assertEqual(command.stderr.read(), b"")
        finally:
            for process in (command, endless):
                process.kill()
                process.wait()
            command.stdin.close()
            command.stderr.close()

    def test_interrupt(self):
        command = subprocess.Popen(
            [os.path.join(harness.BIN, "peregrine"), "translate",
             f"--address={self.server.address}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        command.stdin.write(b"The house is small.\n")
        command.stdin.flush()
        command.stdout.readline()
        command.send_signal(signal.SIGINT)
        self.assertEqual(command.wait(timeout=10), -signal.SIGINT)
        command.stdin.close()
        command.stdout.close()

    def test_memory_stays_bounded(self):
        """An endless pipe: after the first seconds the command must not
        grow."""
        command = subprocess.Popen(
            [os.path.join(harness.BIN, "peregrine"), "translate",
             f"--address={self.server.address}", "--beam-size=1",
             "--output=/dev/null"],
            stdin=subprocess.PIPE)
        endless = subprocess.Popen(["yes", "x " * 500], stdout=command.stdin)

        def resident_bytes():
            with open(f"/proc/{command.pid}/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

        try:
            time.sleep(3)
            early = resident_bytes()
            time.sleep(4)
            self.assertIsNone(command.poll())
            self.assertLess(resident_bytes() - early, 20_000_000)
        finally:
            for process in (command, endless):
                process.kill()
                process.wait()
            command.stdin.close()


class MeasuringCommandsTest(harness.ServerTestCase):

    def bench(self, *flags):
        run = harness.client(self.server, "bench", "--json", "--warm-up=0.5s",
                             "--duration=2s", *flags)
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)

    def test_bench_agrees_with_the_server(self):
        before = self.server.metric("peregrine_requests_total", outcome="ok")
        report = self.bench("--concurrency=2")
        self.assertEqual(report["model"], harness.MODEL)
        self.assertEqual(list(report["outcomes"]), ["OK"])
        self.assertGreater(report["target_tokens_per_second"], 0)
        for stage in ("end_to_end", "queue", "encode", "decode", "network"):
            times = report["latency_seconds"][stage]
            self.assertLessEqual(times["p50"], times["p99"])
            self.assertLessEqual(times["p99"], times["max"])
        self.assertGreater(report["latency_seconds"]["decode"]["p50"], 0)
        served = self.server.metric("peregrine_requests_total",
                                    outcome="ok") - before
        # Warm-up and transient are not in the report, nor the model's query.
        self.assertGreaterEqual(served, report["outcomes"]["OK"])

    def test_bench_in_an_open_loop_sends_what_is_due(self):
        before = sum(self.server.metric("peregrine_requests_total", outcome=o)
                     for o in ("ok", "deadline_exceeded"))
        self.bench("--rate=20", "--arrivals=uniform", "--deadline=30s")
        after = sum(self.server.metric("peregrine_requests_total", outcome=o)
                    for o in ("ok", "deadline_exceeded"))
        self.assertEqual(after - before, 50)

    def test_health(self):
        run = harness.client(self.server, "health")
        self.assertEqual((run.returncode, run.stdout), (0, b"SERVING\n"))
        run = harness.client(self.server, "health",
                             f"--service={harness.SERVICE}")
        self.assertEqual(run.returncode, 0)
        run = harness.client(self.server, "health",
                             f"--metrics-address={self.server.metrics_address}")
        self.assertEqual((run.returncode, run.stdout), (0, b"ready\n"))
        run = harness.client(self.server, "health", "--deadline=1s",
                             address=f"127.0.0.1:{harness.free_port()}")
        self.assertEqual(run.returncode, 1)


class ProgramsTest(unittest.TestCase):

    @staticmethod
    def output(*command):
        return subprocess.run(command, capture_output=True, text=True,
                              timeout=60, check=True).stdout

    def test_the_command_links_no_engine(self):
        def needs(name):
            return self.output("ldd", os.path.join(harness.BIN, name))

        def symbols(name):
            return self.output("nm", "--demangle",
                               os.path.join(harness.BIN, name))
        engine = r"peregrine::(kernels|model|decode|formats)::"
        self.assertIn("libdnnl", needs("peregrine-server"))
        self.assertRegex(symbols("peregrine-server"), engine)
        self.assertNotIn("libdnnl", needs("peregrine"))
        self.assertNotRegex(symbols("peregrine"), engine)

    def test_programs_that_it_starts(self):
        command = os.path.join(harness.BIN, "peregrine")
        self.assertRegex(self.output(command, "compare", "--version"),
                         r"^peregrine-compare \d")
        told = self.output(command, "models", "inspect", "--json",
                           harness.MODEL_DIR)
        self.assertEqual(json.loads(told)["name"], harness.MODEL)
        # An argument that is the name of a subcommand stays one.
        missing = subprocess.run(
            [command, "models", "inspect", "inspect"], capture_output=True,
            text=True, timeout=60, check=False)
        self.assertEqual(missing.returncode, 1)
        self.assertRegex(missing.stderr, "^peregrine-inspect: inspect/")


if __name__ == "__main__":
    unittest.main()
