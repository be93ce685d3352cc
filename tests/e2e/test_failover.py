"""Two servers behind gRPC's own round_robin, with the published service
config: losing one loses no request."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import unittest

import grpc
import harness
from harness import best, pb
from peregrine.v1 import translation_pb2_grpc

# Of each call. What is promised is that a loss is not felt, so that it must not
# hide in a long deadline.
CALL_SECONDS = 3
SERVICE_CONFIG = os.path.join(harness.SOURCE_DIR, "proto", "peregrine", "v1",
                              "service_config.json")


# Opens a stream of one text for each line that it reads; prints the code. A
# process of its own, since gRPC reads the environment once.
STREAMS = """
import sys, grpc
from harness import pb
from peregrine.v1 import translation_pb2_grpc
address, config, *more = sys.argv[1:]
options = [(name, int(value)) for name, value in
           (one.split("=") for one in more)]
channel = grpc.insecure_channel(
    address, options=[("grpc.service_config", config), *options])
stub = translation_pb2_grpc.TranslationServiceStub(channel)
for line in sys.stdin:
    try:
        list(stub.TranslateStream(iter([pb.TranslateStreamRequest(
            text=pb.Text(text="The house is small."))]), timeout=60))
        print("OK", flush=True)
    except grpc.RpcError as error:
        print(error.code().name, flush=True)
"""


class ReplacedServerTest(unittest.TestCase):

    def test_a_server_that_is_replaced_is_found_soon(self):
        """By a client of gRPC's blocking interface with the published service
        config, whose health check takes several looks at the connection, and
        the settings of docs/configuration.md: without them, after 15 s."""
        with open(os.path.join(harness.SOURCE_DIR, "docs",
                               "configuration.md"), encoding="utf-8") as file:
            text = file.read()
        options = re.findall(r"`(grpc\.\w+_reconnect_backoff_ms=\d+)`", text)
        self.assertEqual(len(options), 2)
        name, value = re.search(r"`(GRPC_\w+_POLL_INTERVAL_MS)=(\d+)`",
                                text).groups()
        with open(SERVICE_CONFIG, encoding="utf-8") as file:
            config = file.read()
        address = f"127.0.0.1:{harness.free_port()}"
        first = harness.Server("--workers=1", listen=address)
        client = subprocess.Popen(
            [sys.executable, "-B", "-c", STREAMS, address, config, *options],
            env={**os.environ, name: value,
                 "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)

        def call():
            client.stdin.write("\n")
            client.stdin.flush()
            return client.stdout.readline().strip()
        self.assertEqual(call(), "OK")
        self.assertEqual(first.stop(), 0)
        self.assertEqual(call(), "UNAVAILABLE")
        with harness.Server("--workers=1", listen=address):
            outcomes = [call()]
            while outcomes[-1] != "OK" and len(outcomes) < 5:
                time.sleep(1)
                outcomes.append(call())
        self.assertEqual(outcomes[-1], "OK", outcomes)


class FailoverTest(unittest.TestCase):

    def setUp(self):
        self.servers = [harness.Server("--workers=1") for _ in range(2)]
        self.addCleanup(self.servers[1].stop)
        with open(SERVICE_CONFIG, encoding="utf-8") as file:
            self.config = file.read()
        addresses = ",".join(server.address for server in self.servers)
        channel = grpc.insecure_channel(
            f"ipv4:{addresses}", options=[("grpc.service_config", self.config)])
        self.addCleanup(channel.close)
        self.call_seconds = CALL_SECONDS
        self.stub = translation_pb2_grpc.TranslationServiceStub(channel)
        self.outcomes = []
        self.stopped = threading.Event()

    def call_until_stopped(self):
        while not self.stopped.is_set():
            try:
                self.outcomes.append(best(self.stub.Translate(
                    pb.TranslateRequest(
                        texts=[pb.Text(text="The house is small.")]),
                    timeout=self.call_seconds)))
            except grpc.RpcError as error:
                self.outcomes.append(f"{error.code()}: {error.details()}")

    def await_true(self, condition, otherwise):
        end = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), end, otherwise)
            time.sleep(0.05)

    @staticmethod
    def answered(server):
        return server.metric("peregrine_requests_total", outcome="ok")

    def run_callers(self, end_one):
        """Calls before, while and after one server ends."""
        callers = [threading.Thread(target=self.call_until_stopped)
                   for _ in range(6)]
        for caller in callers:
            caller.start()
        try:
            self.await_true(
                lambda: all(self.answered(server) > 10
                            for server in self.servers), "not balanced")
            end_one(self.servers[0])
            before = self.answered(self.servers[1])
            self.await_true(
                lambda: self.answered(self.servers[1]) > before + 50,
                "the other one does not go on")
        finally:
            self.stopped.set()
            for caller in callers:
                caller.join()
        expected = best(self.servers[1].translate("The house is small."))
        self.assertGreater(len(self.outcomes), 20)
        self.assertEqual(set(self.outcomes), {expected})

    def test_a_killed_server(self):
        def kill(server):
            server.process.kill()
            server.process.wait()
            server.stop()
        self.run_callers(kill)

    def test_a_server_that_drains(self):
        self.run_callers(lambda server: self.assertEqual(server.stop(), 0))

    def test_a_server_that_says_nothing_any_more(self):
        """A cut network closes no connection: neither FIN nor RST comes. Calls
        with the options that docs/configuration.md tells find out by pings, and
        are tried at the other server."""
        self.addCleanup(self.servers[0].stop)
        with open(os.path.join(harness.SOURCE_DIR, "docs",
                               "configuration.md"), encoding="utf-8") as file:
            pings = re.findall(r"`(grpc\.(?:keepalive|http2)[a-z0-9_.]+)=(\d+)`",
                               file.read())
        self.assertEqual(len(pings), 3)
        addresses = ",".join(server.address for server in self.servers)
        channel = grpc.insecure_channel(
            f"ipv4:{addresses}",
            options=[("grpc.service_config", self.config),
                     *((name, int(value)) for name, value in pings)])
        self.addCleanup(channel.close)
        self.stub = translation_pb2_grpc.TranslationServiceStub(channel)
        # Far below what gRPC waits by itself: a quarter of an hour.
        self.call_seconds = 30

        def cut_off(server):
            server.process.send_signal(signal.SIGSTOP)
            self.addCleanup(server.process.send_signal, signal.SIGCONT)
        self.run_callers(cut_off)

    def test_the_command_and_a_server_that_says_nothing_any_more(self):
        """Its texts are given to the other one."""
        self.addCleanup(self.servers[0].stop)
        lines = harness.english_sentences() * 40
        addresses = ",".join(server.address for server in self.servers)
        command = subprocess.Popen(
            [os.path.join(harness.BIN, "peregrine"), "translate",
             f"--address=ipv4:{addresses}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            command.stdin.write("".join(
                line + "\n" for line in lines).encode())
            first = command.stdout.readline()
            (busy,) = [server for server in self.servers if server.metric(
                "peregrine_sentences_total") > 0]
            busy.process.send_signal(signal.SIGSTOP)
            self.addCleanup(busy.process.send_signal, signal.SIGCONT)
            rest, _ = command.communicate(timeout=120)
        finally:
            command.kill()
        self.assertEqual(command.returncode, 0)
        translated = (first + rest).decode().splitlines()
        (other,) = [server for server in self.servers if server is not busy]
        expected = {line: best(other.translate(line)) for line in set(lines)}
        self.assertEqual(translated, [expected[line] for line in lines])


if __name__ == "__main__":
    unittest.main()
