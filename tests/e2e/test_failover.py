"""Two servers behind gRPC's own round_robin, with the published service
config: losing one loses no request."""

import os
import signal
import subprocess
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


class FailoverTest(unittest.TestCase):

    def setUp(self):
        self.servers = [
            harness.Server("--workers=1", "--min-ping-interval=500ms")
            for _ in range(2)]
        with open(SERVICE_CONFIG, encoding="utf-8") as file:
            config = file.read()
        addresses = ",".join(server.address for server in self.servers)
        channel = grpc.insecure_channel(
            f"ipv4:{addresses}", options=[("grpc.service_config", config)])
        self.addCleanup(channel.close)
        self.stub = translation_pb2_grpc.TranslationServiceStub(channel)
        self.outcomes = []

    def call(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.outcomes.append(best(self.stub.Translate(
                    pb.TranslateRequest(
                        texts=[pb.Text(text="The house is small.")]),
                    timeout=CALL_SECONDS)))
            except grpc.RpcError as error:
                self.outcomes.append(f"{error.code()}: {error.details()}")

    def run_callers(self, end_one):
        """Calls for some seconds, while one server ends."""
        callers = [threading.Thread(target=self.call, args=(4,))
                   for _ in range(6)]
        for caller in callers:
            caller.start()
        end = time.monotonic() + 30
        while not all(
                server.metric("peregrine_requests_total", outcome="ok") > 10
                for server in self.servers):
            self.assertLess(time.monotonic(), end, "not balanced")
            time.sleep(0.05)
        end_one(self.servers[0])
        before = self.servers[1].metric("peregrine_requests_total",
                                        outcome="ok")
        for caller in callers:
            caller.join()
        self.assertGreater(
            self.servers[1].metric("peregrine_requests_total", outcome="ok"),
            before)
        expected = best(self.servers[1].translate("The house is small."))
        self.assertGreater(len(self.outcomes), 20)
        self.assertEqual(set(self.outcomes), {expected})
        self.servers[1].stop()

    def test_a_killed_server(self):
        def kill(server):
            server.process.kill()
            server.process.wait()
            server.stop()
        self.run_callers(kill)

    def test_a_server_that_drains(self):
        self.run_callers(lambda server: self.assertEqual(server.stop(), 0))

    def test_a_server_that_says_nothing_any_more(self):
        """A cut network closes no connection: neither FIN nor RST comes. The
        command finds out by its pings and gives the texts to the other one."""
        for server in self.servers:
            self.addCleanup(server.stop)
        lines = harness.english_sentences() * 40
        addresses = ",".join(server.address for server in self.servers)
        command = subprocess.Popen(
            [os.path.join(harness.BIN, "peregrine"), "translate",
             f"--address=ipv4:{addresses}", "--keepalive=1s"],
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
